"""Torch modules with stable submodule names, on which saved weights depend: attention, transformer blocks, networks.

Read attention and transformer first, then semantic_id_decoder (decoder-only) and encoder_decoder (as in TIGER).
"""
