"""Reports over several systems: a matrix of datasets and systems, a gallery with a page that reads each system, and the
topics, a page about each family.

Read matrix first; matrix_page and matrix_index write its pages, gallery runs notebook 07, topics the others.
"""
