"""TencentGR: advertisements as they were shown, clicked and converted on, with features of both sides (not bundled).

The log of the Tencent Advertising Algorithm Challenge 2025, https://huggingface.co/TAAC2025 (TencentGR-1M and -10M).
Download a release whole into a folder of WORKBENCH_DATA that is called as it is, such as TencentGR-1M:

    seq/ user_feat/ item_feat/ candidate/   parquet shards
    mm_emb/emb_81_32_parquet/ ...           vectors of the ads, keyed by the id of `candidate`; 82 to 86 are 9-31 GB
    indexer.pkl                             i, u, f: published ids -> numbers of seq, item_feat and user_feat

seq is user_id and seq, a list of struct (item_id, action_type, timestamp). item_feat: item_id and 13 categorical
columns; user_feat: user_id, four categorical columns and four lists. candidate: item_id (published id), retrieval_id,
and the 13 columns as struct (cold_start, feature_value). The layout is as the official baseline and users of 1M read
it; of 10M it is taken over from there and could not be verified, nor could SHA-256 of any file.

Traps  Exposures are 90 % of the events (94.6 % in 10M), so that the next event tells what the ad server shows. Targets
       are clicks and conversions alone. Ids differ: seq and item_feat have numbers, candidate and mm_emb published ids.
       Two thirds of a million candidates, many of them never in seq. An action_type may be missing. Events of one
       request share a timestamp; their order is that of the list. Not every ad has vectors (mm_emb 85 and 86: < 40 %).
       How often each is met is in the lint report.
"""
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.formats.attributes.action_types import ACTION, EXPOSED, with_positive_ends
from workbench.data.formats.containers.plain_pickle import parse_plain_dict
from workbench.data.formats.containers.shard_folders import scan_shards
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import DataFiles, read_plain
from workbench.data.lint.finding import NOTE, WARNING, Finding, counted
from workbench.data.schema import ITEM, TIME, USER, Dataset, assemble, factorize, hash_ids
from workbench.data.tables import attach_tables
from workbench.errors import UserError, unknown_name

RELEASES = ("1M", "10M")
OF_ITEMS = ["100", "101", "102", "112", *(str(n) for n in range(114, 123))]
OF_USERS, LISTS = ["103", "104", "105", "109"], ["106", "107", "108", "110"]
DIMENSIONS = {"81": 32, "82": 1024, "83": 3584, "84": 4096, "85": 3584, "86": 3584}
ACTIONS = (0, 1, 2)  # exposure, click, conversion; 2 in 10M alone
EVENT = ("item_id", "action_type", "timestamp")
INDEXER = "indexer.pkl"
ABOUT = {
    "homepage": "https://huggingface.co/TAAC2025",
    "terms": "CC BY-NC 4.0 of the challenge's baseline, CC BY 4.0 on the page of 10M: confirm before use.",
    "citation": "Tencent Advertising Algorithm Challenge 2025: All-Modality Generative Recommendation",
}  # fmt: skip
BROUGHT = {
    "works": "1M is read whole: actions, features of both sides, vectors, candidates. Targets are clicks and "
             "conversions; hit rate and NDCG weighted by them are in evaluate.actions.",
    "sample": "tests/ad_samples.py", "systems": ("feature_retriever",),
    "stand_ins": {"kuairand-actions": "exposures, clicks and long views"},
    "lacks": "The log, so no figure on it is ours. Not verified: the layout of 10M, SHA-256 of any file.",
}  # fmt: skip


class _Release(NamedTuple):
    """The folder of a release, and its numbers of ads by published id, a text."""

    folder: Path
    numbers: pd.Series


def load(*, release: str = "1M", vectors: str = "81", users: int = 0) -> Dataset:
    """TencentGR. action: 0 shown, 1 clicked, 2 converted. Items are numbers of the indexer, with the column `published`
    for their published id and one for each feature; users have features too, lists joined by " | ".

    Under leave-one-out both held-out events are clicks or conversions, as in kuairand-actions. Table candidates (item,
    retrieval_id): the published candidates that occur in the log; table emb_81: dense features. vectors: which of 81 to
    86, "" none. users: of a random sample, 0 for all: 1M has 91 million events. UserError for files that are missing or
    of another layout.
    """
    if release not in RELEASES:
        raise unknown_name("release of tencent-gr", release, RELEASES)
    if vectors and vectors not in DIMENSIONS:
        raise unknown_name("vectors of tencent-gr", vectors, DIMENSIONS)
    if users < 0:
        raise UserError(f"tencent-gr: users must be 0, for all, or more, not {users!r}")
    folders = ["seq", "user_feat", "item_feat", "candidate"]
    folders += [f"mm_emb/emb_{vectors}_{DIMENSIONS[vectors]}_parquet"] if vectors else []
    found = _find(f"TencentGR-{release}", folders)
    events, read, dropped, findings = _events(found.folder, users)
    ads = pd.Series(found.numbers[found.numbers.isin(events[ITEM].unique())])
    tables = {"candidates": _candidates(found, read, dropped)}
    if vectors:
        tables[f"emb_{vectors}"] = _vectors(found.folder / folders[-1], DIMENSIONS[vectors], ads, read, dropped)
    findings += _table_findings(events, tables["candidates"][ITEM], ads, read | dropped)
    about = {
        **ABOUT, "title": f"TencentGR-{release}", "release": f"TencentGR-{release}", "read": read, "dropped": dropped,
        "files": _checksums(found.folder, folders), "notes": ["order: that of the published lists"],
        "findings": [list(finding) for finding in findings],
    }  # fmt: skip
    items, people = _ads(found.folder, ads), _people(found.folder)
    dataset = assemble("tencent-gr", events, items=items, users=people, order="sequence", about=about)
    return attach_tables(dataset, tables)


def _find(name: str, folders: list[str]) -> _Release:
    """The folder of a release, with all that is read of it. UserError (code 3) that says what was found, what is wanted
    and where to get it."""
    files = DataFiles("tencent-gr", name)
    places = [root / each for root in files.search_folders() for each in (name, "tencent-gr", "tencent_gr")]
    places = [*places, *(root for root in files.search_folders() if root.name == name), files.downloads / name]
    wanted = [*folders, INDEXER]
    folder = next((place for place in places if place.is_dir()), places[0])
    if missing := [each for each in wanted if not (folder / each).exists()]:
        has = ", ".join(sorted(each.name for each in folder.iterdir())) if folder.is_dir() else "no such folder"
        raise UserError(f"tencent-gr: {folder} lacks {', '.join(missing)} (found: {has}). Download {name} whole from "
                        f"{ABOUT['homepage']} to there, or to another folder of WORKBENCH_DATA; vectors= does without "
                        "mm_emb", code=3)  # fmt: skip
    content = read_plain(folder / INDEXER)
    numbers = parse_plain_dict(content).get("i")
    if not isinstance(numbers, dict) or not all(type(number) is int for number in numbers.values()):
        raise data_error(content, None, "no map 'i' from published ids of ads to whole numbers", "get a fresh copy")
    return _Release(folder, pd.Series(numbers.values(), [str(each) for each in numbers], dtype=np.int64))


def _checksums(folder: Path, folders: list[str]) -> dict[str, str]:
    """SHA-256 of every file that is read, by path."""
    found = [folder / INDEXER, *(file for name in folders for file in sorted((folder / name).glob("*.parquet")))]
    digests = {}
    for path in found:
        with path.open("rb") as file:
            digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _events(folder: Path, users: int) -> tuple[pd.DataFrame, dict, dict, list[Finding]]:
    """The events to keep in the order of the lists, what was read, what was left out, and the traps of the lists.
    UserError for lists of another layout, or an action that is not known."""
    lists = scan_shards(folder / "seq", ["user_id", "seq"])
    kind = lists.collect_schema()["seq"]
    fields = [each.name for each in kind.inner.fields] if kind == pl.List(pl.Struct) else []
    if not {*EVENT} <= {*fields}:
        raise UserError(f"{folder / 'seq'}: seq is {kind}; expected a list of struct ({', '.join(EVENT)})", code=3)
    if users:
        every = lists.select("user_id").collect()["user_id"].unique().to_numpy()
        lists = lists.filter(pl.col("user_id").is_in(every[np.argsort(hash_ids(every))[:users]].tolist()))
    table = lists.explode("seq").unnest("seq").select("user_id", *EVENT).drop_nulls("item_id").collect()
    if (wrong := table.filter(~pl.col("action_type").is_in(ACTIONS))).height:
        raise UserError(f"{folder / 'seq'}: action_type {wrong['action_type'][0]}; allowed: 0, 1, 2 and none", code=3)
    none, late = table["action_type"].is_null(), table["timestamp"].is_null()
    kept = table.filter(~none & ~late & (pl.col("item_id") > 0))
    user, times = kept["user_id"].to_numpy(), kept["timestamp"].to_numpy().astype(np.int64)
    codes, _ = factorize(user)
    action = kept["action_type"].to_numpy().astype(np.int8)
    in_order, few = np.arange(len(codes)), np.bincount(codes, action > EXPOSED)[codes] < 2
    ends = with_positive_ends(codes, in_order, action > EXPOSED)  # the order of the lists, by which they are split
    events = pd.DataFrame({USER: user, ITEM: kept["item_id"].to_numpy(), TIME: times, ACTION: action})[ends]
    read = {"events": len(table), "users": len(np.unique(codes))}
    dropped = {"events without an action type": int(none.sum()), "events without a time": int((~none & late).sum()),
               "events without an ad": len(table) - int((none | late).sum()) - len(kept),
               "events of users with fewer than two clicks": int(few.sum()),
               "events merely shown since the last click but one": int((~ends & ~few).sum())}  # fmt: skip
    return events.reset_index(drop=True), read, dropped, _event_findings(table, codes, action, times)


def _event_findings(table: pl.DataFrame, codes: np.ndarray, action: np.ndarray, times: np.ndarray) -> list[Finding]:
    """The traps of the lists. table: all R events; codes (numbers of users), action, times: (N,), of those with an ad,
    an action and a time, in the order of the lists."""
    n, known = len(table), len(codes)
    shown, clicked, converted = (int((action == each).sum()) for each in ACTIONS)
    none = table["action_type"].null_count()
    same, step = np.diff(codes) == 0, np.diff(times)
    few = np.bincount(codes, action > EXPOSED) < 2
    return [
        counted("tencent-gr: exposures", shown, known, f"events were merely shown ({clicked:,} clicked, {converted:,} "
                "converted on): the next event tells what the ad server shows, so targets are clicks and conversions",
                WARNING if 2 * shown > known else NOTE),
        counted("tencent-gr: missing actions", none, n, "events have no action type: left out"),
        counted("tencent-gr: missing ads or times", n - none - known, n, "events lack an ad or a time: left out"),
        counted("tencent-gr: events before an earlier time", (same & (step < 0)).sum(), known,
                "events are earlier than the one above them in their list, whose order is kept"),
        counted("tencent-gr: events of one request", (same & (step == 0)).sum(), known,
                "events have the time of the one above them: the list alone tells their order", NOTE),
        counted("tencent-gr: users without two clicks", few.sum(), len(few), "users have fewer than two clicks or "
                "conversions, one to validate and one to test on: left out", NOTE),
    ]  # fmt: skip


def _table_findings(events: pd.DataFrame, candidates: pd.Series, ads: pd.Series, counts: dict) -> list[Finding]:
    """The traps of the candidates and the vectors. events, ads: those that are kept. counts: read and left out."""
    n, unknown = counts["candidates"], counts["candidates that the indexer does not know"]
    targets = events[ITEM][events[ACTION] > EXPOSED].drop_duplicates()
    found = [
        counted("tencent-gr: unknown candidates", unknown, n, "candidates are not in the indexer: left out"),
        counted("tencent-gr: candidates outside the log", (~candidates.isin(ads)).sum(), n,
                "candidates are in no event that is kept: cold, and left out", NOTE),
        counted("tencent-gr: targets outside the candidates", (~targets.isin(candidates)).sum(), len(targets),
                "ads that were clicked or converted on are no candidate: among these they cannot be found", NOTE),
    ]  # fmt: skip
    if "ads with vectors" in counts:
        whole, broken = counts["ads with vectors"], counts["vectors that are not whole, or given twice"]
        found += [
            counted("tencent-gr: ads without vectors", len(ads) - whole, len(ads),
                    "ads of the log have no vector: zeros stand for it", NOTE),
            counted("tencent-gr: broken vectors", broken, whole + broken,
                    "vectors of ads are not whole, or given twice: left out"),
        ]  # fmt: skip
    return found


def _candidates(found: _Release, read: dict, dropped: dict) -> pd.DataFrame:
    """item, retrieval_id of the candidates that the indexer knows."""
    table = scan_shards(found.folder / "candidate", ["item_id", "retrieval_id", *OF_ITEMS]).select(
        pl.col("item_id").cast(pl.String), "retrieval_id").collect().to_pandas()  # fmt: skip
    number = found.numbers.reindex(table["item_id"])
    known = number.notna().to_numpy()
    read["candidates"] = len(table)
    dropped["candidates that the indexer does not know"] = int((~known).sum())
    return pd.DataFrame({ITEM: number[known].astype(np.int64).to_numpy(), "retrieval_id": table["retrieval_id"][known]})


def _vectors(folder: Path, width: int, ads: pd.Series, read: dict, dropped: dict) -> pd.DataFrame:
    """The table of dense features of these ads: item and numbered columns."""
    rows = scan_shards(folder, ["anonymous_cid", "emb"]).with_columns(pl.col("anonymous_cid").cast(pl.String))
    table = rows.filter(pl.col("anonymous_cid").is_in(ads.index.tolist())).collect()
    whole = table.filter((pl.col("emb").list.len() == width) & pl.col("emb").list.eval(
        pl.element().cast(pl.Float64).is_finite().fill_null(False)).list.all()).unique("anonymous_cid", keep="first",
                                                                                     maintain_order=True)  # fmt: skip
    numbers = whole["emb"].cast(pl.List(pl.Float32)).list.to_array(width).to_numpy()
    read["ads with vectors"] = len(whole)
    dropped["vectors that are not whole, or given twice"] = len(table) - len(whole)
    columns = {str(place): numbers[:, place] for place in range(width)}
    return pd.DataFrame({ITEM: ads[whole["anonymous_cid"].to_numpy()].to_numpy(), **columns})


def _ads(folder: Path, ads: pd.Series) -> pd.DataFrame:
    """Features of these ads as text, with their published id."""
    rows = scan_shards(folder / "item_feat", ["item_id", *OF_ITEMS]).filter(pl.col("item_id").is_in(ads.tolist()))
    table = rows.with_columns(pl.col(name).cast(pl.String) for name in OF_ITEMS).collect().to_pandas()
    published = pd.Series(ads.index.to_numpy(object), ads.to_numpy())
    published = published[~published.index.duplicated()].reindex(table["item_id"]).to_numpy()
    return table.rename(columns={"item_id": "raw_id"}).assign(published=published)


def _people(folder: Path) -> pd.DataFrame:
    """Features of the users as text."""
    rows = scan_shards(folder / "user_feat", ["user_id", *OF_USERS, *LISTS])
    rows = rows.with_columns(pl.col(name).cast(pl.String) for name in OF_USERS)
    rows = rows.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" | ") for name in LISTS)
    return rows.collect().to_pandas().rename(columns={"user_id": "raw_id"})
