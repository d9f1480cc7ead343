"""Who asks for music in a bench: the clips of each part, and what is remarked about what was offered."""
from typing import Any

import numpy as np

from workbench.envs.clips import ClipWorld
from workbench.errors import UserError, unknown_name
from workbench.recommenders.music.views import TEST, TRAIN, VALID, ClipViews, clip_views, lacking_tags, words_of_tags
from workbench.train import named_rng

PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}
REMARKS = ("lacking", "shuffled")


class ClipWorlds:
    """The worlds of train, validation and test of a bench: the music of a part's clips is ranked for each of them.

    text: see `clip_views`. aspects: tags that a remark names. remarks: lacking, those that the clip wanted has and the
    one offered lacks; shuffled, the placebo, of another clip in the place of the one wanted. UserError for a setting
    out of range.
    """

    def __init__(self, bench: Any, *, text: str = "own", aspects: int = 2, remarks: str = "lacking"):
        if remarks not in REMARKS:
            raise unknown_name("remarks", remarks, REMARKS)
        if aspects < 1:
            raise UserError(f"{aspects=}: a remark names 1 or more")
        self.views: ClipViews = clip_views(bench, text=text)
        self.aspects, self.titles = aspects, bench.dataset.titles()
        self.meant = np.arange(len(self.views.part))  # whom a remark is about
        if remarks == "shuffled":
            for part in PARTS:
                clips = self.clips(part)
                order = named_rng(0, "shuffled remarks", PARTS[part]).permutation(clips)
                self.meant[order] = np.roll(order, 1)
        self._made: dict[str, ClipWorld] = {}

    def world(self, part: str) -> ClipWorld:
        """As `verb_interfaces.Policy.world`."""
        if part not in self._made:
            self._made[part] = ClipWorld(self.views.video, self.views.words, self.clips(part), self.remark)
        return self._made[part]

    def clips(self, part: str) -> np.ndarray:
        """(n,) ids of the clips of a part."""
        return np.flatnonzero(self.views.part == PARTS[part])

    def remark(self, wanted: np.ndarray, offered: np.ndarray) -> np.ndarray:
        """(B, V) words of what is remarked about clips offered (B,), by who wants clips (B,)."""
        return words_of_tags(self.views, lacking_tags(self.views, self.meant[wanted], offered, self.aspects))
