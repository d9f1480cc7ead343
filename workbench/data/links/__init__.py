"""Links beside the events: what a table of links must satisfy, which categories an item has, and a placebo.

Read repair first (faults of tables of links, mended or refused), then categories, then rewiring (random links with the
same degrees).
"""
