"""Recommenders: each class combines a network or counts with training, scoring and top-k lists; none is subclassed.

Read sequential first; masked_sequential, generative, matrix_factorization, count_based and own_network follow the same
interface; score_methods holds what those that score all items share.
"""
