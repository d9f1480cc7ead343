"""Runs to HTML: a self-contained page for each executed notebook, and an index over them."""
from workbench.report.audit_page import audit_page, check_page
from workbench.report.export import export
from workbench.report.index import index
from workbench.report.matrix import matrix
from workbench.report.notebook_series import page, series
from workbench.report.probe_page import latents_page

__all__ = ["audit_page", "check_page", "export", "index", "latents_page", "matrix", "page", "series"]
