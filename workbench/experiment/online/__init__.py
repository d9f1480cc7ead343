"""Runs of systems that act or are served while events come in: how they are trained and measured.

measured is what they have in common; episodes is for policies (systems/verbs.py: act), windows for observers (observe),
prescriptions for what predicts sets (prescribe), and memory_recall for one of the observers. episode_checks is what is
checked and said before a policy acts. simulators sets policies side by side under other users, logged_sessions lets
those that follow returns learn from real sessions.
"""
