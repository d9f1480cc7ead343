"""Stored stages of probing a run: activations, dictionaries, concept tests, interventions.

Read train_sae first (activations and a dictionary of a run), then feature_table (what latents stand for),
faithfulness and interventions; compare_dictionaries, absorption, per_level and feature_dashboard build on these.
"""
