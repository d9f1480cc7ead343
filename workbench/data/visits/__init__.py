"""Visits: what is known of a user at one time, codes of several kinds and words, and the set that was chosen then.

Read attach first, which adds the tables visits, visit_codes and conflicts to a dataset; records makes arrays of them,
and icd9 says in words what a code of a diagnosis or a procedure is about.
"""
