"""Kinds of item codes, one file each; this folder is the registry. A new file is listed and used by its name.

A file has a docstring, whose first line describes the kind; READS_VECTORS = True if it is made from item vectors;
NEAREST = True if it can resolve collisions by the policy nearest, which needs distances; and `codes(dataset, vectors,
*, levels, size, policy, normalize, seed)`, which returns codes (I, L), the sizes of the levels, and what is to be known
about them as JSON values. Read random first, then rq_kmeans.
"""
