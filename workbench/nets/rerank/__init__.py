"""Networks that order candidates. pair_features reads a history with a candidate in mind, pointer orders a set of them
one after another. Read pair_features first.
"""
