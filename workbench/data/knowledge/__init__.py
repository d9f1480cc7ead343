"""Knowledge graphs of items and other entities, as arrays: what systems of the family `knowledge` read."""
