"""Networks over graphs that are more than products along edges: attention of the nodes of a tree to each other."""
