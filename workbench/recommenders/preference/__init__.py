"""Recommenders that go on from a trained one by rewards or preferences. Read group_policy first, then preferences, then
learnable: preferences of a trained recommender of any kind."""
