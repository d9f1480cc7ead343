"""Networks over what was asked for, seen and done, step by step.

Read step_transformer first, the causal transformer over the tokens of a session; then buckets, how a number becomes a
token, and state_codes, how a state becomes one of a few codes. gaussian_actor is of policies that learn by acting.
"""
