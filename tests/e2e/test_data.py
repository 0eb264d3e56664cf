"""`data prepare` and `data coco`; no request leaves this machine.

The installed command starts where several processes work, otherwise a process that has imported everything.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

from fast_style.images.decode import check_readable
from fast_style.images.folders import find_images
from tests.conftest import Command, assert_one_line_error, make_photo

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the commands ask this machine itself."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_prepare_a_folder(fast_style: Command, photo_folder: Path, work: Path) -> None:
    Image.fromarray(make_photo(3, 640, 480)).save(photo_folder / "00.png")
    (photo_folder / "broken.webp").write_bytes(b"no photo")
    (photo_folder / "notes.txt").write_text("no photo")
    result = fast_style("data", "prepare", photo_folder, "small", "--size", 48, "--jobs", 2)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "small\n"
    warning, summary = result.stderr.splitlines()
    assert "skipped: " in warning and "broken.webp is no image" in warning
    assert summary.startswith("11 written, 0 kept, 1 skipped: ") and summary.endswith("kB in 11 photos")
    found = find_images(work / "small")
    assert len(found) == 11
    for path in found:
        assert Image.open(path).format == "JPEG" and min(Image.open(path).size) == 48
    assert Image.open(work / "small" / "00.png.jpg").size == (64, 48)

    (work / "small" / "more" / "01.jpg").unlink()
    again = fast_style("data", "prepare", photo_folder, "small", "--size", 48)
    assert "1 written, 10 kept, 1 skipped: " in again.stderr
    (photo_folder / "broken.webp").unlink()
    assert fast_style("data", "prepare", photo_folder, "small", "--size", 48, "--quiet").stderr == ""


def test_prepare_loses_no_photo_to_another_of_its_name(warm_style: Command, work: Path) -> None:
    (work / "photos").mkdir()
    Image.new("RGB", (64, 64), "red").save(work / "photos" / "a.png")
    assert "1 written, 0 kept" in warm_style("data", "prepare", "photos", "small", "--jobs", 1).stderr
    Image.new("RGB", (64, 64), "blue").save(work / "photos" / "a.jpg")
    os.utime(work / "photos" / "a.jpg", (1e9, 1e9))
    assert "2 written, 0 kept" in warm_style("data", "prepare", "photos", "small", "--jobs", 1).stderr
    for name, channel in {"a.jpg": 2, "a.png.jpg": 0}.items():
        pixel = Image.open(work / "small" / name).getpixel((30, 30))
        assert isinstance(pixel, tuple) and pixel[channel] > 200
    assert "0 written, 2 kept" in warm_style("data", "prepare", "photos", "small", "--jobs", 1).stderr


def test_prepare_mistakes_are_one_line(warm_style: Command, photo_folder: Path, work: Path) -> None:
    def prepare(*arguments: object) -> subprocess.CompletedProcess[str]:
        return warm_style("data", "prepare", *arguments, "--jobs", 1)

    assert_one_line_error(prepare("nowhere", "small"), "nowhere: no such folder")
    assert_one_line_error(prepare(photo_folder, photo_folder), "lies inside", "outside")
    assert_one_line_error(prepare(photo_folder, photo_folder / "small"), "lies inside")
    (work / "file").touch()
    assert_one_line_error(prepare(photo_folder, "file"), "file is a file")
    assert_one_line_error(prepare(photo_folder, "file/small"), "cannot write file/small", "permissions")
    (work / "bad").mkdir()
    assert_one_line_error(prepare("bad", "small"), "bad: it holds no images")
    for name in ("a.jpg", "b.png"):
        (work / "bad" / name).write_bytes(b"no photo")
    assert_one_line_error(prepare("bad", "small"), "bad: none of its 2 images is readable", "a.jpg")
    (work / "small2").mkdir()
    (work / "small2" / "00.jpg").mkdir()
    assert_one_line_error(prepare(photo_folder, "small2"), "cannot write", "00.jpg", "not a regular file")
    assert_one_line_error(prepare(photo_folder, work / "small2", "--size", 64), "--size 256", "another folder")


@pytest.fixture
def many(work: Path) -> Path:
    """Sixty names of one photo that takes a while."""
    folder = work / "many"
    folder.mkdir()
    Image.fromarray(make_photo(0, 2400, 1800)).save(folder / "00.png", compress_level=1)
    for number in range(1, 60):
        os.link(folder / "00.png", folder / f"{number:02}.png")
    return folder


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("fast-style")), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize("photos", [0, 3])
def test_ctrl_c_leaves_whole_files(fast_style: Command, many: Path, work: Path, photos: int) -> None:
    target = work / "small"
    process = started("data", "prepare", many, target, "--jobs", 2)
    wait_for(lambda: target.is_dir() and len(list(target.glob("[0-9]*.jpg"))) >= photos)
    time.sleep(0.1)  # with 0 photos: while the processes are starting
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == ("", "")
    there = find_images(target)
    assert photos <= len(there) < 60
    for path in there:
        check_readable(path)
    assert not list(target.glob(".*.jpg"))
    for path in many.glob("[1-5]*.png"):
        path.unlink()
    kept = sum(path.stem < "10" for path in there)
    result = fast_style("data", "prepare", many, target, "--jobs", 2)
    assert f"{10 - kept} written, {kept} kept, 0 skipped" in result.stderr


def test_no_process_outlives_the_command(many: Path, work: Path) -> None:
    target = work / "small"
    process = started("data", "prepare", many, target, "--jobs", 2)
    wait_for(lambda: any(target.glob("[0-9]*.jpg")))
    process.kill()
    process.communicate(timeout=60)

    def gone() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(gone)


class Handler(BaseHTTPRequestHandler):
    content = b""
    asked: list[str | None]
    cut: int | None = None

    def do_GET(self) -> None:
        if self.path != "/val2017.zip":
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        self.asked.append(asked)
        start = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.cut])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def handler(photo_folder: Path, work: Path) -> type[Handler]:
    """Returns a request handler that serves a zip of ten photos, a damaged one and a text file."""
    with zipfile.ZipFile(work / "photos.zip", "w") as archive:
        for path in find_images(photo_folder):
            archive.write(path, f"val2017/{path.name}")
        archive.writestr("val2017/bad.jpg", b"no photo")
        archive.writestr("../../outside.txt", b"no photo")
    return type("OneHandler", (Handler,), {"content": (work / "photos.zip").read_bytes(), "asked": []})


@pytest.fixture
def url(handler: type[Handler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/val2017.zip"
        server.shutdown()
        thread.join()


def test_coco_is_fetched_in_two_goes(fast_style: Command, work: Path, handler: type[Handler], url: str) -> None:
    checksum = hashlib.md5(handler.content).hexdigest()
    given = ("data", "coco", "sets", "--split", "val2017", "--size", 32, "--checksum", checksum, "--url", url)
    handler.cut = 5000
    assert_one_line_error(fast_style(*given), url, "connection lost after 5.0 kB", "run again to go on")
    handler.cut = None
    result = fast_style(*given, "--jobs", 2)
    assert result.returncode == 0, result.stderr
    assert handler.asked == [None, "bytes=5000-"]
    assert result.stdout == "sets/val2017\n"
    warning, summary = result.stderr.splitlines()
    assert "val2017.zip/bad.jpg" in warning
    assert summary.startswith("10 written, 0 kept, 1 skipped: ")
    assert len(find_images(work / "sets" / "val2017")) == 10
    assert [path.name for path in (work / "sets").iterdir()] == ["val2017"]
    assert "0 written, 10 kept, 0 skipped: " in fast_style(*given).stderr
    assert len(handler.asked) == 2


def test_coco_from_a_file(warm_style: Command, work: Path, handler: type[Handler]) -> None:
    checksum = hashlib.md5(handler.content).hexdigest()
    result = warm_style(
        "data", "coco", "sets", "--split", "train2017", "--checksum", checksum, "--jobs", 1, "--keep-zip",
        "--url", (work / "photos.zip").as_uri(),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (work / "sets").iterdir()) == ["train2017", "train2017.zip"]


def test_coco_mistakes_are_one_line(fast_style: Command, work: Path, handler: type[Handler], url: str) -> None:
    def fetch(*arguments: object) -> subprocess.CompletedProcess[str]:
        return fast_style("data", "coco", "sets", *arguments, "--jobs", 1)

    split = ("--split", "val2017")
    assert_one_line_error(fetch("--split", "test2017", "--url", url), "--split test2017", "train2017 or val2017")
    assert_one_line_error(fetch(*split, "--url", "ftp://x/y.zip"), "ftp://x/y.zip", "https://")
    assert_one_line_error(fetch(*split, "--url", url, "--checksum", "12"), "--checksum 12", "32 hexadecimal")
    assert_one_line_error(fetch(*split, "--url", f"{url}x"), f"{url}x", "404 Not Found", "--url")
    assert_one_line_error(fetch(*split, "--url", "http://127.0.0.1:1/x"), "http://127.0.0.1:1/x", "run again to go on")
    assert_one_line_error(fetch(*split, "--url", url), "MD5", "442b8da7639aecaf257c1dceb8ba8c80", "removed")
    assert [path.name for path in (work / "sets").iterdir()] == ["val2017"]
