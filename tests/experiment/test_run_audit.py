"""The whole audit: on synthetic worlds with known dynamics, and on logs that lack columns."""
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audits import audit_gru4rec, checked
from html_document import Document, inert

from workbench import show
from workbench.__main__ import main
from workbench.diagnose.verdict.rules import verdict
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.audit import run_audit, sections
from workbench.experiment.audit.audit_result import Audit
from workbench.experiment.bench import Bench
from workbench.report import audit_page


def ablation_name(audit: Audit) -> str:
    """The full name of the history ablation card, whose system has settings in its label."""
    return next(name for name in audit.cards if name.startswith("history ablation: gru4rec"))


def test_a_second_audit_is_read_from_the_store(chain):
    before = {path for path in chain.bench.store.root.glob("*/*")}
    again = run_audit.audit(chain.bench, chain.runs)
    assert {path for path in chain.bench.store.root.glob("*/*")} == before
    for name, card in chain.cards.items():
        pd.testing.assert_frame_equal(again.cards[name].table(), card.table())


def test_systems_are_compared_over_training_seeds(chain):
    audit = run_audit.audit(chain.bench, chain.runs, only=("systems", "shortcuts", "history ablation"), seeds=2)
    label = chain.runs[0].label
    assert [run.info["seed"] for run in audit.runs] == [0, 1] and {run.label for run in audit.runs} == {label}
    assert audit.systems.tables["systems"].loc[label, "seeds"] == 2
    by_seed, ssi = audit.shortcuts.tables["by seed"], audit.shortcuts["SSI"]
    assert by_seed.index.tolist() == [0, 1] and by_seed["share"].min() < ssi.value < by_seed["share"].max()
    assert by_seed["share"][0] == pytest.approx(chain.shortcuts["SSI"].value) and "trained with 2 seeds" in ssi.note
    assert "One seed" in chain.shortcuts["SSI"].note
    assert audit.shortcuts.about == f"{label}: mean over training seeds 0, 1"
    assert audit.history_ablation().about == f"{label}: one training seed, 0"
    again = run_audit.audit(chain.bench, audit.runs, only=("shortcuts",), seeds=2)
    assert again.shortcuts["SSI"] == ssi and len(again.runs) == 2


def test_only_what_is_asked_for_is_fitted(chain, monkeypatch):
    monkeypatch.setattr(Bench, "fit", lambda *_, **__: pytest.fail("something was fitted"))
    audit = run_audit.audit(chain.bench, chain.runs, only=("graph", "history ablation"))
    assert list(audit.cards) == ["graph", ablation_name(chain)] and not audit.baselines
    with pytest.raises(UserError, match="did you mean 'graph'"):
        run_audit.audit(chain.bench, chain.runs, only=("grahp",))
    with pytest.raises(UserError, match="seeds=-1"):
        run_audit.audit(chain.bench, chain.runs, seeds=-1)


def test_nothing_follows_from_a_network_whose_training_was_cut_off(chain, tmp_path):
    run = chain.bench.fit("gru4rec", epochs=3, lr=5e-3)
    assert run.still_rising and not chain.runs[0].still_rising
    audit = run_audit.audit(chain.bench, [run])
    first, *others = audit.sentences
    assert first.kind == "No conclusion" and "validation still rose when training stopped (seed 0 after" in first.text
    assert not any(run.label in sentence.text for sentence in others)
    quoting = [card for name, card in audit.cards.items() if run.label in name or name in run_audit.COMPARING]
    others = [card for card in audit.cards.values() if card not in quoting]
    assert len(quoting) == 7 and not any(card.caution for card in others)
    for card in quoting:
        assert card.caution.startswith(f"No conclusion about {run.label}: validation still rose")
        assert card.caution in repr(show.table(card)) and "✓" not in repr(show.table(card))
    for card in (audit.systems, audit.memorization, audit.history_ablation()):
        assert "No conclusion about" in show.plot_card(card).layout.title.text.replace("<br>", " ")
    text = Document(audit_page(audit, out=tmp_path / "page.html").read_text()).text
    assert text.count("validation still rose when training stopped") > len(quoting)


def test_every_sentence_gives_its_number_of_cases(chain):
    for sentence in chain.sentences:
        figures = [figure for figure in chain.cards[sentence.card].figures if figure.name in sentence.figures]
        shares = [figure for figure in figures if np.isfinite(figure.low)]
        assert any(f"{figure.n:,}" in sentence.text for figure in shares or figures), sentence.text


def test_a_chain_is_solved_by_its_last_item(chain):
    ablation = chain.history_ablation()
    assert abs(ablation["OS keep last 1"].value) < 0.05 < 0.9 < ablation["HD_1"].value
    assert 0.85 < chain.shortcuts["SSI"].value < 1.3 and chain.graph["CR_1"].value > 0.9
    conclusions = {(sentence.kind, sentence.card) for sentence in chain.sentences}
    assert ("It cannot show", ablation_name(chain)) in conclusions and ("It can show", "shortcuts") not in conclusions


@pytest.mark.slow
def test_a_lag_of_five_is_not():
    lag = audit_gru4rec(open_bench("synthetic-lag5", profile="smoke", options={"users": 1000, "items": 40}),
                  epochs=15, dropout=0.0)  # fmt: skip
    ablation = lag.history_ablation()
    assert ablation["HD_5"].low > ablation["HD_1"].high + 0.2 and ablation["OS keep last 1"].value > 0.3
    assert lag.shortcuts["SSI"].value < 0.6
    assert lag.sentences[0].kind == "No conclusion", "its validation score still rises after 15 epochs"
    trained_on = {name: replace(card, undertrained={}) for name, card in lag.cards.items()}
    conclusions = {(sentence.kind, sentence.card) for sentence in verdict(trained_on)}
    assert ("It can show", "shortcuts") in conclusions and ("It cannot show", "shortcuts") not in conclusions
    checked(lag)


def test_a_walk_is_in_its_texts_and_not_in_its_transitions(chain):
    walk = run_audit.audit(open_bench("synthetic-walk", profile="smoke", options={"users": 1500, "items": 1500}))
    features, graph = walk.features, walk.graph
    assert features["AUC_f"].value > 0.9 and features["AUC_f"].significant and graph["TC_1"].value < 0.5
    assert chain.graph["TC_1"].value > graph["TC_1"].value + 0.3
    assert any(sentence.card == "features" and sentence.kind == "Read its numbers with care"
               for sentence in walk.sentences)  # fmt: skip


def logs() -> dict[str, dict]:
    """Small logs by what they lack: columns of a csv."""
    rng = np.random.default_rng(0)
    users, items, times = np.repeat(np.arange(40), 6), rng.integers(0, 30, 240), rng.integers(1e9, 1.5e9, 240)
    few, one = np.repeat(np.arange(40), 3), np.arange(20)
    return {
        "no times": {"user": users, "item": items},
        "one time": {"user": users, "item": items, "timestamp": times * 0 + 10**9},
        "one user": {"user": one * 0, "item": one % 9, "timestamp": one + 10**9},
        "one user, no item twice": {"user": one * 0, "item": one, "timestamp": one + 10**9},
        "no item twice": {"user": users, "item": np.arange(240), "timestamp": times},
        "three events each": {"user": few, "item": items[:120], "timestamp": times[:120]},
        "no item twice and three each": {"user": few, "item": np.arange(120), "timestamp": times[:120]},
        "one item": {"user": users, "item": items * 0, "timestamp": times},
        "repeats only": {"user": users, "item": users % 15, "timestamp": times},
    }


REASONS = {
    "no times": [("data", "no timestamps"), ("splits", "no order to split by")],
    "one time": [("data", "the same time")],
    "one user": [("systems", "one test case")],
    "one user, no item twice": [("graph", "no last item of a test case has a transition")],
    "no item twice": [("splits", "scores 0 under leave-one-out"), ("graph", "no target occurs in train")],
    "three events each": [("graph", "no transition in train")],
    "one item": [("data", "equally frequent"), ("splits", "all systems tie")],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", logs())
def test_what_cannot_be_measured_says_why_and_the_rest_comes(name, tmp_path):
    pd.DataFrame(logs()[name]).to_csv(tmp_path / "log.csv", index=False)
    bench = open_bench("csv", profile="smoke", options={"path": str(tmp_path / "log.csv")})
    audit = run_audit.audit(bench)
    values = checked(audit)
    assert "no item features" in audit.features.unmeasured["features"]
    assert "no trained system" in audit.shortcuts.unmeasured["shortcuts"]
    assert audit.data["users"].value == bench.dataset.n_users and values["verdict"]
    for card, why in REASONS.get(name, ()):
        assert any(why in reason for reason in audit.cards[card].unmeasured.values()), (card, why)
    inert(audit_page(audit, out=tmp_path / "page.html").read_text())


def test_a_wrong_name_is_an_error_before_anything_is_trained(chain, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Bench, "fit", lambda *_, **__: pytest.fail("something was trained"))
    other = open_bench("synthetic-chain", profile="smoke", options=chain.bench.options,
                       protocol={"mask_history": True})  # fmt: skip
    folder = str(chain.runs[0].folder)
    mistakes = {"gru4recc": "did you mean 'gru4rec'", "popularity": "counted, not trained",
                str(tmp_path): "is not a run", folder: "another protocol"}  # fmt: skip
    for name, why in mistakes.items():
        with pytest.raises(UserError, match=why):
            run_audit.fit_or_load(other, ["gru4rec", name])
    with pytest.raises(UserError, match="another protocol"):
        run_audit.audit(other, chain.runs)
    (tmp_path / "file").write_text("old")
    for arguments, why in ((["--retrain", "gru4recc"], "did you mean 'gru4rec'"),
                           (["--out", str(tmp_path)], "not the name of a page"),
                           (["--out", str(tmp_path / "x.json")], "not the name of a page"),
                           (["--out", str(tmp_path / "file" / "x.html")], "cannot be written")):  # fmt: skip
        assert main(["audit", "--out", str(tmp_path / "x.html"), *arguments]) in (1, 2)
        assert re.fullmatch(f"workbench: .*{why}.*\n", capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_audit_resumes(tmp_path, monkeypatch, capsys):
    options = ["--profile", "smoke", "--seed", "7", "--option", "users=200", "items=100"]
    command = ["audit", *options, "--out", str(tmp_path / "page.html")]
    monkeypatch.setattr(sections, "feature_smoothness", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(command) == 130 and "workbench: interrupted; " in capsys.readouterr().err
    bench = open_bench("synthetic", profile="smoke", seed=7, options={"users": 200, "items": 100})
    assert not list(bench.store.root.rglob("*.part")) and not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(sections, "data_card", None)  # measured before the interruption, so read from the store
    assert main(command) == 0 and {path.name for path in tmp_path.iterdir()} == {"page.html", "page.json"}


def test_every_card_is_an_attribute(chain):
    for name, card in chain.cards.items():
        attribute = getattr(chain, name.partition(":")[0].replace(" ", "_"))
        assert card is (attribute() if ":" in name else attribute)
    label = chain.runs[0].label
    assert chain.decoding("gru4rec") is chain.decoding(label) is chain.cards[f"decoding: {label}"]
    with pytest.raises(UserError, match="no card of retrained"):
        chain.retrained()
    with pytest.raises(UserError, match="unknown system .*history ablation.*Allowed: gru4rec"):
        chain.history_ablation("gru4re")
    several = replace(chain, cards=chain.cards | {"decoding: sasrec": chain.decoding()})
    with pytest.raises(UserError, match=r"several systems have a card of decoding: gru4rec.*, sasrec; name one"):
        several.decoding()
    assert several.decoding("sasrec") is chain.decoding()


