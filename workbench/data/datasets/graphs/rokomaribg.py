"""RokomariBG, Bangla books: who reviewed which, with authors, publishers and categories, no titles, no times."""
import numpy as np
import polars as pl
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

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

    A review id belongs to one user and up to 32 books, editions and sets under which the shop shows one review. join:
    pairs (all books of a user's reviews) or last-wins (one book a review, the last in the file, as in the authors'
    notebooks). With pairs a split at random has copies of one review in train and test; items: review_group, a number,
    the same for books that share reviews, tells them. The table relations has the edges of reviewed books; heads are
    books, tails such as `author 100014`. UserError for another join.
    """
    if join not in JOINS:
        raise unknown_name("join of rokomaribg", join, JOINS)
    files = DataFiles("rokomaribg")
    files.require(*FILES.values())
    written = read_records(files.read(FILES["user_to_review"]), "user_id", "review_id")
    reviewed = read_records(files.read(FILES["book_to_review"]), "book_id", "review_id")
    events, notes = join_reviews(written, reviewed, join)
    items, relations, others = events.select(raw_id="item").unique(maintain_order=True), [], 0
    for kind, field in NAMED.items():
        edges = read_records(files.read(FILES[f"book_to_{kind}"]), "book_id", f"{kind}_id")
        own = edges.join(items, left_on="book_id", right_on="raw_id", how="semi")
        others += len(edges) - len(own)
        relations.append(own.select(head="book_id", relation=pl.lit(kind), tail=f"{kind} " + pl.col(f"{kind}_id")))
        names = read_records(files.read(FILES[kind]), f"{kind}_id", field)
        items = items.join(_joined(own.join(names, on=f"{kind}_id"), field, kind), on="raw_id", how="left")
    counts = {"reviews of users": len(written), "reviews of books": len(reviewed)}
    notes += ["order: not published", "titles, texts, ratings: in book.json.gz and review.json.gz, which are not read",
              "categories: no tree is published; some are campaigns of the shop, such as book fairs"]  # fmt: skip
    about = {**ABOUT, "files": files.checksums, "read": counts, "notes": notes,
             "dropped": {"edges of books without a review": others}}  # fmt: skip
    items = items.with_columns(pl.col(*NAMED).fill_null("")).join(review_groups(reviewed), on="raw_id", how="left")
    dataset = assemble("rokomaribg", events.to_pandas(), items=items.to_pandas(), order="none", about=about)
    return attach_tables(dataset, {"relations": pl.concat(relations).to_pandas()})


def join_reviews(written: pl.DataFrame, reviewed: pl.DataFrame, join: str) -> tuple[pl.DataFrame, list[str]]:
    """Distinct pairs (user, item) and a note on the join. written: user_id, review_id; reviewed: book_id, review_id,
    where a review id may stand in several rows."""
    subset = "review_id" if join == "last-wins" else None  # None: all columns
    written, reviewed = (each.unique(subset, keep="last", maintain_order=True) for each in (written, reviewed))
    rows = written.join(reviewed, on="review_id", maintain_order="left_right").select(user="user_id", item="book_id")
    note = f"join={join}: {len(rows)} rows of a user, a review id and a book"
    if shared := len(written) - written["review_id"].n_unique():
        note += f"; {shared} review ids have a second user, and their books count for both"
    notes = [note]
    if copies := len(rows) - len(written):
        notes.append(f"copies: {copies} of these rows show a review at a further book; a random split has such books, "
                     "of one review_group, in train and test")  # fmt: skip
    return rows.unique(maintain_order=True), notes


def review_groups(reviewed: pl.DataFrame) -> pl.DataFrame:
    """raw_id and review_group of every reviewed book: the connected parts of the graph of books and review ids."""
    book, review = (reviewed[column].rank("dense").to_numpy().astype(np.int64) - 1 for column in reviewed.columns)
    links = csr_matrix((np.ones(len(book)), (book, review)))
    _, group = connected_components(links @ links.T, directed=False)
    return pl.DataFrame({"raw_id": reviewed["book_id"], "review_group": group[book]}).unique(maintain_order=True)


def _joined(edges: pl.DataFrame, field: str, kind: str) -> pl.DataFrame:
    """raw_id and, named after the kind, the distinct names of a book's edges, joined by " | " in file order."""
    name = pl.col(field).str.strip_suffix(SHOP).str.replace_all("|", "/", literal=True).str.strip_chars()
    names = edges.select(raw_id="book_id", name=name).filter(pl.col("name") != "").unique(maintain_order=True)
    return names.group_by("raw_id", maintain_order=True).agg(pl.col("name").str.join(" | ").alias(kind))


def read_records(content: Content, *fields: str) -> pl.DataFrame:
    """Fields of a JSON list of records as text; a missing name is null. UserError where it is no such list, or an id is
    missing."""
    remedy = "get a fresh copy"
    try:
        table = pl.read_json(content.data, schema=dict.fromkeys(fields, pl.String))
    except pl.exceptions.PolarsError as error:
        what = f"not a JSON list of records with {' and '.join(fields)} ({error})"
        raise data_error(content, None, what, remedy) from error
    if table.is_empty():
        raise data_error(content, None, "the list is empty", remedy)
    for field in (field for field in fields if field.endswith("_id")):
        missing = table[field].fill_null("") == ""
        if missing.any():
            raise data_error(content, None, f"record {missing.arg_max() + 1:,} has no {field}", remedy)
    return table
