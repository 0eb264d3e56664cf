"""Against a server on this machine, with zips of a few kilobytes."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from fast_style.datasets import coco
from fast_style.datasets.coco import member_photos, prepare_coco, read_member
from fast_style.datasets.jpegs import PreparedFolder, PrepareOptions
from fast_style.datasets.record import RECORD_NAME
from fast_style.errors import ConfigError, DataError, ImageError, WriteError
from fast_style.system import downloads
from fast_style.system.downloads import check_url, digest_of, download
from tests.conftest import make_photo


class Server(ThreadingHTTPServer):
    """Serves `content` at /file.zip; what else it does a test sets."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.ranges = True  # whether it knows Range
        self.cut: int | None = None  # bytes after which it drops the connection
        self.shift = 0  # by which a range begins too late
        self.asked: list[str | None] = []  # the Range of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/file.zip")
            self.end_headers()
            return
        if self.path != "/file.zip":
            self.send_error(503 if self.path == "/busy" else 404)
            return
        asked = self.headers.get("Range")
        server.asked.append(asked)
        start = 0
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + server.shift
            if start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            self.send_response(200)
        body = server.content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut])

    def log_message(self, format: str, *args: object) -> None:
        pass


def jpeg(seed: int, width: int = 80, height: int = 60) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(make_photo(seed, width, height)).save(stream, "JPEG")
    return stream.getvalue()


def packed(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """With a zip of three photos, a damaged one, a text file and a name that leads elsewhere."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    members = {
        "val2017/": b"", "val2017/1.jpg": jpeg(1), "val2017/2.jpg": jpeg(2), "val2017/bad.jpg": jpeg(3)[:700],
        "val2017/readme.txt": b"no photo", "../../../escaped.jpg": jpeg(4), "__MACOSX/val2017/1.jpg": b"resource",
        "val2017/.hidden.jpg": jpeg(5),
    }  # fmt: skip
    with Server(packed(members)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def md5(server: Server) -> str:
    return hashlib.md5(server.content).hexdigest()


def prepared(
    folder: Path, url: str, checksum: str | None, *, size: int = 32, keep_zip: bool = False, split: str = "val2017"
) -> PreparedFolder:
    return prepare_coco(
        folder, split, PrepareOptions(size, quality=90, jobs=1), url=url, checksum=checksum, keep_zip=keep_zip,
        console=Console(stderr=True), quiet=True,
    )  # fmt: skip


def test_a_file_is_fetched(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    told: list[tuple[int, int | None]] = []
    download(server.url, part, lambda done, total: told.append((done, total)))
    assert part.read_bytes() == server.content
    assert told[-1] == (len(server.content), len(server.content))
    assert digest_of(part, "md5") == md5(server)
    assert server.asked == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_lost_connection_is_taken_up(server: Server, tmp_path: Path, ranges: bool) -> None:
    part = tmp_path / "part"
    server.ranges = ranges
    server.cut = 1000
    with pytest.raises(DataError, match=rf"{re.escape(server.url)}: connection lost after 1\.0 kB of .*run again"):
        download(server.url, part)
    assert part.read_bytes() == server.content[:1000]
    server.cut = None
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked == [None, "bytes=1000-"]


def test_a_whole_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content)
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked == [f"bytes={len(server.content)}-"]


def test_a_part_too_long_is_begun_again(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content + b"more")
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked[1:] == [None]


def test_another_range_than_asked_for_is_begun_again(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content[:10])
    server.shift = 5
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked == ["bytes=10-", None]


def test_servers_that_do_not_give_the_file(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    base = server.url.removesuffix("/file.zip")
    for path, words in {
        "/nothing": r"/nothing: the server says 404 Not Found; check url",
        "/busy": r"503 Service Unavailable; run again later",
        "/elsewhere": r"unknown url type: ftp",
        "/a b": r"not a usable URL|cannot be reached",
    }.items():
        with pytest.raises(DataError, match=words):
            download(base + path, part)
    with pytest.raises(
        DataError, match=r"http://127\.0\.0\.1:1/x: cannot be reached \(Connection refused\); run again"
    ):
        download("http://127.0.0.1:1/x", part)
    with pytest.raises(DataError, match=r"check url|cannot be reached"):
        download("http://127.0.0.1:port/x", part)
    with pytest.raises(DataError, match=r"missing\.zip.*No such file"):
        download((tmp_path / "missing.zip").as_uri(), part)
    assert not part.exists()


def test_file_urls_are_copied(server: Server, tmp_path: Path) -> None:
    original, part = tmp_path / "a file.zip", tmp_path / "part"
    original.write_bytes(server.content)
    part.write_bytes(b"begun")
    download(original.as_uri(), part)
    assert part.read_bytes() == original.read_bytes() == server.content


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "data:,x", "x.zip", "/x.zip", "http://[::1", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"url=.*http://"):
        check_url(url)


def test_a_full_disk_is_one_line(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = downloads.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(WriteError, match=r"no room for the .* 100 bytes are free; make room"):
        download(server.url, tmp_path / "part")
    monkeypatch.undo()
    with pytest.raises(WriteError, match=r"cannot write .*nowhere.*make room"):
        download(server.url, tmp_path / "nowhere" / "part")


def test_coco_is_prepared(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "deep" / "down" / "sets"
    result = prepared(folder, server.url, md5(server).upper())
    assert (result.written, result.kept, len(result.skipped)) == (3, 0, 1)
    assert result.folder == folder / "val2017"
    assert {path.name for path in result.folder.iterdir()} == {"1.jpg", "2.jpg", "escaped.jpg", RECORD_NAME}
    assert not list(tmp_path.glob("*.jpg")) and not list((tmp_path / "deep").rglob("../*.jpg"))
    assert min(Image.open(result.folder / "1.jpg").size) == 32
    assert len(caplog.messages) == 1 and "val2017.zip/bad.jpg" in caplog.messages[0]
    assert list(folder.iterdir()) == [result.folder]

    again = prepared(folder, server.url, md5(server))
    assert (again.written, again.kept, again.size) == (0, 3, result.size)
    assert len(server.asked) == 1

    (result.folder / "1.jpg").unlink()
    third = prepared(folder, server.url, md5(server), keep_zip=True)
    assert (third.written, third.kept) == (1, 2)
    assert (folder / "val2017.zip").read_bytes() == server.content
    assert len(server.asked) == 2


def test_an_interrupted_preparation_keeps_the_zip(server: Server, tmp_path: Path) -> None:
    prepared(tmp_path, server.url, md5(server), keep_zip=True)
    (tmp_path / "val2017" / "2.jpg").unlink()
    result = prepared(tmp_path, "http://127.0.0.1:1/x", md5(server))
    assert (result.written, result.kept) == (1, 2)
    assert not (tmp_path / "val2017.zip").exists()


def test_another_checksum_is_an_error(server: Server, tmp_path: Path) -> None:
    wrong = "0" * 32
    with pytest.raises(
        DataError, match=rf"file\.zip: the file's MD5 is {md5(server)}, not {wrong}, and it was removed"
    ):
        prepared(tmp_path, server.url, wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["val2017"]
    with pytest.raises(DataError, match=r"not 442b8da7639aecaf257c1dceb8ba8c80"):
        prepared(tmp_path / "own", server.url, None)
    (tmp_path / "val2017.zip").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"val2017\.zip: its MD5 is .*remove the file"):
        prepared(tmp_path, server.url, wrong)
    assert (tmp_path / "val2017.zip").read_bytes() == b"mine"


def test_mistakes_are_told_before_anything_is_fetched(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"split=test2017: unknown; want train2017 or val2017"):
        prepared(tmp_path, server.url, None, split="test2017")
    with pytest.raises(ConfigError, match=r"checksum=xyz: not an MD5"):
        prepared(tmp_path, server.url, "xyz")
    with pytest.raises(ConfigError, match=r"url=ftp"):
        prepared(tmp_path, "ftp://host/x.zip", None)
    assert not list(tmp_path.iterdir())
    prepared(tmp_path, server.url, md5(server))
    with pytest.raises(DataError, match=r"size=32 .*with size=48"):
        prepared(tmp_path, server.url, md5(server), size=48)
    with pytest.raises(DataError, match=r"was made from val2017\.zip of MD5"):
        prepared(tmp_path, server.url, "0" * 32)
    assert len(server.asked) == 1


def test_what_is_no_zip_of_photos(server: Server, tmp_path: Path) -> None:
    for content, words in {
        b"not a zip": r"val2017\.zip: not a zip",
        packed({"readme.txt": b"text"}): r"val2017\.zip: it holds no images",
        packed({"a.jpg": b"bad"}): r"val2017\.zip: none of its 1 images is readable \(.*a\.jpg",
    }.items():
        server.content = content
        with pytest.raises(DataError, match=words):
            prepared(tmp_path / md5(server), server.url, md5(server))


def test_members_go_by_the_last_part_of_their_name(tmp_path: Path) -> None:
    names = ["a/1.jpg", "b/1.jpg", "../up.png", "/etc/root.jpg", "C:\\x\\dos.jpg", "a/..", "..\\..\\back.jpg", "a.txt"]
    (tmp_path / "x.zip").write_bytes(packed(dict.fromkeys(names, b"x")))
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        photos = member_photos(archive, tmp_path / "out")
    assert {photo.target.relative_to(tmp_path / "out").as_posix() for photo in photos} == {
        "1.jpg", "1.jpg.jpg", "up.jpg", "root.jpg", "dos.jpg", "back.jpg"
    }  # fmt: skip


def test_members_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(packed({"a.jpg": b"0123456789" * 10, "b.jpg": b"abcdefghij"}))
    content[content.index(b"0123456789")] ^= 1
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        broken, whole = archive.infolist()
        with pytest.raises(ImageError, match=r"x\.zip/a\.jpg is damaged in the zip \(Bad CRC-32"):
            read_member(archive, broken)
        assert read_member(archive, whole) == b"abcdefghij"
        monkeypatch.setattr(coco, "MAX_MEMBER_SIZE", 9)
        with pytest.raises(ImageError, match=r"b\.jpg has 10 bytes, too many; at most 9 bytes"):
            read_member(archive, whole)
        whole.flag_bits |= 1
        monkeypatch.undo()
        with pytest.raises(ImageError, match=r"b\.jpg is damaged|encrypted"):
            read_member(archive, whole)


def test_a_member_that_claims_less_than_it_holds_is_cut(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"\0" * 100_000)
    content = stream.getvalue().replace((100_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    (tmp_path / "x.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive, pytest.raises(ImageError, match=r"damaged in the zip"):
        read_member(archive, archive.infolist()[0])
