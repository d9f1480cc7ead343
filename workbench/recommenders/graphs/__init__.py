"""Recommenders whose vectors are propagated over a graph of users and items. Read propagated first; over_lightgcn has
what systems over LightGCN share.
"""
