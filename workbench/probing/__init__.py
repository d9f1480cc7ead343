"""Interpretability of trained recommenders: activations in, sparse dictionaries, tested concepts and causal effects
out.

Read in this order: activations (reading a network), dictionaries (SAEs and their baselines), concepts (what latents
correlate with, and whether that survives a permutation test), naming, interventions (ablation and steering),
dashboard (tables for a page).
"""
