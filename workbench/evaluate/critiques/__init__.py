"""Figures of recommenders that read critiques (with_and_without): what the words about the target are worth to them."""
