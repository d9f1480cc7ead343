"""wb.probe: a network read at a site, its autoencoders as objects, and one clear error for each slip."""
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench("synthetic-chain", profile="smoke", options={"users": 200, "items": 60})


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def probe(run):
    return wb.probe(run, "blocks.0.out")


@pytest.fixture(scope="module")
def sae(probe):
    return probe.sae(k=4, latents=48, epochs=3)


def test_objects_give_what_the_stages_give(run, probe, sae):
    activations = train_sae.read_activations(run, Site("blocks.0.out"))
    settings = {"latents": 48, "epochs": 3, "batch": 512}
    dictionary = train_sae.train_dictionary(run, activations, k=4, **settings)
    assert (probe.activations.x == activations.x).all() and sae.dictionary.key == dictionary.key
    pd.testing.assert_frame_equal(sae.recovered(), train_sae.metric_recovered(run, activations, dictionary))
    assert len(sae.features) == sae.latents == 48 and sae.reconstruct(activations.x).shape == activations.x.shape


def test_the_network_before_training_is_another_site(probe):
    assert probe.untrained().activations.fingerprint != probe.activations.fingerprint
    assert wb.probe(probe.run).site == probe.site, "the default is the middle block"


def test_smoke_sizes_fill_what_is_not_chosen(probe):
    sizes = probe.sae(k=4, epochs=2).dictionary.about
    assert sizes["latents"] == min(256, len(probe.activations) // 2) and sizes["epochs"] == 2
    assert probe.sae("pca", k=4).latents == 2 * probe.activations.x.shape[1]


def test_a_comparison_names_its_columns(probe, sae):
    table = probe.compare({"topk": [sae], "pca": [probe.sae("pca", k=4)]}, splits=2)
    assert {"activation in significant latents", "difference", "low", "high"} <= set(table) and table.attrs["caption"]


def test_slips_are_answered(bench, probe, sae):
    with pytest.raises(UserError, match="popularity has no network to probe"):
        wb.probe(bench.fit("popularity"))
    with pytest.raises(UserError, match="did you mean 'blocks.0.out'"):
        wb.probe(probe.run, "blocks.0.outt")
    with pytest.raises(UserError, match="unknown kind of dictionary 'topkk'; did you mean 'topk'"):
        probe.sae("topkk")
    with pytest.raises(UserError, match="latents must be 0 or more, not -3"):
        probe.sae(latents=-3)
    with pytest.raises(UserError, match="latents 0 to 47"):
        sae.dose_response(48)
    with pytest.raises(UserError, match="sasrec.* decodes no semantic IDs; tiger does"):
        wb.inspect_decoder(probe.run)


def test_runs_may_be_one_run_and_nothing_else(bench, run):
    audit = wb.audit(bench, run, only=("data", "systems"))
    assert list(audit.cards) == ["data", "systems"] and audit.runs == [run]
    assert wb.inspect_cases(bench, run).runs == [run]
    with pytest.raises(UserError, match="this audit did not measure 'graph', only data, systems"):
        audit.graph  # noqa: B018
    with pytest.raises(UserError, match="unknown card of an audit 'grahp'"):
        wb.audit(bench, run, only=("grahp",))
    with pytest.raises(UserError, match="runs must be a list, each a run.* not .sasrec."):
        wb.audit(bench, "sasrec")
    with pytest.raises(UserError, match="compare takes runs, not names"):
        wb.compare(["sasrec"])


def test_budgets_fit_the_profile_and_the_decoder(probe):
    from workbench.experiment.probing import probe as probing

    assert probe.budget(probing.ABLATIONS) == {"latents": 3, "controls": 99}
    assert all(sizes["controls"] >= 20 * sizes["latents"] for sizes in probing.ABLATIONS.values())


def test_an_autoencoder_reads_the_site_it_was_trained_on_and_no_other(bench, probe, sae):
    z = sae.encode(probe.activations)
    assert z.shape == (len(probe.activations), 48) and z.nnz
    shorter = bench.fit("sasrec", epochs=1, width=32, layers=1)
    for other in (probe.untrained(), wb.probe(probe.run, "norm"), wb.probe(shorter)):
        assert other.activations.x.shape[1] == probe.activations.x.shape[1], "as wide, so only the fingerprint can tell"
        with pytest.raises(UserError, match="this dictionary was trained at blocks.0.out .* are others"):
            sae.encode(other.activations)
        with pytest.raises(UserError, match="are others"):
            sae.dictionary.encode_sparse(other.activations)
    with pytest.raises(UserError, match="activations must be .*probe.run..activations, not a ndarray"):
        sae.encode(probe.activations.x)
    with pytest.raises(UserError, match="blocks.0.out of width 32; these activations have 31"):
        sae.reconstruct(probe.activations.x[:, :31])
