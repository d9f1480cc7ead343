"""Parquet shards of one log: found in folders, one schema, read lazily."""
import hashlib
import os
from pathlib import Path

import polars as pl

from workbench.data.formats.file_lookup import DataFiles
from workbench.errors import UserError

FOOTER = 65_536  # bytes at the end of a shard, with the statistics of all its columns


def find_shards(files: DataFiles, folder: str, months: tuple[str, ...], remedy: str) -> list[Path]:
    """The *.parquet of a folder or of its sub-folders, in the order of their paths; months: names of the sub-folders
    that are read, all if none is named.

    folder: "" for those of WORKBENCH_DATA and downloads that bear the dataset's name. UserError (code 3) says where was
    looked and where the files are from (remedy).
    """
    places = [Path(folder).expanduser()] if folder else [
        root / name for root in files.search_folders() for name in dict.fromkeys(files.folder_names)
    ] + [files.downloads]  # fmt: skip
    found: list[Path] = []
    for place in places:
        found = sorted(file for file in place.glob("**/*.parquet") if not months or {*file.parts} & {*months})
        if found:
            return found
    inside = f" in a folder {' or '.join(months)}" if months else ""
    put = " or ".join(str(place) for place in places if str(place) != ".")
    raise UserError(f"{files.dataset}: no parquet shards{inside} (WORKBENCH_OFFLINE or not, they are not downloaded).\n"
                    f"Put them in {put}; WORKBENCH_DATA names more folders.\n{remedy}", code=3)  # fmt: skip


def check_columns(shards: list[Path], wanted: dict[str, str], *, source: str) -> pl.Schema:
    """The schema of all shards, from their footers alone. wanted: column -> what it is. UserError (code 3) for a file
    that is no parquet, one that lacks a wanted column, and one whose columns or types are not those of the first."""
    first: pl.Schema | None = None
    for shard in shards:
        try:
            schema = pl.read_parquet_schema(shard)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(
                f"{shard}: not a parquet file, or a part of one ({error}); get a fresh copy", code=3
            ) from error
        if lacking := [name for name in wanted if name not in schema]:
            raise UserError(f"{shard}: no column {', '.join(lacking)} ({wanted[lacking[0]]}); found "
                            f"{', '.join(schema)}. {source}", code=3)  # fmt: skip
        first = first or schema
        if differing := _differing(first, schema):
            raise UserError(f"{shard}: not the schema of {shards[0].name}: {'; '.join(differing)}. Shards of one log "
                            "have one schema: leave out or convert those of another release", code=3)  # fmt: skip
    return first


def _differing(first: dict, other: dict) -> list[str]:
    """What differs between two schemas, in words."""
    lacking = [name for name in first if name not in other]
    more = [name for name in other if name not in first]
    kinds = [
        f"{name} is {other[name]}, there {first[name]}" for name in first if first[name] != other.get(name, first[name])
    ]
    return [
        *([f"lacks {', '.join(lacking)}"] if lacking else []),
        *([f"has {', '.join(more)}"] if more else []),
        *kinds,
    ]


def footer_digests(shards: list[Path]) -> dict[str, str]:
    """SHA-256 of the size and the footer of each shard, by folder and name: gigabytes are not read twice."""
    return {f"{shard.parent.name}/{shard.name}": _digest(shard) for shard in shards}


def _digest(path: Path) -> str:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(max(0, size - FOOTER))
        return hashlib.sha256(str(size).encode() + file.read()).hexdigest()
