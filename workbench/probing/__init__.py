"""Interpretability of trained recommenders: recorded activations, sparse dictionaries of them, tests of what latents
represent, and causal interventions.

Read in this order: activations (recording a network), dictionaries (SAEs and their baselines), concepts (which concepts
latents represent, by permutation tests), naming, interventions (ablation and steering), dashboard (tables for a page).
"""
