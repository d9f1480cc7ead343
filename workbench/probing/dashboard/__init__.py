"""The tables behind a page of latents.

Read feature_stats first (histograms, example positions, profiles, neighbors), then tables (`FeatureTables`, which
stores all tables of a dictionary).
"""
