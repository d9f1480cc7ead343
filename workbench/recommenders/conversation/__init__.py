"""Policies of conversations about the items of a bench.

Read worlds first (whose episodes they are), then asking (what the next question or list could be); fixed_rule is the
assembly of policies that learn nothing.
"""
