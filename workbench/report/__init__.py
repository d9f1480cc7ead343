"""Runs to HTML: a self-contained page for each executed notebook, and an index over them."""
from workbench.report.export import export
from workbench.report.index import index

__all__ = ["export", "index"]
