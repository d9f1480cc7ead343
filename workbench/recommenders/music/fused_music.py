"""The policy that ranks music by one fused query, trained by contrast between the clips of a batch."""
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data import Split
from workbench.envs.clips import ClipWorld, Query
from workbench.errors import UserError
from workbench.losses.contrast import info_nce
from workbench.nets.music.fused_query import FusedQuery
from workbench.recommenders.music.worlds import ClipWorlds
from workbench.recommenders.state_dict import get_weights, load_weights
from workbench.train import Recipe, named_rng
from workbench.train.fit import TrainingSession, fit

TAU = 0.1
MUSIC_RECIPE = Recipe(
    epochs=60, batch_size=256, lr=2e-3, weight_decay=0.05, patience=4, valid_every=2, monitor="recall@10",
    sizes={"small": {"batch_size": 64, "valid_every": 4}},
)  # fmt: skip
Batch = tuple[np.ndarray, Tensor, Tensor]  # clips (B,), their video (B, Fv), vectors of their music (B, D)


class FusedMusic:
    """A `verb_interfaces.Policy`. drop: chance that a clip's text is left out of a step of training; at 1 no text is
    ever read, also not where one is given; at 0 nothing is drawn. more(query): (B, D) that a query holds besides.
    second_loss(batch): what is added to the loss."""

    def __init__(
        self, worlds: ClipWorlds, module: FusedQuery, *, drop: float, more: Callable[[Query], Tensor] | None = None,
        second_loss: Callable[[Batch], Tensor] | None = None,
    ):  # fmt: skip
        if not 0 <= drop <= 1:
            raise UserError(f"drop={drop} is the chance that a text is left out in training, from 0 to 1")
        self.worlds, self.module, self.drop, self.more, self.second_loss = worlds, module, drop, more, second_loss

    def world(self, part: str) -> ClipWorld:
        """Of a part of the clips."""
        return self.worlds.world(part)

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Learn from the train clips, with other clips of the batch as negatives."""
        self.module.to(session.device)
        clips = self.worlds.clips("train")
        size = min(session.recipe.batch_size, len(clips))

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "clips", epoch).permutation(clips)
            return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]

        def loss(rows: np.ndarray, step: int) -> Tensor:
            video, words, music = self.read(rows)
            said = torch.ones(len(rows), dtype=torch.bool, device=video.device)
            if self.drop > 0:
                said = torch.from_numpy(named_rng(session.seed, "text dropout", step).random(len(rows)) >= self.drop)
                said = said.to(video.device)
            first = info_nce(self.module.query(video, words, said), music, TAU)
            return first if self.second_loss is None else first + self.second_loss((rows, video, music))

        validate = None if session.validate is None else lambda: session.validate(self)
        return fit(self.module, batches, loss, session, validate=validate)

    def read(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """video, words and vectors of the music of clips (B,)."""
        views, device = self.worlds.views, self.module.null.device
        video, words = (torch.from_numpy(x).to(device) for x in (views.video[rows], views.words[rows].toarray()))
        return video, words, self.heard(rows)

    def heard(self, rows: np.ndarray) -> Tensor:
        """(B, D) of the music of clips (B,)."""
        return self.module.music(torch.from_numpy(self.worlds.views.music[rows]).to(self.module.null.device))

    @torch.no_grad()
    def start(self, observation: Query) -> None:
        """What the candidates sound like, of length 1."""
        self.module.eval()
        self.candidates = torch.nn.functional.normalize(self.heard(observation.candidates[0]), dim=1)

    @torch.no_grad()
    def act(self, observation: Query) -> np.ndarray:
        """(B, C) cosines of the query and of the candidates' music."""
        device = self.module.null.device
        video, words, said = (torch.from_numpy(np.array(x)).to(device) for x in observation[1:4])
        said = said & (self.drop < 1)
        more = 0.0 if self.more is None else self.more(observation)
        query = torch.nn.functional.normalize(self.module.query(video, words, said, more), dim=1)
        return (query @ self.candidates.T).cpu().numpy()

    def state(self) -> dict[str, np.ndarray]:
        """The weights."""
        return get_weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the weights."""
        load_weights(self.module, state)


def fused_query(bench: Any, worlds: ClipWorlds, *, width: int) -> FusedQuery:
    """The network of a bench. UserError for a width below 1."""
    if width < 1:
        raise UserError(f"{width=} is 1 or more")
    views = worlds.views
    with bench.init():
        return FusedQuery(views.video.shape[1], views.words.shape[1], views.music.shape[1], width=width)
