"""Book-Crossing with a knowledge graph (KGCN preprocessing, MCCLK copy): books that readers had, no text, no times."""
import pandas as pd

from workbench.data.formats.containers.number_arrays import read_npy
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

MCCLK = "https://raw.githubusercontent.com/CCIIPLab/MCCLK/4b0d2843b73adbe816a7a5bb1788b4f4bcd777f4/data/book/"
RATINGS = File(
    "ratings_final.npy", MCCLK + "ratings_final.npy",
    "d223b814c1a2c313eb030767d8b828ffad6f6341111b1911e485e008885071ba",
)  # fmt: skip
GRAPH = File(
    "kg_final.npy", MCCLK + "kg_final.npy", "192ad826df7042e6c6534cc172f75422dd043f97dd3ce10d50a9ed031fcac378"
)
ABOUT = {
    "title": "Book-Crossing with the KGCN knowledge graph", "homepage": "https://github.com/hwwang55/KGCN",
    "terms": "A repository without licence. Book-Crossing: free for research, cite. The knowledge graph was extracted "
             "by the KGCN authors from a commercial one; terms not stated.",
    "citation": "Ziegler et al., Improving Recommendation Lists Through Topic Diversification, WWW 2005; Wang et al., "
                "KGCN, WWW 2019; Zou et al., MCCLK, SIGIR 2022",
    "release": "MCCLK",
}  # fmt: skip


def load() -> Dataset:
    """Book-Crossing: the pairs labelled 1. Those labelled 0 are no dislikes but books that its authors drew at random.

    The table relations (head, relation, tail): items are entities of the same number; relations have numbers only. The
    order of events is not published (order none).
    """
    files = DataFiles("kg-bookcrossing")
    files.require(RATINGS, GRAPH)
    content = files.read(RATINGS)
    pairs = pd.DataFrame(read_npy(content, 3), columns=["user", "item", "label"])
    if not pairs["label"].isin([0, 1]).all():
        raise data_error(content, None, "labels other than 0 and 1", "get a fresh copy")
    graph = pd.DataFrame(read_npy(files.read(GRAPH), 3), columns=["head", "relation", "tail"])
    liked = pairs["label"] == 1
    events = pairs[liked].assign(row=pairs.index[liked]).drop(columns="label")
    dropped = {"pairs labelled 0, sampled by the authors as negatives": int((~liked).sum())}
    alone = int((events["user"].value_counts() == 1).sum())
    notes = ["order: not published", f"{alone} users have one book; with fewer than three a user is train-only"]
    counts = {"labelled pairs": len(pairs), "triples": len(graph)}
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": dropped, "notes": notes}
    return attach_tables(assemble("kg-bookcrossing", events, order="none", about=about), {"relations": graph})
