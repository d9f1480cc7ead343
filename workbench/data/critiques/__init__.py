"""Critiques: what a user says after an event about the next one, so that each is made with the next item in sight.

Read attribute_differences (critiques without a language model) first, then findings (what they give away).
"""
