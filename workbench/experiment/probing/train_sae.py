"""Stages of probing a stored run: activations at a site, dictionaries of them, and the metric recovered by these."""
import re
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix, diags

from workbench.artifacts import digest
from workbench.errors import UserError, check_names
from workbench.evaluate import evaluate, per_case
from workbench.experiment.run import Run
from workbench.interfaces import Traceable, item_embeddings
from workbench.probing.activations import store
from workbench.probing.activations.hooks import Site, fingerprint, module_at
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import concept_test
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.dictionaries import baselines, recsae, sae
from workbench.probing.dictionaries import transcoder as transcoders
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.probing.interventions.faithfulness import patched
from workbench.progress import track
from workbench.stages import stage

SHARES = (0.6, 0.2, 0.2)  # of the users: to train on, to discover on, to test on
TRAINED = (*sae.SAE_KINDS, "recsae")
KINDS = (*TRAINED, *baselines.KINDS, "items")


def choose_site(run: Run, path: str = "") -> Site:
    """The site of a run's network with this module name. Without one the default site: the output of the middle block,
    or in a network without blocks `norm`, or the user embedding.

    Raises UserError where the system has no network to probe, or the network has no such module.
    """
    model = run.recommender()
    if not isinstance(model, Traceable):
        raise UserError(f"{run.system} has no network to probe; choose a system with one, such as sasrec or tiger")
    names = [name for name, _ in model.module.named_modules()]
    blocks = [name for name in names if re.fullmatch(r"blocks\.\d+\.out", name)]
    defaults = [*blocks[(len(blocks) - 1) // 2 :][:1], *(name for name in ("norm", "user") if name in names)]
    if not path and not defaults:
        known = ", ".join(filter(None, names))
        raise UserError(f"{run.system} has no default site; name a module with site=, one of {known}")
    site = Site(path or defaults[0])
    module_at(model.module, site)
    return site


def data_fingerprint(run: Run) -> str:
    """The data hash and the settings of a run: the part of a fingerprint that weights and site do not determine."""
    return f"{run.info['data_hash']} {digest(run.info['settings'])}"


@stage("activations")
def read_activations(run: Run, site: Site, *, trained: bool = True) -> Activations:
    """Activations of a run's network at every event of the train histories, stored.

    trained: False for a control, the same network before training. Raises UserError as `record_activations`.
    """
    bench = run.bench()
    model = run.recommender() if trained else run.untrained()
    return store.record_activations(model, site, bench.split.train, data_hash=data_fingerprint(run))


@stage("dictionary")
def train_dictionary(
    run: Run, activations: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, **settings
) -> Dictionary:
    """A dictionary of activations as of `read_activations`, trained on six users of ten, stored.

    kind: one of `sae.SAE_KINDS` or recsae, with `settings` of `sae.train` or `recsae.train`; one of `baselines.KINDS`,
    with settings in `baselines.settings_of(kind)`; or items: the run's item embeddings as directions. Raises UserError
    for an unknown kind or setting, naming the nearest, and where the item embeddings do not have the site's width.
    """
    check_names("kind of dictionary", (kind,), KINDS)
    embeddings = _item_embeddings(run, activations) if kind == "items" else None
    x = activations.split_users(SHARES)[0].x
    if kind in sae.SAE_KINDS:
        dictionary = sae.train(x, kind=kind, k=k, seed=seed, **settings)
    elif kind == "recsae":
        dictionary = recsae.train(x, k=k, seed=seed, **settings)
    elif embeddings is not None:
        dictionary = baselines.items(x, embeddings, k)
    else:
        dictionary = baselines.fit_baseline(kind, x, k=k, seed=seed, **settings)
    about = dictionary.about | {"site": activations.site.path}
    return replace(dictionary, fingerprint=activations.fingerprint, about=about)


def _item_embeddings(run: Run, activations: Activations) -> np.ndarray:
    """(I, D) item embeddings of the network as trained."""
    weight = item_embeddings(run.recommender())
    if weight is None or weight.shape[1] != activations.x.shape[1]:
        width = "none" if weight is None else f"of width {weight.shape[1]}"
        raise UserError(f"{run.label}: kind items needs item embeddings as wide as {activations.site.path}, "
                        f"{activations.x.shape[1]}; this network has {width}")  # fmt: skip
    return weight.detach().cpu().numpy()[1:]


def sparsity_sweep(
    run: Run, activations: Activations, *, kinds: tuple[str, ...], ks: tuple[int, ...], latents: int = 0,
    epochs: int = 50, batch: int = 4096,
) -> pd.DataFrame:  # fmt: skip
    """Reconstruction metrics of dictionaries of several kinds and sparsities on test users, one row per kind and k."""
    settings = {"latents": latents, "epochs": epochs, "batch": batch}
    test, rows = activations.split_users(SHARES)[2].x, []
    for kind, k in track([(kind, k) for kind in kinds for k in ks], "sweep", unit="dictionaries", stages=True):
        accepted = settings if kind in TRAINED else baselines.settings_of(kind)
        own_settings = {name: value for name, value in settings.items() if name in accepted}
        dictionary = train_dictionary(run, activations, kind=kind, k=k, **own_settings)
        rows.append({"kind": kind, "k": k} | faithfulness.evaluate_reconstruction(dictionary, test, same_site=True))
    return pd.DataFrame(rows)


def concept_table(
    run: Run, activations: Activations, dictionary: Dictionary, *, source: str = "last", draws: int = 999, seed: int = 0
) -> pd.DataFrame:
    """The significant concept of each latent: `concept_test` on the discovery and test users. seed: of the item halves
    and the permutations."""
    bench = run.bench()
    concepts, counts = item_concepts(bench.dataset, bench.split), bench.split.train_counts()
    train = bench.split.train
    splits = discovery_and_test(activations, dictionary)
    return concept_test(*splits, concepts, counts, source=source, histories=train, draws=draws, seed=seed)


def check_table(table: pd.DataFrame, dictionary: Dictionary) -> pd.DataFrame:
    """The table, if it has one row per latent of the dictionary. Raises UserError otherwise."""
    if len(table) != dictionary.latents:
        sizes = f"the table has {len(table)} rows, the dictionary {dictionary.latents} latents"
        raise UserError(f"{sizes}: the table belongs to another dictionary")
    return table


def discovery_and_test(activations: Activations, dictionary: Dictionary) -> list[tuple[Activations, csr_matrix]]:
    """The positions of the discovery users and of the test users, neither of which the dictionary was trained on, each
    with its latents (n, m) in units of the site, z_j |w_j|. Raises UserError where the dictionary was trained at
    another site."""
    lengths = dictionary.check_site(activations.fingerprint).decoder.norm(dim=1).numpy()
    unit = np.allclose(lengths, 1, atol=1e-4)
    splits = [(split, dictionary.encode_sparse(split.x)) for split in activations.split_users(SHARES)[1:]]
    return splits if unit else [(split, (z @ diags(lengths)).tocsr()) for split, z in splits]


def metric_recovered(
    run: Run, activations: Activations, dictionary: Dictionary, *, metric: str = "ndcg@10"
) -> pd.DataFrame:
    """The run's test metric with the activations unchanged (base), replaced by the reconstruction (spliced), by their
    mean and by zeros, one row each; recovered, with its interval low to high, against mean and zero ablation."""
    model = run.recommender()
    dictionary.check_site(fingerprint(model.module, activations.site, data_fingerprint(run)))
    edits = faithfulness.replacement_edits(dictionary, activations.x.mean(axis=0))
    patches = {name: patched(model, activations.site, edit) for name, edit in edits.items()}
    return _recovered(run, model, patches, metric)


@stage("transcoder")
def train_transcoder(
    run: Run, inputs: Activations, outputs: Activations, *, k: int = 8, seed: int = 0, **settings
) -> transcoders.Transcoder:
    """A transcoder from the activations at one site of a run to those at another, trained on six users of ten, stored.
    settings: those of `transcoder.train`. Raises UserError where the two are not of the same positions."""
    keys = ("user", "position", "level")
    if len(inputs) != len(outputs) or not all(np.array_equal(getattr(inputs, n), getattr(outputs, n)) for n in keys):
        raise UserError(f"{inputs.site.path} and {outputs.site.path} were not read at the same positions of the same "
                        "users")  # fmt: skip
    x, y = (activations.split_users(SHARES)[0].x for activations in (inputs, outputs))
    transcoder = transcoders.train(x, y, k=k, seed=seed, **settings)
    about = transcoder.dictionary.about | {"site": inputs.site.path, "output_site": outputs.site.path}
    dictionary = replace(transcoder.dictionary, fingerprint=inputs.fingerprint, about=about)
    return replace(transcoder, dictionary=dictionary)


def metric_recovered_by_transcoder(
    run: Run, inputs: Activations, outputs: Activations, transcoder: transcoders.Transcoder, *, metric: str = "ndcg@10"
) -> pd.DataFrame:
    """As `metric_recovered`, with the output site replaced by the transcoder's prediction from the input site."""
    model, mean = run.recommender(), torch.from_numpy(outputs.x.mean(axis=0))
    transcoder.dictionary.check_site(fingerprint(model.module, inputs.site, data_fingerprint(run)))
    edits = {"mean": lambda y: mean.expand_as(y).clone(), "zero": torch.zeros_like}
    patches = {"spliced": transcoders.patched_by_transcoder(model, inputs.site, outputs.site, transcoder)}
    patches |= {name: patched(model, outputs.site, edit) for name, edit in edits.items()}
    return _recovered(run, model, patches, metric)


def _recovered(run: Run, model, patches: dict[str, AbstractContextManager], metric: str) -> pd.DataFrame:
    """The table of `metric_recovered`. patches: spliced, mean and zero, contexts in which the model is evaluated."""
    bench = run.bench()

    def values() -> np.ndarray:
        evaluation = evaluate(model, bench.split.test, bench.split, quiet=True)
        return per_case(metric, evaluation.ranks, evaluation.groups)

    per_user = {"base": values()}
    for name, patch in patches.items():
        with patch:
            per_user[name] = values()
    rows = {name: {metric: float(scores.mean())} for name, scores in per_user.items()}
    for name in ("mean", "zero"):
        recovered = faithfulness.recovered(per_user["base"], per_user["spliced"], per_user[name])
        rows[name] |= {"recovered": recovered.share, "low": recovered.low, "high": recovered.high,
                       "text": recovered.text}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("replacement")
