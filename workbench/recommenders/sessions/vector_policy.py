"""The assembly of policies whose action is a vector: the item nearest to it is shown, among the categories allowed."""
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.envs.sessions import Observation, SessionWorld
from workbench.envs.streams import normal
from workbench.nets.returns.gaussian_actor import GaussianActor, clipped_surrogate
from workbench.recommenders import score_methods
from workbench.recommenders.sessions.features import features, n_features
from workbench.recommenders.sessions.following_returns import returns_to_go
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import Recipe, derive_seed, named_rng
from workbench.train.fit import TrainingSession, fit

EPISODES, PASSES = 512, 4  # played in an epoch, and how often each is learnt from
CONTENT = 8  # columns of the item vectors that say what an item is about
VECTOR_RECIPE = Recipe(
    epochs=200, batch_size=64, lr=1e-3, clip=1.0, patience=20, valid_every=5, valid_cases=1_000, monitor="return",
    sizes={"small": {"lr": 3e-3, "patience": 6, "valid_cases": 300}},
)  # fmt: skip


class Played(NamedTuple):
    """n episodes of at most T steps. states: (n, T, F). vectors: (n, T, D) that were drawn. items: (n, T), 0 after the
    end. to_go: (n, T) the sum of rewards from each step on, in the world's units divided by their most."""

    states: np.ndarray
    vectors: np.ndarray
    items: np.ndarray
    to_go: np.ndarray


class Planner(Protocol):
    """Says of which categories items may be shown. module: what of it is stored with the policy, in buffers."""

    module: nn.Module

    def allowed(self, observation: Observation, *, exploring: bool, seed: int) -> np.ndarray:
        """(B, C) bool, in every row one or more."""

    def learn(self, played: Played) -> None:
        """From the episodes of an epoch."""


class VectorModule(nn.Module):
    """The actor, the weights that it acts with while an epoch lasts, and what the planner has learnt."""

    def __init__(self, actor: GaussianActor, planner: nn.Module | None):
        super().__init__()
        self.actor = actor
        self.register_buffer("acting", nn.utils.parameters_to_vector(actor.parameters()).detach().clone())
        if planner is not None:
            self.planner = planner


class VectorPolicy:
    """A `verb_interfaces.Policy`, trained by PPO on fresh episodes in every epoch. planner: None where all categories
    are allowed."""

    def __init__(self, bench: Any, worlds: SessionWorlds, *, width: int, planner: Planner | None = None):
        self.worlds, self.planner = worlds, planner
        self.items = item_vectors(bench, worlds)
        with bench.init():
            actor = GaussianActor(n_features(worlds.n_categories), self.items.shape[1], width=width)
        self.module = VectorModule(actor, None if planner is None else planner.module)
        self.most = worlds.rules.horizon + worlds.rules.value

    def world(self, part: str) -> SessionWorld:
        """Of a part of the split."""
        return self.worlds.world(part)

    def fit(self, split: Any, session: TrainingSession) -> list[dict]:
        """Play and learn. Returns the learning curve."""
        module = self.module.to(session.device)
        current: dict[int, Played] = {}

        def batches(epoch: int) -> list[dict[str, Tensor]]:
            current.clear()
            current[0] = played = self.play(session.seed, epoch)
            arrays = self._lesson(played)
            rng, n = named_rng(session.seed, "order", epoch), len(played.items)
            parts = -(-n // session.recipe.batch_size)
            rows = [part for _ in range(PASSES) for part in np.array_split(rng.permutation(n), parts)]
            return [{name: tensor[part].to(session.device) for name, tensor in arrays.items()} for part in rows]

        def loss(batch: dict[str, Tensor], step: int) -> Tensor:
            real, actor = batch["real"], module.actor
            log_prob = actor.log_prob(batch["states"][real], batch["vectors"][real])
            value = actor.value(batch["states"][real])
            policy = clipped_surrogate(log_prob, batch["log_prob"][real], batch["advantage"][real])
            return policy + F.mse_loss(value, batch["to_go"][real])

        def each_epoch(done: int) -> None:
            if self.planner is not None:
                self.planner.learn(current[0])
            module.acting.copy_(nn.utils.parameters_to_vector(module.actor.parameters()).detach())

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(module, batches, loss, session, validate=validate, each_epoch=each_epoch)

    @torch.no_grad()
    def play(self, seed: int, epoch: int) -> Played:
        """Episodes of train, with vectors drawn around the means that the weights of the epoch's start give."""
        world, actor = self.worlds.world("train"), self._acting()
        chosen = named_rng(seed, "episodes", epoch).permutation(world.n)[:EPISODES]
        seen, luck = world.reset(chosen, seed=derive_seed(seed, "play", epoch)), derive_seed(seed, "explore", epoch)
        states, vectors, rewards = [], [], []
        for step in range(world.horizon):
            states.append(features(seen, self.worlds.categories))
            noise = normal(luck, "vector", step, seen.episodes, self.items.shape[1])
            mean = actor(torch.from_numpy(states[-1]))
            vectors.append((mean + actor.log_std.exp() * torch.from_numpy(noise).float()).numpy())
            seen, reward, _ = world.step(self._nearest(vectors[-1], seen, exploring=True, seed=luck))
            rewards.append(reward / self.most)
        return Played(np.stack(states, 1), np.stack(vectors, 1), seen.shown, returns_to_go(np.stack(rewards, 1)))

    @torch.no_grad()
    def _lesson(self, played: Played) -> dict[str, Tensor]:
        """Tensors (n, T, ...): what was played, the log density of it, and how much better than expected it went."""
        actor, states = self._acting(), torch.from_numpy(played.states)
        vectors, to_go = torch.from_numpy(played.vectors), torch.from_numpy(played.to_go).float()
        real = torch.from_numpy(played.items > 0)
        better = to_go - actor.value(states)
        advantage = (better - better[real].mean()) / better[real].std().clamp_min(1e-6)
        return {"states": states, "vectors": vectors, "to_go": to_go, "real": real, "advantage": advantage * real,
                "log_prob": actor.log_prob(states, vectors)}  # fmt: skip

    def _acting(self) -> GaussianActor:
        """The actor with the weights of the epoch's start, on the processor."""
        actor = deepcopy(self.module.actor).cpu()
        nn.utils.vector_to_parameters(self.module.acting.cpu(), actor.parameters())
        return actor

    def start(self, observation: Observation) -> None:
        """As `verb_interfaces.Policy.start`."""
        self.module.eval()

    @torch.no_grad()
    def act(self, observation: Observation) -> np.ndarray:
        """(B,) the items nearest to the means."""
        states = torch.from_numpy(features(observation, self.worlds.categories)).to(self.module.acting.device)
        return self._nearest(self.module.actor(states).cpu().numpy(), observation, exploring=False, seed=0)

    def _nearest(self, vectors: np.ndarray, observation: Observation, *, exploring: bool, seed: int) -> np.ndarray:
        """(B,) the item of greatest product with each vector (B, D), of the categories that the planner allows."""
        scores = vectors @ self.items.T
        scores[:, 0] = -np.inf
        if self.planner is not None:
            allowed = self.planner.allowed(observation, exploring=exploring, seed=seed)
            scores = np.where(allowed[:, self.worlds.categories], scores, -np.inf)
        return scores.argmax(axis=1)

    state = score_methods.state
    load_state = score_methods.load_state


def item_vectors(bench: Any, worlds: SessionWorlds) -> np.ndarray:
    """(I+1, D) float32: the category (C columns), log popularity, and what the item is about, in unit length."""
    category = np.eye(worlds.n_categories)[worlds.categories]
    own = worlds.popularity
    popular = (own - own[1:].mean()) / max(own[1:].std(), 1e-9) / 2
    content = bench.vectors(dim=CONTENT)
    content = content / np.maximum(np.linalg.norm(content, axis=1, keepdims=True), 1e-9)
    out = np.column_stack([category, popular, content]).astype(np.float32)
    out[0] = 0
    return out
