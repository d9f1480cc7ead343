"""Recommenders that read a knowledge graph of the items. Read item_views first, items as their links describe them;
rebuilt_links makes links by diffusion, link_restoration measures how well, and pair_scorer orders candidates."""
