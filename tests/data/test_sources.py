"""The public datasets: exact counts on the real files, the official layouts on small ones, and what is said when a file
is missing or damaged."""
import ast
import gzip
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from workbench.data import files, protocol_for, sources, split
from workbench.data.files import File, Shelf
from workbench.errors import UserError

COUNTS = {
    "beauty": (22_363, 12_101, 198_502, "sequence"),
    "toys": (19_412, 11_924, 167_597, "sequence"),
    "sports": (35_598, 18_357, 296_337, "sequence"),
    "office": (4_905, 2_420, 53_258, "sequence"),
    "grocery": (14_681, 8_713, 151_254, "sequence"),
    "cds": (43_169, 35_648, 777_426, "none"),
    "movielens-small": (610, 9_724, 100_836, "time"),
    "foursquare-nyc": (1_083, 5_135, 147_938, "time"),
    "lastfm": (1_892, 17_632, 92_834, "none"),
    "retailrocket": (2_174, 30_113, 99_555, "time"),
}


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Nothing but this folder, and no network."""
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def loaded(real):
    """Every dataset of the bundle, loaded once."""
    cache = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_OFFLINE", "1")
        yield lambda name: cache[name] if name in cache else cache.setdefault(name, sources.load(name))


@pytest.mark.parametrize("name", COUNTS)
def test_real_counts_and_what_a_dataset_says_about_itself(loaded, name):
    dataset = loaded(name)
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == COUNTS[name]
    assert dataset.items.index.tolist() == list(range(1, dataset.n_items + 1)) and dataset.items["raw_id"].is_unique
    assert {"title", "terms", "citation", "homepage", "files", "read", "dropped", "notes"} <= set(dataset.about)
    assert dataset.about["files"] and all(len(digest) == 64 for digest in dataset.about["files"].values())
    json.dumps(dataset.about)
    if dataset.has_times:
        times = dataset.interactions["timestamp"]
        assert times.dtype == np.int64 and pd.to_datetime(times.min(), unit="s").year >= 1996
        assert pd.to_datetime(times.max(), unit="s").year <= 2018
    split(dataset, protocol_for(dataset))


def test_everything_survives_being_saved(loaded, tmp_path):
    dataset = loaded("grocery")
    dataset.save(tmp_path)
    again = type(dataset).load(tmp_path)
    pd.testing.assert_frame_equal(again.items, dataset.items)
    assert again.about == dataset.about and len(again.tables["relations"]) == len(dataset.tables["relations"])


@pytest.mark.parametrize(("name", "stem"), [("beauty", "Beauty"), ("sports", "Sports_and_Outdoors")])
def test_order_and_times_are_those_of_an_independent_join(loaded, real, name, stem):
    """The bundle's joined `.inter` file was made with another program: same users, items, days, row by row."""
    dataset = loaded(name)
    folder = real / f"amazon_{name}_2014" / "derived"
    joined = pd.read_csv(folder / f"{stem}.inter.gz", sep="\t")
    events = dataset.interactions.sort_values("row")
    assert (events["row"].to_numpy() == np.arange(len(joined))).all()
    assert (dataset.users["s3rec_id"].reindex(events["user"]).to_numpy() == joined["user_id:token"]).all()
    assert (dataset.items["s3rec_id"].reindex(events["item"]).to_numpy() == joined["item_id:token"]).all()
    assert (events["timestamp"].to_numpy() == joined["timestamp:float"]).all()
    table = pd.read_csv(folder / f"{stem}.item.gz", sep="\t", quoting=3, index_col=0)
    assert (dataset.items.set_index("s3rec_id")["asin"] == table["asin:token"].reindex(dataset.items["s3rec_id"])).all()
    same_day = events.groupby("user")["timestamp"].diff().eq(0).groupby(events["user"]).any().mean()
    assert same_day == pytest.approx({"beauty": 0.876, "sports": 0.886}[name], abs=0.0006)


def test_beauty_text_is_clean_and_published_codes_find_their_items(loaded, real):
    items = loaded("beauty").items
    assert (items["title"] != "").sum() == 12_094 and not items["title"].str.contains("&amp;|&quot;|^title_\\d").any()
    assert (items["category"].str.len() > 0).all() and items["category"].str.contains(" > ").mean() > 0.9
    from workbench.data.layouts.lcrec import parse_index

    codes = parse_index(files.read_plain(real / "amazon_beauty_2014" / "letter" / "Beauty.index.json.gz")).to_pandas()
    assert set(codes["lcrec_id"]) == set(items["lcrec_id"])
    assert len(codes.drop(columns="lcrec_id").drop_duplicates()) == 12_088
    coded = items.merge(codes, on="lcrec_id")
    top = coded["category"].str.split(" > ").str[0]
    prefix = coded["code0"] * 256 + coded["code1"]

    def purity(labels):
        return pd.crosstab(prefix, labels).max(axis=1).sum() / len(coded)

    assert purity(top) == pytest.approx(0.754, abs=0.02) and purity(top.sample(frac=1, random_state=0).to_numpy()) < 0.65


def test_a_popularity_ranking_of_beauty_scores_what_it_should(loaded):
    """Checks loader, order and split at once; the expected value was measured with other code."""
    dataset = loaded("beauty")
    cut = split(dataset, protocol_for(dataset))
    ranking = np.argsort(-cut.train_counts()[1:], kind="stable")[:10] + 1
    place = (cut.test.targets[:, None] == ranking).argmax(1)
    ndcg = np.where(np.isin(cut.test.targets, ranking), 1 / np.log2(place + 2), 0).mean()
    assert ndcg == pytest.approx(0.0053, abs=0.0001)


def test_toys_are_the_same_sequences_under_both_numberings(loaded, monkeypatch):
    dataset = loaded("toys")
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    other = sources.load("toys", release="s3rec")
    assert (other.n_users, other.n_items, len(other.interactions)) == COUNTS["toys"][:3]

    def lists(data, users, items):
        events = data.interactions.sort_values("row")
        pairs = np.stack([users.reindex(events["user"]), items.reindex(events["item"])], axis=1).astype(np.int64)
        return pairs[np.argsort(pairs[:, 0], kind="stable")]

    ours = lists(dataset, dataset.users["s3rec_id"], dataset.items["s3rec_id"])
    theirs = lists(other, other.users["s3rec_id"], other.items["s3rec_id"])
    assert (ours == theirs).all()


def test_grocery_days_agree_with_rechorus_order(loaded, real):
    """Relations and aliases are right if the sequences, under ReChorus ids, are those of its train file."""
    dataset = loaded("grocery")
    train = pd.read_csv(real / "amazon_grocery_2014" / "rechorus" / "train.csv.gz", sep="\t")
    counts = train["item_id"].value_counts()
    sequence = dataset.interactions
    ours = sequence.loc[sequence.groupby("user").cumcount(ascending=False) >= 2, "item"].value_counts()
    ours.index = dataset.items["rechorus_id"].reindex(ours.index).astype("Int64")
    ours = ours[ours.index.notna()]
    assert (ours.sort_index() == counts.reindex(ours.index).sort_index()).mean() > 0.999
    relations = dataset.tables["relations"]
    assert set(relations["kind"]) == {"complement", "substitute"} and relations["other"].between(1, 8_713).all()


def test_movielens_lastfm_foursquare_and_retailrocket_extras(loaded):
    movies = loaded("movielens-small")
    toy_story = movies.items[movies.items["raw_id"] == "1"].iloc[0]
    assert toy_story["title"] == "Toy Story (1995)" and toy_story["year"] == 1995
    assert toy_story["category"] == "Adventure | Animation | Children | Comedy | Fantasy"
    assert len(movies.tables["tags"]) == 3_662 and movies.about["dropped"]["rows of tags about unknown ids"] == 21
    music = loaded("lastfm")
    social = music.tables["social"]
    pairs = set(zip(social["user"], social["friend"], strict=True))
    assert len(pairs) == 25_434 and all((b, a) in pairs for a, b in pairs)
    assert len(music.tables["kg"]) == 15_518 and music.tables["entities"]["item"].is_unique
    heard = music.interactions["item"].isin(music.tables["entities"]["item"]).mean()
    assert heard == pytest.approx(0.228, abs=0.001)
    venues = loaded("foursquare-nyc").items
    assert venues["lat"].between(40.5, 41).all() and venues["lon"].between(-74.3, -73.6).all()
    shop = loaded("retailrocket").interactions
    assert shop["event"].value_counts().to_dict() == {"view": 75_374, "cart": 12_456, "buy": 9_551 + 2_174}
    assert shop["held_out"].sum() == 2_174 and shop.loc[shop["held_out"], "user"].is_unique
    span = pd.to_datetime([shop["timestamp"].min(), shop["timestamp"].max()], unit="s").strftime("%Y-%m-%d")
    assert span.tolist() == ["2015-05-03", "2015-09-18"]
    cut = split(loaded("retailrocket"), protocol_for(loaded("retailrocket")))
    assert (cut.test.targets == shop[shop["held_out"]].sort_values("user")["item"]).all()


REVIEW = {"overall": 5.0, "reviewText": "x", "summary": "y", "reviewTime": "01 1, 2014"}


def official(folder, category, packed=True):
    """Official review and metadata files with five users and five items."""
    lines = [
        json.dumps({"reviewerID": f"U{u}", "asin": f"B{i}", "unixReviewTime": 13 * 10**8 + 86_400 * (u + 5 - i), **REVIEW})
        for u in range(5) for i in range(5)
    ]  # fmt: skip
    meta = [str({"asin": f"B{i}", "title": f"Item &amp; {i}", "categories": [["Root", "Leaf"]]}) for i in range(9)]
    for name, body in ((f"reviews_{category}_5.json", lines), (f"meta_{category}.json", meta)):
        data = "\n".join(body).encode()
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)


OFFICIAL = {"beauty": "Beauty", "toys": "Toys_and_Games", "sports": "Sports_and_Outdoors", "office": "Office_Products",
            "grocery": "Grocery_and_Gourmet_Food"}  # fmt: skip


@pytest.mark.parametrize(("name", "category"), OFFICIAL.items())
@pytest.mark.parametrize("packed", [True, False])
def test_amazon_domains_load_from_the_official_files_alone(offline, name, category, packed):
    official(offline, category, packed)
    dataset = sources.load(name)
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == (5, 5, 25, "time")
    assert set(dataset.items["raw_id"]) == {f"B{i}" for i in range(5)}
    row = dataset.items[dataset.items["raw_id"] == "B3"].iloc[0]
    assert row["title"] == "Item & 3" and row["category"] == "Root > Leaf"
    assert protocol_for(dataset).ties == "hash" and dataset.interactions["timestamp"].min() == 1_300_086_400


def test_s3rec_sequences_alone_keep_their_order_and_numbers(offline, caplog):
    (offline / "Beauty.txt").write_text("1 5 3 4 9\n2 3 5 9\n")
    dataset = sources.load("beauty")
    assert dataset.order == "sequence" and not dataset.has_times
    raw = dataset.items["raw_id"].reindex(dataset.interactions.sort_values("row")["item"]).tolist()
    assert raw == ["5", "3", "4", "9", "3", "5", "9"]
    assert "datamaps.json" in caplog.text and any("no map" in note for note in dataset.about["notes"])


def test_maps_or_times_of_another_dataset_are_refused(offline, real):
    folder = offline / "amazon_beauty_2014"
    shutil.copytree(real / "amazon_beauty_2014", folder, copy_function=shutil.copyfile)
    shutil.copyfile(real / "amazon_sports_2014/ticoserec/Sports_item_org_rank.txt.gz",
                    folder / "ticoserec/Beauty_item_org_rank.txt.gz")  # fmt: skip
    with pytest.raises(UserError, match="Beauty_time_org_rank.*not as long"):
        sources.load("beauty")
    small = json.dumps({"id2user": {"1": "A"}, "id2item": {"1": "B"}})
    (folder / "p5" / "datamaps.json.gz").write_bytes(gzip.compress(small.encode()))
    with pytest.raises(UserError, match="names 1 items, its sequences go up to 12,101"):
        sources.load("beauty")


def movielens_100k(folder):
    flags = "|".join(["0"] * 18 + ["1"])
    (folder / "u.data").write_text("".join(f"{u}\t{i}\t3\t{880_000_000 + u * i}\n" for u in (1, 2) for i in (1, 2, 3)))
    films = "".join(f"{i}|Film é {i} (199{i})|||x|{flags}\n" for i in (1, 2, 3))
    (folder / "u.item").write_bytes(films.encode("latin-1"))
    (folder / "u.user").write_text("1|24|M|writer|85711\n2|53|F|other|94043\n")


def movielens_1m(folder):
    (folder / "ratings.dat").write_text("".join(f"{u}::{i}::4::{9e8 + u * i:.0f}\n" for u in (1, 2) for i in (1, 2, 3)))
    films = "".join(f"{i}::Film é {i} (199{i})::Western\n" for i in (1, 2, 3))
    (folder / "movies.dat").write_bytes(films.encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")


@pytest.mark.parametrize(("name", "stem", "write"), [("movielens-100k", "ml-100k", movielens_100k),
                                                    ("movielens-1m", "ml-1m", movielens_1m)])  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_movielens_in_a_folder_or_in_its_zip(offline, name, stem, write, packed):
    folder = offline / stem
    folder.mkdir()
    write(folder)
    if packed:
        with zipfile.ZipFile(offline / f"{stem}.zip", "w") as archive:
            for path in folder.iterdir():
                archive.write(path, f"{stem}/{path.name}")
        shutil.rmtree(folder)
    dataset = sources.load(name.replace("-", "_"))
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == (2, 3, 6, "time")
    film = dataset.items[dataset.items["raw_id"] == "2"].iloc[0]
    assert (film["title"], film["category"], film["year"]) == ("Film é 2 (1992)", "Western", 1992)
    assert set(dataset.users["gender"]) == {"M", "F"}


def test_movielens_from_recbole_files(offline):
    (offline / "ml-100k.inter").write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t3\t88\n")
    (offline / "ml-100k.item").write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n7\tUp\tA B\n")
    dataset = sources.load("movielens-100k")
    assert dataset.items.loc[1, ["raw_id", "title", "category"]].tolist() == ["7", "Up", "A B"]


def test_lastfm_from_the_official_files(offline):
    (offline / "user_artists.dat").write_text("userID\tartistID\tweight\r\n2\t51\t13883\r\n3\t51\t7\r\n")
    (offline / "artists.dat").write_text("id\tname\turl\tpictureURL\n51\tDuran Duran\thttp://x\thttp://y\n")
    (offline / "user_friends.dat").write_text("userID\tfriendID\n2\t3\n3\t2\n3\t99\n")
    dataset = sources.load("lastfm")
    assert dataset.titles()[1] == "Duran Duran" and len(dataset.tables["social"]) == 2
    assert dataset.about["dropped"] == {"rows of social about unknown ids": 1}


@pytest.mark.parametrize("name", [*COUNTS, "movielens-100k", "movielens-1m"])
def test_a_missing_file_is_named_with_the_place_to_put_it(offline, name):
    with pytest.raises(UserError) as caught:
        sources.load(name)
    said = str(caught.value)
    assert caught.value.code == 3 and "Put them" in said and str(offline) in said and f"downloads/{name}" in said
    assert "https://" in said and "WORKBENCH_OFFLINE" in said


def test_no_answer_from_the_network_is_told_once(monkeypatch, tmp_path, home):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_OFFLINE", raising=False)
    shelf = Shelf("made-up")
    wanted = [File(f"a/{n}.txt", f"http://127.0.0.1:9/{n}.txt") for n in range(3)]
    with pytest.raises(UserError, match="refused") as caught:
        shelf.get(*wanted, otherwise="Something else would do.")
    said = str(caught.value)
    assert all(f"a/{n}.txt" in said for n in range(3)) and said.endswith("Something else would do.")
    assert not shelf.has(wanted[0]) and shelf.find(wanted[0]) is None


def test_a_loose_file_with_a_common_name_is_not_taken_for_another_datasets(offline):
    (offline / "train.txt").write_text("0 1 2\n")
    (offline / "test.txt").write_text("0 3\n")
    with pytest.raises(UserError, match="train.txt"):
        sources.load("cds")
    (offline / "cds").mkdir()
    for name in ("train.txt", "test.txt"):
        (offline / name).rename(offline / "cds" / name)
    dataset = sources.load("cds")
    assert len(dataset.interactions) == 3 and dataset.interactions["held_out"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("name", "path", "spoil", "said"),
    [
        ("beauty", "s3rec/Beauty.txt.gz", lambda b: b[:200_000], "cut short or damaged after line"),
        ("movielens-small", "ratings.csv.gz", lambda b: gzip.decompress(b).replace(b",964982703", b",-5", 1),
         "line 2: timestamp '-5' is a negative time"),
        ("foursquare-nyc", "stan/NYC.npy", lambda b: b[:5_000], "NYC.npy: not a plain numpy array"),
        ("retailrocket", "sslrec/test_mat.pkl", lambda b: b[:5_000], "not a pickled sparse matrix"),
        ("office", "apao/Office.inter.json.gz", lambda b: gzip.compress(gzip.decompress(b)[:5_000]), "line"),
        ("cds", "test.txt.gz", lambda b: b"", "holds no lists"),
    ],
)
def test_damaged_real_files_end_in_one_message(offline, real, name, path, spoil, said):
    bundle = next(p for p in real.iterdir() if (p / path).exists())
    folder = offline / bundle.name
    shutil.copytree(bundle, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    (folder / path).write_bytes(spoil((bundle / path).read_bytes()))
    with pytest.raises(UserError, match=said) as caught:
        sources.load(name)
    assert caught.value.code == 3 and path.split("/")[-1] in str(caught.value)


def test_names_options_and_descriptions():
    names = sources.names()
    assert set(COUNTS) | {"movielens-100k", "movielens-1m", "csv", "synthetic"} <= set(names)
    for name in names:
        line = sources.describe(name)
        assert line.strip() and "\n" not in line and sources.options(name) is not None
    with pytest.raises(UserError, match="did you mean 'beauty'"):
        sources.load("beuty")
    with pytest.raises(UserError, match="option of dataset beauty 'relase'; did you mean 'release'"):
        sources.check("beauty", {"relase": "ucsd"})
    with pytest.raises(UserError, match="unknown release of office 'apoa'; did you mean 'apao'"):
        sources.load("office", release="apoa")
    assert sources.check("movielens_small") == "movielens-small"


def test_listing_imports_neither_torch_nor_a_source():
    code = (
        "import sys; from workbench.data import sources; [sources.describe(n) for n in sources.names()]; "
        "heavy = ('torch', 'polars', 'sklearn'); own = 'workbench.data.sources.'; "
        "print([m for m in sys.modules if m in heavy or m.startswith(own)])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert ast.literal_eval(out) == []
