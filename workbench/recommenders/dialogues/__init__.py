"""Recommenders of dialogues: what is mentioned leads to movies, and to other dialogues.

Read walk first (a graph of dialogues, entities and knowledge, and a walk over it), then example_prompts (similar
dialogues in the prompt of a language model); bag_recommender is a network, flows are what it is trained on besides.
"""
