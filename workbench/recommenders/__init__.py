"""Recommenders: each class combines a network or counts with training, scoring and top-k lists; none is subclassed.

Read sequential first; masked_sequential, generative, matrix_factorization and count_based follow the same interface.
"""
