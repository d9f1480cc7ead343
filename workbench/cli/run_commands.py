"""The commands that use what is stored: runs, their recommendations, predictions of others, the store itself."""
import json
from pathlib import Path

from workbench.cli import arguments
from workbench.errors import UserError, unknown_id


def predict(run: str, *, users: list = (), history: list = (), histories: str = "", k: int = 10) -> None:
    """Print top-k recommendations of a saved run, with titles, as CSV. --users: raw user ids; default: three users.
    --history: raw item ids of somebody who is not in the log, oldest first, such as 12,7,31; several histories with
    blanks between them. --histories: a file of them, with columns user and item or one history a line. A system that
    reads no histories, such as popularity or bpr_mf, gives all of these the same list."""
    from workbench.evaluate import given_histories as given
    from workbench.evaluate import recommend_all
    from workbench.experiment import load_run

    if bool(users) + bool(history) + bool(histories) > 1:
        raise UserError("--users, --history and --histories exclude each other: give one of them")
    lists = {f"history {n}": given.split_items(text) for n, text in enumerate(history, 1)}
    lists = given.read_histories(Path(histories)) if histories else lists
    run = load_run(run)
    bench = run.bench()
    if lists:
        names, rows = list(lists), given.given_histories(bench.dataset, list(lists.values()))
    else:
        names, rows = _test_users(bench, users)
    recommendations = recommend_all(run.recommender(), rows, k, masked=bench.protocol.mask_history)
    _print_lists(bench.dataset, names, recommendations)


def _test_users(bench, users: list):
    """The raw ids and test histories of these users, or of the first three. UserError for one without a history."""
    import pandas as pd

    user_ids, histories = bench.dataset.users["raw_id"], bench.split.test.histories
    names = list(users) or user_ids.iloc[histories.users[:3]].tolist()
    index = pd.Index(user_ids).get_indexer(names)
    rows = pd.Index(histories.users).get_indexer(index)
    for name, known, row in zip(names, index >= 0, rows):
        if not known:
            raise unknown_id(f"user of {bench.dataset.name}", name, user_ids.tolist())
        if row < 0:
            raise UserError(f"user {name!r} has no test history under this protocol")
    return names, histories.take(rows)


def _print_lists(dataset, names: list[str], lists) -> None:
    """Print recommendations (B, k) as CSV: user, rank, raw item id, title, score."""
    import numpy as np
    import pandas as pd

    k, items = lists.items.shape[1], lists.items.ravel()
    table = pd.DataFrame({
        "user": np.repeat(np.array(names, object), k), "rank": np.tile(np.arange(1, k + 1), len(names)),
        "item": dataset.items["raw_id"].to_numpy()[items - 1], "title": dataset.titles(items),
        "score": lists.scores.ravel(),
    })
    print(table.to_csv(index=False, float_format="%.5f"), end="")


def score(
    file: str, *, dataset: str = "synthetic", protocol: list = (), option: list = (), profile: str = "paper",
    out: str = "",
) -> None:
    """Evaluate predictions from another program under our protocol. FILE: a CSV file with the columns user, item (raw
    ids) and rank (1 is best) or score (higher is better)."""
    from workbench.artifacts import MANIFEST, write_text
    from workbench.evaluate import predictions

    if out and (Path(out) / MANIFEST).exists():
        raise UserError(f"{out} holds a run; name another folder")
    bench = arguments.make_bench(dataset, profile, 0, protocol, option, "auto")
    table = predictions.read_predictions(Path(file))
    split = bench.split
    evaluation = predictions.evaluate_predictions(table, bench.dataset, split, name=file)
    info = {"predictions": Path(file).name, "dataset": dataset, "protocol": split.protocol.dict(),
            "data_hash": split.data_hash, "cases": len(split.test.histories),
            "covered": predictions.users_with_predictions(table, bench.dataset, split),
            "metrics": evaluation.metrics(split.test, split)}
    if out:
        write_text(Path(out) / "metrics.json", json.dumps(info, indent=1))
    print(json.dumps(info, indent=1))


def runs(*, compare: list = (), reproduce: str = "", metric: str = "ndcg@10") -> None:
    """List stored runs and unfinished fits, compare runs, or reproduce one. --compare: folders of two or more runs,
    compared with confidence intervals. --reproduce: the folder of a run, which is trained again; the metrics of both
    are compared."""
    from workbench import evaluate, experiment

    if compare:
        table = evaluate.compare([experiment.load_run(folder) for folder in compare], metric=metric)
        print(table.to_string(float_format="%.4f"))
    elif reproduce:
        print(experiment.reproduce(experiment.load_run(reproduce)).to_string(float_format="%.6f"))
    else:
        for run in experiment.stored_runs():
            protocol, value = run.info["protocol"], run.metrics.get(metric, float("nan"))
            masked = "masked" if protocol["mask_history"] else "unmasked"
            print(f"{run.label}  {run.info['dataset']}  {protocol['split']} {masked}  seed {run.info['seed']}  "
                  f"{metric} {value:.4f}  {run.folder}")
        _print_unfinished()


def _print_unfinished() -> None:
    """The fits that were interrupted, with how to go on or free them."""
    from workbench.artifacts import current_store
    from workbench.prune import age_text, size_text, unfinished_fits

    for fit in unfinished_fits(current_store()):
        state = "being trained now" if fit.busy else f"unfinished, last saved {age_text(fit.used)}"
        print(f"{state}, {size_text(fit.size)} of checkpoints  {fit.path}")
        if not fit.busy:
            print(f"  go on: {fit.label or 'the command or call that began it'}\n"
                  "  free it: workbench prune --kinds checkpoints --days 0 --yes")  # fmt: skip


def prune(*, days: float = 30, kinds: list = (), yes: bool = False) -> None:
    """Show what the store holds and free what is old. Without --yes nothing is deleted. --days: only what was not used
    for so long; what killed processes left half-written has no age. --kinds: only these, such as checkpoints,
    half-written or run; without it, everything but runs. Nothing that a process uses is deleted."""
    from workbench import prune as store_contents
    from workbench.artifacts import current_store

    store, size_text = current_store(), store_contents.size_text
    if days < 0:
        raise UserError(f"--days must be at least 0, not {days:g}")
    names = arguments.split_names(kinds)
    table: dict[str, list] = {}
    for each in store_contents.stored(store):
        table.setdefault(each.kind, []).append(each)
    for kind, group in table.items():
        busy = sum(each.busy for each in group)
        oldest = store_contents.age_text(min(each.used for each in group))
        print(f"{kind:<24}{len(group):>6}  {size_text(sum(each.size for each in group)):>8}  oldest used {oldest}"
              + (f", {busy} in use" if busy else ""))  # fmt: skip
    freed = list(store_contents.prune(store, days=days, kinds=names, yes=yes))
    for each in freed:
        print(f"{'freed' if yes else 'would free'} {size_text(each.size)}: {each.kind} {each.label}  {each.path}")
    total = f"{size_text(sum(each.size for each in freed))} in {len(freed)} folders"
    what = f"of {', '.join(names)}" if names else "besides runs"
    print(f"{'freed' if yes else 'would free'} {total} {what}, not used for {days:g} days"
          + ("" if yes or not freed else "; --yes deletes them"))  # fmt: skip
