"""Music for video: a video and words about the music wanted are one query, and the words are at times left out.

Paper     McKee, Salamon, Sivic and Russell, "Language-guided music recommendation for video via prompt analogies",
          CVPR 2023. After its abstract and a description.
Idea      What is seen and what is said make one query for music. A text says so much of it that a model that always
          has one stops looking at the video; where the text is left out at random in training, it works without too.
Equation  h = V v + W t, with a learned vector in the place of W t with chance `drop` in each step;  q = h + MLP(h)
          m = MLP(features of the music);  loss = InfoNCE(q, m), both directions, tau = .1, over the clips of a batch
Claim     Without a text it finds the music about as well as a model of the video alone, with one better than that;
          with drop = 0 (off) it finds it far less well without a text. With other clips' texts (the placebo) the text
          is worth nothing.
Differs   Features are given, one vector a clip: an MLP stands where a small transformer reads each modality, and words
          are TF-IDF of the train clips. Texts written by a language model from tags of a tagger are a template over
          tags where a dataset has no text (TikTok). MusicCaps has neither sound nor picture: there AudioSet's labels
          stand for the video and the aspects for the music, which is a test of the fusion alone, as is TikTok, whose
          text is made of its sound. Neither is YouTube8M-MusicTextClips (dataset yt8m-music-text-clips reads that).
          Each query ranks the clips of its part. The mean over three queries is studied: the video alone, with the
          description, and with a remark, which this network reads as it reads any text (see musechat).
Reported  Recall at K and median rank on YouTube8M-MusicTextClips, with text; the figures were not found.
"""
from workbench.recommenders.music.fused_music import MUSIC_RECIPE, FusedMusic, fused_query
from workbench.recommenders.music.worlds import ClipWorlds

PARENT = None
OFF = {"drop": 0.0}
PLACEBO = {"text": "shuffled"}
NEEDS = ("audio",)
RECIPE = MUSIC_RECIPE


def build(bench, *, drop=0.5, width=64, text="own", aspects=2):
    """drop: chance that a text is left out in training; 1 is video_alone. width: of the query. text: own; shuffled,
    that of another clip of the part, the placebo. aspects: that a remark names. UserError for a setting out of range,
    or a dataset without two views of its items."""
    worlds = ClipWorlds(bench, text=text, aspects=aspects)
    return FusedMusic(worlds, fused_query(bench, worlds, width=width), drop=drop)
