"""RokomariBG, Bangla books: who reviewed which, with authors, publishers and categories, no titles, no times."""
import json

import pandas as pd
import polars as pl

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import unknown_name

GITHUB = (
    "https://raw.githubusercontent.com/backlashblitz/Bangla-Book-Recommendation-Dataset/"
    "f9503ba8131591094841310a8bc283927b4687ef/RokomariBG_Dataset/"
)
SHA256 = {  # of the published .gz
    "user_to_review": "ad11e9a8bc84d14ea9c22cd1522e4017d762ea47c3ff261ffc0d67c96f955a99",
    "book_to_review": "69393173b46c3ac58d5bc931fb33495ab916da969ab3fd9b8c50a8d044462ea5",
    "author": "1af812049a67966f642a1abc6ee43c0f00109ca60894365f974d58fe9fe7ac0b",
    "publisher": "026e509b3538aad5da991fef8be1b8d222b85b875e7a15ad1738f5a166c86f00",
    "category": "a2f3f6229e234bd7e5476c5c2215bee4234e4a69b830849f4b3b01000c437b50",
    "book_to_author": "046ab239bb5719c5624202f5d63934397e7137d9bf84731cadc5671642eb9c90",
    "book_to_publisher": "007f5737dde34466436e5bd05d79466bea7a31e3ab7f17399de0ad6cba24cf58",
    "book_to_category": "c8e56f685e574c8ad935aeded81b3f4d65af7ba10bf03f4fc15f7cf78e0f0c37",
}
FILES = {name: File(f"{name}.json.gz", f"{GITHUB}{name}.json.gz", digest) for name, digest in SHA256.items()}
NAMED = {"author": "author", "publisher": "publisher_name", "category": "category_name"}  # kind -> field of its name
JOINS = ("pairs", "last-wins")
SHOP = " | Rokomari.com"  # at the end of some names of categories
ABOUT = {
    "title": "RokomariBG, Bangla books",
    "homepage": "https://github.com/backlashblitz/Bangla-Book-Recommendation-Dataset",
    "terms": "No licence stated; collected from a commercial book shop. Ask before publishing anything made from it.",
    "citation": "RokomariBG, arXiv:2602.12129, 2026", "release": "the authors' repository",
}  # fmt: skip


def load(*, join: str = "pairs") -> Dataset:
    """RokomariBG. items: author, publisher, category, names joined by " | "; relations of the same kinds.

    A review id belongs to one user and up to 32 books. join: pairs (every book of the user's reviews) or last-wins (one
    book a review, the last in the file, as the authors' notebooks join them). The table relations has the edges of
    reviewed books; heads are books, tails such as `author 100014`. UserError for another join.
    """
    if join not in JOINS:
        raise unknown_name("join of rokomaribg", join, JOINS)
    files = DataFiles("rokomaribg")
    files.require(*FILES.values())
    written = _table(files.read(FILES["user_to_review"]), "user_id", "review_id")
    reviewed = _table(files.read(FILES["book_to_review"]), "book_id", "review_id")
    events, notes = join_reviews(written, reviewed, join)
    books = events["item"].drop_duplicates()
    items, relations, others = books.to_frame("raw_id"), [], 0
    for kind, field in NAMED.items():
        edges = _table(files.read(FILES[f"book_to_{kind}"]), "book_id", f"{kind}_id")
        names = _table(files.read(FILES[kind]), f"{kind}_id", field).set_index(f"{kind}_id")[field]
        own = edges[edges["book_id"].isin(books)]
        others += len(edges) - len(own)
        tails = f"{kind} " + own[f"{kind}_id"]
        relations.append(pd.DataFrame({"head": own["book_id"], "relation": kind, "tail": tails}))
        items[kind] = items["raw_id"].map(_joined(own["book_id"], own[f"{kind}_id"].map(names))).fillna("")
    counts = {"reviews of users": len(written), "reviews of books": len(reviewed)}
    notes += ["order: not published", "titles, texts and ratings: in book.json.gz and review.json.gz, which are not read here",
              "categories: no tree is published; some are campaigns of the shop, such as book fairs"]  # fmt: skip
    about = {**ABOUT, "files": files.checksums, "read": counts, "notes": notes,
             "dropped": {"edges of books without a review": others}}  # fmt: skip
    dataset = assemble("rokomaribg", events, items=items, order="none", about=about)
    return attach_tables(dataset, {"relations": pd.concat(relations, ignore_index=True)})


def join_reviews(written: pd.DataFrame, reviewed: pd.DataFrame, join: str) -> tuple[pd.DataFrame, list[str]]:
    """Distinct pairs (user, item) and a note on the join. written: user_id, review_id; reviewed: book_id, review_id,
    where a review id may stand in several rows."""
    if join == "last-wins":
        written, reviewed = (table.drop_duplicates("review_id", keep="last") for table in (written, reviewed))
    pairs = written.drop_duplicates().merge(reviewed.drop_duplicates(), on="review_id")
    pairs = pairs.rename(columns={"user_id": "user", "book_id": "item"})[["user", "item"]]
    shared = written.drop_duplicates().duplicated("review_id").sum()
    note = f"join={join}: {len(pairs)} rows of a user, a review id and a book"
    note += f"; {shared} review ids have a second user, and their books count for both" if shared else ""
    return pairs.drop_duplicates().reset_index(drop=True), [note]


def _joined(books: pd.Series, names: pd.Series) -> dict[str, str]:
    """Text by book: the distinct names joined by " | ", in file order."""
    names = names.str.removesuffix(SHOP).str.replace("|", "/").str.strip()
    table = pl.DataFrame({"book": books.to_numpy(), "name": names.fillna("").to_numpy()}).filter(pl.col("name") != "")
    table = table.unique(maintain_order=True).group_by("book", maintain_order=True).agg(pl.col("name").str.join(" | "))
    return dict(table.iter_rows())


def _table(content: Content, *fields: str) -> pd.DataFrame:
    """Fields of a JSON list of records as text; a missing name is None. UserError where it is no such list, or an id is
    missing."""
    remedy = "get a fresh copy"
    try:
        records = json.loads(content.data)
        table = {field: [record[field] for record in records] for field in fields}
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        what = f"not a JSON list of records with {' and '.join(fields)} ({type(error).__name__}: {error})"
        raise data_error(content, getattr(error, "lineno", None), what, remedy) from error
    if not records:
        raise data_error(content, None, "the list is empty", remedy)
    for field, values in table.items():
        allowed = {int, str} if field.endswith("_id") else {int, str, type(None)}
        if not set(map(type, values)) <= allowed or "" in values and field.endswith("_id"):
            row = next(row for row, value in enumerate(values) if type(value) not in allowed or value == "")
            raise data_error(content, None, f"record {row + 1:,} has {field} {values[row]!r:.60}", remedy)
        table[field] = [value if value is None else str(value) for value in values]
    return pd.DataFrame(table, dtype=object)
