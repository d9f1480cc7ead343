"""From measured figures to sentences: cards with intervals and nulls, and fixed rules over them.

Read card first, then sentences, rules (which rules there are), data_rules and model_rules (one function a rule).
"""
