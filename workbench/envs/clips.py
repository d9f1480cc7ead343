"""Music wanted for a video: it is asked for without a word, with a description, and with a remark on what was offered.

After McKee et al., CVPR 2023, whose query is a video with or without a description, and MuseChat (Dong et al., CVPR
2024), whose user remarks on the first suggestion. Whoever remarks knows the music that is wanted: a remark is a hint by
an oracle, and what it is worth is an upper bound of what a user's own would be.
"""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from gymnasium import spaces
from scipy.sparse import csr_matrix

from workbench.errors import UserError

QUERIES = ("video", "described", "remarked")
CUTOFFS = (1, 10)


class Query(NamedTuple):
    """number: (B,) of QUERIES; 3 when it is over. video: (B, Fv). words: (B, V) of what is said, 0 where nothing is.
    said: (B,) bool. offered: (B,) the clip that was ranked first for the video alone, 0 before the remark. candidates:
    (B, C) clips, one and the same row. episodes: (B,) their numbers."""

    number: np.ndarray
    video: np.ndarray
    words: np.ndarray
    said: np.ndarray
    offered: np.ndarray
    candidates: np.ndarray
    episodes: np.ndarray


class ClipWorld:
    """A `verb_interfaces.World`: an episode for each clip, whose music is to be found by its video in three queries.

    video: (I+1, Fv). words: (I+1, V) descriptions. clips: (n,) the clips of a part, of which all are candidates.
    remark(wanted, offered): words (B, V) about clips offered (B,), by who wants clips (B,). An action (C,) is a score
    for each candidate; of two alike the one that comes first ranks higher, and ids follow a hash. A reward is 1 where
    the music is among the ten best. measures: rank, recall@1 and recall@10 of each query, and recall@10, the mean over
    the three. A remark that says nothing, as the clip offered is the one wanted or lacks nothing, leaves the video.
    """

    measures = ("recall@10", *(f"{name} {query}" for query in QUERIES for name in ("recall@1", "recall@10", "rank")))
    horizon = len(QUERIES)

    def __init__(
        self, video: np.ndarray, words: csr_matrix, clips: np.ndarray,
        remark: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ):  # fmt: skip
        if len(clips) < 2:
            raise UserError(f"music is chosen among two clips or more; this part of the data has {len(clips)}", code=3)
        self.video, self.words, self.clips, self.remark = video, words, np.asarray(clips, np.int64), remark
        self.n, C = len(clips), len(clips)
        self.action_space = spaces.Box(-np.inf, np.inf, (C,), np.float64)
        self.observation_space = spaces.Dict({
            "number": spaces.Discrete(self.horizon + 1),
            "video": spaces.Box(-np.inf, np.inf, video.shape[1:], np.float32),
            "words": spaces.Box(0, np.inf, words.shape[1:], np.float32), "said": spaces.Discrete(2),
            "offered": spaces.Discrete(len(video)), "candidates": spaces.MultiDiscrete([len(video)] * C),
            "episodes": spaces.Discrete(C),
        })  # fmt: skip

    def reset(self, episodes: np.ndarray, *, seed: int) -> Query:
        """The videos alone. Nothing here is left to chance, so seed does not matter."""
        self.episodes, self.step_number = np.asarray(episodes, np.int64), 0
        self.wanted, self.offered = self.clips[self.episodes], np.zeros(len(self.episodes), np.int64)
        self.ranks = np.zeros((self.horizon, len(self.episodes)), np.int64)
        return self._query()

    def step(self, actions: np.ndarray) -> tuple[Query, np.ndarray, np.ndarray]:
        """As `verb_interfaces.World.step`."""
        scores, B = self._checked(actions), len(self.episodes)
        if self.step_number >= self.horizon:
            return self._query(), np.zeros(B), np.ones(B, bool)
        ranks = self.ranks[self.step_number] = ranks_of(scores, self.episodes)
        if self.step_number == 0:
            self.offered = self.clips[scores.argmax(axis=1)]
        self.step_number += 1
        return self._query(), (ranks <= 10).astype(float), np.full(B, self.step_number == self.horizon)

    def measure(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.World.measure`."""
        found = {"recall@10": (self.ranks <= 10).mean(axis=0)}
        for query, ranks in zip(QUERIES, self.ranks):
            found |= {f"recall@{k} {query}": (ranks <= k).astype(float) for k in CUTOFFS}
            found[f"rank {query}"] = ranks.astype(float)
        return found

    def _query(self) -> Query:
        B, number = len(self.episodes), self.step_number
        words = np.zeros((B, self.words.shape[1]), np.float32)
        if number == 1:
            words = self.words[self.wanted].toarray()
        elif number == 2:
            words = self.remark(self.wanted, self.offered)
        offered = self.offered if number == 2 else np.zeros_like(self.offered)
        return Query(np.full(B, number), self.video[self.wanted], words, words.any(axis=1), offered,
                     np.broadcast_to(self.clips, (B, self.n)), self.episodes)  # fmt: skip

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        scores, shape = np.asarray(actions), (len(self.episodes), self.n)
        if scores.shape != shape or scores.dtype.kind not in "iuf" or not np.isfinite(scores).all():
            raise UserError(f"actions are finite scores {shape} of the candidates; given {scores.shape} {scores.dtype}")
        return scores


def ranks_of(scores: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(B,) the rank from 1 of a column (B,) of each row of scores (B, C); of two alike the lower column is before.

    >>> ranks_of(np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), np.array([2, 0])).tolist()
    [2, 1]
    """
    own = np.take_along_axis(scores, columns[:, None], 1)
    before = np.arange(scores.shape[1]) < columns[:, None]
    return 1 + (scores > own).sum(axis=1) + ((scores == own) & before).sum(axis=1)
