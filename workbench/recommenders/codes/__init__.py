"""Recommenders over item codes beyond the plain generative one. learned_codebooks: codebooks that the recommender's
loss moves, and a table for codes that change; joint_training: how they train together; any_order: codes that are
decoded in an order of their own.
"""
