"""How models rank for users whom they never saw."""
