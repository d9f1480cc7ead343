"""The probe page of a system: a sparse autoencoder on its activations, the meaning of its latents, and baselines."""
from pathlib import Path

from workbench.errors import UserError
from workbench.experiment import Run
from workbench.experiment.probing.probe import probe as probe_run
from workbench.interfaces import HasCodes
from workbench.probing.dictionaries import baselines
from workbench.show.dashboard.levels import levels_section, names_section
from workbench.show.dashboard.page import write_dashboard

BASELINE_SEEDS = {"pca": (0,), "neurons": (0,), "random": (0, 1, 2)}  # seeds; one for a deterministic baseline
NAMED_LATENTS = 30  # latents that the namer describes, in the order of the page
GENERATIVE_LIMITS = {"users": 32, "latents": 20, "sample": 20}  # where beam search makes the lists


def probe_page(
    run: Run, *, out: Path, site: str = "", kind: str = "topk", k: int = 8, seeds: int = 3, n_latents: int = 100,
    namer: str = "",
) -> Path:  # fmt: skip
    """Train sparse autoencoders on the activations of a system and write the page of its latents to `out`.

    site: name of the activations to read, the default site of the network if empty. kind, k, seeds: kind of the
    autoencoder, active latents per input, and number of training seeds. n_latents: latents on the page, and as many
    sampled at random. namer: describes latents from item titles, see `feature_table.generated_names`. UserError if the
    system has no network to probe.
    """
    if min(k, seeds, n_latents) < 1:
        raise UserError(f"k={k}, seeds={seeds}, latents={n_latents}: each must be 1 or more")
    probe = probe_run(run, site)
    saes = {kind: [probe.sae(kind, k=k, seed=seed) for seed in range(seeds)]}
    sae = saes[kind][0]
    for name, baseline_seeds in BASELINE_SEEDS.items():
        size = {"latents": sae.latents} if "latents" in baselines.settings_of(name) else {}
        saes[name] = [probe.sae(name, k=k, seed=seed, **size) for seed in baseline_seeds]
    comparison = probe.compare(saes, ours=kind)
    all_limits = {"latents": n_latents, "sample": n_latents}
    limits = GENERATIVE_LIMITS if isinstance(run.recommender(), HasCodes) else all_limits
    content = sae.dashboard(**limits)
    levels = levels_section(run, probe.activations, {kind: sae.dictionary, "pca": saes["pca"][0].dictionary})
    if namer:
        levels += names_section(sae.names(content.latents.index[:NAMED_LATENTS].tolist(), namer), namer)
    return write_dashboard(run.bench(), content, Path(out), comparison=comparison, levels=levels)
