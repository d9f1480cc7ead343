"""Tables that a release splits into parquet files of a folder (shards), read lazily once their columns agree."""
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from workbench.errors import UserError

REMEDY = "download the folder again, of one release"


def scan_shards(folder: Path, columns: Iterable[str]) -> pl.LazyFrame:
    """The named columns of all *.parquet files of a folder, in the order of their names, as one lazy table. UserError
    (code 3) for a folder without any, a damaged file, a missing column, or two shards of other columns or types."""
    files, wanted = sorted(Path(folder).glob("*.parquet")), list(columns)
    if not files:
        raise UserError(f"{folder}: no *.parquet file in it; {REMEDY}", code=3)
    first = _schema(files[0])
    if missing := [name for name in wanted if name not in first]:
        raise UserError(f"{files[0]}: no column {', '.join(missing)} (found: {', '.join(first)}); {REMEDY}", code=3)
    for file in files[1:]:
        if (other := _schema(file)) != first:
            raise UserError(f"{folder}: shards of two schemas: {_difference(files[0], first, file, other)}; {REMEDY}",
                            code=3)  # fmt: skip
    return pl.scan_parquet(files).select(wanted)


def _schema(file: Path) -> dict[str, str]:
    """Column -> type, in the order of the names."""
    try:
        found = pl.read_parquet_schema(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{file}: not a complete parquet file ({error}); copy or download it again", code=3) from error
    return {name: str(found[name]) for name in sorted(found)}


def _difference(one: Path, first: dict[str, str], another: Path, second: dict[str, str]) -> str:
    """The first column that differs, in words."""
    name = next(name for name in sorted({*first, *second}) if first.get(name) != second.get(name))
    has = [f"{file.name} has {schema.get(name, 'none')}" for file, schema in ((one, first), (another, second))]
    return f"of column {name!r} {has[0]}, {has[1]}"
