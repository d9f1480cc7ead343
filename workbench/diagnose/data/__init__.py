"""Diagnostics of a dataset and its split: size, order of events, repeats, leakage, drift, near-duplicates.

Read data_card first, which gathers most of the others; sensitivity, branching and predictability stand by themselves.
"""
