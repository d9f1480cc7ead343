"""Recommenders whose vectors are propagated over a graph of users and items. Read propagated first; over_lightgcn has
what systems over LightGCN share, item_tree the tree that items are in, group_graph a second graph of users and groups.
"""
