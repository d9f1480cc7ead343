"""Names for latents, and how well a name predicts where its latent is active.

Read concept_scores first (precision, recall and confounds of a concept), then predicates (names from known properties)
and auto_interp (names by a namer, from titles; language_model has one that asks a language model).
"""
