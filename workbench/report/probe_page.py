"""The page of a system's latents: everything a probe found, stage by stage, in one offline file."""
from pathlib import Path

from workbench.errors import UserError
from workbench.experiment import Run
from workbench.experiment.probing import feature_dashboard, train_sae
from workbench.experiment.probing.compare_dictionaries import claims
from workbench.experiment.probing.feature_table import latents, named
from workbench.probing.dictionaries import baselines
from workbench.show.dashboard.levels import by_level, by_namer
from workbench.show.dashboard.page import dashboard

SMALL = {"latents": 256, "epochs": 30, "batch": 512}  # where a profile wants it quick
RIVALS = {"pca": (0,), "neurons": (0,), "random": (0, 1, 2)}  # seeds: where none is drawn one is enough
NAMED = 30  # latents that are put to a namer, those of largest certified effect
SPELLED = {"users": 32, "latents": 20, "sample": 20}  # of an atlas where lists are searched for, not scored


def latents_page(
    run: Run, *, out: Path, path: str = "", kind: str = "topk", k: int = 8, seeds: int = 3, shown: int = 100,
    namer: str = "",
) -> Path:  # fmt: skip
    """Take apart what flows at a place of a trained system's network, and write the page of its latents to `out`.

    path: the place, the usual one if empty. kind, k, seeds: of the autoencoder; one of `probe.sae.FORMS`. shown:
    latents on the page, and as many drawn at random. namer: who names them by
    titles, see `latents.named`. UserError where the system has no network that can be read.
    """
    if min(k, seeds, shown) < 1:
        raise UserError(f"k={k}, seeds={seeds}, latents={shown}: each must be 1 or more")
    bench, read = run.bench(), train_sae.read(run, train_sae.site(run, path))
    learned = SMALL if bench.profile.name == "smoke" else {}
    ours = [(read, train_sae.dictionary(run, read, kind=kind, k=k, seed=seed, **learned)) for seed in range(seeds)]
    found, rivals = ours[0][1], {}
    for name, drawn in RIVALS.items():
        size = {"latents": found.latents} if "latents" in baselines.takes(name) else {}
        rivals[name] = [(read, train_sae.dictionary(run, read, kind=name, k=k, seed=seed, **size)) for seed in drawn]
    told = claims(run, {kind: ours} | rivals, ours=kind)
    asked = SPELLED if hasattr(run.recommender(), "codes") else {"latents": shown, "sample": shown}
    made = feature_dashboard.atlas(run, read, found, latents(run, read, found), **asked)
    levels = by_level(run, read, {kind: found, "pca": rivals["pca"][0][1]})
    if namer:
        levels += by_namer(named(run, read, found, made.latents.index[:NAMED].tolist(), namer), namer)
    return dashboard(bench, made, Path(out), told=told, levels=levels)
