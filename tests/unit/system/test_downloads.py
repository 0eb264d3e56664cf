"""Against a server on this machine, with zips of a few kilobytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from fast_style.errors import ConfigError, DataError, WriteError
from fast_style.system import downloads
from fast_style.system.downloads import check_url, digest_of, download, fetch
from tests.unit.system.file_server import FileServer, serving

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(CONTENT) as server:
        yield server


def md5(server: FileServer) -> str:
    return hashlib.md5(server.content).hexdigest()


def test_a_file_is_fetched(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "part"
    told: list[tuple[int, int | None]] = []
    download(server.url, part, lambda done, total: told.append((done, total)))
    assert part.read_bytes() == server.content
    assert told[-1] == (len(server.content), len(server.content))
    assert digest_of(part, "md5") == md5(server)
    assert server.asked == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_lost_connection_is_taken_up(server: FileServer, tmp_path: Path, ranges: bool) -> None:
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


def test_a_whole_part_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content)
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked == [f"bytes={len(server.content)}-"]


def test_a_part_too_long_is_begun_again(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content + b"more")
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked[1:] == [None]


def test_another_range_than_asked_for_is_begun_again(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(server.content[:10])
    server.shift = 5
    download(server.url, part)
    assert part.read_bytes() == server.content
    assert server.asked == ["bytes=10-", None]


def test_servers_that_do_not_give_the_file(server: FileServer, tmp_path: Path) -> None:
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


def test_file_urls_are_copied(server: FileServer, tmp_path: Path) -> None:
    original, part = tmp_path / "a file.zip", tmp_path / "part"
    original.write_bytes(server.content)
    part.write_bytes(b"begun")
    download(original.as_uri(), part)
    assert part.read_bytes() == original.read_bytes() == server.content


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "data:,x", "x.zip", "/x.zip", "http://[::1", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"url=.*http://"):
        check_url(url)


def test_a_full_disk_is_one_line(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = downloads.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(WriteError, match=r"no room for the .* 100 bytes are free; make room"):
        download(server.url, tmp_path / "part")
    monkeypatch.undo()
    with pytest.raises(WriteError, match=r"cannot write .*nowhere.*make room"):
        download(server.url, tmp_path / "nowhere" / "part")


def test_a_file_that_is_there_is_only_checked(server: FileServer, tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    for _ in range(2):
        fetch(server.url, target, md5(server), console=Console(stderr=True), quiet=True)
    assert target.read_bytes() == server.content
    assert server.asked == [None]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_of_another_checksum_is_removed(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the file's SHA256 is .*, not 00, and it was removed; run again"):
        fetch(server.url, tmp_path / "x", "00", algorithm="sha256", console=Console(stderr=True), quiet=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"its MD5 is .*, not 00; remove the file"):
        fetch(server.url, tmp_path / "x", "00", console=Console(stderr=True), quiet=True)
    assert (tmp_path / "x").read_bytes() == b"mine"
