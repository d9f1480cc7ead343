"""Tables of several runs, kept in one JSON file as they are finished: what is there is not made again."""
import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.artifacts import write_text


def options(doc: str, out: Path, **more: Any) -> argparse.Namespace:
    """The options of a script, each with its default: --profile smoke, --out, and more."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    for name, default in {"profile": "smoke", "out": out, **more}.items():
        many = {"nargs": "*"} if isinstance(default, list) else {}
        kind = type(default[0] if many else default)
        parser.add_argument(f"--{name}", type=Path if isinstance(default, Path) else kind, default=default, **many)
    return parser.parse_args()


def records(table: pd.DataFrame | None) -> list[dict] | None:
    """A table as JSON values of six decimals, its index among the columns; None for none."""
    return None if table is None else json.loads(table.reset_index().round(6).to_json(orient="records"))


def keep(out: Path, name: str, bench: Any, make: Callable[[], pd.DataFrame], **about: Any) -> None:
    """Add the table of a name to the JSON file out, with profile, protocol and data hash of its bench, its attrs and
    more about it; not again if it is there from the same. Others may add to the file meanwhile."""
    split = bench.split
    about = {"profile": bench.profile.name, "protocol": split.protocol.dict(), "data_hash": split.data_hash, **about}
    about = json.loads(json.dumps(about))
    found = _read(out).get(name, {})
    if all(found.get(key) == value for key, value in about.items()):
        return
    table = make()
    rows = json.loads(table.to_json(orient="records"))
    write_text(out, json.dumps({**_read(out), name: {**about, **table.attrs, "rows": rows}}, indent=1) + "\n")
    print(name, table.round(4).to_string(), sep="\n", flush=True)


def _read(out: Path) -> dict[str, Any]:
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
