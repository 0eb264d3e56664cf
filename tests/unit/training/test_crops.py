from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fast_style.errors import DataError
from fast_style.images.folders import find_images
from fast_style.training.crops import (
    EndlessSampler,
    FixedPhotos,
    PhotoCrops,
    SyntheticCrops,
    collate,
    square_crop,
    worker_message,
)


def crops(folder: Path, seed: int = 0, size: int = 32) -> PhotoCrops:
    return PhotoCrops(find_images(folder), size, seed=seed, min_crop=0.5)


def test_a_sample_depends_on_seed_and_number_alone(photo_folder: Path) -> None:
    first, second = crops(photo_folder), crops(photo_folder)
    backwards = {i: second[i].photo for i in reversed(range(25))}
    assert all(torch.equal(first[i].photo, backwards[i]) for i in range(25))
    assert not torch.equal(first[0].photo, crops(photo_folder, seed=1)[0].photo)


def test_each_epoch_shows_every_photo_once_in_another_order(photo_folder: Path) -> None:
    dataset = crops(photo_folder)
    first, second = dataset.order(0), dataset.order(1)
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
    # Red grows to the right and green downward: the corners tell which part was cut out.
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
    from fast_style.training import crops as module

    original = module.decode_rgb
    monkeypatch.setattr(module, "decode_rgb", lambda image: decoded.append(image.size) or original(image))
    assert square_crop(big, 64, np.random.default_rng(0), min_crop=0.9).shape == (64, 64, 3)
    assert decoded[0][0] <= 200
    assert square_crop(small, 64, np.random.default_rng(0), min_crop=0.9).shape == (64, 64, 3)


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


def test_a_synthetic_sample_depends_on_seed_and_number_alone() -> None:
    dataset = SyntheticCrops(48, seed=3)
    assert torch.equal(dataset[5].photo, SyntheticCrops(48, seed=3)[5].photo)
    assert not torch.equal(dataset[5].photo, dataset[6].photo)
    assert not torch.equal(dataset[5].photo, SyntheticCrops(48, seed=4)[5].photo)


@pytest.mark.parametrize("workers", [0, 2])
def test_synthetic_batches_do_not_depend_on_workers(workers: int) -> None:
    dataset = SyntheticCrops(32, seed=0)
    loader = DataLoader(dataset, batch_size=3, sampler=EndlessSampler(4), num_workers=workers, collate_fn=collate)
    for number, batch in zip(range(4), loader, strict=False):
        expected = [dataset[4 + 3 * number + i].photo for i in range(3)]
        assert torch.equal(batch.photos, torch.stack(expected))


def test_fixed_photos_stay_as_they_are() -> None:
    photos = [torch.full((3, 4, 4), value, dtype=torch.uint8) for value in (1, 2)]
    dataset = FixedPhotos(photos)
    assert len(dataset) == 2
    assert dataset[1] == (photos[1], 1, [])


@pytest.mark.parametrize(
    "text", ["no photos", "Caught DataError in worker 0.\n …\nfast_style.errors.DataError: no photos"]
)
def test_a_worker_process_says_the_same(text: str) -> None:
    assert worker_message(DataError(text)) == "no photos"
