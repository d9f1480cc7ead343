"""Dictionaries of activations: sparse autoencoders, transcoders, and baselines such as PCA and k-means.

Read dictionary first (encode, decode, save), then topk and trainer (TopK with hand-written gradients), sae (training
a dictionary by name), autograd_saes (ReLU, gated, JumpReLU, Matryoshka) and recsae; ground_truth holds dictionaries
with planted directions.
"""
