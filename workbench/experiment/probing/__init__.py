"""Stored stages of probing a run: activations, dictionaries, concept tests, interventions; `probe` is the entry point.

Read train_sae first (activations and dictionaries of a run), then feature_table (the concept of each latent),
causal_tests and faithfulness_by_group; compare_dictionaries, concept_hierarchy, by_code_level and feature_dashboard
build on these.
"""
