"""Widgets of policies: a conversation to play, regret by how much is explored, and returns that are asked for. Read
conversation first; run_names is what the others call their runs.
"""
