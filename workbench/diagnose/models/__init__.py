"""Diagnostics of trained models: semantic IDs and their decoding, calibration, and recommendation lists.

Read codes and beam_search first (semantic IDs and beam search over them), then decoder and calibration;
beyond_accuracy and list_report describe the lists of any recommender.
"""
