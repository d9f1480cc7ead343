"""What behaviour cloning and what extends it share: the network without returns, and the recipe."""
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.returns.step_transformer import StepTransformer
from workbench.recommenders.sessions.features import n_features
from workbench.recommenders.sessions.following_returns import FollowingReturns
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import Recipe

HEADS, DROPOUT = 2, 0.1
CLONING_RECIPE = Recipe(
    epochs=60, batch_size=64, lr=1e-3, patience=6, valid_every=2, valid_cases=1_000, monitor="return",
    sizes={"small": {"batch_size": 32, "lr": 5e-3, "patience": 3, "valid_cases": 300}},
)  # fmt: skip


def check_session_sizes(system: str, width: int, layers: int) -> None:
    """UserError for a size out of range."""
    if width % HEADS or min(width, layers) < 1:
        raise UserError(f"{system}: {width=} is a multiple of {HEADS}, {layers=} 1 or more")


def step_transformer(worlds: SessionWorlds, *, width: int, layers: int) -> StepTransformer:
    """Over the items of a bench. It draws start weights."""
    return StepTransformer(
        torch.from_numpy(worlds.categories), worlds.n_categories, width=width, layers=layers, heads=HEADS,
        steps=worlds.rules.horizon, dropout=DROPOUT,
    )  # fmt: skip


class StatesAndActions(nn.Module):
    """The network of behaviour cloning: a token of the state, one of the action, and nothing about returns."""

    def __init__(self, worlds: SessionWorlds, *, width: int, layers: int):
        super().__init__()
        self.transformer = step_transformer(worlds, width=width, layers=layers)
        self.state = nn.Linear(n_features(worlds.n_categories), width)

    def forward(self, states: Tensor, items: Tensor, told: Tensor) -> Tensor:
        """(B, T, D) hidden states at the states (B, T, F) of a session."""
        return self.transformer([self.state(states)], items)[:, :, 0]

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., I+1)."""
        return self.transformer.logits(hidden)


def behaviour_cloning(bench, worlds: SessionWorlds, *, width: int, layers: int) -> FollowingReturns:
    """The policy that imitates all sessions of the log alike."""
    with bench.init():
        module = StatesAndActions(worlds, width=width, layers=layers)
    return FollowingReturns(worlds, module)
