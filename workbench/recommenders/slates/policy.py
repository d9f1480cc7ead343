"""The policy of slates: a click model learnt from logged slates, a posterior of the user, and samples of it."""
from typing import Any

import numpy as np
import torch

from workbench.data import Split
from workbench.envs.slates import Observation, SlateWorld
from workbench.envs.streams import normal
from workbench.errors import UserError, unknown_name
from workbench.nets.slates.click_model import ClickModel
from workbench.recommenders import score_methods
from workbench.recommenders.slates.in_slate import best_items, read_across
from workbench.recommenders.slates.logged import exposure, logged_slates
from workbench.recommenders.slates.posterior import Posterior, choice_evidence, prior
from workbench.recommenders.slates.worlds import SlateWorlds
from workbench.train import Recipe, named_rng
from workbench.train.fit import TrainingSession, fit

LIKELIHOODS, NOISES = ("slate", "all-items"), ("posterior", "isotropic")
SLATE_RECIPE = Recipe(
    epochs=60, batch_size=64, lr=1e-2, patience=5, valid_every=5, monitor="return",
    sizes={"small": {"lr": 2e-2, "patience": 3}},
)  # fmt: skip


class SlatePolicy:
    """A `verb_interfaces.Policy`. all_items: the likelihood of clicks is over all items and not over those shown, in
    learning and in the posterior alike. samples: of the posterior for each slate, whose rankings are read across.
    variance: factor of the posterior's covariance; at 0 the mean ranks, and nothing is drawn. isotropic: see
    `Posterior.samples`. seed: of the draws."""

    def __init__(
        self, worlds: SlateWorlds, module: ClickModel, *, all_items: bool, samples: int = 1, variance: float = 0.0,
        isotropic: bool = False, seed: int = 0,
    ):  # fmt: skip
        if samples < 1 or not 0 <= variance < np.inf:
            raise UserError(f"slates: {samples=} is 1 or more, {variance=} 0 or more")
        self.worlds, self.module, self.all_items, self.samples = worlds, module, all_items, samples
        self.variance, self.isotropic, self.seed = variance, isotropic, seed

    def world(self, part: str) -> SlateWorld:
        """Of a part of the split."""
        return self.worlds.world(part)

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Learn the click model from logged slates of the episodes of train."""
        module, device = self.module.to(session.device), session.device
        log = logged_slates(self.world("train"), exposure(split))
        shown, clicked = (torch.from_numpy(array).to(device) for array in log)
        n, width, size = len(shown), module.mean.embedding_dim, session.recipe.batch_size

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "episodes", epoch).permutation(n)
            return [order[start : start + size] for start in range(0, n, size)]

        def loss(batch: np.ndarray, step: int) -> torch.Tensor:
            noise = named_rng(session.seed, "users", step).standard_normal((len(batch), width)).astype(np.float32)
            users = torch.from_numpy(batch).to(device)
            return module.loss(users, shown[users], clicked[users], torch.from_numpy(noise).to(device),
                               all_items=self.all_items, total=clicked.numel())  # fmt: skip

        validate = None if session.validate is None else lambda: session.validate(self)
        return fit(module, batches, loss, session, validate=validate)

    @torch.no_grad()
    def start(self, observation: Observation) -> None:
        """Nothing is known of the users."""
        module = self.module.eval()
        arrays = (module.vectors(), module.bias.weight[:, 0], module.places(), module.none)
        self.vectors, self.bias, self.places, self.none = (array.double().cpu().numpy() for array in arrays)
        self.posterior = prior(len(observation.step), self.vectors.shape[1])

    def act(self, observation: Observation) -> np.ndarray:
        """(B, k) slates; first, what was clicked of the last ones is learnt."""
        if observation.step[0] > 0:
            self.posterior = self.after(observation.shown, observation.clicked)
        users = self.posterior.mean[:, None]
        if self.variance:
            shape = (len(users), self.samples, users.shape[2])
            noise = normal(self.seed, "samples", int(observation.step[0]), observation.episodes, shape[1] * shape[2])
            users = self.posterior.samples(noise.reshape(shape), variance=self.variance, isotropic=self.isotropic)
        scores = (users.reshape(-1, users.shape[2]) @ self.vectors.T + self.bias).reshape(*users.shape[:2], -1)
        return read_across(best_items(scores, self.worlds.k))

    def after(self, shown: np.ndarray, clicked: np.ndarray) -> Posterior:
        """The posterior after slates (B, k) of which the slots (B,) were clicked, 0 for none."""
        p, chosen = self.chances(shown), np.take_along_axis(shown, np.maximum(clicked - 1, 0)[:, None], 1)[:, 0]
        vector = np.where(clicked[:, None] > 0, self.vectors[chosen], 0)
        return self.posterior.updated(*choice_evidence(p, self.options(shown), vector))

    def options(self, shown: np.ndarray) -> np.ndarray:
        """The vectors among which the likelihood chooses: (B, k, D) of those shown, or (I, D) of all items."""
        return self.vectors[1:] if self.all_items else self.vectors[shown]

    def chances(self, shown: np.ndarray) -> np.ndarray:
        """(B, n) the chance of a click on each of the options, by the posterior's mean; 0 for an empty slot."""
        filled = (shown > 0).sum(axis=1)
        none = np.exp(self.none[0] + self.none[1] * np.log(np.maximum(filled, 1)))[:, None]
        if self.all_items:
            weight = np.exp(self.posterior.mean @ self.vectors[1:].T + self.bias[1:])
        else:
            utility = np.einsum("bd,bkd->bk", self.posterior.mean, self.vectors[shown]) + self.bias[shown]
            weight = np.where(shown > 0, np.exp(utility + self.places), 0)
        return weight / (weight.sum(axis=1, keepdims=True) + none)

    state = score_methods.state
    load_state = score_methods.load_state


def slate_policy(
    bench: Any, worlds: SlateWorlds, *, likelihood: str, width: int, samples: int = 1, variance: float = 0.0,
    noise: str = "posterior",
) -> SlatePolicy:  # fmt: skip
    """The policy of a bench, with new weights. likelihood: of `LIKELIHOODS`. noise: of `NOISES`. UserError for another
    name, or a width that is not positive."""
    for what, given, allowed in (("likelihood", likelihood, LIKELIHOODS), ("noise", noise, NOISES)):
        if given not in allowed:
            raise unknown_name(f"{what} of slates", given, allowed)
    if width < 1:
        raise UserError(f"slates: {width=} is 1 or more")
    with bench.init():
        module = ClickModel(len(worlds.users("train")), worlds.tastes.category, slots=worlds.k, width=width)
    return SlatePolicy(worlds, module, all_items=likelihood == "all-items", samples=samples, variance=variance,
                       isotropic=noise == "isotropic", seed=bench.seed)  # fmt: skip
