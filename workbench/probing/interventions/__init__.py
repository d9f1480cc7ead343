"""Causal tests: replace, ablate or steer activations and measure what is recommended then.

Read faithfulness first (splicing a reconstruction in), then ablation, steering (with rival directions and
dose_response), and per_level for networks that decode semantic IDs.
"""
