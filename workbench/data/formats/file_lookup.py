"""Where a dataset's files are found, and how they are opened: plain or gzip, here or from their official place.

A file is looked for in the folders of WORKBENCH_DATA, then under the home's `downloads/<dataset>`, then downloaded
unless WORKBENCH_OFFLINE is set. Every file that is read is remembered with its SHA-256.
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

from workbench import artifacts
from workbench.data import download
from workbench.errors import UserError

log = logging.getLogger("workbench")
# Names that several datasets use: a loose one beside others proves nothing, so they count only in a dataset's folder.
GENERIC = {
    "datamaps.json", "sequential.txt", "train.txt", "test.txt", "train.csv", "dev.csv", "test.csv", "item_meta.csv",
    "ratings.csv", "movies.csv", "tags.csv", "ratings.dat", "movies.dat", "users.dat", "kg.txt", "trusts.txt",
    "test_mat.pkl", "item_id_to_int.json", "products_lookup.csv", "item_generative_indexing_phase_0.txt",
}


@dataclass(frozen=True)
class File:
    """A published file.

    path: its place in the release, `/` between folders. url: where it can be had directly, if anywhere. sha256: of its
    bytes as published (None where no trustworthy one is known). archive: the zip or tar that carries it.
    """

    path: str
    url: str | None = None
    sha256: str | None = None
    archive: "File | None" = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Content(NamedTuple):
    """The plain bytes of a file and what to call it in a message."""

    data: bytes
    name: str


def read_plain(path: Path) -> Content:
    """The bytes of a file, unpacked if it is gzip. UserError if it cannot be read or the gzip is cut short."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its rights", code=3) from error
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            lines = _readable(data).count(b"\n")
            raise UserError(
                f"{path}: the gzip file is cut short or damaged after line {lines:,}; get a fresh copy", code=3
            ) from error
    return Content(data, str(path))


def _readable(data: bytes) -> bytes:
    """What a damaged gzip file still yields."""
    reader, out = zlib.decompressobj(wbits=31), []
    try:
        out = [reader.decompress(data[at : at + 65536]) for at in range(0, len(data), 65536)]
    except zlib.error:
        pass
    return b"".join(out)


class Shelf:
    """The files of one dataset, wherever they lie. `folders`: names a folder of this dataset may have."""

    def __init__(self, dataset: str, *folders: str):
        self.dataset = dataset
        self.names = (*folders, dataset, dataset.replace("-", "_"))
        self.downloads = artifacts.home() / "downloads" / dataset
        self.used: dict[str, str] = {}
        self.refusal: UserError | None = None
        self.lacking: list[str] = []  # optional files that could not be had

    def roots(self) -> list[Path]:
        """The folders of WORKBENCH_DATA."""
        return [Path(p).expanduser() for p in os.environ.get("WORKBENCH_DATA", "").split(os.pathsep) if p]

    def places(self, file: File) -> Iterator[Path]:
        """Every path at which this file would be found, best first."""
        folders = [root / name for root in self.roots() for name in dict.fromkeys(self.names)]
        folders += [root for root in self.roots() if root.name in self.names]
        folders += [self.downloads, self.downloads / "unpacked"]
        candidates = [path for folder in folders for path in (folder / file.path, folder / file.name)]
        if file.name.removesuffix(".gz") not in GENERIC:
            candidates += [root / file.name for root in self.roots()]
        for path in candidates:
            yield path
            yield path.with_name(path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name + ".gz")

    def find(self, file: File) -> Path | None:
        """Where the file lies on this machine, or None."""
        return next((path for path in self.places(file) if path.is_file()), None)

    def get(self, *files: File, otherwise: str = "") -> None:
        """Make sure that all of `files` lie on this machine, downloading what is missing. UserError names every file
        that is still missing and where to put it; `otherwise`: what would serve instead."""
        reason = ""
        for file in files:
            if self.find(file) is None:
                try:
                    self._bring(file)
                except UserError as error:
                    reason = str(error)
                    break
        missing = [file for file in files if self.find(file) is None]
        if missing:
            reason = reason or f"{missing[0].archive.name} does not hold {missing[0].name}"
            raise UserError(self._missing(missing, reason, otherwise), code=3)

    def has(self, file: File) -> bool:
        """Whether an optional file is here or could be brought here; a warning says so where it is not."""
        if self.find(file) is None:
            try:
                self._bring(file)
            except UserError as error:
                log.warning("%s: going on without %s (%s)", self.dataset, file.path, error)
                self.lacking.append(file.path)
        return self.find(file) is not None

    def read(self, file: File) -> Content:
        """The file's plain bytes, remembered in `used`. UserError where it is missing or damaged."""
        self.get(file)
        content = read_plain(self.find(file))
        digest = hashlib.sha256(content.data).hexdigest()
        if file.sha256 not in (None, digest) and not file.path.endswith(".gz"):
            log.warning("%s is not byte for byte the published %s", content.name, file.path)
        self.used[file.path] = digest
        return content

    def _bring(self, file: File) -> None:
        if self.refusal:  # one failed attempt is enough: with no network every further one would cost its time-out
            raise self.refusal
        carrier = file.archive or file
        try:
            here = self.find(carrier) if file.archive else None
            if here is None:
                if carrier.url is None:
                    raise UserError(f"{file.path} has no official address to download from", code=3)
                if os.environ.get("WORKBENCH_OFFLINE"):
                    raise UserError("WORKBENCH_OFFLINE is set", code=3)
                here = download.fetch(carrier.url, self.downloads / carrier.path, sha256=carrier.sha256)
            if file.archive:
                download.unpack(here, self.downloads / "unpacked")
        except UserError as error:
            if carrier.url is not None:
                self.refusal = error
            raise

    def _missing(self, missing: Iterable[File], reason: str, otherwise: str) -> str:
        folders = [str(root / self.names[0]) for root in self.roots()] + [str(self.downloads)]
        wanted = []
        for file in missing:
            inside = f" (from {file.archive.name})" if file.archive else ""
            url = (file.archive or file).url
            wanted.append(f"  {file.path}{inside}" + (f"  {url}" if url else ""))
        return "\n".join(
            [f"{self.dataset}: missing, and not downloaded ({reason.rstrip('.')}):", *wanted,
             f"Put them, plain or .gz, in {' or '.join(folders)}; WORKBENCH_DATA names more folders."]
            + ([otherwise] if otherwise else [])
        )
