"""Synthetic worlds with planted structure, whose ground truth is known.

Read world first (what each world plants), then catalogue (items with texts) and dynamics (popularity, transitions).
"""
from workbench.data.synthetic.world import NAMES, OPTIONS, load, truth

__all__ = ["NAMES", "OPTIONS", "load", "truth"]
