"""Names of latents, and how well a name predicts where its latent is active.

Read predicates first (names made of one or two item properties), then concept_scores (precision, recall, F1) and
auto_interp (names from titles, by words or a language model).
"""
