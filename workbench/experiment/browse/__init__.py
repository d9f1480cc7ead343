"""Look-ups behind notebooks and widgets: items, test cases, semantic IDs, decoders and users of a bench.

Read item_index first, then case_study, which uses it; code_inspector, decoder_inspector and users stand alone.
"""
