"""`scasrec`'s list maker on true choices between three or four offers: python reports/results/reproduce_choices.py

Writes choices.json beside itself. Data: swissmetro and electricity (stated preferences), ModeCanada (revealed), in a
folder choice_lists of WORKBENCH_DATA; people are split 6:2:2, tasks in which an offer is not available are left out.
Each row is a mean over seeds on test people: hits of the first place, of the lists that end, and of fixed cuts as long.
"""
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from kept_tables import options
from torch import Tensor, nn

from workbench.data.schema import hash_ids
from workbench.evaluate.rerank.list_length import stop_curve
from workbench.losses.pointers import marginal_gains, pointer_labels, weighted_pointer_loss
from workbench.nets.rerank.pointer import SetPointer
from workbench.train import seeded_torch

EPOCHS, BATCH, LR, WIDTH = 60, 128, 2e-3, 32


class Choices(NamedTuple):
    """Tasks of one choice each. x: (C, N, F) offers, their own constants among the columns. chosen: (C,) the place of
    the one taken. people: (C,)."""

    x: np.ndarray
    chosen: np.ndarray
    people: np.ndarray


def swissmetro(folder: Path) -> Choices:
    """Train, Swissmetro or car, where all can be had: minutes, francs (0 with a season ticket), headway."""
    rows = pd.read_csv(folder / "swissmetro.csv.gz")
    rows = rows[(rows[["TRAIN_AV", "SM_AV", "CAR_AV"]] == 1).all(axis=1) & (rows["CHOICE"] > 0)]
    free = (rows["GA"] == 1).to_numpy()
    offers = [np.stack([rows[f"{name}_TT"], np.where(free & (name != "CAR"), 0, rows[f"{name}_CO"]),
                        rows[f"{name}_HE"] if name != "CAR" else np.zeros(len(rows))], axis=1)
              for name in ("TRAIN", "SM", "CAR")]  # fmt: skip
    return with_constants(np.stack(offers, axis=1), rows["CHOICE"].to_numpy() - 1, rows["ID"].to_numpy())


def mode_canada(folder: Path) -> Choices:
    """Train, car, bus or air of those who have all four: cost, minutes inside and outside, departures."""
    rows = pd.read_csv(folder / "ModeCanada.csv.gz")
    return stacked(rows[rows["noalt"] == 4].sort_values(["case", "alt"]), ["cost", "ivt", "ovt", "freq"], "case",
                   "choice", "case")  # fmt: skip


def electricity(folder: Path) -> Choices:
    """One of four contracts: price, years, whether local, well known, by time of day, by season."""
    rows = pd.read_csv(folder / "electricity.csv.gz").sort_values(["chid", "alt"])
    return stacked(rows, ["pf", "cl", "loc", "wk", "tod", "seas"], "chid", "choice", "id", constants=False)


def stacked(
    rows: pd.DataFrame, columns: list[str], task: str, choice: str, person: str, *, constants: bool = True
) -> Choices:
    """Choices of one row an offer, sorted by task; those without exactly one choice are left out."""
    n = int(rows.groupby(task).size().max())
    x = rows[columns].to_numpy(float).reshape(-1, n, len(columns))
    taken, people = rows[choice].to_numpy(int).reshape(-1, n), rows[person].to_numpy()[::n]
    one = taken.sum(axis=1) == 1
    return with_constants(x[one], taken[one].argmax(axis=1), people[one], constants=constants)


def with_constants(x: np.ndarray, chosen: np.ndarray, people: np.ndarray, *, constants: bool = True) -> Choices:
    """Columns scaled to mean 0 and deviation 1, and one for which offer it is."""
    x = (x - x.mean(axis=(0, 1))) / x.std(axis=(0, 1))
    which = np.broadcast_to(np.eye(x.shape[1]), (len(x), x.shape[1], x.shape[1]))
    return Choices(np.concatenate([x, which], axis=2) if constants else x, chosen, people)


class Pointer(nn.Module):
    """Offers (B, N, F) to a walk of the pointer network that `scasrec` has."""

    def __init__(self, features: int, *, weighted: bool):
        super().__init__()
        self.offer, self.weighted = nn.Linear(features, WIDTH), weighted
        self.pointer = SetPointer(WIDTH, layers=1, heads=2, dropout=0.2)

    def forward(self, x: Tensor):
        h = self.offer(x)
        return self.pointer(h, torch.zeros_like(h[:, 0]), x.shape[1])

    def loss(self, x: Tensor, chosen: Tensor) -> Tensor:
        walk = self(x)
        gains = marginal_gains(walk.chosen, chosen) if self.weighted else torch.ones_like(walk.logits[:, :, 0])
        return weighted_pointer_loss(walk.logits, pointer_labels(walk.chosen, chosen, x.shape[1]), gains)

    @torch.no_grad()
    def lists(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Orders (C, N) and lengths (C,)."""
        walk = self.eval()(x)
        return walk.chosen.numpy(), walk.lengths().numpy()


class Logit(nn.Module):
    """The conditional logit of discrete choice: a weight for each column, and lists that hold everything."""

    def __init__(self, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))

    def loss(self, x: Tensor, chosen: Tensor) -> Tensor:
        return nn.functional.cross_entropy(x @ self.weight, chosen)

    @torch.no_grad()
    def lists(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        order = (-(x @ self.weight)).argsort(dim=1).numpy()
        return order, np.full(len(x), x.shape[1])


def most_likely(model: Logit, x: Tensor, chosen: Tensor) -> Logit:
    """The weights of maximum likelihood."""
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = model.loss(x, chosen)
        value.backward()
        return value

    optimizer.step(loss)
    return model


def fitted(model: Pointer, parts: dict[str, tuple[Tensor, Tensor]], seed: int) -> Pointer:
    """The model with the weights of its best epoch on validation people, by hits of the first place."""
    optimizer, best, kept = torch.optim.Adam(model.parameters(), LR), -1.0, model.state_dict()
    generator = torch.Generator().manual_seed(seed)
    x, chosen = parts["train"]
    for _ in range(EPOCHS):
        model.train()
        for at in torch.randperm(len(x), generator=generator).split(BATCH):
            optimizer.zero_grad()
            model.loss(x[at], chosen[at]).backward()
            optimizer.step()
        order, _ = model.lists(parts["valid"][0])
        if (hits := float((order[:, 0] == parts["valid"][1].numpy()).mean())) > best:
            best, kept = hits, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return model


def measured(choices: Choices, seed: int) -> pd.DataFrame:
    """A row for each model."""
    draw = hash_ids(choices.people, seed=seed) / 2.0**64
    masks = {"train": draw < 0.6, "valid": (draw >= 0.6) & (draw < 0.8), "test": draw >= 0.8}
    rows = []
    for name in ("pointer", "pointer, all steps alike", "pointer, offers of other tasks", "conditional logit"):
        x = choices.x
        if name.endswith("other tasks"):
            x = x[np.random.default_rng(seed).permutation(len(x))]
        parts = {part: (torch.from_numpy(x[mask]).float(), torch.from_numpy(choices.chosen[mask]).long())
                 for part, mask in masks.items()}  # fmt: skip
        with seeded_torch(seed, name):
            if name == "conditional logit":
                model = most_likely(Logit(x.shape[2]), *parts["train"])
            else:
                model = fitted(Pointer(x.shape[2], weighted="alike" not in name), parts, seed)
            order, lengths = model.lists(parts["test"][0])
        places = (order == choices.chosen[masks["test"], None]).argmax(axis=1)
        curve = stop_curve(places, lengths, order.shape[1])
        rows.append({"model": name, "tasks": len(order), "first place": curve.hits[0], "first two": curve.hits[1],
                     "length": curve.length, "lists that end": curve.hit,
                     "fixed cut as long": curve.at_length})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "choices.json", seeds=5)
    folder, found = Path(os.environ["WORKBENCH_DATA"].split(":")[0]) / "choice_lists", {}
    for read in (swissmetro, mode_canada, electricity):
        choices = read(folder)
        table = pd.concat([measured(choices, seed) for seed in range(given.seeds)])
        means, spread = (table.groupby("model", sort=False).agg(how) for how in ("mean", "std"))
        print(read.__name__, means.round(3).to_string(), sep="\n", flush=True)
        found[read.__name__] = [{"model": name, **row, "sd of first place": spread.loc[name, "first place"]}
                                for name, row in means.to_dict("index").items()]  # fmt: skip
    about = {"seeds": given.seeds, "epochs": EPOCHS, "sources": found}
    given.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
