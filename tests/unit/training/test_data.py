from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from fast_style.config.schema import DataConfig
from fast_style.errors import ConfigError, DataError
from fast_style.images.folders import find_images, readable_photos
from fast_style.training.data import StyleDataModule, hold_out


def bomb_png(width: int, height: int) -> bytes:
    """A PNG that claims to be huge, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def broken_files(photo_folder: Path) -> list[str]:
    """Four unreadable files among the good ones."""
    whole = (photo_folder / "00.jpg").read_bytes()
    (photo_folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (photo_folder / "empty.jpg").write_bytes(b"")
    (photo_folder / "text.jpg").write_text("not a picture")
    (photo_folder / "bomb.png").write_bytes(bomb_png(30_000, 30_000))
    return ["truncated.jpg", "empty.jpg", "text.jpg", "bomb.png"]


def test_unreadable_files_are_named_and_left_out(photo_folder: Path, broken_files: list[str]) -> None:
    good, bad = readable_photos(photo_folder)
    assert len(good) == 10
    assert len(bad) == 4
    for name in broken_files:
        assert any(name in reason for reason in bad)


def test_folders_without_photos_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        readable_photos(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        readable_photos(tmp_path / "empty")
    (tmp_path / "empty" / "a.jpg").write_text("x")
    with pytest.raises(DataError, match="its only image is not readable"):
        readable_photos(tmp_path / "empty")


def test_held_out_photos_are_stable(photo_folder: Path) -> None:
    paths = find_images(photo_folder)
    train, held_out = hold_out(paths, photo_folder, 16)
    assert len(held_out) == 2  # a fifth at most
    assert not set(train) & set(held_out)
    assert set(train) | set(held_out) == set(paths)
    assert hold_out(list(reversed(paths)), photo_folder, 16)[1] == held_out
    assert hold_out(paths[:1], photo_folder, 4) == (paths[:1], paths[:1])


def test_data_module_with_a_validation_folder(photo_folder: Path, broken_files: list[str]) -> None:
    config = DataConfig(dir=str(photo_folder), val_dir=str(photo_folder / "more"), val_count=3, image_size=32)
    module = StyleDataModule(config, seed=0)
    assert len(module.validation) == 3
    assert len(module.skipped) == 4
    assert module.validation[0].photo.shape == (3, 32, 32)


def test_val_dir_needs_dir(photo_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^data\.val_dir=.*: there are no photos to train on; give data\.dir too"):
        StyleDataModule(DataConfig(val_dir=str(photo_folder)), seed=0)
