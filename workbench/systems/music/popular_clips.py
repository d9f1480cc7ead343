"""Popular clips: the music with the most train events, whatever is seen or said.

Paper     None; the simplest baseline.
Idea      One ranking for every video.
Equation  score(i) = events of i in train
Claim     Stands for one ranking for all videos, better than random_clips only where clips have more than one event. A
          system that reads the query must find the music better.
Differs   Where every clip has one event, as in MusicCaps, it says nothing, and the order is that of a seeded hash.
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.music.worlds import ClipWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("audio",)
RECIPE = Recipe(epochs=1, monitor="recall@10")


def build(bench, *, aspects=2):
    """aspects: that a remark names. UserError as music_for_video."""
    counts = bench.split.train_counts().astype(np.float64)
    return FixedRule(ClipWorlds(bench, aspects=aspects), lambda query: counts[query.candidates])
