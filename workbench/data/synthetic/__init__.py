"""Synthetic worlds with planted structure, whose ground truth is known.

Read world first (what each world holds), then catalogue (items with texts) and dynamics (popularity and transitions).
"""
from workbench.data.synthetic.world import NAMES, OPTIONS, load, truth

__all__ = ["NAMES", "OPTIONS", "load", "truth"]
