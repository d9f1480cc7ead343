"""Amazon-M2, KDD Cup 2023: shopping sessions of six locales with titles, without users or times.

The layout is that of the challenge's files and of the paper's repository (HaitaoMao/Amazon-M2): products_train.csv,
sessions_train.csv, and taskN/public_test or private_test with sessions_test.parquet and DONT_SHARE_gt_test.parquet,
whose rows belong together by their place alone.
"""
import io

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.formats.values.printed_arrays import printed_arrays
from workbench.data.lint.finding import NOTE, OK, WARNING, Finding
from workbench.data.schema import ITEM, RAW, USER, Dataset, assemble
from workbench.errors import UserError, unknown_name

LOCALES = ("UK", "DE", "JP", "ES", "FR", "IT")
PRODUCTS, SESSIONS = File("products_train.csv"), File("sessions_train.csv")
PARTS = tuple(f"task{n}/{part}_test" for n in (1, 2) for part in ("public", "private"))
COLUMNS = ("id", "locale", "title", "price", "brand", "color", "size", "model", "material", "author", "desc")
BROKEN = ("count", "error")
ABOUT = {
    "title": "Amazon-M2, KDD Cup 2023", "release": "KDD Cup 2023",
    "homepage": "https://www.aicrowd.com/challenges/amazon-kdd-cup-23-multilingual-recommendation-challenge",
    "terms": "Of the challenge, seen after login; not verified (Apache-2.0 as we remember it).",
    "citation": "Jin et al., Amazon-M2: A Multilingual Multi-locale Shopping Session Dataset for Recommendation and "
                "Text Generation, NeurIPS 2023 (datasets track), arXiv:2307.09688",
}  # fmt: skip
HOME = ABOUT["homepage"]
BROUGHT = {
    "works": "Train and test sessions of six locales with titles. Tasks 1 (next product) and 2 (shift of the domain) "
             "are in data.sessions.whole_sessions, their MRR@100 in evaluate.sessions.",
    "sample": "tests/m2_sample.py", "systems": (), "stand_ins": {},
    "lacks": "Train sessions and titles, which need a login, and a stand-in: no log at hand has sessions of several "
             "locales. Task 3, writing the title of the next product.",
}  # fmt: skip
ALTERNATIVE = (f"They are at {HOME} (login); test sessions and truth also in github.com/HaitaoMao/Amazon-M2, in "
               "folders such as task2/public_test.")  # fmt: skip


def load(*, locales: str = "UK,DE,JP", test: str = "", broken: str = "count") -> Dataset:
    """Amazon-M2. A user is a session, an item a locale and a product code, such as DE:B0001; order, but no times.

    The last event of a session is next_item. locales: of the sessions and products that are read. test: a folder of
    PARTS whose sessions are added, with the truth as their last event; users have the columns locale and part (train,
    test). broken: whether a cell of prev_items that is no printed array is left out and counted, or an error. items:
    title, text (desc), brand, color, size, model, material, author, price, in the currency of the locale, and domain,
    the locale. UserError for another locale or folder, a missing file or column, and a truth that is not that of the
    test sessions.
    """
    chosen = tuple(name.strip() for name in locales.split(",") if name.strip())
    for value, allowed, what in (*((name, LOCALES, "locale of amazon-m2") for name in chosen or ("",)),
                                 (test, ("", *PARTS), "test part of amazon-m2"),
                                 (broken, BROKEN, "option broken of amazon-m2")):  # fmt: skip
        if value not in allowed:
            raise unknown_name(what, value, allowed)
    files = DataFiles("amazon-m2", "amazon_m2")
    wanted = (
        [File(f"{test}/{name}") for name in ("sessions_test.parquet", "DONT_SHARE_gt_test.parquet")] if test else []
    )
    files.require(PRODUCTS, SESSIONS, *wanted, alternative=ALTERNATIVE)
    sessions = _train(files.read(SESSIONS), chosen, broken)
    if test:
        sessions = pl.concat([sessions, _test(*map(files.read, wanted), chosen)])
    items = _products(files.read(PRODUCTS), chosen)
    return _assembled(sessions, items, files)


def _table(content: Content, columns: tuple[str, ...]) -> pl.DataFrame:
    """The named columns of a CSV file, as text. UserError for a missing one."""
    try:
        table = pl.read_csv(io.BytesIO(content.data), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise data_error(content, None, f"not a CSV table ({error})", "get a fresh copy") from error
    return _selected(content, table, columns)


def _selected(content: Content, table: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    if lacking := [name for name in columns if name not in table.columns]:
        what = f"no column {', '.join(lacking)} (found: {', '.join(table.columns)})"
        raise data_error(content, None, what, f"the published columns are {', '.join(columns)}")
    return table.select(columns)


def _train(content: Content, locales: tuple[str, ...], broken: str) -> pl.DataFrame:
    """Columns name, locale, part, tokens (the session with its next item), broken and cut."""
    table = _table(content, ("prev_items", "next_item", "locale")).with_row_index("row")
    table = table.filter(pl.col("locale").is_in(list(locales)))
    lists = printed_arrays(table["prev_items"])
    wrong = lists.broken | table["next_item"].is_null()
    if broken == "error" and wrong.any():
        at = int(wrong.arg_max())
        cell = str(table["prev_items"][at])[:60]
        what = (
            f"session {table['row'][at] + 1:,}: prev_items {cell!r} is no printed array of quoted ids, or next_item is "
            f"missing; {int(wrong.sum()):,} sessions of {len(table):,} are like that"
        )
        raise data_error(content, None, what, "broken=count leaves them out")
    return table.select(
        name=pl.concat_str(pl.lit("train "), "row"), locale="locale", part=pl.lit("train"),
        tokens=lists.tokens.list.concat(table["next_item"].fill_null("")), broken=wrong, cut=lists.cut,
    )  # fmt: skip


def _test(sessions: Content, truth: Content, locales: tuple[str, ...]) -> pl.DataFrame:
    """As `_train`, of the test sessions. UserError unless the truth has their length and their locales, row by row."""
    tables = [_selected(content, pl.read_parquet(io.BytesIO(content.data)), columns) for content, columns in
              ((sessions, ("prev_items", "locale")), (truth, ("next_item", "locale")))]  # fmt: skip
    asked, answers = tables
    same = len(asked) == len(answers) and (asked["locale"] == answers["locale"]).all()
    if not same:
        what = (
            f"{len(answers):,} rows, the sessions have {len(asked):,}; they belong together by place, and their "
            "locales are not the same row by row"
        )
        raise data_error(truth, None, what, "take both from one folder")
    table = asked.with_columns(next_item=answers["next_item"]).with_row_index("row")
    table = table.filter(pl.col("locale").is_in(list(locales)))
    lists = table["prev_items"].cast(pl.List(pl.String))
    empty = (lists.list.len() == 0).fill_null(True)
    return table.select(
        name=pl.concat_str(pl.lit("test "), "row"), locale="locale", part=pl.lit("test"),
        tokens=lists.list.concat(table["next_item"]), broken=empty, cut=pl.lit(False),
    )  # fmt: skip


def _products(content: Content, locales: tuple[str, ...]) -> pd.DataFrame:
    table = _table(content, COLUMNS).filter(pl.col("locale").is_in(list(locales)))
    key = pl.concat_str("locale", pl.lit(":"), "id")
    texts = [pl.col(name).fill_null("") for name in ("title", "brand", "color", "size", "model", "material", "author")]
    made = table.select(
        key.alias(RAW), *texts, text=pl.col("desc").fill_null(""), domain="locale",
        price=pl.col("price").cast(pl.Float64, strict=False),
    )  # fmt: skip
    return made.to_pandas()


def _assembled(sessions: pl.DataFrame, items: pd.DataFrame, files: DataFiles) -> Dataset:
    wrong, cut = int(sessions["broken"].sum()), int(sessions["cut"].sum())
    kept = sessions.filter(~pl.col("broken"))
    if kept.is_empty():
        raise UserError(f"amazon-m2: no sessions of {len(sessions):,} are left; {wrong:,} have a broken cell", code=3)
    keys = pl.concat_str("locale", pl.lit(":"), "tokens")
    events = kept.select("name", "locale", "tokens").explode("tokens").select(user="name", item=keys)
    frame = pd.DataFrame({USER: events["user"].to_pandas(), ITEM: events["item"].to_pandas()})
    users = kept.select(pl.col("name").alias(RAW), "locale", "part").to_pandas()
    read = dict(sessions["part"].value_counts().sort("part").rows())
    notes = ["order: within a session; there are no times and no users",
             "item: locale and product code; one code of several locales is several items",
             "a target may be an item of its own session"]  # fmt: skip
    findings = [list(finding) for finding in _findings(sessions, kept, events, items, wrong, cut)]
    about = {**ABOUT, "files": files.checksums, "read": {f"{part} sessions": n for part, n in read.items()},
             "dropped": {"sessions with a broken cell": wrong}, "notes": notes, "findings": findings}  # fmt: skip
    return assemble("amazon-m2", frame, items=items, users=users, order="sequence", about=about)


def _findings(
    sessions: pl.DataFrame, kept: pl.DataFrame, events: pl.DataFrame, items: pd.DataFrame, wrong: int, cut: int
) -> list[Finding]:
    last = pl.col("tokens").list.last()
    before = pl.col("tokens").list.head(pl.col("tokens").list.len() - 1)
    repeated = float(kept.select(before.list.contains(last)).to_series().mean())
    used = events["item"].unique()
    bare = int((~used.is_in(items[RAW].tolist())).sum())
    codes = items[RAW].str.split(":", n=1).str[1]
    shared = float(codes.duplicated(keep=False).mean()) if len(codes) else 0.0
    share = wrong / max(1, len(sessions))
    return [
        Finding("amazon-m2: broken cells", share, 0.0, WARNING if wrong else OK,
                f"{wrong:,} of {len(sessions):,} sessions have no array in prev_items or no next item: left out; "
                f"{cut:,} of them were shortened (...) when they were written."),
        Finding("amazon-m2: targets in their session", repeated, np.nan, NOTE,
                f"{repeated:.1%} of the targets are an item of their own session; masking it makes them unreachable."),
        Finding("amazon-m2: items without a product", float(bare), 0.0, NOTE if bare else OK,
                f"{bare:,} of {len(used):,} items of sessions are not among the products of their locale."),
        Finding("amazon-m2: codes of several locales", shared, 0.0, NOTE if shared else OK,
                f"{shared:.1%} of the products have the code of a product of another locale, with its own title and "
                "price; as items they are apart."),
    ]  # fmt: skip
