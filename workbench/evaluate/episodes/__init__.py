"""Policies in episodes: rollouts that are paired by episode (rollout) and what is measured of them (measures)."""
