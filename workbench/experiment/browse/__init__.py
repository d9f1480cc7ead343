"""Look-ups behind interactive views: items with their neighbours, test cases with the lists of several systems.

Read item_index first, then case_study, which uses it.
"""
