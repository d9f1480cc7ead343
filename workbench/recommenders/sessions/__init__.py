"""Policies of sessions with the items of a bench, whose users tire, leave and return.

Read worlds first (whose sessions they are), then features (what a policy sees) and logs (sessions to learn from).
following_returns is the assembly of policies that imitate sessions of the log by their returns, vector_policy that of
policies that learn by acting; categories and asked_model have planners that say of which categories these may show
items. cloning is what behaviour cloning shares with the systems that extend it.
"""
