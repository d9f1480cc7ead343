"""Stages of a probe on a stored run: activations at a site, a dictionary of them, and what stands in for them."""
import re
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix, diags

from workbench.artifacts import code_hash, digest, sha256
from workbench.errors import UserError, check_names
from workbench.evaluate import evaluate, per_case
from workbench.experiment.run import Run
from workbench.interfaces import Traceable
from workbench.probing.activations.hooks import Site, fingerprint, module_at
from workbench.probing.activations.store import Activations, activations
from workbench.probing.concepts.concept_test import certify
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.dictionaries import baselines, recsae, sae
from workbench.probing.dictionaries import transcoder as transcoders
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.probing.interventions.faithfulness import standing_in
from workbench.progress import track

SHARES = (0.6, 0.2, 0.2)  # of the users: to train on, to discover on, to test on
TRAINED = (*sae.FORMS, "recsae")
KINDS = (*TRAINED, *baselines.KINDS, "items")


def site(run: Run, path: str = "") -> Site:
    """The place of a run's network with this name. Without one the usual place: what leaves its middle block, or where
    there are no blocks its `norm`, or its table of users.

    UserError where the system has no network that can be read, or no such place.
    """
    model = run.recommender()
    if not isinstance(model, Traceable):
        raise UserError(f"{run.system} has no network to read; choose a system that has, such as sasrec or tiger")
    names = [name for name, _ in model.module.named_modules()]
    blocks = [name for name in names if re.fullmatch(r"blocks\.\d+\.out", name)]
    usual = [*blocks[(len(blocks) - 1) // 2 :][:1], *(name for name in ("norm", "user") if name in names)]
    if not path and not usual:
        raise UserError(f"{run.system} has no usual place to read; name one: {', '.join(filter(None, names))}")
    found = Site(path or usual[0])
    module_at(model.module, found)
    return found


def data_of(run: Run) -> str:
    """What a fingerprint holds beside the weights and the site: the events, and settings that no weight shows."""
    return f"{run.info['data_hash']} {digest(run.info['settings'])}"


def read(run: Run, site: Site, *, trained: bool = True) -> Activations:
    """Activations of a run's network at every event of the train histories, stored.

    trained: False for the control, the same network as it was before training. UserError as `activations`.
    """
    bench = run.bench()
    inputs = {"weights": sha256(run.folder / "state.safetensors"), "data": run.info["data_hash"], "site": asdict(site),
              "settings": run.info["settings"], "trained": trained,
              "code": code_hash("probing", "recommenders", "nets")}  # fmt: skip

    def make(folder: Path) -> None:
        model = run.recommender() if trained else bench.build(run.system, **run.info["settings"])
        activations(model, site, bench.split.train, data_hash=data_of(run)).save(folder)

    return Activations.load(bench.store.get("activations", inputs, make))


def dictionary(
    run: Run, cached: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, **settings
) -> Dictionary:
    """A dictionary of activations that `read` gave, learned on six users of ten, stored.

    kind: a form of `sae.train`, or recsae (`recsae.train`), which take `settings`, or a name in `baselines.KINDS`,
    which takes those in `baselines.takes(kind)`, or items: the run's item embeddings as the directions. UserError names
    the nearest kind or setting, or says that the network has no item embeddings as wide as the site.
    """
    check_names("kind of dictionary", (kind,), KINDS)
    table = _item_table(run, cached) if kind == "items" else None
    inputs = {"at": cached.fingerprint, "kind": kind, "k": k, "seed": seed, "settings": settings,
              "code": code_hash("probing")}  # fmt: skip

    def make(folder: Path) -> None:
        x = cached.users(SHARES)[0].x
        if kind in sae.FORMS:
            found = sae.train(x, form=kind, k=k, seed=seed, **settings)
        elif kind == "recsae":
            found = recsae.train(x, k=k, seed=seed, **settings)
        elif table is not None:
            found = baselines.items(x, table, k)
        else:
            found = baselines.make(kind, x, k=k, seed=seed, **settings)
        replace(found, fingerprint=cached.fingerprint, about=found.about | {"site": cached.site.path}).save(folder)

    return Dictionary.load(run.bench().store.get("dictionary", inputs, make)).on(cached.fingerprint)


def _item_table(run: Run, cached: Activations) -> np.ndarray:
    """(I, D) item embeddings of the network as trained."""
    weight = getattr(getattr(run.recommender().module, "item", None), "weight", None)
    if weight is None or weight.shape[1] != cached.x.shape[1]:
        width = "none" if weight is None else f"of width {weight.shape[1]}"
        raise UserError(f"{run.label}: kind items needs item embeddings as wide as {cached.site.path}, "
                        f"{cached.x.shape[1]}, and there are {width}")  # fmt: skip
    return weight.detach().cpu().numpy()[1:]


def sweep(
    run: Run, cached: Activations, *, kinds: tuple[str, ...], ks: tuple[int, ...], latents: int = 0, epochs: int = 50,
    batch: int = 4096,
) -> pd.DataFrame:  # fmt: skip
    """What dictionaries of several kinds and sparsities leave unexplained on users they have not seen, a row each."""
    test, rows, given = cached.users(SHARES)[2].x, [], {"latents": latents, "epochs": epochs, "batch": batch}
    for kind, k in track([(kind, k) for kind in kinds for k in ks], "sweep", unit="dictionaries", stages=True):
        taken = given if kind in TRAINED else baselines.takes(kind)
        learned = {name: value for name, value in given.items() if name in taken}
        found = dictionary(run, cached, kind=kind, k=k, **learned)
        rows.append({"kind": kind, "k": k} | faithfulness.summary(found, test, own=True))
    return pd.DataFrame(rows)


def certified(
    run: Run, cached: Activations, found: Dictionary, *, source: str = "last", draws: int = 999, seed: int = 0
) -> pd.DataFrame:
    """What each latent certifiably stands for: `certify` on users that the dictionary was not learned on. seed: of the
    halves that items are dealt into, and of the permutations."""
    bench = run.bench()
    known, counts = item_concepts(bench.dataset, bench.split), bench.split.train_counts()
    train = bench.split.train
    return certify(*sides(cached, found), known, counts, source=source, histories=train, draws=draws, seed=seed)


def fits(table: pd.DataFrame, found: Dictionary) -> pd.DataFrame:
    """The table, if it has a row for each latent of the dictionary. UserError else."""
    if len(table) != found.latents:
        raise UserError(f"the table has {len(table)} rows, the dictionary {found.latents} latents: it is of another")
    return table


def sides(cached: Activations, found: Dictionary) -> list[tuple[Activations, csr_matrix]]:
    """The units that a dictionary was not learned on, with its latents: those to discover on, those to test on. Latents
    are in units of the site, z_j |w_j|, whatever the length of a direction. UserError where the dictionary was learned
    elsewhere."""
    lengths = found.on(cached.fingerprint).decoder.norm(dim=1).numpy()
    unit = np.allclose(lengths, 1, atol=1e-4)
    parts = [(part, found.latents_of(part.x)) for part in cached.users(SHARES)[1:]]
    return parts if unit else [(part, (z @ diags(lengths)).tocsr()) for part, z in parts]


def stand_in(run: Run, cached: Activations, found: Dictionary, *, metric: str = "ndcg@10") -> pd.DataFrame:
    """The run's test metric with a reconstruction in the place of the activations, and with these taken away: a row for
    base, spliced, mean and zero; recovered, low and high against each way of taking away."""
    model = run.recommender()
    found.on(fingerprint(model.module, cached.site, data_of(run)))
    edits = faithfulness.edits(found, cached.x.mean(axis=0))
    return _recovered(run, model, {name: standing_in(model, cached.site, edit) for name, edit in edits.items()}, metric)


def transcoder(
    run: Run, reads: Activations, makes: Activations, *, k: int = 8, seed: int = 0, **settings
) -> transcoders.Transcoder:
    """A transcoder from activations that `read` gave at one site of a run to those of another, learned on six users of
    ten, stored. settings: those of `transcoder.train`. UserError where the two are not of the same units."""
    same = ("user", "place", "level")
    if len(reads) != len(makes) or not all(np.array_equal(getattr(reads, n), getattr(makes, n)) for n in same):
        raise UserError(f"{reads.site.path} and {makes.site.path} were not read at the same places of the same users")
    inputs = {"reads": reads.fingerprint, "makes": makes.fingerprint, "k": k, "seed": seed, "settings": settings,
              "code": code_hash("probing")}  # fmt: skip

    def make(folder: Path) -> None:
        made = transcoders.train(reads.users(SHARES)[0].x, makes.users(SHARES)[0].x, k=k, seed=seed, **settings)
        about = made.dictionary.about | {"site": reads.site.path, "makes": makes.site.path}
        replace(made, dictionary=replace(made.dictionary, fingerprint=reads.fingerprint, about=about)).save(folder)

    made = transcoders.Transcoder.load(run.bench().store.get("transcoder", inputs, make))
    made.dictionary.on(reads.fingerprint)
    return made


def transcode(
    run: Run, reads: Activations, makes: Activations, made: transcoders.Transcoder, *, metric: str = "ndcg@10"
) -> pd.DataFrame:
    """As `stand_in`, with what a transcoder makes of one site in the place of the other."""
    model, average = run.recommender(), torch.from_numpy(makes.x.mean(axis=0))
    made.dictionary.on(fingerprint(model.module, reads.site, data_of(run)))
    edits = {"mean": lambda y: average.expand_as(y).clone(), "zero": torch.zeros_like}
    blocks = {"spliced": transcoders.standing_in(model, reads.site, makes.site, made)}
    blocks |= {name: standing_in(model, makes.site, edit) for name, edit in edits.items()}
    return _recovered(run, model, blocks, metric)


def _recovered(run: Run, model, blocks: dict[str, AbstractContextManager], metric: str) -> pd.DataFrame:
    """The table of `stand_in`. blocks: spliced, mean and zero, to be entered while the model answers."""
    bench = run.bench()

    def values() -> np.ndarray:
        found = evaluate(model, bench.split.test, bench.split, quiet=True)
        return per_case(metric, found.ranks, found.groups)

    per_user = {"base": values()}
    for name, block in blocks.items():
        with block:
            per_user[name] = values()
    rows = {name: {metric: float(scores.mean())} for name, scores in per_user.items()}
    for name in ("mean", "zero"):
        kept = faithfulness.recovered(per_user["base"], per_user["spliced"], per_user[name])
        rows[name] |= {"recovered": kept.share, "low": kept.low, "high": kept.high, "said": kept.said}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stands in")
