"""Networks that decide in conversations. Read outcome_values first, which values asking and recommending by what
happened so far; graph_values values questions and items on a graph of what is left, critique_blend follows critiques.
"""
