"""Causal interventions: replace, ablate or steer activations and measure the change in recommendations.

Read faithfulness first (activation patching with reconstructions), then ablation, steering, dose_response (what
steering does, by strength), and per_level for networks that decode semantic IDs.
"""
