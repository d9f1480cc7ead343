"""FilmTrust, 2011 (QRec release): film ratings and who trusts whom, small, no titles, no times."""
import numpy as np

from workbench.data.formats.delimited_text import read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

QREC = "https://raw.githubusercontent.com/Coder-Yu/QRec/a141bb37cb7706b2f53b2eed5843de3269f9f37f/dataset/FilmTrust/"
RATINGS = File("ratings.txt", QREC + "ratings.txt", "241167424e24d588e8871d68641e94ead98d5b3a4f0db01ef3181a74ad35e7a1")
TRUST = File("trust.txt", QREC + "trust.txt", "64573a033add72b988a0fb140fdbc0ad3464cb9821f940007aff6fda44b09603")
ABOUT = {
    "title": "FilmTrust", "homepage": "https://guoguibing.github.io/librec/datasets.html",
    "terms": "No formal licence found: published for research with a request to cite.",
    "citation": "Guo, Zhang and Yorke-Smith, A Novel Bayesian Similarity Measure for Recommender Systems, IJCAI 2013",
    "release": "QRec",
}  # fmt: skip


def load() -> Dataset:
    """FilmTrust. rating: 0.5 to 4 in steps of a half. The order of events is not published (order none).

    The table social (user, friend) has one row for a user and one whom this user trusts. A second rating of a film by
    one user is left out.
    """
    files = DataFiles("filmtrust")
    files.require(RATINGS, TRUST)
    columns = {"user": "int", "item": "int", "rating": "float"}
    events = read_table(files.read(RATINGS), columns, separator=" ", header=False).to_pandas()
    columns = {"user": "int", "friend": "int", "trust": "int"}
    trust = read_table(files.read(TRUST), columns, separator=" ", header=False).to_pandas().drop(columns="trust")
    counts = {"ratings": len(events), "trust links": len(trust)}
    repeated = events.duplicated(["user", "item"])
    events = events.assign(row=np.arange(len(events)))[~repeated]
    dropped = {"ratings of a film that the user has rated already": int(repeated.sum())}
    notes = ["order: not published", "ratings: low ones are events like all others"]
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": dropped, "notes": notes}
    return attach_tables(assemble("filmtrust", events, order="none", about=about), {"social": trust})
