"""Torch modules with stable submodule names, on which saved weights depend: attention, transformer blocks, networks.

Read attention and transformer first, then semantic_id_decoder (decoder-only) and encoder_decoder (as in TIGER);
code_items, parallel_decoder and any_order_decoder are for codes in no order.
"""
