"""Policies of conversations about the items of a bench.

Read worlds first (whose episodes they are), then asking (what the next question or list could be). weighted_asking
weighs items by their score and walks on the graph of attributes. q_learning trains a network of values on the
transitions of replay; what it reads of an observation is said by outcome_states or graph_states, of which the latter
begins with node_vectors. critiquing recommends, and learns from what is said of its lists.
"""
