"""Networks that order candidates. pair_features reads a history with a candidate in mind, history_state reads
the history alone, pointer orders a set of candidates one after another. Read pair_features first.
"""
