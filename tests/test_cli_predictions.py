"""`workbench predict` and `workbench score`: lists of a run, by user or by a typed history, and predictions made
elsewhere."""
import json

import numpy as np
import pandas as pd
import pytest

from workbench.__main__ import main
from workbench.errors import UserError, unknown_id


@pytest.mark.parametrize("given, nearest", [
    ("1.0", "'1'"), (" 1", "'1'"), ("001", "'1'"), ("ab-7", "'AB-7'"), ("AB-8", "'AB-7'"), ("18", ""), ("x", ""),
])  # fmt: skip
def test_an_unknown_id_is_answered_by_what_it_means(given, nearest):
    text = str(unknown_id("user", given, ["180", "1", "AB-7", *map(str, range(1000, 9000))]))
    hint = f"; did you mean {nearest}?" if nearest else ";"
    assert f"unknown user {given!r}{hint} There are 8,003, such as '180'" in text


def test_recommendations_for_somebody_who_is_not_in_the_log(home, tmp_path, capsys):
    """The history of a test user, typed in or from a file, gets the list of that user; a system that knows users by
    their embedding gives everybody else one list."""
    from workbench.experiment import open_bench

    def predictions(*arguments):
        assert main(["predict", str(run.folder), *arguments]) == 0
        return pd.read_csv(pd.io.common.StringIO(capsys.readouterr().out), dtype=str)

    bench = open_bench("synthetic", profile="smoke", options={"users": 200})
    raw = bench.dataset.items["raw_id"].to_numpy()
    first, second = ([raw[item - 1] for item in bench.split.test.histories.row(n)] for n in (0, 1))
    (tmp_path / "lines.txt").write_text(f"{', '.join(first)}\n\n{','.join(second)}\n")
    rows = [f"{user};{item};{time}" for user, items in (("a", first), ("b", second)) for time, item in enumerate(items)]
    (tmp_path / "table.csv").write_text("\n".join(["user;item;timestamp", *reversed(rows)]))
    for system in ("item_transitions", "bpr_mf"):
        run = bench.fit(system) if system == "item_transitions" else bench.fit(system, epochs=1)
        expected, typed = predictions(), predictions("--history", ",".join(first), ",".join(second))
        assert list(typed["user"].unique()) == ["history 1", "history 2"] and list(typed) == list(expected)
        for option in ("lines.txt", "table.csv"):
            table = predictions("--histories", str(tmp_path / option)).sort_values(["user", "rank"], kind="stable")
            assert sorted(table["item"]) == sorted(typed["item"])
        if system == "item_transitions":
            assert typed["item"].tolist() == expected["item"][:20].tolist()
        else:
            assert typed["item"][:10].tolist() == typed["item"][10:].tolist()
    assert main(["predict", str(run.folder), "--history", f"{first[0]},{first[0]}x"]) == 2
    assert f"unknown item of synthetic '{first[0]}x'" in capsys.readouterr().err
    bench = run.bench()
    assert main(["predict", str(run.folder), "--history", bench.dataset.titles(np.array([3]))[0].upper()]) == 2
    assert "is in the title of the item" in capsys.readouterr().err
    assert main(["predict", str(run.folder), "--history", ","]) == 2
    assert "history 1 has no items" in capsys.readouterr().err


def test_score_agrees_with_our_own_evaluation(home, tmp_path, capsys):
    """Our top-k lists, written to a CSV file and scored as external predictions, give the same metrics."""
    from workbench.evaluate import recommend_all
    from workbench.evaluate.predictions import users_with_predictions
    from workbench.experiment import open_bench

    for masked in (False, True):
        protocol = {"mask_history": masked}
        bench = open_bench("synthetic", profile="paper", options={"users": 200}, protocol=protocol)
        run, histories = bench.fit("item_transitions"), bench.split.test.histories
        lists = recommend_all(run.recommender(), histories, 20, masked=masked)
        raw = bench.dataset.users["raw_id"].to_numpy()[histories.users].repeat(20)
        item = bench.dataset.items["raw_id"].to_numpy()[lists.items.ravel() - 1]
        table = pd.DataFrame({"user": raw, "item": item, "rank": list(range(1, 21)) * len(histories)})
        table.sample(frac=1, random_state=0).to_csv(tmp_path / "predictions.csv", index=False, sep=",\t"[masked])
        arguments = ["score", str(tmp_path / "predictions.csv"), "--dataset", "synthetic", "--option", "users=200"]
        assert main([*arguments, "--protocol", f"mask_history={masked}"]) == 0
        scored = json.loads(capsys.readouterr().out)["metrics"]
        for metric in ("ndcg@10", "recall@20", "mrr@5", "coverage@10", "ndcg@10/head"):
            assert scored[metric] == pytest.approx(run.metrics[metric]), metric
    with pytest.raises(UserError, match=f"none of the {len(histories)} test users has a prediction"):
        users_with_predictions(table.assign(user="x"), bench.dataset, bench.split)


@pytest.mark.parametrize("text, message", [
    ("user,item\nu,i\n", "column rank or score"), ("user,rank\nu,1\n", "'item'; Allowed: rank, user"),
    ("user,item,rank\nnobody,i,1\n", "line 2: user 'nobody' is not in synthetic"),
    ("user\titem\trank\nnobody\ti\t1\n", "line 2: user 'nobody' is not in synthetic"),
    ("user;item;rank\nnobody;i;1\n", "line 2: user 'nobody' is not in synthetic"),
    ("user,item,rank\nu,i,first\n", "line 2, column 'rank': 'first' is not a number"),
    ("user,item,score\nu,i,nan\n", "not a number"), ("user,item,rank\n", "no rows"), ("", "empty"), ("\n\n", "empty"),
])
def test_bad_predictions(home, tmp_path, capsys, text, message):
    (tmp_path / "p.csv").write_text(text)
    assert main(["score", str(tmp_path / "p.csv"), "--dataset", "synthetic"]) in (2, 3)
    assert message in capsys.readouterr().err


def test_score_does_not_overwrite_a_run(home, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["fit", "popularity", "--profile", "smoke", "--option", "users=200", "--out", str(out)]) == 0
    (tmp_path / "p.csv").write_text("user,item,rank\n")
    assert main(["score", str(tmp_path / "p.csv"), "--out", str(out)]) == 2
    assert "holds a run" in capsys.readouterr().err
