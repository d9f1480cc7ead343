"""Recommenders: each class combines a network or counts with training, scoring and top-k lists; none is subclassed.

Read vector first, then sequential, masked_sequential and matrix_factorization, which are its parts; generative,
count_based, reranked and own_network follow the same interface; codes/ has other recommenders over item codes.
"""
