"""Activations of a network's modules, recorded and replaced by forward hooks.

Read hooks first (sites, capture, splice), then store (the activations of all users), token_positions (semantic-ID
levels) and any_module (a torch module that is no recommender).
"""
