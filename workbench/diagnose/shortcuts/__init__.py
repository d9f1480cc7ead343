"""Shortcuts: can training-free heuristics solve the benchmark, and what do trained models use of a history?

Read graph_distance first (hops in the train graph), then feature_smoothness, memorization and hard_subset (cases beyond
all shortcuts), solvability (heuristic score over model score) and history_ablation (truncated and shuffled histories).
"""
