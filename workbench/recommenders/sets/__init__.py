"""Models of sets: one a fold (cross_fitted), by a network of visits (visit_model) or by a rule (rules); the words of a
visit as vectors (visit_texts). Read cross_fitted first.
"""
