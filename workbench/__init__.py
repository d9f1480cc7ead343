"""Workbench: from a raw interaction log to an honest report on a recommender. Importing the package costs nothing."""
__version__ = "0.1.0"
