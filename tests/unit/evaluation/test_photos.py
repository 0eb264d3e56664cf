from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import DataError, DataNotFoundError, ImageError
from fast_style.evaluation.photos import PhotoFiles, find_photos, on_device, spread
from fast_style.perceptual.losses import PerceptualLoss
from tests.conftest import damage_png, make_photo


def test_photos_are_read_in_turn_and_shrunk(tmp_path: Path) -> None:
    pictures = [make_photo(seed, 160, 144) for seed in range(3)]
    for number, photo in enumerate(pictures):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    photos = PhotoFiles(sorted(tmp_path.iterdir()), 1024)
    assert all(np.array_equal(read, photo) for read, photo in zip(photos, pictures, strict=True))
    assert [path.name for path in photos.spread(2).paths] == ["0.png", "2.png"]
    Image.fromarray(make_photo(0, 800, 600)).save(tmp_path / "large.png")
    assert PhotoFiles([tmp_path / "large.png"], 200)[0].shape == (150, 200, 3)


def test_photos_that_cannot_be_measured_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sizes = {"good": (160, 144), "damaged": (160, 144), "small": (200, 135), "panorama": (1000, 140)}
    paths = [tmp_path / f"{name}.png" for name in sizes]
    for path in paths:
        Image.fromarray(make_photo(0, *sizes[path.stem])).save(path)
    damage_png(tmp_path / "damaged.png")
    done: list[None] = []
    assert PhotoFiles(paths, 500).measurable(lambda: done.append(None)).paths == [tmp_path / "good.png"]
    assert len(done) == 4
    damaged, small, panorama = caplog.messages
    assert damaged.startswith(f"skipped: {tmp_path / 'damaged.png'} is damaged")
    assert small.endswith("small.png: 200×135 px is too small; want sides of 136 px or more")
    assert panorama.startswith("skipped: max_size=500: ")
    assert panorama.endswith("panorama.png is too small at 500×70 px; want max_size=968 or more")
    assert PhotoFiles(paths[3:], 968)[0].shape == (136, 968, 3)
    with pytest.raises(ImageError, match="max_size=968 or more"):
        PhotoFiles(paths[3:], 967)[0]
    with pytest.raises(DataError, match=r"none of the 2 photos can be measured \(.*small.png: 200×135 px is too small"):
        PhotoFiles(paths[2:], 500).measurable()


def test_a_folder_of_photos_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"^photos=.*nowhere: does not exist; give a folder of photos$"):
        find_photos(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"^photos: .*: it holds no images; give a folder"):
        find_photos(tmp_path)
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1)).save(path)
    with pytest.raises(DataError, match=r"^photos=.*style.png: is not a folder; give a folder of photos$"):
        find_photos(path)
    assert find_photos(tmp_path) == [path]


def test_spread_is_even_and_never_too_many() -> None:
    assert spread(100, 5) == {0, 24, 49, 74, 99}
    assert spread(3, 5) == {0, 1, 2}
    assert spread(3, 0) == set()


def test_a_picture_becomes_a_batch_of_floats(small_loss: PerceptualLoss) -> None:
    picture = make_photo(0)
    batch = on_device(picture, small_loss)
    assert batch.shape == (1, 3, 48, 64)
    assert torch.allclose(batch[0].permute(1, 2, 0) * 255, torch.from_numpy(picture).float())
