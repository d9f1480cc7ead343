"""Training losses as pure functions of tensors: see ranking, and code_sequences for semantic IDs."""
