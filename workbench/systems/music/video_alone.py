"""Video alone: music is found by what is seen, whatever is said.

Paper     None; what music_for_video is to be as good as without a text.
Idea      The same two towers, which have never read a word.
Equation  q = h + MLP(h), h = V v + one learned vector;  loss = InfoNCE(q, m)
Claim     Stands for the video without words: it finds the music better than popular_clips and random_clips. A model
          that also reads words (music_for_video) must be as good without a text, and better with one.
Differs   -
Reported  Nothing.
"""
from workbench.recommenders.music.fused_music import MUSIC_RECIPE, FusedMusic, fused_query
from workbench.recommenders.music.worlds import ClipWorlds

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("audio",)
RECIPE = MUSIC_RECIPE


def build(bench, *, width=64, aspects=2):
    """width: of the query. aspects: that a remark names. UserError as music_for_video."""
    worlds = ClipWorlds(bench, aspects=aspects)
    return FusedMusic(worlds, fused_query(bench, worlds, width=width), drop=1.0)
