from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.datasets.jpegs import (
    PreparedFolder,
    PrepareOptions,
)
from fast_style.datasets.prepare import prepare_folder
from fast_style.datasets.record import RECORD_NAME
from fast_style.errors import DataError, DataNotFoundError, WriteError
from fast_style.images.decode import load_rgb
from fast_style.images.folders import distinct_names
from tests.conftest import make_photo


def prepared(source: Path, target: Path, size: int = 32, quality: int = 90) -> PreparedFolder:
    options = PrepareOptions(size, quality, jobs=1)
    return prepare_folder(source, target, options, console=Console(stderr=True), quiet=True)


def test_names_of_targets() -> None:
    def names(*sources: str) -> list[str]:
        return [str(name) for name in distinct_names([PurePosixPath(each) for each in sources], ".jpg")]

    assert names("a.png", "b.JPEG", "c/a.webp", "d.x.jpg") == ["a.jpg", "b.jpg", "c/a.jpg", "d.x.jpg"]
    assert names("a.jpeg", "a.jpg", "a.png") == ["a.jpeg.jpg", "a.jpg", "a.png.jpg"]
    assert names("a.png", "a.tif") == ["a.jpg", "a.tif.jpg"]
    assert names("a.JPG", "a.jpg") == ["a.JPG.jpg", "a.jpg"]
    assert names("a.png", "a.jpg", "a.png.jpg") == ["a.png-2.jpg", "a.jpg", "a.png.jpg"]
    assert names(*["x.jpg"] * 4) == ["x.jpg", "x.jpg.jpg", "x.jpg-2.jpg", "x.jpg-3.jpg"]
    many = names(*["x.png"] * 300, *["X.PNG"] * 300)
    assert len({name.casefold() for name in many}) == 600


def test_a_folder_becomes_small_jpegs(photo_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.fromarray(make_photo(3, 90, 70)).save(photo_folder / "more" / "01.png")
    (photo_folder / "broken.jpg").write_bytes(b"no photo")
    (photo_folder / "empty.png").touch()
    target = tmp_path / "small"
    with caplog.at_level(logging.WARNING):
        result = prepared(photo_folder, target)
    assert (result.written, result.kept, len(result.skipped)) == (11, 0, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "broken.jpg" in caplog.messages[0] and "empty.png" in caplog.messages[1]
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.jpg"))
    assert files == sorted([*(f"{'more/' if n % 2 else ''}{n:02}.jpg" for n in range(10)), "more/01.png.jpg"])
    assert result.size == sum((target / name).stat().st_size for name in files)
    assert all(min(load_rgb(target / name).shape[:2]) == 32 for name in files)
    assert {path.name for path in target.iterdir()} == {*(f"{n:02}.jpg" for n in range(0, 10, 2)), "more", RECORD_NAME}


def test_a_second_run_writes_only_what_is_new(photo_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    prepared(photo_folder, target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")}
    (target / "00.jpg").unlink()
    later = (target / "02.jpg").stat().st_mtime + 10
    os.utime(photo_folder / "02.jpg", (later, later))
    result = prepared(photo_folder, target)
    assert (result.written, result.kept) == (2, 8)
    after = {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")}
    assert {path.name for path in after if after[path] != before[path]} == {"00.jpg", "02.jpg"}
    assert prepared(photo_folder, target).written == 0  # its source is from the future, but the same


@pytest.fixture
def red_and_blue(tmp_path: Path) -> Path:
    """A folder with a red a.png, which an a.jpg can be put beside, and beside it an older, blue a.jpg."""
    folder = tmp_path / "colors"
    folder.mkdir()
    Image.new("RGB", (64, 64), "red").save(folder / "a.png")
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "a.jpg")
    os.utime(tmp_path / "a.jpg", (1e9, 1e9))
    return folder


def colors(folder: Path) -> dict[str, str]:
    """From the name of each image to the stronger of red and blue."""
    return {
        path.name: "red" if np.asarray(Image.open(path))[..., 0].mean() > 99 else "blue"
        for path in folder.glob("*.jpg")
    }


def test_an_older_photo_that_takes_anothers_name_is_not_lost(red_and_blue: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    prepared(red_and_blue, target)
    assert colors(target) == {"a.jpg": "red"}
    shutil.copy2(tmp_path / "a.jpg", red_and_blue)
    result = prepared(red_and_blue, target)
    assert (result.written, result.kept) == (2, 0)
    assert colors(target) == {"a.jpg": "blue", "a.png.jpg": "red"}
    assert prepared(red_and_blue, target).kept == 2
    # An older file in the place of one is another photo too.
    Image.new("RGB", (64, 60), "red").save(red_and_blue / "a.jpg")
    os.utime(red_and_blue / "a.jpg", (0.9e9, 0.9e9))
    assert prepared(red_and_blue, target).written == 1
    assert colors(target) == {"a.jpg": "red", "a.png.jpg": "red"}


@pytest.mark.parametrize("moment", ["write_record", "write_photos"])
def test_a_run_killed_at_any_moment_loses_no_photo(
    red_and_blue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    target = tmp_path / "small"
    prepared(red_and_blue, target)
    shutil.copy2(tmp_path / "a.jpg", red_and_blue)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(f"fast_style.datasets.prepare.{moment}", kill)
        prepared(red_and_blue, target)
    prepared(red_and_blue, target)
    assert colors(target) == {"a.jpg": "blue", "a.png.jpg": "red"}


def test_what_an_interrupted_run_wrote_is_kept(photo_folder: Path, tmp_path: Path) -> None:
    (photo_folder / "small.jpg").write_bytes(b"no photo")
    target = tmp_path / "small"
    prepared(photo_folder, target)
    (target / "04.jpg").unlink()  # as if it had not been its turn yet
    result = prepared(photo_folder, target)
    assert (result.written, result.kept) == (1, 9)


def test_a_folder_of_unknown_photos_is_written_again(photo_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    prepared(photo_folder, target)
    record = json.loads((target / RECORD_NAME).read_text())
    del record["made_from"]
    (target / RECORD_NAME).write_text(json.dumps(record))
    assert prepared(photo_folder, target).written == 10
    assert prepared(photo_folder, target).kept == 10


def test_photos_are_written_where_signals_cannot_be_masked(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    assert prepared(photo_folder, tmp_path / "small").written == 10


def test_folders_that_cannot_be_prepared(photo_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = tmp_path / "small"
    with pytest.raises(DataNotFoundError, match=r"nowhere: no such folder"):
        prepared(tmp_path / "nowhere", target)
    with pytest.raises(DataError, match=r"no such folder"):
        prepared(photo_folder / "00.jpg", target)
    for inside in (photo_folder, photo_folder / "small", photo_folder / "more" / ".." / "x"):
        with pytest.raises(DataError, match=r"lies inside"):
            prepared(photo_folder, inside)
    (tmp_path / "link").symlink_to(photo_folder)
    with pytest.raises(DataError, match=r"lies inside"):
        prepared(photo_folder, tmp_path / "link" / "small")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file is a file; give a folder"):
        prepared(photo_folder, tmp_path / "file")
    with pytest.raises(WriteError, match=r"cannot write .*check its folder"):
        prepared(photo_folder, tmp_path / "file" / "below")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: it holds no images"):
        prepared(tmp_path / "empty", target)
    assert not target.exists()
    (tmp_path / "empty" / "a.jpg").write_bytes(b"no photo")
    (tmp_path / "empty" / "b.jpg").touch()
    with pytest.raises(DataError, match=r"empty: none of its 2 images is readable \(.*a\.jpg is no image"):
        prepared(tmp_path / "empty", target)
    assert not caplog.messages


def test_photos_of_others_are_never_overwritten(photo_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "album"
    target.mkdir()
    Image.fromarray(make_photo(9)).save(target / "00.jpg")
    before = (target / "00.jpg").read_bytes()
    with pytest.raises(DataError, match=r"album holds images already \(00\.jpg\)"):
        prepared(photo_folder, target)
    assert (target / "00.jpg").read_bytes() == before
    assert list(target.iterdir()) == [target / "00.jpg"]


def test_processes_start_without_torch() -> None:
    program = "import sys, fast_style.datasets.prepare, fast_style.datasets.coco; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_the_summary_is_one_line() -> None:
    assert str(PreparedFolder(Path("x"), 2, 1, ["a"], 1500)) == "2 written, 1 kept, 1 skipped: 1.5 kB in 3 photos"
