from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.datasets.jpegs import (
    PhotoJob,
    PreparedFolder,
    PrepareOptions,
    load_shrunk,
    write_photo,
    write_photos,
)
from fast_style.errors import DataError, ImageError, WriteError
from tests.conftest import make_photo

OPTIONS = PrepareOptions(size=32, quality=90, jobs=1)


def written(photos: list[PhotoJob], folder: Path) -> PreparedFolder:
    return write_photos(photos, folder, OPTIONS, origin=folder, console=Console(stderr=True), quiet=True)


@pytest.mark.parametrize(
    ("width", "height", "size", "shape"),
    [
        (640, 480, 256, (256, 341)),
        (480, 640, 256, (341, 256)),
        (1001, 333, 100, (100, 301)),
        (3000, 17, 16, (16, 2824)),
        (64, 48, 256, (48, 64)),
        (64, 48, 48, (48, 64)),
    ],
)
def test_the_shorter_side_is_exact(tmp_path: Path, width: int, height: int, size: int, shape: tuple[int, int]) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(make_photo(0, width, height)).save(path)
    assert load_shrunk(path, size).shape == (*shape, 3)
    assert load_shrunk(path.read_bytes(), size).shape == (*shape, 3)


def test_the_shorter_side_is_exact_whatever_the_aspect(tmp_path: Path) -> None:
    path = tmp_path / "photo.bmp"
    rng = np.random.default_rng(0)
    for width, height in rng.integers(33, 400, (100, 2)):
        Image.new("RGB", (int(width), int(height))).save(path)
        assert min(load_shrunk(path, 32).shape[:2]) == 32


def test_a_large_jpeg_looks_the_same_and_upright(tmp_path: Path) -> None:
    photo = Image.fromarray(make_photo(1, 1024, 768))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.rotate(90, expand=True).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    small = load_shrunk(tmp_path / "turned.jpg", 96)
    assert small.shape == (96, 128, 3)
    expected = np.asarray(photo.resize((128, 96), Image.Resampling.LANCZOS), float)
    assert np.abs(small - expected).mean() < 3


def test_sources_that_cannot_be_had_are_skipped(photo_folder: Path, tmp_path: Path) -> None:
    def gone() -> bytes:
        raise ImageError("member is damaged")

    target = tmp_path / "small"
    files = [photo_folder / "00.jpg", photo_folder / "nowhere.jpg"]
    photos = [PhotoJob(str(path), target / path.name, path) for path in files]
    photos += [
        PhotoJob("member", target / "member.jpg", gone),
        PhotoJob("zip/bytes", target / "bytes.jpg", files[0].read_bytes),
        PhotoJob("zip/bad", target / "bad.jpg", lambda: b"no photo"),
    ]
    result = written(photos, target)
    assert result.written == 2
    assert [line.split()[0].rstrip(":") for line in result.skipped] == [str(files[1]), "member", "zip/bad"]
    assert (target / "bytes.jpg").read_bytes() == (target / "00.jpg").read_bytes()


def test_many_that_cannot_be_had_do_not_end_the_run(photo_folder: Path, tmp_path: Path) -> None:
    def gone() -> bytes:
        raise ImageError("member is damaged")

    target = tmp_path / "small"
    bad = [PhotoJob("member", target / f"{number}.jpg", gone) for number in range(20)]
    good = [PhotoJob(path.name, target / path.name, path) for path in sorted(photo_folder.glob("*.jpg"))]
    result = written([*bad, *good, *bad], target)
    assert (result.written, len(result.skipped)) == (5, 40)
    assert len(list(target.glob("*.jpg"))) == 5


def test_what_cannot_be_written_ends_the_run(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = photo_folder / "00.jpg", tmp_path / "small" / "00.jpg"

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match=r"cannot write .*00\.jpg: No space left on device.*free space"):
            write_photo(str(source), source, target, OPTIONS)
    assert list(target.parent.iterdir()) == []
    target.mkdir()
    photos = [PhotoJob(str(source), path, source) for path in (target, tmp_path / "small" / "b.jpg")]
    with pytest.raises(WriteError, match=r"cannot write .*00\.jpg: it is not a regular file"):
        written(photos, tmp_path / "small")


def test_a_killed_process_is_one_line(photo_folder: Path, tmp_path: Path) -> None:
    def kill() -> bytes:
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        return b""

    target = tmp_path / "small"
    photos = [PhotoJob(name, target / name, (photo_folder / "00.jpg").read_bytes) for name in ("a.jpg", "b.jpg")]
    with pytest.raises(DataError, match=r"was killed.*fewer jobs"):
        written([photos[0], PhotoJob("killer", target / "c.jpg", kill), photos[1]], target)


def test_a_photo_too_long_for_a_jpeg_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "thread.png"
    Image.new("L", (70_000, 8)).save(path)
    with pytest.raises(ImageError, match=r"70000 x 8 pixels, a JPEG has at most 65500"):
        write_photo(str(path), path, tmp_path / "small.jpg", OPTIONS)


def test_too_little_memory_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fast_style.datasets.jpegs.load_rgb", refuse)
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(DataError, match=r"photo\.png: not enough memory.*fewer jobs"):
        write_photo(str(path), path, tmp_path / "small.jpg", OPTIONS)
