"""Training losses as pure functions of tensors: see ranking."""
