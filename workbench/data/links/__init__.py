"""Links beside the events: what a table of links must satisfy, what it says of the items, and a placebo.

Read repair first (faults of tables of links, mended or refused), then categories and knowledge_graph (relations as
arrays), then rewiring (random links with the same degrees).
"""
