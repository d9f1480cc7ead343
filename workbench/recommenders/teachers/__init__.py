"""Teachers of sequential recommenders: what another recommender's scores become, and how a student's loss takes them.
"""
