"""Local language models, loaded from a folder and run on this machine.

causal_lm has the only one: a causal language model that names SAE latents.
"""
