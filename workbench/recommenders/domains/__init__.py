"""Recommenders for a catalogue of several domains. Read by_domain first; pruned_codes has the tries of the domains."""
