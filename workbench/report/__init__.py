"""Export runs and audits as self-contained HTML pages, and write the index pages over them.

Read `page_template`, `sanitize_html` and `cell_outputs` (the parts of a page), then `export` (an executed notebook) and
`notebook_series` with `index` and `summary` (a report);
`several` (a matrix, a gallery, the topics), `audit_page`, `probe_page` and `api_reference` write other pages.
"""
from workbench.report.audit_page import audit_page, check_page_path
from workbench.report.export import export_notebook
from workbench.report.index import index_page
from workbench.report.notebook_series import notebook_page, series_report
from workbench.report.probe_page import probe_page
from workbench.report.several.gallery import gallery_report
from workbench.report.several.matrix import matrix_report
from workbench.report.several.topics import topics_report
from workbench.report.summary.cover import Cover

__all__ = [
    "Cover", "audit_page", "check_page_path", "export_notebook", "gallery_report", "index_page", "matrix_report",
    "notebook_page", "probe_page", "series_report", "topics_report",
]  # fmt: skip
