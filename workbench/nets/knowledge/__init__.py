"""Networks over a knowledge graph. Read relation_attention first, attention of entities over their links; then, where
users are entities too, translation, embeddings in which a link is a step from head to tail, and target_subgraphs, which
reads what lies around a user and an item.
"""
