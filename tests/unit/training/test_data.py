from __future__ import annotations

import hashlib
import struct
import zlib
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fast_style.config.schema import DataConfig
from fast_style.errors import DataError
from fast_style.images.folders import find_images, readable_photos
from fast_style.training.data import (
    EndlessSampler,
    PhotoCrops,
    StyleDataModule,
    SyntheticCrops,
    collate,
    hold_out,
    square_crop,
)
from fast_style.training.synthetic import dead_leaves


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


def crops(folder: Path, seed: int = 0, size: int = 32) -> PhotoCrops:
    return PhotoCrops(find_images(folder), size, seed=seed, min_crop=0.5)


def test_a_sample_depends_on_seed_and_number_alone(photo_folder: Path) -> None:
    first, second = crops(photo_folder), crops(photo_folder)
    backwards = {i: second[i].photo for i in reversed(range(25))}
    assert all(torch.equal(first[i].photo, backwards[i]) for i in range(25))
    assert not torch.equal(first[0].photo, crops(photo_folder, seed=1)[0].photo)


def test_each_epoch_shows_every_photo_once_in_another_order(photo_folder: Path) -> None:
    dataset = crops(photo_folder)
    first, second = dataset.order(0).tolist(), dataset.order(1).tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert not torch.equal(dataset[0].photo, dataset[10].photo)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_workers_and_continue_anywhere(photo_folder: Path, workers: int) -> None:
    dataset = crops(photo_folder)

    def batches(start: int, count: int, workers: int) -> list[torch.Tensor]:
        loader = DataLoader(
            dataset, batch_size=3, sampler=EndlessSampler(start), num_workers=workers, collate_fn=collate
        )
        return [batch.photos for batch in islice(loader, count)]

    whole = batches(0, 6, 0)
    rest = batches(9, 3, workers)
    assert all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_ranks_share_the_samples_out() -> None:
    ranks = [list(islice(EndlessSampler(8, rank=r, world=2), 4)) for r in range(2)]
    assert sorted([*ranks[0], *ranks[1]]) == list(range(8, 16))


def test_crops_have_the_size_and_stay_inside_the_photo(tmp_path: Path) -> None:
    # Red grows to the right, green downwards: the corners tell which part was cut.
    y, x = np.mgrid[0:100, 0:200]
    gradient = np.stack([x * 255 / 199, y * 255 / 99, np.zeros_like(x)], -1).astype(np.uint8)
    path = tmp_path / "gradient.png"
    Image.fromarray(gradient).save(path)
    for seed in range(20):
        crop = square_crop(path, 40, np.random.default_rng(seed), min_crop=0.5).astype(int)
        assert crop.shape == (40, 40, 3)
        width = abs(crop[20, -1, 0] - crop[20, 0, 0]) / 255 * 199
        height = (crop[-1, 20, 1] - crop[0, 20, 1]) / 255 * 99
        assert 45 < width < 101
        assert width == pytest.approx(height, abs=4)
    center = square_crop(path, 40, None).astype(int)
    assert center[0, 0, 0] == pytest.approx(64, abs=3)
    assert center[0, -1, 0] == pytest.approx(191, abs=3)


def test_large_jpegs_are_drafted_and_small_photos_enlarged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big, small = tmp_path / "big.jpg", tmp_path / "small.jpg"
    Image.fromarray(np.full((1200, 1600, 3), 128, np.uint8)).save(big)
    Image.fromarray(np.full((20, 30, 3), 128, np.uint8)).save(small)
    decoded: list[tuple[int, ...]] = []
    from fast_style.training import data

    original = data.decode_rgb
    monkeypatch.setattr(data, "decode_rgb", lambda image: decoded.append(image.size) or original(image))
    assert square_crop(big, 64, np.random.default_rng(0), min_crop=0.9).shape == (64, 64, 3)
    assert decoded[0][0] <= 200
    assert square_crop(small, 64, np.random.default_rng(0), min_crop=0.9).shape == (64, 64, 3)


def test_unreadable_files_are_named_and_left_out(photo_folder: Path, broken_files: list[str]) -> None:
    good, bad = readable_photos(photo_folder)
    assert len(good) == 10
    assert len(bad) == 4
    for name in broken_files:
        assert any(name in reason for reason in bad)


def test_a_photo_that_breaks_later_is_replaced_and_named(photo_folder: Path) -> None:
    dataset = crops(photo_folder)
    victim = dataset.paths[dataset.order(0)[0]]
    victim.write_bytes(b"gone bad")
    sample = dataset[0]
    assert sample.photo.shape == (3, 32, 32)
    assert len(sample.skipped) == 1
    assert victim.name in sample.skipped[0]
    assert collate([sample, dataset[1]]).skipped == sample.skipped


def test_a_vanished_folder_is_an_error(photo_folder: Path) -> None:
    dataset = crops(photo_folder)
    for path in dataset.paths:
        path.unlink()
    with pytest.raises(DataError, match="none of the 10 photos"):
        dataset[3]


def test_folders_without_photos_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        readable_photos(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        readable_photos(tmp_path / "empty")
    (tmp_path / "empty" / "a.jpg").write_text("x")
    with pytest.raises(DataError, match="none of its 1 images"):
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
    with pytest.raises(DataError, match="val_dir"):
        StyleDataModule(DataConfig(val_dir=str(photo_folder)), seed=0)


def test_synthetic_images_are_the_same_everywhere() -> None:
    # Golden: changes only when the generator itself is changed on purpose.
    images = b"".join(dead_leaves(np.random.default_rng((0, 2, number)), 64).tobytes() for number in range(20))
    assert hashlib.sha256(images).hexdigest()[:16] == GOLDEN
    dataset = SyntheticCrops(48, seed=3)
    assert torch.equal(dataset[5].photo, SyntheticCrops(48, seed=3)[5].photo)
    assert not torch.equal(dataset[5].photo, dataset[6].photo)
    assert not torch.equal(dataset[5].photo, SyntheticCrops(48, seed=4)[5].photo)


@pytest.mark.parametrize("size", [32, 57, 256])
def test_synthetic_images_are_never_empty(size: int) -> None:
    for number in range(12):
        image = dead_leaves(np.random.default_rng((1, 2, number)), size)
        assert image.shape == (size, size, 3) and image.dtype == np.uint8
        assert image.std() > 2


@pytest.mark.parametrize("workers", [0, 2])
def test_synthetic_batches_do_not_depend_on_workers(workers: int) -> None:
    dataset = SyntheticCrops(32, seed=0)
    loader = DataLoader(dataset, batch_size=3, sampler=EndlessSampler(4), num_workers=workers, collate_fn=collate)
    for number, batch in zip(range(4), loader, strict=False):
        expected = [dataset[4 + 3 * number + i].photo for i in range(3)]
        assert torch.equal(batch.photos, torch.stack(expected))


GOLDEN = "8f23c0949ef44d2e"
