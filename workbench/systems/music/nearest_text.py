"""Nearest text: the clips whose aspects have most in common with the words that are said; nothing is learned.

Paper     None; what a model must add to a search for words.
Idea      Words about the music wanted are compared with words about the music there is.
Equation  score(i) = cosine of TF-IDF(what is said) and TF-IDF(aspects of i); without a word all clips are alike
Claim     Stands for a search by words alone: where something is said it finds the music better than chance
          (random_clips), else not. A model of video and words (music_for_video, musechat) must be better there.
Differs   It reads the aspects of the candidates, which the other systems of the family do not read as words.
Reported  Nothing.
"""
from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.music.views import words_of_tags
from workbench.recommenders.music.worlds import ClipWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("audio",)
RECIPE = Recipe(epochs=1, monitor="recall@10")


def build(bench, *, aspects=2):
    """aspects: that a remark names. UserError as music_for_video."""
    worlds = ClipWorlds(bench, aspects=aspects)
    views = worlds.views

    def rule(query):
        cosines = query.words @ words_of_tags(views, views.tags[query.candidates[0]]).T
        return cosines.round(5)  # clips with the same aspects are alike, in whatever order they are summed

    return FixedRule(worlds, rule)
