"""Local language models, loaded from a folder and run on this machine.

causal_lm is the whole room so far: a causal language model that names SAE latents.
"""
