"""Networks over a knowledge graph in which users are entities too. Read translation first, embeddings in which a link
is a step from head to tail, then target_subgraphs, which reads what lies around a user and an item."""
