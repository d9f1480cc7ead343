"""Runs of systems that act or are served while events come in: how they are trained and measured.

episodes is for policies (systems/verbs.py: act); simulators sets them side by side under other users. windows is for
observers (observe); memory_recall asks what the memory of one finds.
"""
