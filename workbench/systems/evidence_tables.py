"""The figures of all stored studies as Markdown: one table of what finds sets of targets, and one a benchmark else."""
from dataclasses import asdict
from itertools import groupby
from typing import Any

from workbench.data.protocol import Protocol
from workbench.systems import evidence, names

COLUMNS = ("system", "on", "off", "placebo", "on - off", "on - placebo", "epoch", "seeds", "verdict")
BEST = "best baseline"
OF_SETS = ("system", "benchmark", "parent", *COLUMNS[1:6], BEST, f"on - {BEST}", *COLUMNS[6:])
HEADER = """# What the idea of each system is worth

Generated from the stored studies: `workbench systems --form evidence > reports/evidence.md`. One table of what finds
sets of targets, then one for each other benchmark: dataset (its options), protocol where it is not the default, metric
on test, profile. *on* is the system, *off* the same with its idea switched off, *placebo* with an input that says
nothing; [95 % intervals] hold cases and training seeds, differences are paired. Beside a name: settings that are not
the defaults of its file. *epoch*: seconds of one with the idea, as a multiple of one without. Above each table what
needs no training, or acts by a fixed rule, the best first. A difference counts where its interval leaves zero out; a
dash is not measured. Items with the same semantic ID: one more code tells them apart (dedup), where no other policy=
stands beside a name; the parallel codes of `recgpt` and `reg4rec` stay shared (none), with metrics corrected for it.

"""
SETS = """## Sets of targets

Everything under split=ratio: a share of each user's events is held out and all of it is to be found, ranked among all
items unless a benchmark says otherwise. The systems on graphs, knowledge and several modalities are meant for this.
*parent*: what a system is with its idea off. The baselines first, for each benchmark the best first.

"""


def markdown_page() -> str:
    """The page reports/evidence.md."""
    studies = [each for name in names() for each in evidence.stored(name)]
    studies.sort(key=lambda each: (_benchmark(each), -each.study["rows"]["on"]["mean"]))
    sets = [each for each in studies if each.study["protocol"]["split"] == "ratio"]
    groups = groupby((each for each in studies if each not in sets), key=_benchmark)
    sections = [_section(title, list(group)) for title, group in groups]
    return HEADER + "\n".join([_sets(sets)] * bool(sets) + sections)


def _benchmark(each: evidence.Evidence) -> str:
    """What two studies have in common that stand in one table."""
    study = each.study
    usual = asdict(Protocol(split=study["protocol"]["split"])) | {"split": Protocol.split}
    differs = [f"{name}={_plain(value)}" for name, value in study["protocol"].items()
               if name != "ties" and _plain(usual[name]) != _plain(value)]  # ties: the source says
    return ", ".join([each.data(), *differs, study["metric"], study["profile"]])


def _plain(value: Any) -> str:
    return ":".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _sets(studies: list[evidence.Evidence]) -> str:
    """One table of all studies with sets of targets, below the baselines of their benchmarks."""
    lines, rows = [], []
    for title, group in groupby(studies, key=lambda each: _benchmark(each).replace(" split=ratio,", "")):
        group = list(group)
        lines += [f"- {title}: {_best_first(_baselines(group))}"]
        for each in _own_rows(group):
            system, *cells = _row(each)
            best, found = each.study["best_baseline"], each.study["differences"].get("on - baseline")
            mean = f"`{best}` {each.study['rows'][best]['mean']:.4f}" if best else "—"
            parent = f"`{each.study['parent']}`" if each.study["parent"] else "—"
            rows += [[system, title, parent, *cells[:5], mean, _difference(found), *cells[5:]]]
    return SETS + "\n".join(lines) + f"\n\n{_table(OF_SETS, rows)}\n"


def _section(title: str, group: list[evidence.Evidence]) -> str:
    """Heading, baselines in one line, and a table of the studies of one benchmark."""
    line = _best_first(_baselines(group)) or "No baseline."
    return f"## {title}\n\n{line}\n\n{_table(COLUMNS, [_row(each) for each in _own_rows(group)])}".rstrip() + "\n"


def _baselines(group: list[evidence.Evidence]) -> dict[str, float]:
    return {name: row["mean"] for each in group for name, row in each.study["rows"].items()
            if name not in ("on", "off", "placebo")}  # fmt: skip


def _best_first(means: dict[str, float]) -> str:
    return ", ".join(f"`{name}` {means[name]:.4f}" for name in sorted(means, key=means.get, reverse=True))


def _own_rows(group: list[evidence.Evidence]) -> list[evidence.Evidence]:
    """Those that say more than the line of baselines does."""
    baselines = _baselines(group)
    return [each for each in group if each.system not in baselines or "off" in each.study["rows"]]


def _table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)) if rows else ""


def _row(each: evidence.Evidence) -> list[str]:
    rows, differences, cost = each.study["rows"], each.study["differences"], each.study.get("cost") or {}
    on = rows["on"]
    cells = [" ".join([f"[`{each.system}`](results/systems/{each.path.name})", *each.changed()])]
    cells += [f"{on['mean']:.4f} [{on['low']:.4f}, {on['high']:.4f}]"]
    cells += [f"{rows[arm]['mean']:.4f}" if arm in rows else "—" for arm in ("off", "placebo")]
    cells += [_difference(differences.get(f"on - {arm}")) for arm in ("off", "placebo")]
    cells += [f"{cost['epoch']:.1f}" if cost.get("epoch") else "—", str(len(each.study["seeds"]))]
    return [*cells, each.verdict + f" ({evidence.STALE})" * each.stale]


def _difference(found: dict[str, float] | None) -> str:
    return f"{found['mean']:+.4f} [{found['low']:.4f}, {found['high']:.4f}]" if found else "—"
