"""Kinds of item vectors, one file each; this folder is the registry. A new file is listed and used by its name.

A file has a docstring, whose first line describes the kind; the constant READS, "text", "features" (a table of the
dataset), "train" or "nothing": what it is made from; MODEL, the name of the sentence encoder used by default, only
where a kind can use one ("" for none); and `vectors(dataset, split, *, dim, seed, model)`, which returns (I+1, D)
float32 with a zero row 0. Read text first.
"""
