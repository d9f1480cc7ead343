"""Downloads over https with time-out, size limit, resume and checksum; safe unpacking of archives."""
import errno
import os
import shutil
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from workbench import artifacts
from workbench.errors import UserError
from workbench.places import explain
from workbench.progress import Progress

MAX_BYTES = 2 << 30
CHUNK = 1 << 18
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_url(url: str) -> None:
    """UserError unless the URL is https (or http to localhost)."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise UserError(f"{url}: only https addresses are downloaded from")


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follow redirects only to allowed URLs."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    max_bytes: int = MAX_BYTES,
    timeout: float = 8.0,
) -> Path:
    """Download `url` to `target`, resuming from the `.part` file of an earlier attempt.

    size: expected bytes. max_bytes: size limit. timeout: seconds without a response. UserError when the URL is not
    allowed, the server does not respond, or the file is truncated, too large, or has another size or checksum;
    `target` is then untouched.
    """
    check_url(url)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, max_bytes, timeout)
        _verify(url, part, sha256, size)
        os.replace(part, target)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        why = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None) or error
        resume = " Run it again to resume." if part.exists() else ""
        raise UserError(f"{url}: the download failed: {why}.{resume}", code=3) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
        raise explain(error, target) from error
    return target


def _open(url: str, start: int, timeout: float):
    """The response, from byte `start` where the server supports ranges; None where `start` is beyond the file (416)."""
    request = urllib.request.Request(url, headers={"User-Agent": "workbench", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        return urllib.request.build_opener(_Redirect).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:
            return None
        raise


def _receive(url: str, part: Path, max_bytes: int, timeout: float) -> None:
    start = part.stat().st_size if part.exists() else 0
    response = _open(url, start, timeout)
    if response is None:  # the part is complete, or longer than the file: start over
        part.unlink()
        start, response = 0, _open(url, 0, timeout)
    with response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        if total is not None and total > max_bytes:
            raise UserError(f"{url}: {total:,} bytes is over the limit of {max_bytes:,}", code=3)
        with open(part, "ab" if start else "wb") as file, Progress(f"download {part.stem}", total, "bytes") as bar:
            bar.step(start)
            while block := response.read(CHUNK):
                if bar.done + len(block) > max_bytes:
                    raise UserError(f"{url}: over the limit of {max_bytes:,} bytes", code=3)
                file.write(block)
                bar.step(len(block))
            file.flush()
            os.fsync(file.fileno())
        if total is not None and bar.done < total:
            raise UserError(
                f"{url}: truncated at {bar.done:,} of {total:,} bytes. Run it again to resume.", code=3
            )


def _verify(url: str, part: Path, sha256: str | None, size: int | None) -> None:
    """UserError for a wrong size or checksum; the file is deleted, so the next attempt starts over."""
    n_bytes = part.stat().st_size
    digest = artifacts.sha256(part)
    if (size is not None and n_bytes != size) or (sha256 is not None and digest != sha256):
        part.unlink()
        expected = f"{size:,} bytes" if sha256 is None else f"sha256 {sha256}"
        raise UserError(
            f"{url}: not the published file: {n_bytes:,} bytes, sha256 {digest}, where {expected} was expected. "
            "Nothing was kept.", code=3,
        )


def unpack(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, max_files: int = 10_000) -> Path:
    """Unpack a zip or tar file into `folder` atomically, replacing an existing one.

    max_bytes: limit on the total size. max_files: limit on the number of files. UserError if a member is a link or a
    device, has a path outside the folder, or occurs twice (ignoring case), or if the archive is too large or damaged.
    """
    from workbench.data.formats.archives import extract

    new_folder = folder.with_name(f"{folder.name}-{os.getpid()}")
    artifacts.write_folder(new_folder, lambda aside: extract(archive, aside, max_bytes, max_files))
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(new_folder, folder)
    return folder
