"""Downloads from a local server, and malicious archives."""
import contextlib
import gzip
import io
import os
import stat
import tarfile
import threading
import time
import zipfile
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from workbench.data import download
from workbench.errors import UserError

BODY = bytes(range(256)) * 4000
DIGEST = sha256(BODY).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Serves BODY: whole, in ranges, cut short, endless or redirected; remembers the ranges asked for."""

    asked: list = []

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://files.example.org/data")
            return self.end_headers()
        if self.path == "/missing":
            return self.send_error(404)
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.path != "/no-ranges" else 0
        if start >= len(BODY):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        end = 300_000 if self.path == "/short" and not start else len(BODY)
        if self.path == "/slow":
            time.sleep(0.5)
        with contextlib.suppress(OSError):  # the client may have left
            self.wfile.write(BODY[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    Server.asked = []
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_whole_file_arrives_and_no_part_stays(url, tmp_path):
    target = download.fetch(f"{url}/file", tmp_path / "deep" / "file.bin", sha256=DIGEST, size=len(BODY))
    assert target.read_bytes() == BODY
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]


def test_a_file_cut_short_is_resumed_from_where_it_stopped(url, tmp_path):
    target = tmp_path / "file.bin"
    with pytest.raises(UserError, match="300,000 of 1,024,000 bytes.*again"):
        download.fetch(f"{url}/short", target, sha256=DIGEST)
    assert not target.exists()
    assert download.fetch(f"{url}/short", target, sha256=DIGEST).read_bytes() == BODY
    assert Server.asked == [("/short", None), ("/short", "bytes=300000-")]


def test_a_server_without_ranges_sends_it_all_again(url, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"old and wrong")
    assert download.fetch(f"{url}/no-ranges", tmp_path / "file.bin", sha256=DIGEST).read_bytes() == BODY


def test_a_part_that_is_already_whole_is_not_an_error(url, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY)
    assert download.fetch(f"{url}/file", tmp_path / "file.bin", sha256=DIGEST).read_bytes() == BODY


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"size": 7}])
def test_another_file_than_the_published_one_is_thrown_away(url, tmp_path, wrong):
    with pytest.raises(UserError, match="not the published file") as caught:
        download.fetch(f"{url}/file", tmp_path / "file.bin", **wrong)
    assert DIGEST in str(caught.value) and list(tmp_path.iterdir()) == []


def test_a_stale_part_is_found_out_by_the_checksum(url, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(UserError, match="not the published file"):
        download.fetch(f"{url}/file", tmp_path / "file.bin", sha256=DIGEST)
    assert download.fetch(f"{url}/file", tmp_path / "file.bin", sha256=DIGEST).read_bytes() == BODY


def test_too_large_too_slow_missing_and_nobody_there(url, tmp_path):
    with pytest.raises(UserError, match="over the limit"):
        download.fetch(f"{url}/file", tmp_path / "a", max_bytes=1000)
    with pytest.raises(UserError, match="timed out"):
        download.fetch(f"{url}/slow", tmp_path / "b", timeout=0.2)
    with pytest.raises(UserError, match="404"):
        download.fetch(f"{url}/missing", tmp_path / "c")
    with pytest.raises(UserError, match="refused"):
        download.fetch("http://127.0.0.1:9/", tmp_path / "d")
    assert not {p.name for p in tmp_path.iterdir()} & {"a", "b", "c", "d"}


@pytest.mark.parametrize("bad", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "HTTPX://a/b"])
def test_only_https_or_this_machine(bad, tmp_path):
    with pytest.raises(UserError, match="only https"):
        download.fetch(bad, tmp_path / "x")


def test_a_redirect_may_not_leave_https(url, tmp_path):
    with pytest.raises(UserError, match="only https"):
        download.fetch(f"{url}/away", tmp_path / "x")


def test_a_folder_that_cannot_be_written_says_so(url, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Nothing half-written"):
        download.fetch(f"{url}/file", tmp_path / "file" / "x")


def make_zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in members:
            file.writestr(name, body)
    return path


def make_tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for info, body in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return path


def test_harmless_archives_are_unpacked_and_replace_an_older_unpacking(tmp_path):
    one = make_zip(tmp_path / "a.zip", ("ml/ratings.dat", b"1::2"), ("ml/sub/x.txt", b"x"), ("readme", b"r"))
    two = make_tar(tmp_path / "b.tar.gz", ("ml/ratings.dat", b"new"))
    out = download.unpack(one, tmp_path / "out")
    assert (out / "ml" / "ratings.dat").read_bytes() == b"1::2" and (out / "ml" / "sub" / "x.txt").exists()
    download.unpack(two, out)
    assert (out / "ml" / "ratings.dat").read_bytes() == b"new" and not (out / "readme").exists()


NAMES = [
    ["../evil"], ["a/../../evil"], ["/etc/evil"], ["C:/evil"], ["a\\..\\evil"], ["same", "same"], ["Read", "read"],
    ["Dir/a", "dir/b"], ["a", "a/b"], ["a/b", "a"], ["manifest.json"], ["./x", "x"], ["caf\u00e9", "cafe\u0301"],
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids=lambda n: "+".join(n).encode("unicode_escape").decode())
@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unsafe_member_names(tmp_path, kind, names):
    make = make_zip if kind == "zip" else make_tar
    archive = make(tmp_path / f"x.{kind}", *[(name, b"!") for name in names])
    with pytest.raises(UserError, match="unsafe name|clash|file and a folder"):
        download.unpack(archive, tmp_path / "sub" / "out")
    assert not (tmp_path / "sub" / "out").exists() and list((tmp_path / "sub").iterdir()) == []
    assert not (tmp_path / "evil").exists() and not (tmp_path / "sub" / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(tmp_path, kind):
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(UserError, match="link or a device"):
        download.unpack(make_tar(tmp_path / "x.tar", (info, b""), mode="w"), tmp_path / "out")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(UserError, match="link, a device"):
        download.unpack(make_zip(tmp_path / "x.zip", (info, "/etc/passwd")), tmp_path / "out")


def test_bombs_by_size_and_by_number(tmp_path):
    big = make_zip(tmp_path / "big.zip", ("zeros", bytes(5_000_000)))
    tar = make_tar(tmp_path / "big.tar.gz", ("zeros", bytes(5_000_000)))
    for archive in (big, tar):
        assert archive.stat().st_size < 10_000
        with pytest.raises(UserError, match="unpacks to more"):
            download.unpack(archive, tmp_path / "out", max_bytes=1_000_000)
    many = make_zip(tmp_path / "many.zip", *[(f"f{n}", b"") for n in range(50)])
    with pytest.raises(UserError, match="over the limit of 20"):
        download.unpack(many, tmp_path / "out", max_files=20)
    assert not (tmp_path / "out").exists()


def test_a_zip_with_a_false_size_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "x.zip", ("zeros", bytes(3_000_000)))
    data = archive.read_bytes().replace((3_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    archive.write_bytes(data)
    with pytest.raises(UserError, match="damaged|more than"):
        download.unpack(archive, tmp_path / "out", max_bytes=1_000_000)
    assert not (tmp_path / "out").exists()


def test_damaged_archives_leave_nothing(tmp_path):
    whole = make_zip(tmp_path / "x.zip", ("a", os.urandom(50_000))).read_bytes()
    tar = make_tar(tmp_path / "x.tar.gz", ("a", os.urandom(50_000))).read_bytes()
    for body in (whole[:20_000], tar[:20_000], whole.replace(whole[30_000:30_010], b"0123456789"), b"", b"text",
                 gzip.compress(b"no tar")):  # fmt: skip
        (tmp_path / "bad").write_bytes(body)
        with pytest.raises(UserError, match="damaged or not an archive"):
            download.unpack(tmp_path / "bad", tmp_path / "out")
        assert not (tmp_path / "out").exists()
