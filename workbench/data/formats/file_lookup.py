"""Locating, downloading and opening the files of a dataset, plain or gzip.

A file is searched for in the folders of WORKBENCH_DATA, then in `downloads/<dataset>` of the home folder, and then
downloaded unless WORKBENCH_OFFLINE is set. The SHA-256 of every file that is read is recorded.
"""
import gzip
import hashlib
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workbench.data import download
from workbench.errors import UserError
from workbench.places import home

log = logging.getLogger("workbench")
# File names that several datasets share: they count only inside the folder of a dataset.
GENERIC_NAMES = {
    "datamaps.json", "sequential.txt", "train.txt", "test.txt", "train.csv", "dev.csv", "test.csv", "item_meta.csv",
    "ratings.csv", "movies.csv", "tags.csv", "ratings.dat", "movies.dat", "users.dat", "kg.txt", "trusts.txt",
    "test_mat.pkl", "item_id_to_int.json", "products_lookup.csv", "item_generative_indexing_phase_0.txt",
    "ratings.txt", "trust.txt", "rating.mat", "ratings_final.npy", "kg_final.npy", "author.json", "category.json",
    "publisher.json", "trnMat.pkl", "valMat.pkl", "tstMat.pkl", "image_feat.npy", "audio_feat.npy", "commits_files.tsv",
    "live_files.tsv",
}


@dataclass(frozen=True)
class File:
    """A published file.

    path: relative path in the release, with `/`. url: download address, if any. sha256: of the published bytes (None
    where no trustworthy one is known). archive: the zip or tar that contains it.
    """

    path: str
    url: str | None = None
    sha256: str | None = None
    archive: "File | None" = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Content(NamedTuple):
    """The uncompressed bytes of a file and its name in messages."""

    data: bytes
    name: str


def read_plain(path: Path) -> Content:
    """The bytes of a file, decompressed if gzip. UserError if it cannot be read or is truncated."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        remedy = "check the path and its permissions"
        raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}", code=3) from error
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            lines = _readable(data).count(b"\n")
            raise UserError(
                f"{path}: the gzip file is truncated or damaged after line {lines:,}; get a fresh copy", code=3
            ) from error
    return Content(data, str(path))


def _readable(data: bytes) -> bytes:
    """The readable beginning of a damaged gzip file."""
    decompressor, blocks = zlib.decompressobj(wbits=31), []
    try:
        blocks = [decompressor.decompress(data[at : at + 65536]) for at in range(0, len(data), 65536)]
    except zlib.error:
        pass
    return b"".join(blocks)


class DataFiles:
    """Finder of the files of one dataset. `folders`: folder names that this dataset may have.

    checksums: SHA-256 of the files read, by path. missing_optional: optional files that could not be obtained.
    """

    def __init__(self, dataset: str, *folders: str):
        self.dataset = dataset
        self.folder_names = (*folders, dataset, dataset.replace("-", "_"))
        self.downloads = home() / "downloads" / dataset
        self.checksums: dict[str, str] = {}
        self.download_error: UserError | None = None
        self.missing_optional: list[str] = []

    def search_folders(self) -> list[Path]:
        """The folders of WORKBENCH_DATA."""
        return [Path(p).expanduser() for p in os.environ.get("WORKBENCH_DATA", "").split(os.pathsep) if p]

    def candidate_paths(self, file: File) -> Iterator[Path]:
        """Every path at which this file may be found, in order of preference."""
        folders = [root / name for root in self.search_folders() for name in dict.fromkeys(self.folder_names)]
        folders += [root for root in self.search_folders() if root.name in self.folder_names]
        folders += [self.downloads, self.downloads / "unpacked"]
        candidates = [path for folder in folders for path in (folder / file.path, folder / file.name)]
        if file.name.removesuffix(".gz") not in GENERIC_NAMES:
            candidates += [root / file.name for root in self.search_folders()]
        for path in candidates:
            yield path
            yield path.with_name(path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name + ".gz")

    def find(self, file: File) -> Path | None:
        """The local path of the file, or None."""
        return next((path for path in self.candidate_paths(file) if path.is_file()), None)

    def require(self, *files: File, alternative: str = "") -> None:
        """Ensure that all of `files` exist locally, downloading missing ones.

        UserError lists the files that are still missing and where to put them. alternative: a sentence on other files
        that may be used instead.
        """
        reason = ""
        for file in files:
            if self.find(file) is None:
                try:
                    self._download(file)
                except UserError as error:
                    reason = str(error)
                    break
        missing = [file for file in files if self.find(file) is None]
        if missing:
            reason = reason or f"{missing[0].archive.name} does not contain {missing[0].name}"
            raise UserError(self._missing(missing, reason, alternative), code=3)

    def try_get(self, file: File) -> bool:
        """Whether an optional file is available, after trying to download it; a warning is logged where it is not."""
        if self.find(file) is None:
            try:
                self._download(file)
            except UserError as error:
                log.warning("%s: continuing without %s (%s)", self.dataset, file.path, error)
                self.missing_optional.append(file.path)
        return self.find(file) is not None

    def read(self, file: File) -> Content:
        """The uncompressed bytes of a file; records its checksum. UserError where it is missing or damaged."""
        self.require(file)
        content = read_plain(self.find(file))
        digest = hashlib.sha256(content.data).hexdigest()
        if file.sha256 not in (None, digest) and not file.path.endswith(".gz"):
            log.warning("%s differs from the published %s", content.name, file.path)
        self.checksums[file.path] = digest
        return content

    def _download(self, file: File) -> None:
        if self.download_error:  # fail once only: without network each attempt would cost a time-out
            raise self.download_error
        source = file.archive or file
        try:
            path = self.find(source) if file.archive else None
            if path is None:
                if source.url is None:
                    raise UserError(f"{file.path} has no download address", code=3)
                if os.environ.get("WORKBENCH_OFFLINE"):
                    raise UserError("WORKBENCH_OFFLINE is set", code=3)
                path = download.fetch(source.url, self.downloads / source.path, sha256=source.sha256)
            if file.archive:
                download.unpack(path, self.downloads / "unpacked")
        except UserError as error:
            if source.url is not None:
                self.download_error = error
            raise

    def _missing(self, missing: Iterable[File], reason: str, alternative: str) -> str:
        folders = [str(root / self.folder_names[0]) for root in self.search_folders()] + [str(self.downloads)]
        wanted = []
        for file in missing:
            inside = f" (from {file.archive.name})" if file.archive else ""
            url = (file.archive or file).url
            wanted.append(f"  {file.path}{inside}" + (f"  {url}" if url else ""))
        return "\n".join(
            [f"{self.dataset}: missing and not downloaded ({reason.rstrip('.')}):", *wanted,
             f"Put them, plain or .gz, in {' or '.join(folders)}; WORKBENCH_DATA names more folders."]
            + ([alternative] if alternative else [])
        )
