"""Recommenders that go on from a trained one by rewards or preferences. Read group_policy first, then preferences."""
