"""Training losses as pure functions of tensors.

Read ranking first; for semantic IDs code_sequences, then prefixes.
"""
