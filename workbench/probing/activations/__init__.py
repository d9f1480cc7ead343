"""Activations of a network's modules, read and replaced by forward hooks.

Read hooks first (sites, capture, splice), then store (activations of all users on disk) and token_positions
(semantic-ID levels).
"""
