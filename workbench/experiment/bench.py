"""The bench: dataset, split, vectors, fit, evaluate, save; every stage computed once and read by everyone.

Notebooks, the command line and sweeps all stand on `open_bench`. A stage is keyed by its inputs and by the code that
makes it, so a changed setting, file or line of code is made again, and the log says which input changed.
"""
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench import systems
from workbench.arguments import checked, public
from workbench.artifacts import Store, current_store
from workbench.data import Dataset, Histories, Protocol, Split, datasets, protocol_for
from workbench.data.protocol import check_protocol
from workbench.embed import default_kind
from workbench.errors import UserError
from workbench.experiment.bench_data import check_teacher, content_hash, make_split, make_variant, read_dataset
from workbench.experiment.named_files import dataset_name
from workbench.experiment.run import Run
from workbench.experiment.run_plan import Plan, make, plan_system, stored_folder, training_plan
from workbench.stages import draw
from workbench.train import Profile, Recipe, get_profile, named_rng, seeded_torch

log = logging.getLogger("workbench")


@public
@dataclass(frozen=True)
class Bench:
    """A lazy, frozen context: which data, under which protocol, within which limits, from which seed."""

    name: str
    profile: Profile
    seed: int = 0
    protocol_changes: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    device: str = "auto"
    label: str = ""  # of a variant whose train events are others
    given: dict = field(default_factory=dict, repr=False, compare=False)  # parts taken over by a variant

    def __repr__(self) -> str:
        changed = "".join(f", {value}" for value in (self.options, self.protocol_changes) if value)
        name = dataset_name(self.name, self.options)
        return f"Bench of {name}: profile {self.profile.name}, seed {self.seed}, in {self.store.root}{changed}"

    @cached_property
    def store(self) -> Store:
        return self.given.get("store") or current_store()

    @cached_property
    def files(self) -> dict[str, str]:
        """SHA-256 of every file among the options, by option: what a file holds counts, not where it lies."""
        return datasets.file_hashes(self.options, self.name)

    @cached_property
    def dataset(self) -> Dataset:
        """Read from its published files, or from the store."""
        return self.given.get("dataset") or read_dataset(self)

    @cached_property
    def protocol(self) -> Protocol:
        return protocol_for(self.dataset, **self.protocol_changes)

    @cached_property
    def split(self) -> Split:
        return self.given.get("split") or make_split(self)

    @property
    def users(self) -> int:
        """How many users the profile lets in."""
        return self.split.n_users

    @cached_property
    def content(self) -> str:
        return content_hash(self.dataset)

    @property
    def key(self) -> dict:
        """What a stored stage is keyed by: the data, the protocol, the limits and the seed."""
        return {
            "dataset": self.name, "options": self.options | self.files, "data_hash": self.split.data_hash,
            "items": self.content, "protocol": self.protocol.dict(), "users": self.users, "seed": self.seed,
        }  # fmt: skip

    @property
    def default_vectors(self) -> str:
        """The kind of item vectors used where none is named: text where items have words, else collaborative."""
        return default_kind(self.dataset)

    def vectors(self, kind: str = "", *, dim: int = 64, model: str = "") -> np.ndarray:
        """(I+1, D) float32 item vectors; row 0 is zeros. kind: text, sentence, collaborative, random or permuted;
        without one text where the items have words, else collaborative. image and audio, with permuted-image and
        permuted-audio as controls, are those of a dataset with such a table. dim: columns, except of sentence, image
        and audio, which have a width of their own. model: a sentence encoder."""
        from workbench.experiment.item_features import item_vectors

        return item_vectors(self, kind, dim=dim, model=model)

    def codes(
        self, kind: str = "rq-kmeans", *, vectors: str = "text", permuted: bool = False, levels: int = 3, size: int = 0,
        policy: str = "dedup", normalize: bool = False, dim: int = 128, model: str = "",
    ):  # fmt: skip
        """The items' semantic IDs, a workbench.tokens.ItemCodes: of a kind in `tokens.KINDS`, or from a folder that
        `ItemCodes.save` wrote, whose codes are used as they are.

        vectors, dim, model: the item vectors behind kinds that read content. permuted: the placebo, which gives each
        code to another item. levels, size (0: 256, fewer for a small catalogue), policy, normalize: see
        `tokens.make_codes`. UserError on a bad setting, or codes that are not of this dataset.
        """
        from workbench.experiment.item_features import item_codes

        codes = item_codes(self, kind, vectors=vectors, levels=levels, size=size, policy=policy, normalize=normalize,
                           dim=dim, model=model)  # fmt: skip
        return codes.permuted(self.rng("permuted codes")) if permuted else codes

    def lint(self):
        """Checks of the data under the protocol: leakage, ties, duplicates, drift; a workbench.data.lint.LintReport."""
        from workbench.data.lint import lint

        return lint(self.dataset, self.protocol)

    def typical_users(self, n: int = 50) -> np.ndarray:
        """(n,) ids of test users with histories of medium length."""
        from workbench.experiment.browse.users import typical_users

        return typical_users(self, n)

    def neighbourhood(self, user: int) -> Any:
        """A test user in the graph of train (`experiment.browse.graph_neighbourhood.GraphNeighbourhood`): who and what
        is reached, and a list by layers of a propagation. UserError if the user has no test case."""
        from workbench.experiment.browse.graph_neighbourhood import GraphNeighbourhood

        return GraphNeighbourhood(self, user)

    def lettered_prompts(self, run: Run, *, trained: bool = True) -> Any:
        """The prompts of a run of ulmrec and how they are answered, by user and by shuffle of the letters
        (`experiment.browse.lettered_prompts.LetteredPrompts`). trained: False asks the network before training.
        UserError for another run."""
        from workbench.experiment.browse.lettered_prompts import LetteredPrompts

        return LetteredPrompts(self, run, trained)

    def forgetting(
        self, base: str = "sasrec", *, users: Any = 0.05, events: Any = 0.0, seeds: int = 2,
        ways: tuple[str, ...] = (), **changes,
    ) -> Any:  # fmt: skip
        """Ways to make a base forget, side by side with the retrained oracle
        (`experiment.unlearning.forgetting.Forgetting`). users, events: a share of them, the other 0.0, or which, a
        list of users and one of pairs (user, item). ways: some of them, () for all. changes: of the recipe, of all.
        UserError where it cannot be measured."""
        from workbench.experiment.unlearning.forgetting import WAYS, Forgetting

        which = [each.tolist() if isinstance(each, np.ndarray) else each for each in (users, events)]
        return Forgetting(self, base, *which, seeds, tuple(ways) or tuple(WAYS), changes)

    def conversations(self, run: Run) -> Any:
        """The conversations of a run of a policy, with the simulated users and with you
        (`experiment.browse.conversations.Conversations`). UserError for another run."""
        from workbench.experiment.browse.conversations import Conversations

        return Conversations(self, run)

    def events(self, user: int) -> pd.DataFrame:
        """A test user's events, oldest first, with title, part (train, validation, test) and time where known."""
        from workbench.experiment.browse.users import user_events

        return user_events(self, user)

    def rng(self, name: str) -> np.random.Generator:
        """A generator of its own for `name`."""
        return named_rng(self.seed, name)

    def build(self, system: str, **settings):
        """An untrained recommender; UserError names an unknown system or keyword. Of a system that selects or forgets
        (systems/verbs.py) it is its base, which is trained accordingly."""
        return make(self, system, settings)

    def can(self, system: str) -> bool:
        """Whether a system can be built on these data; if not, a warning says why."""
        systems.keywords(system)
        try:
            self.build(system)
        except UserError as error:
            log.warning("left out: %s", error)
            return False
        return True

    def fit_baselines(self) -> list[Run]:
        """Runs of every training-free baseline that can be built on these data."""
        return [self.fit(name) for name in systems.names("baselines") if self.can(name)]

    def plan(self, system: str, **changes) -> tuple[dict, Recipe]:
        """The build keywords and the recipe that `fit` would use: recipe < profile < changes. Checks every name."""
        return training_plan(self.profile, system, changes)

    def fit(self, system: Any, *, name: str = "", **changes) -> Run:
        """Train, evaluate and save a system, or load the equal run that is stored already.

        system: a name, or a model of one's own, then with a `name` for it: an `interfaces.Recommender`, or a torch
        module, an `interfaces.NextItemNetwork`, which needs no more than this:

            class MyNet(torch.nn.Module):
                def __init__(self, n_items, width=32):
                    super().__init__()
                    self.item = torch.nn.Embedding(n_items + 1, width, padding_idx=0)
                    self.encoder = torch.nn.GRU(width, width, batch_first=True)
                    self.score = torch.nn.Linear(width, n_items + 1)

                def forward(self, items):
                    return self.score(self.encoder(self.item(items))[0])

            torch.manual_seed(0)
            run = bench.fit(MyNet(bench.dataset.n_items), name="mynet", lr=5e-3)

        changes: keywords of the system's build() and fields of its recipe (epochs, lr, batch_size ...); of a module,
        the recipe, max_length=50 (events read) and loss="" (a method of its own). A copy is trained: the module given
        keeps its weights, `run.recommender().module` has the trained ones. Its run is found again by the code of its
        classes, its attributes, start weights and the changes. UserError on a wrong model, name or setting.
        """
        if isinstance(system, str):
            if name:
                raise UserError(f"name={name!r} is for a model of one's own; {system!r} has a name")
            return self._stored(plan_system(self, system, changes))
        from workbench.experiment.own_model import plan as plan_own

        return self._stored(plan_own(self, system, name, changes))

    def evaluate(self, model: Any, *, name: str = "", max_length: int = 50):
        """Scores, ranks or a model made elsewhere on the test cases, for `wb.compare` beside runs; nothing is stored.

        model: scores (C, I+1), column 0 unused, one row per case of `bench.split.test`; ranks (N,), one a target, 0 for
        a miss; a function of Histories (B) to scores (B, I+1); a recommender; a trained torch module, which reads at
        most max_length events. UserError where it is none of these.
        """
        from workbench.experiment.evaluated import evaluate_by_hand

        return evaluate_by_hand(self, model, name, max_length)

    def teacher(self, system: str | Run, **changes) -> Run:
        """The run of another system on the same train events, part of the key of what a build() makes with it.

        system: a name, trained if no such run is stored, or a run. UserError for a run on other data, or with changes.
        """
        if isinstance(system, Run):
            check_teacher(self, system, changes)
            draw("run", system.key)
            return system
        return replace(self.fit(system, **changes), open_bench=lambda *_, **__: self)

    def variant(
        self, *, train: np.ndarray | Histories | None = None, label: str = "", seed: int | None = None,
        protocol: dict | None = None,
    ) -> "Bench":  # fmt: skip
        """The same bench with other train events, another seed or another protocol; what stays is not read again.

        train: (N,) bool, which events of `split.train` are kept, or Histories (U) in their place, with a label and a
        data hash of their own. protocol: changed fields. UserError for a mask of another length, or without a label.
        """
        return make_variant(self, train=train, label=label, seed=seed, protocol=protocol)

    def init(self, name: str = "init") -> AbstractContextManager[None]:
        """A block in which torch draws from a stream of its own for `name`: for start weights."""
        return seeded_torch(self.seed, name)

    def _stored(self, plan: Plan) -> Run:
        """The run of a plan, trained if it is not stored."""
        folder = stored_folder(self, plan)
        return Run.load(folder, (lambda *_, **__: self) if self.label else open_bench).at(plan.about["paths"])


@checked
def open_bench(
    dataset: str, *, profile: str | Profile = "workshop", seed: int = 0, protocol: dict | None = None,
    options: dict | None = None, device: str = "auto",
) -> Bench:
    """A bench for a dataset by name. Nothing is loaded yet, but a wrong dataset or profile name is an error now."""
    datasets.check_options(dataset, options or {})
    check_protocol(protocol or {})
    limits = profile if isinstance(profile, Profile) else get_profile(profile)
    options = datasets.resolve_paths(options or {})
    return Bench(datasets.canonical_name(dataset), limits, seed, protocol or {}, options, device)
