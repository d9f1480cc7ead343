"""Assistants that watch a screen: what is on it, which intents it is evidence of, and what of that is kept in mind.

Read trajectories first, then keywords (a screen to the intents it speaks of) and threads (the memory); assistant is the
policy made of these, asked_screens asks a local language model in the place of keywords; mixed interleaves intents
among more and more noise.
"""
