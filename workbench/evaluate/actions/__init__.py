"""Metrics in which a case counts by what was done to its target: exposed, clicked, converted. Read weighted."""
