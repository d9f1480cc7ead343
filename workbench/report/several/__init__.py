"""Reports over several systems: a matrix of datasets and systems, and a gallery with a page that reads each system.

Read matrix first; matrix_page and matrix_index write its pages, gallery runs notebook 07.
"""
