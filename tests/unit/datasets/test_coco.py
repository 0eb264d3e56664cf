"""Against a server on this machine, with zips of a few kilobytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from fast_style.datasets import coco
from fast_style.datasets.coco import member_photos, prepare_coco, read_member
from fast_style.datasets.jpegs import PreparedFolder, PrepareOptions
from fast_style.datasets.record import RECORD_NAME
from fast_style.errors import ConfigError, DataError, ImageError
from tests.conftest import make_photo
from tests.unit.system.file_server import FileServer, serving


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
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """With a zip of three photos, a damaged one, a text file and a name that leads elsewhere."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    members = {
        "val2017/": b"", "val2017/1.jpg": jpeg(1), "val2017/2.jpg": jpeg(2), "val2017/bad.jpg": jpeg(3)[:700],
        "val2017/readme.txt": b"no photo", "../../../escaped.jpg": jpeg(4), "__MACOSX/val2017/1.jpg": b"resource",
        "val2017/.hidden.jpg": jpeg(5),
    }  # fmt: skip
    with serving(packed(members)) as server:
        yield server


def md5(server: FileServer) -> str:
    return hashlib.md5(server.content).hexdigest()


def prepared(
    folder: Path, url: str, checksum: str | None, *, size: int = 32, keep_zip: bool = False, split: str = "val2017"
) -> PreparedFolder:
    return prepare_coco(
        folder, split, PrepareOptions(size, quality=90, jobs=1), url=url, checksum=checksum, keep_zip=keep_zip,
        console=Console(stderr=True), quiet=True,
    )  # fmt: skip


def test_coco_is_prepared(server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
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


def test_an_interrupted_preparation_keeps_the_zip(server: FileServer, tmp_path: Path) -> None:
    prepared(tmp_path, server.url, md5(server), keep_zip=True)
    (tmp_path / "val2017" / "2.jpg").unlink()
    result = prepared(tmp_path, "http://127.0.0.1:1/x", md5(server))
    assert (result.written, result.kept) == (1, 2)
    assert not (tmp_path / "val2017.zip").exists()


def test_another_checksum_is_an_error(server: FileServer, tmp_path: Path) -> None:
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


def test_mistakes_are_told_before_anything_is_fetched(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"split=test2017: unknown; want train2017 or val2017"):
        prepared(tmp_path, server.url, None, split="test2017")
    with pytest.raises(ConfigError, match=r"checksum=xyz: not an MD5"):
        prepared(tmp_path, server.url, "xyz")
    with pytest.raises(ConfigError, match=r"url=ftp"):
        prepared(tmp_path, "ftp://host/x.zip", None)
    assert not list(tmp_path.iterdir())
    prepared(tmp_path, server.url, md5(server))
    with pytest.raises(DataError, match=r"with other settings; use size=32 and quality=90"):
        prepared(tmp_path, server.url, md5(server), size=48)
    with pytest.raises(DataError, match=r"was made from val2017\.zip of MD5"):
        prepared(tmp_path, server.url, "0" * 32)
    assert len(server.asked) == 1


def test_what_is_no_zip_of_photos(server: FileServer, tmp_path: Path) -> None:
    for content, words in {
        b"not a zip": r"val2017\.zip: not a zip",
        packed({"readme.txt": b"text"}): r"val2017\.zip: it holds no images",
        packed({"a.jpg": b"bad"}): r"val2017\.zip: its only image is not readable \(.*a\.jpg",
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
