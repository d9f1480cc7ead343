"""Dictionaries of activations: sparse autoencoders, transcoders, and baselines such as PCA and k-means.

Read dictionary first (encode, decode, save), then encoders, topk and trainer (TopK with hand-written gradients), sae
(training by kind), autograd_saes (ReLU, Gated, JumpReLU, Matryoshka), recsae, transcoder and baselines; ground_truth
generates activations from known directions.
"""
