"""Figures of recommenders of sessions (session_metrics): MRR@100 and Recall@100, of all cases and of each locale."""
