"""MuseChat: after a first suggestion the query also holds that suggestion, and what was remarked about it.

Paper     Dong et al., "MuseChat: A conversational music recommendation system for videos", CVPR 2024. After its
          abstract and a description.
Idea      A user who hears a suggestion says what is missing. Video, suggestion and remark are one query, each of them
          left out where there is none, as before the first suggestion.
Equation  h = V v + W (remark) + L m(suggestion);  q = h + MLP(h)
          loss = that of music_for_video + weight InfoNCE(q, m);  in training the suggestion is the clip of the batch
          that the video alone ranks first, but for the one wanted
Claim     The second query finds the music better than the first; with the remarks of other clips (the placebo) it does
          not; and better than music_for_video (off), which reads the remark and not what it is about.
Differs   A remark is a template over the `aspects` most frequent tags that the wanted clip has and the suggestion
          lacks: whoever makes it knows the target, so it is a hint by an oracle, and what it gains is an upper bound.
          In the paper a language model words it, and one with music tokens explains; here
          recommenders.music.reasons.conversation explains by a template, or in the words of a local language model.
          Turn 1 is the measure `video`, turn 2 the measure `remarked`; `described` is that of music_for_video. Data as
          there.
Reported  Recall at K on a set of 98,000 dialogues that is not at hand, nor are the figures.
"""
import numpy as np
import torch

from workbench.errors import UserError
from workbench.losses.contrast import info_nce
from workbench.nets.music.fused_query import LastSuggestion
from workbench.recommenders.music.fused_music import MUSIC_RECIPE, TAU, FusedMusic, fused_query
from workbench.recommenders.music.worlds import ClipWorlds

PARENT = "music_for_video"
OFF = {"weight": 0.0}
PLACEBO = {"remarks": "shuffled"}
NEEDS = ("audio",)
RECIPE = MUSIC_RECIPE


def build(bench, *, weight=1.0, drop=0.5, width=64, aspects=2, remarks="lacking"):
    """weight: of the loss of second queries; 0 is music_for_video. remarks: lacking; shuffled, the placebo; in both the
    remark names `aspects`. drop, width: as music_for_video. UserError for a setting out of range, or a dataset without
    two views of its items."""
    if not weight >= 0:
        raise UserError(f"musechat: {weight=} is 0 or more")
    if weight and drop == 1:
        raise UserError("musechat: at drop=1 no text is ever read, so there is no remark to learn from; set weight=0")
    worlds = ClipWorlds(bench, aspects=aspects, remarks=remarks)
    module = fused_query(bench, worlds, width=width)
    if not weight:
        return FusedMusic(worlds, module, drop=drop)
    with bench.init("last suggestion"):
        module.last = LastSuggestion(width)

    def second_loss(batch):
        rows, video, music = batch
        nothing = torch.zeros(len(rows), dtype=torch.bool, device=video.device)
        with torch.no_grad():
            unsaid = video.new_zeros(len(rows), worlds.views.words.shape[1])
            ranked = torch.nn.functional.normalize(music, dim=1)
            cosines = torch.nn.functional.normalize(module.query(video, unsaid, nothing), dim=1) @ ranked.T
            offered = cosines.fill_diagonal_(-torch.inf).argmax(dim=1)
        words = torch.from_numpy(worlds.remark(rows, rows[offered.cpu().numpy()])).to(video)
        said = words.any(dim=1)
        query = module.query(video, words, said, module.last(music[offered], said))
        return weight * info_nce(query, music, TAU)

    def more(query):
        offered = torch.from_numpy(np.array(query.said & (query.offered > 0))).to(module.null.device)
        return module.last(policy.heard(query.offered), offered)

    policy = FusedMusic(worlds, module, drop=drop, more=more, second_loss=second_loss)
    return policy
