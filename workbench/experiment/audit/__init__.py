"""The audit of a benchmark: every diagnostic as a stored stage, and the verdict over them.

Read run_audit first (the list of sections) and audit_result (what it returns), then sections, shortcuts, decoding and
retraining, which measure them.
"""
