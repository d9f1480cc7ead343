"""A study: what is the idea of a system worth? On against off, against its placebo, and against the baselines.

Read run_study first; fits runs independent trainings here, on several processes or on a cluster, arms says which ones a
study needs, verdict holds the rule and its words, and cost what the idea costs.
"""
