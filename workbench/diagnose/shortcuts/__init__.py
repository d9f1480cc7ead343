"""Could a rule without training answer the benchmark? Distances in the train graph, text similarity, memorization.

Read graph_distance first, then feature_smoothness, memorization and hard_subset (which cases are left), solvability
(shortcut score over model score) and history_ablation (how much history a model reads).
"""
