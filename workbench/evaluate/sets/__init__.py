"""Sets that are predicted for visits: who is tested (cases), how a set is chosen from scores and measured (measures).

Read measures first.
"""
