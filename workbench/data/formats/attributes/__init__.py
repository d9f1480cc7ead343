"""Attributes of items that are more than a column, and the sources that have them.

Read feature_arrays (dense features of pictures and sound) and file_tree (the words of a path, the tree of folders)
first; git_program and git_log read the history of a clone, and changed_files makes a dataset of one.
"""
