"""Figures of re-rankers beside ranks.

binary has those of yes/no judgements, list_length those of lists that end, given_lists hits among given candidates.
"""
