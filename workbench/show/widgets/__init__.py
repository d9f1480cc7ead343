"""Interactive controls for JupyterLab, each a thin layer over a function that a cell could call.

Read controls first (every control is made there), then any of the others.
"""
