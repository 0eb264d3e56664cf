"""Atomic writes."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fast_style.errors import FastStyleError, WriteError
from fast_style.images.encode import save_rgb
from fast_style.system.files import atomic_folder, atomic_write, check_writable
from tests.unit.images.helpers import (
    noise,
)


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o022)
    yield
    os.umask(old)


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_permissions_follow_the_umask(tmp_path: Path, umask: None) -> None:
    save_rgb(noise(), tmp_path / "image.png")
    assert stat.S_IMODE((tmp_path / "image.png").stat().st_mode) == 0o644
    with atomic_write(tmp_path / "private") as temporary:
        temporary.unlink()
        temporary.touch(0o600)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o644
    os.umask(0o077)
    save_rgb(noise(), tmp_path / "mine.png")
    assert stat.S_IMODE((tmp_path / "mine.png").stat().st_mode) == 0o600


def test_atomic_write_flushes_before_it_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "model.safetensors"
    flushed: list[bool] = []
    plain = os.fsync

    def noted(handle: int) -> None:
        plain(handle)
        flushed.append(path.exists())

    monkeypatch.setattr(os, "fsync", noted)
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        assert temporary.name.startswith(".")
        assert temporary.read_bytes() == b""
        temporary.write_bytes(b"weights")
        assert not path.exists()
    assert flushed == [False]
    assert path.read_bytes() == b"weights"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, KeyError, FastStyleError])
def test_atomic_write_cleans_up_and_passes_other_errors_on(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(failure), atomic_write(path) as temporary:
        temporary.write_text("new")
        raise failure("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_keeps_links_and_spares_devices(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "file.txt")
    with atomic_write(tmp_path / "link.txt") as temporary:
        temporary.write_text("through")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "file.txt").read_text() == "through"
    with pytest.raises(FastStyleError, match="not a regular file"), atomic_write(os.devnull):
        raise AssertionError("never reached")
    assert not Path(os.devnull).is_file()


def test_writers_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    path, together = tmp_path / "file", threading.Barrier(2)

    def write(letter: str) -> None:
        with atomic_write(path) as temporary:
            temporary.write_text(letter * 10)
            together.wait(timeout=2)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab"))
    assert path.read_text() in {"a" * 10, "b" * 10}
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_a_folder_appear_together(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"
    with atomic_folder(folder) as temporary:
        assert temporary.parent == folder
        (temporary / "a.txt").write_text("new")
        (temporary / "b.txt").write_text("new")
        assert [path.name for path in folder.iterdir()] == [temporary.name]
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    with pytest.raises(KeyError), atomic_folder(folder) as temporary:
        (temporary / "a.txt").write_text("newer")
        raise KeyError
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    assert (folder / "a.txt").read_text() == "new"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(WriteError, match=rf"cannot write {tmp_path}/file: .*check its folder"),
        atomic_folder(tmp_path / "file"),
    ):
        raise AssertionError("never reached")


def test_a_folder_is_checked_before_it_exists(tmp_path: Path) -> None:
    check_writable(tmp_path / "deep" / "down", "output_dir")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"^output_dir: cannot write to .*; choose another with output_dir=PATH$"):
        check_writable(tmp_path / "file" / "below", "output_dir")
