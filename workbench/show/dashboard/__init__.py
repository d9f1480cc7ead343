"""The self-contained HTML page of a dictionary's latents.

Read page first, then feature_card, levels and steering_section (its parts); svg_charts draws the small figures.
"""
