"""A few concrete assemblies of the parts; final, never subclassed."""
