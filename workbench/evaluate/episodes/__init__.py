"""Policies in episodes: rollouts that are paired by episode (rollout), what is measured of them (measures), and what
another policy would have earned in the log of one (off_policy). Read rollout first.
"""
