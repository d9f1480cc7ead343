"""The figures of all stored studies, one table for each benchmark, as Markdown."""
from dataclasses import asdict
from itertools import groupby
from typing import Any

from workbench.data.protocol import Protocol
from workbench.systems import evidence, names

COLUMNS = ("system", "on", "off", "placebo", "on - off", "on - placebo", "epoch", "seeds", "verdict")
HEADER = """# What the idea of each system is worth

Generated from the stored studies: `workbench systems --form evidence > reports/evidence.md`. A table for each
benchmark: dataset, protocol where it is not the default, metric on test, profile. *on* is the system, *off* the same
with its idea switched off, *placebo* with an input that says nothing; [95 % intervals] hold cases and training seeds,
differences are paired. Beside a name: settings that are not the defaults of its file. *epoch*: seconds of one with the
idea, as a multiple of one without. Above each table what needs no training, or acts by a fixed rule, the best first. A
difference counts where its interval leaves zero out; a dash is not measured. Items with the same semantic ID: one more
code tells them apart (dedup), where no other policy= stands beside a name; the parallel codes of `recgpt` and `reg4rec`
stay shared (none), with metrics corrected for it.

"""


def markdown_page() -> str:
    """The page reports/evidence.md."""
    studies = [each for name in names() for each in evidence.stored(name)]
    studies.sort(key=lambda each: (_benchmark(each.study), -each.study["rows"]["on"]["mean"]))
    groups = groupby(studies, key=lambda each: _benchmark(each.study))
    return HEADER + "\n".join(_section(title, list(group)) for title, group in groups)


def _benchmark(study: dict[str, Any]) -> str:
    """What two studies have in common that stand in one table."""
    usual = asdict(Protocol(split=study["protocol"]["split"])) | {"split": Protocol.split}
    differs = [f"{name}={_plain(value)}" for name, value in study["protocol"].items()
               if name != "ties" and _plain(usual[name]) != _plain(value)]  # ties: the source says
    return ", ".join([study["dataset"], *differs, study["metric"], study["profile"]])


def _plain(value: Any) -> str:
    return ":".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _section(title: str, group: list[evidence.Evidence]) -> str:
    """Heading, baselines in one line, and a table of the studies of one benchmark."""
    baselines = {name: row["mean"] for each in group for name, row in each.study["rows"].items()
                 if name not in ("on", "off", "placebo")}  # fmt: skip
    best = sorted(baselines, key=baselines.get, reverse=True)
    line = ", ".join(f"`{name}` {baselines[name]:.4f}" for name in best)
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    rows += [_row(each) for each in group if each.system not in baselines or "off" in each.study["rows"]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows) if len(rows) > 2 else ""
    return f"## {title}\n\n{line or 'No baseline.'}\n\n{table}".rstrip() + "\n"


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
