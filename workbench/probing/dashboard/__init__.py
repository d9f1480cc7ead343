"""What a page of latents shows, as plain tables.

Read feature_stats first (histograms, top units, profiles), then tables (the stored atlas of a dictionary).
"""
