"""Random clips: every order of the clips is as likely as any other.

Paper     Nothing is claimed; it is the lower bound.
Idea      What a system gains is what it is better than chance.
Equation  score(i) ~ uniform, for each video and query
Claim     Stands for chance, the lower bound: a system that reads the query must find the music better.
Differs   -
Reported  Nothing.
"""
from workbench.envs.fixed_rule import FixedRule
from workbench.envs.streams import uniform
from workbench.recommenders.music.worlds import ClipWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("audio",)
RECIPE = Recipe(epochs=1, monitor="recall@10")


def build(bench, *, aspects=2):
    """aspects: that a remark names. UserError as music_for_video."""

    def rule(query):
        return uniform(bench.seed, "random clips", int(query.number[0]), query.episodes, query.candidates.shape[1])

    return FixedRule(ClipWorlds(bench, aspects=aspects), rule)
