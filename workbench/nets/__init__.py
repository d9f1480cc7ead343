"""Torch modules with stable submodule names, and nothing else."""
