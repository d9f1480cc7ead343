"""A re-ranker's prompt for a user: its words, the probabilities of its letters, and the list when they are shuffled."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax

from workbench import systems
from workbench.arguments import public
from workbench.data import Histories
from workbench.errors import UserError
from workbench.experiment.bench_data import check_teacher
from workbench.experiment.browse.users import row_of_user
from workbench.experiment.run import Run
from workbench.recommenders.prompts.lettered_model import LetteredModel
from workbench.recommenders.prompts.letters import by_candidate, letter_orders, position_bias
from workbench.recommenders.prompts.templates import LETTERS, LetteredChoice
from workbench.recommenders.prompts.user_codes import UserCodes
from workbench.recommenders.rerank.trained import TrainedReranker
from workbench.recommenders.reranked import Reranked

SYSTEM = "ulmrec"


@public
@dataclass(frozen=True)
class LetteredPrompts:
    """The prompts of a run of ulmrec for test users, and how they are answered. Shuffles of the letters are numbered:
    the run's own scores are the mean over the first ones.

    trained: False asks the network as it was before training. UserError for a run of another system, one without
    candidates, or one on other data.
    """

    bench: Any
    run: Run
    trained: bool = True

    def __post_init__(self) -> None:
        check_teacher(self.bench, self.run, {})
        if self.run.system != SYSTEM or not self.settings["n"]:
            raise UserError(f"{self.run.label} asks no lettered prompt; runs of {SYSTEM} with n of 1 or more do")

    @property
    def settings(self) -> dict:
        """The settings that the run was built with."""
        return self.run.info["settings"]

    @property
    def reads_words(self) -> bool:
        """Whether a language model reads the text of the prompt; else a small network reads vectors in its place."""
        return isinstance(self.recommender, Reranked)

    @cached_property
    def recommender(self) -> TrainedReranker | Reranked:
        """The two stages."""
        return self.run.recommender() if self.trained else self.run.untrained()

    @cached_property
    def titles(self) -> np.ndarray:
        """(I+1,) titles of items."""
        return self.bench.dataset.titles()

    @cached_property
    def codes(self) -> UserCodes | None:
        """The semantic IDs of users as the run has them; None where its prompts name no user."""
        if self.settings["users"] == "none":
            return None
        x = self.bench.vectors(self.settings["vectors"], dim=systems.load(SYSTEM).FEATURES)
        shuffle = self.bench.rng("shuffled users") if self.settings["users"] == "shuffled" else None
        return UserCodes(self.bench.split.train, x, seed=self.bench.seed, shuffle=shuffle)

    def text(self, user: int, shuffle: int = 0) -> str:
        """The prompt in words. UserError if the user has no test case."""
        histories, candidates = self._case([user])
        order = letter_orders(candidates, shuffle + 1, self.bench.seed)[shuffle]
        return self._texts(histories, np.take_along_axis(candidates, order, axis=1))[0]

    def answers(self, user: int, shuffle: int = 0) -> pd.DataFrame:
        """One row for each letter: the title behind it, its probability, the candidate's place before (in the first
        stage's order), after (by this shuffle's probabilities) and in the run's list, and whether it is held out."""
        histories, candidates = self._case([user])
        shuffles = max(shuffle + 1, self.settings["shuffles"])
        scores = self._scores(histories, candidates, shuffles)
        behind = letter_orders(candidates, shuffles, self.bench.seed)[shuffle, 0]
        after, mean = _places(scores[shuffle, 0]), _places(self._mean(scores)[0])
        held_out = np.isin(candidates[0], self._held_out(user))
        frame = pd.DataFrame({
            "title": self.titles[candidates[0]], "probability": np.exp(scores[shuffle, 0]),
            "before": np.arange(1, len(behind) + 1), "after": after, "in the run": mean, "held out": held_out,
        })  # fmt: skip
        frame = frame.iloc[behind]
        frame.index = pd.Index(LETTERS[: len(behind)], name="letter")
        return frame

    def lists(self, user: int, shuffles: int = 3, k: int = 5) -> pd.DataFrame:
        """(k, 2 + shuffles) titles: the list before, after each shuffle of the letters, and that of the run.

        attrs["same"]: items of each list that are in that of the run. attrs["found"]: of the held-out items.
        """
        histories, candidates = self._case([user])
        scores = self._scores(histories, candidates, max(shuffles, self.settings["shuffles"]))
        places = {"before": np.arange(1, 1 + candidates.shape[1])}
        places |= {f"shuffle {shuffle}": _places(scores[shuffle, 0]) for shuffle in range(shuffles)}
        places["the run"] = _places(self._mean(scores)[0])
        lists = {name: candidates[0, np.argsort(place)][:k] for name, place in places.items()}
        frame = pd.DataFrame({name: self.titles[items] for name, items in lists.items()})
        frame.index = pd.RangeIndex(1, 1 + len(frame), name="rank")
        held_out = self._held_out(user)
        frame.attrs["same"] = {name: int(np.isin(items, lists["the run"]).sum()) for name, items in lists.items()}
        frame.attrs["found"] = {name: int(np.isin(items, held_out).sum()) for name, items in lists.items()}
        return frame

    def by_letter(self, users: list[int], shuffles: int = 8) -> pd.DataFrame:
        """One row for each letter: its mean probability over users and shuffles, which put every candidate behind it
        equally often in the long run; its most and least over the shuffles; and what it is by chance. UserError without
        a user or a shuffle."""
        _check_counts(users, shuffles, 1)
        histories, candidates = self._case(users)
        scores = self._scores(histories, candidates, shuffles)
        orders = letter_orders(candidates, shuffles, self.bench.seed)
        found = np.exp(np.take_along_axis(scores, orders, axis=-1)).mean(axis=1)  # (S, N) of letters
        letters = pd.Index(LETTERS[: found.shape[1]], name="letter")
        frame = pd.DataFrame({"probability": found.mean(0), "least": found.min(0), "most": found.max(0)}, index=letters)
        return frame.assign(**{"by chance": 1 / len(frame)})

    def position_bias(self, users: list[int], shuffles: int = 8) -> float:
        """The share, 0 to 1, of the variance of the candidates' scores that is the letters', as
        `recommenders.prompts.letters.position_bias`. UserError without a user, or for fewer than two shuffles."""
        _check_counts(users, shuffles, 2)
        return position_bias(self._scores(*self._case(users), shuffles))

    def _case(self, users: list[int]) -> tuple[Histories, np.ndarray]:
        """The histories of test users, and (B, N) their candidates in the first stage's order."""
        rows = np.array([row_of_user(self.bench, int(user)) for user in users], np.int64)
        histories = self.bench.split.test.histories.take(rows)
        masked = histories if self.bench.protocol.mask_history else None
        return histories, np.asarray(self.recommender.candidates(histories, masked), np.int64)

    def _scores(self, histories: Histories, candidates: np.ndarray, shuffles: int) -> np.ndarray:
        """(S, B, N) log-probabilities of the candidates' letters under each shuffle."""
        orders = letter_orders(candidates, shuffles, self.bench.seed)
        answer = self._by_model if self.reads_words else self._by_network
        logits = np.stack([answer(histories, np.take_along_axis(candidates, order, axis=1)) for order in orders])
        return by_candidate(log_softmax(logits.astype(np.float64), axis=-1), orders)

    def _by_model(self, histories: Histories, offered: np.ndarray) -> np.ndarray:
        """(B, N) logits of the letters of candidates in their order, by a language model that reads the words."""
        second: LetteredModel = self.recommender.second
        return second.lm.answer_logits(self._texts(histories, offered), LETTERS[: offered.shape[1]])

    @torch.no_grad()
    def _by_network(self, histories: Histories, offered: np.ndarray) -> np.ndarray:
        """The same by the small network, which reads codes, title vectors and letters."""
        model: TrainedReranker = self.recommender
        return model.module.eval().letters(histories, torch.from_numpy(offered).to(model.device)).cpu().numpy()

    def _texts(self, histories: Histories, offered: np.ndarray) -> list[str]:
        """The prompts of candidates (B, N) in the order of their letters."""
        titles, events = self.titles, systems.load(SYSTEM).EVENTS
        names = [""] * len(histories) if self.codes is None else self.codes.words(histories.users)
        return [LetteredChoice(name, tuple(titles[histories.row(row)[-events:]]), tuple(titles[offered[row]])).render()
                for row, name in enumerate(names)]  # fmt: skip

    def _mean(self, scores: np.ndarray) -> np.ndarray:
        """(B, N) the run's own scores, of those under each shuffle (S, B, N)."""
        return scores[: self.settings["shuffles"]].mean(axis=0)

    def _held_out(self, user: int) -> np.ndarray:
        return self.bench.split.test.take(np.array([row_of_user(self.bench, user)])).targets


def _check_counts(users: list[int], shuffles: int, least: int) -> None:
    if not len(users) or shuffles < least:
        raise UserError(f"{len(users)} users, {shuffles=}: it takes at least one user and {least} or more shuffles")


def _places(scores: np.ndarray) -> np.ndarray:
    """(N,) 1-based places by falling score; a tie keeps its order."""
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return places
