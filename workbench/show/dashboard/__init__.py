"""The self-contained HTML dashboard of a dictionary's latents.

Read page first, then feature_card, levels and steering_section (its parts); svg_charts draws the small figures.
"""
