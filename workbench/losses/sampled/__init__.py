"""Softmax losses over sampled items. Read log_q."""
