"""What the latent of a tokenizer is aligned with, besides the vectors that it reconstructs. code_alignment: LETTER's
collaborative vectors and the spread of its codewords; domain_contrast: the domains of the items (GMC); two_views: a
second view of the same items (TTDS).
"""
