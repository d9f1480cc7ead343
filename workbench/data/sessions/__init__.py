"""Sessions: of logs with two rewards, what is wanted now and whether the user returns; and of logs that have no users.

Read two_rewards for the first; whole_sessions splits sessions into train and test, merrec_tasks has those of MerRec.
"""
