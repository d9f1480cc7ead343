"""Diagnostics of trained models: semantic IDs and their decoding, calibration, and recommendation lists.

Read codes and beam_search first (semantic IDs and beam search over them), then decoder and calibration; code_card is
the tokenizer card at a glance and code_details the whole of it, of figures from code_figures and its neighbours;
beyond_accuracy and list_report describe the lists of any recommender.
"""
