"""Diagnostics of trained models: semantic IDs and their decoder, calibration, and the lists that are shown.

Read codes and beam_search first (semantic IDs and their search), then decoder and calibration; list_report and
beyond_accuracy describe recommendation lists of any model.
"""
