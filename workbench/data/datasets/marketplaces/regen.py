"""REGEN, Amazon reviews 2018 with critiques and narratives by a language model: read by the columns that you name.

The column names of the release were not obtained, so nothing is guessed: user=, item= and the others name yours. A row
is an event, in the order of the file, or a user with lists of items, critiques and narratives of one length.
"""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.critiques.attribute_differences import CRITIQUE, CRITIQUES
from workbench.data.critiques.findings import critique_findings
from workbench.data.formats.file_lookup import DataFiles
from workbench.data.schema import ITEM, RAW, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError, unknown_name

READERS = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson, ".json": pl.read_ndjson, ".ndjson": pl.read_ndjson,
           ".csv": lambda path: pl.read_csv(path, infer_schema=False)}  # fmt: skip
LEADS_TO = ("next", "this")
ABOUT = {
    "title": "REGEN: Reviews Enhanced with GEnerative Narratives", "release": "Kaggle, googleai",
    "homepage": "https://www.kaggle.com/datasets/googleai/regen-reviews-enhanced-with-generative-narratives",
    "terms": "Not verified; see the page, and those of the Amazon reviews of 2018.",
    "citation": "REGEN: A Dataset and Benchmarks with Natural Language Critiques and Narratives, arXiv:2503.11924",
}  # fmt: skip
HOME = ABOUT["homepage"]
BROUGHT = {
    "works": "Any table is read whose columns are named: critiques, narratives, items. How much of the next title a "
             "critique says is a lint; ranking with critiques and without is in evaluate.critiques.",
    "sample": "tests/data/test_regen.py", "systems": ("lumen", "critique_retrieval"),
    "stand_ins": {"critiqued": "critiques made of attributes of the next item, of public logs"},
    "lacks": "The data (login), the names of its columns, its terms. Critiques and narratives by a language model.",
}  # fmt: skip


def load(
    *, path: str = "", items: str = "", user: str = "user", item: str = "item", critique: str = "critique",
    narratives: str = "", leads_to: str = "next", title: str = "title", category: str = "category",
    brand: str = "brand",
) -> Dataset:  # fmt: skip
    """REGEN. Order: that of the rows, or of the lists.

    path: the table of sequences, "" for the only one in the folder regen of WORKBENCH_DATA; parquet, JSON lines or CSV.
    user, item: its columns, which must be there; critique: its column of texts, if there is one; narratives: columns of
    texts, separated by commas. leads_to: whether the critique of a row steers to the next item or to that of its own
    row. items: a table of the items, with the column `item` or asin, and title, category, brand as named.

    The event column critique and the table critiques (critique, text) are as in dataset critiqued; the table narratives
    has the columns row, user, item, kind (the column's name) and text. UserError lists the columns found where one
    that is named is missing, and lists of different lengths.
    """
    if leads_to not in LEADS_TO:
        raise unknown_name("leads_to of regen", leads_to, LEADS_TO)
    file = _file(path)
    table = _read(file)
    kinds = tuple(name.strip() for name in narratives.split(",") if name.strip())
    optional = () if critique not in table.columns and critique == "critique" else (critique,)
    _check(
        file,
        table,
        {user: "user=", item: "item=", **dict.fromkeys(optional, "critique="), **dict.fromkeys(kinds, "narratives=")},
    )
    steps = _steps(file, table, user, item, (*optional, *kinds))
    events = pd.DataFrame(
        {USER: steps[user].cast(pl.String).to_pandas(), ITEM: steps[item].cast(pl.String).to_pandas()}
    )
    known, about_items = _items(items, item, {"title": title, "category": category, "brand": brand})
    about = {**ABOUT, "files": {file.name: ""} | about_items, "read": {"events": len(events)}, "dropped": {},
             "notes": ["critiques are written with the next item in sight: an oracle's hint",
                       f"a critique steers to the {leads_to} item" if optional else "no critiques in this table"],
             }  # fmt: skip
    tables = {}
    if optional:
        events[CRITIQUE], tables[CRITIQUES] = _critiques(steps[critique], events[USER], leads_to)
    dataset = assemble("regen", events, items=known, order="sequence", about=about)
    if kinds:
        tables["narratives"] = _narratives(steps, events, kinds)
    dataset = attach_tables(dataset, tables)
    return _with_findings(dataset) if optional else dataset


def _file(path: str) -> Path:
    if path:
        return Path(path).expanduser()
    files = DataFiles("regen")
    places = [root / name for root in files.search_folders() for name in dict.fromkeys(files.folder_names)]
    places.append(files.downloads)
    found = [file for place in places for file in sorted(place.glob("*")) if file.suffix in READERS]
    if len(found) != 1:
        which = (
            f"{len(found)} tables ({', '.join(file.name for file in found)}): name one with path="
            if found
            else "no table"
        )
        where = " or ".join(map(str, places))
        raise UserError(f"regen: {which} in {where}.\nPut them there from {HOME} (login), or give path=FILE and the "
                        "names of its columns", code=3)  # fmt: skip
    return found[0]


def _read(file: Path) -> pl.DataFrame:
    if file.suffix not in READERS:
        raise UserError(
            f"{file}: {file.suffix or 'no suffix'} is no kind of table; allowed: {', '.join(READERS)}", code=3
        )
    try:
        return READERS[file.suffix](file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{file}: cannot be read as {file.suffix} ({error})", code=3) from error


def _check(file: Path, table: pl.DataFrame, wanted: dict[str, str]) -> None:
    """UserError that lists the columns found, unless all that are named are there."""
    if missing := [f"{name} ({option})" for name, option in wanted.items() if name not in table.columns]:
        raise UserError(f"{file.name}: no column {', '.join(missing)}. Found: {', '.join(table.columns)}. The names of "
                        "the release were not verified: name yours with user=, item=, critique=, narratives=",
                        code=3)  # fmt: skip


def _steps(file: Path, table: pl.DataFrame, user: str, item: str, others: tuple[str, ...]) -> pl.DataFrame:
    """A row for each event. UserError where lists of one user have different lengths."""
    kept = table.select(user, item, *others)
    lists = [name for name in (item, *others) if isinstance(table.schema[name], pl.List)]
    if not lists:
        return kept
    if len(lists) < len(others) + 1:
        flat = [name for name in (item, *others) if name not in lists]
        raise UserError(
            f"{file.name}: {', '.join(lists)} are lists, {', '.join(flat)} are not; all are, or none", code=3
        )
    same = pl.all_horizontal(pl.col(name).list.len() == pl.col(item).list.len() for name in lists)
    wrong = kept.with_row_index("row").filter(~same)
    if len(wrong):
        raise UserError(f"{file.name}, row {wrong['row'][0] + 1:,}: lists of different lengths in {', '.join(lists)}; "
                        f"{len(wrong):,} rows are like that", code=3)  # fmt: skip
    return kept.explode(lists)


def _critiques(texts: pl.Series, users: pd.Series, leads_to: str) -> tuple[np.ndarray, pd.DataFrame]:
    """(N,) numbers of what is said after each event, 0 for nothing, and their table."""
    said = texts.cast(pl.String).fill_null("").str.strip_chars().to_pandas()
    if leads_to == "this":  # said before the event: after the one before it, if that is the same user's
        order = np.argsort(users.to_numpy(str), kind="stable")
        moved = said.iloc[order].groupby(users.iloc[order].to_numpy()).shift(-1).fillna("")
        said = moved.sort_index()
    codes, kinds = pd.factorize(said.where(said != ""))
    return (codes + 1).astype(np.int32), pd.DataFrame({CRITIQUE: np.arange(1, len(kinds) + 1), "text": list(kinds)})


def _narratives(steps: pl.DataFrame, events: pd.DataFrame, kinds: tuple[str, ...]) -> pd.DataFrame:
    parts = [events[[USER, ITEM]].assign(row=np.arange(len(events)), kind=kind,
                                         text=steps[kind].cast(pl.String).fill_null("").to_pandas())
             for kind in kinds]  # fmt: skip
    whole = pd.concat(parts, ignore_index=True)
    return whole[whole["text"].str.strip() != ""].reset_index(drop=True)


def _items(path: str, item: str, columns: dict[str, str]) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """The table of items with the columns that it has, and its name. UserError without a column of their ids."""
    if not path:
        return None, {}
    file = Path(path).expanduser()
    table = _read(file)
    key = next((name for name in (item, "asin") if name in table.columns), None)
    if key is None:
        raise UserError(f"{file.name}: no column {item} or asin. Found: {', '.join(table.columns)}", code=3)
    texts = {new: _text(table, name) for new, name in columns.items() if name in table.columns}
    return table.select(pl.col(key).cast(pl.String).alias(RAW), **texts).to_pandas(), {file.name: ""}


def _text(table: pl.DataFrame, name: str) -> pl.Expr:
    """A text; the levels of a list are joined to a path."""
    nested = isinstance(table.schema[name], pl.List)
    text = pl.col(name).cast(pl.List(pl.String)).list.join(" > ") if nested else pl.col(name).cast(pl.String)
    return text.fill_null("")


def _with_findings(dataset: Dataset) -> Dataset:
    findings = [list(finding) for finding in critique_findings(dataset)]
    return replace(dataset, about={**dataset.about, "findings": findings})
