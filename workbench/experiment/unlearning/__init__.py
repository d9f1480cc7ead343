"""Forgetting on a bench: ways to forget side by side with the retrained oracle, and what is known of one user."""
