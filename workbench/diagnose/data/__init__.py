"""Diagnostics of a dataset and its split: size, event order, repeat consumption, leakage, drift, near-duplicates.

Read data_card first, which runs most of the others; branching and predictability are measured separately.
"""
