"""Public datasets from small files in their official layouts, and what is said when a file is missing or damaged."""
import gzip
import json
import shutil
import zipfile

import pytest

from workbench.data import datasets, protocol_for
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.errors import UserError

OWN = ("csv", "preset", "train-test", "merged", "critiqued", "beauty-baskets")  # of one's own files, or other datasets
NO_ADDRESS = {"code-sciml", "merrec", "amazon-m2", "regen"}  # of clones, of many shards, behind a login
BY_HAND = {"tencent-gr", "kuailive", "pira", "yt8m-music-text-clips"}  # a page says how to get them
PUBLIC = [name for name in datasets.names() if name not in {*OWN, "git"} and not name.startswith("synthetic")]


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Nothing but this folder, and no network."""
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    return tmp_path


REVIEW = {"overall": 5.0, "reviewText": "x", "summary": "y", "reviewTime": "01 1, 2014"}


def official(folder, category, packed=True):
    """Official review and metadata files with five users and five items."""
    lines = [
        json.dumps({"reviewerID": f"U{u}", "asin": f"B{i}", "unixReviewTime": 1_300_000_000 + 86_400 * day, **REVIEW})
        for u in range(5) for i, day in zip(range(5), range(u + 5, u, -1), strict=True)
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
    dataset = datasets.load(name)
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == (5, 5, 25, "time")
    assert set(dataset.items["raw_id"]) == {f"B{i}" for i in range(5)}
    row = dataset.items[dataset.items["raw_id"] == "B3"].iloc[0]
    assert row["title"] == "Item & 3" and row["category"] == "Root > Leaf"
    assert protocol_for(dataset).ties == "hash" and dataset.interactions["timestamp"].min() == 1_300_086_400


def test_s3rec_sequences_alone_keep_their_order_and_numbers(offline, caplog):
    (offline / "Beauty.txt").write_text("1 5 3 4 9\n2 3 5 9\n")
    dataset = datasets.load("beauty")
    assert dataset.order == "sequence" and not dataset.has_times
    raw = dataset.items["raw_id"].reindex(dataset.interactions.sort_values("row")["item"]).tolist()
    assert raw == ["5", "3", "4", "9", "3", "5", "9"]
    assert "datamaps.json" in caplog.text and any("no id map" in note for note in dataset.about["notes"])


def test_official_metadata_completes_a_published_sequence(offline):
    (offline / "Beauty.txt").write_text("1 1 2 3\n2 3 2 1\n")
    (offline / "beauty").mkdir()
    maps = {"id2user": {"1": "UA", "2": "UB"}, "id2item": {"1": "B7", "2": "B8", "3": "B9"}}
    (offline / "beauty" / "datamaps.json").write_text(json.dumps(maps))
    meta = [{"asin": "B8", "title": "Soap", "price": 3.5, "categories": [["Beauty", "Bath"]]}, {"asin": "XX"}]
    (offline / "meta_Beauty.json").write_text("\n".join(map(str, meta)))
    dataset = datasets.load("beauty")
    items = dataset.items.set_index("raw_id")
    assert set(items.index) == {"B7", "B8", "B9"} and set(dataset.users["raw_id"]) == {"UA", "UB"}
    assert items.loc["B8", ["title", "category", "price"]].tolist() == ["Soap", "Beauty > Bath", 3.5]
    assert items["s3rec_id"].to_dict() == {"B7": 1, "B8": 2, "B9": 3}
    assert items["lcrec_id"].to_dict() == {"B7": 0, "B8": 1, "B9": 2}
    assert "meta_Beauty.json.gz" in dataset.about["files"]


def test_maps_or_times_of_another_dataset_are_refused(offline, real):
    folder = offline / "amazon_beauty_2014"
    shutil.copytree(real / "amazon_beauty_2014", folder, copy_function=shutil.copyfile)
    shutil.copyfile(real / "amazon_sports_2014/ticoserec/Sports_item_org_rank.txt.gz",
                    folder / "ticoserec/Beauty_item_org_rank.txt.gz")  # fmt: skip
    with pytest.raises(UserError, match="Beauty_time_org_rank.*differ in length"):
        datasets.load("beauty")
    small = json.dumps({"id2user": {"1": "A"}, "id2item": {"1": "B"}})
    (folder / "p5" / "datamaps.json.gz").write_bytes(gzip.compress(small.encode()))
    with pytest.raises(UserError, match="has 1 items, its sequences go up to 12,101"):
        datasets.load("beauty")


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
    dataset = datasets.load(name.replace("-", "_"))
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == (2, 3, 6, "time")
    film = dataset.items[dataset.items["raw_id"] == "2"].iloc[0]
    assert (film["title"], film["category"], film["year"]) == ("Film é 2 (1992)", "Western", 1992)
    assert set(dataset.users["gender"]) == {"M", "F"}


def test_movielens_from_recbole_files(offline):
    (offline / "ml-100k.inter").write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t3\t88\n")
    (offline / "ml-100k.item").write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n7\tUp\tA B\n")
    dataset = datasets.load("movielens-100k")
    assert dataset.items.loc[1, ["raw_id", "title", "category"]].tolist() == ["7", "Up", "A B"]


def test_lastfm_from_the_official_files(offline):
    (offline / "user_artists.dat").write_text("userID\tartistID\tweight\r\n2\t51\t13883\r\n3\t51\t7\r\n")
    (offline / "artists.dat").write_text("id\tname\turl\tpictureURL\n51\tDuran Duran\thttp://x\thttp://y\n")
    (offline / "user_friends.dat").write_text("userID\tfriendID\n2\t3\n3\t2\n3\t99\n")
    dataset = datasets.load("lastfm")
    assert dataset.titles()[1] == "Duran Duran" and len(dataset.tables["social"]) == 2
    assert dataset.about["dropped"] == {"rows of social about unknown ids": 1}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_missing_file_is_named_with_the_place_to_put_it(offline, name):
    with pytest.raises(UserError) as caught:
        datasets.load(name)
    error_text = str(caught.value)
    assert caught.value.code == 3 and str(offline) in error_text
    if name in BY_HAND:
        assert "https://" in error_text and "WORKBENCH_DATA" in error_text
    else:
        assert "Put them" in error_text and f"downloads/{name}" in error_text
        assert name in NO_ADDRESS or ("https://" in error_text and "WORKBENCH_OFFLINE" in error_text)


def test_no_answer_from_the_network_is_told_once(monkeypatch, tmp_path, home):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_OFFLINE", raising=False)
    files = DataFiles("made-up")
    wanted = [File(f"a/{n}.txt", f"http://127.0.0.1:9/{n}.txt") for n in range(3)]
    with pytest.raises(UserError, match="refused") as caught:
        files.require(*wanted, alternative="Other files are an alternative.")
    error_text = str(caught.value)
    assert all(f"a/{n}.txt" in error_text for n in range(3)) and error_text.endswith("Other files are an alternative.")
    assert not files.try_get(wanted[0]) and files.find(wanted[0]) is None


def test_a_loose_file_with_a_common_name_is_not_taken_for_another_datasets(offline):
    (offline / "train.txt").write_text("0 1 2\n")
    (offline / "test.txt").write_text("0 3\n")
    with pytest.raises(UserError, match="train.txt"):
        datasets.load("cds")
    (offline / "cds").mkdir()
    for name in ("train.txt", "test.txt"):
        (offline / name).rename(offline / "cds" / name)
    dataset = datasets.load("cds")
    assert len(dataset.interactions) == 3 and dataset.interactions["held_out"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("name", "path", "spoil", "error_text"),
    [
        ("beauty", "s3rec/Beauty.txt.gz", lambda b: b[:200_000], "truncated or damaged after line"),
        ("movielens-small", "ratings.csv.gz", lambda b: gzip.decompress(b).replace(b",964982703", b",-5", 1),
         "line 2: timestamp '-5' is a negative time"),
        ("foursquare-nyc", "stan/NYC.npy", lambda b: b[:5_000], "NYC.npy: not a plain numpy array"),
        ("retailrocket", "sslrec/test_mat.pkl", lambda b: b[:5_000], "not a pickled sparse matrix"),
        ("office", "apao/Office.inter.json.gz", lambda b: gzip.compress(gzip.decompress(b)[:5_000]), "line"),
        ("cds", "test.txt.gz", lambda b: b"", "contains no lists"),
    ],
)
def test_damaged_real_files_end_in_one_message(offline, real, name, path, spoil, error_text):
    bundle = next(p for p in real.iterdir() if (p / path).exists())
    folder = offline / bundle.name
    shutil.copytree(bundle, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    (folder / path).write_bytes(spoil((bundle / path).read_bytes()))
    with pytest.raises(UserError, match=error_text) as caught:
        datasets.load(name)
    assert caught.value.code == 3 and path.split("/")[-1] in str(caught.value)
