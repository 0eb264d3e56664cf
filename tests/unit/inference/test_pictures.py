"""Every kind of picture that a Stylizer takes comes back as that kind."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import ConfigError, ImageError, ModelError
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import ModelFiles, find_model
from tests.conftest import make_photo


@pytest.fixture(scope="module")
def stylizer(tiny_model: Path) -> Stylizer:
    return Stylizer.load(tiny_model, engine="onnx")


def with_alpha(photo: np.ndarray, lowest: int) -> np.ndarray:
    alpha = np.tile(np.linspace(lowest, 255, photo.shape[1]).astype(np.uint8), (len(photo), 1))
    return np.dstack([photo, alpha])


def test_gray_becomes_rgb(stylizer: Stylizer, photo: np.ndarray) -> None:
    gray = photo[..., 0]
    expected = stylizer(np.dstack([gray] * 3))
    assert np.array_equal(stylizer(gray), expected)
    assert np.array_equal(stylizer(gray[..., None]), expected)
    assert np.array_equal(stylizer(gray[None, ..., None]), expected[None])
    assert np.array_equal(np.asarray(stylizer(Image.fromarray(gray))), expected)


@pytest.mark.parametrize("lowest", [0, 255])
def test_rgba_stays_rgba(stylizer: Stylizer, photo: np.ndarray, tmp_path: Path, lowest: int) -> None:
    """Be it opaque throughout, or see-through, and whatever holds it."""
    rgba = with_alpha(photo, lowest)
    made = stylizer(rgba)
    assert made.shape == rgba.shape
    assert np.array_equal(made[..., 3], rgba[..., 3])
    if lowest == 255:
        assert np.array_equal(made[..., :3], stylizer(photo))
    assert np.array_equal(stylizer(np.stack([rgba, rgba]))[1], made)
    picture = Image.fromarray(rgba)
    path = tmp_path / "photo.png"
    picture.save(path)
    for kind in (stylizer(picture), stylizer(path), Image.open(io.BytesIO(stylizer(path.read_bytes())))):
        assert kind.mode == "RGBA"
        assert np.array_equal(np.asarray(kind), made)
    gray = picture.convert("LA")
    assert np.array_equal(np.asarray(stylizer(gray).getchannel("A")), np.asarray(gray.getchannel("A")))
    assert np.array_equal(stylizer(torch.from_numpy(rgba)).numpy(), made)
    floats = stylizer(torch.from_numpy(rgba).permute(2, 0, 1) / 255)
    assert np.array_equal((floats.permute(1, 2, 0) * 255).round().byte().numpy(), made)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_float_tensors_have_their_channels_first(stylizer: Stylizer, photo: np.ndarray, dtype: torch.dtype) -> None:
    given = (torch.from_numpy(photo).permute(2, 0, 1) / 255).to(dtype).requires_grad_()
    made = stylizer(given)
    assert (made.dtype, made.shape, made.requires_grad) == (dtype, given.shape, False)
    levels = (made.permute(1, 2, 0).float() * 255).round().byte().numpy()
    assert np.array_equal(levels, stylizer(photo))
    assert torch.equal(stylizer(given[None]), made[None])
    assert stylizer(given[:1]).shape == given.shape
    # What resampling leaves above white is white.
    white = torch.full_like(given, 1.1)
    assert torch.equal(stylizer(white), stylizer(torch.ones_like(white)))


def test_uint8_tensors_have_their_channels_last(stylizer: Stylizer, photo: np.ndarray) -> None:
    made = stylizer(torch.from_numpy(photo))
    assert made.dtype == torch.uint8
    assert np.array_equal(made.numpy(), stylizer(photo))
    with pytest.raises(ImageError, match=r"uint8 tensor \[3, 48, 64\]: want \[H, W, C\]; move the channels to the end"):
        stylizer(torch.from_numpy(photo).permute(2, 0, 1))


def test_lists_and_generators(stylizer: Stylizer, photo: np.ndarray) -> None:
    frames = [make_photo(seed, 40 + seed, 32) for seed in range(3)]
    expected = [stylizer(frame) for frame in frames]
    for given in (frames, tuple(frames), (frame for frame in frames), map(np.copy, frames)):
        assert all(np.array_equal(made, one) for made, one in zip(stylizer(given), expected, strict=True))
    assert isinstance(stylizer(frames), list)
    kinds = [type(made) for made in stylizer([photo, Image.fromarray(photo), torch.from_numpy(photo)])]
    assert kinds == [np.ndarray, Image.Image, torch.Tensor]
    assert stylizer([]) == []


def test_a_generator_is_taken_frame_by_frame(stylizer: Stylizer, photo: np.ndarray) -> None:
    taken: list[int] = []

    def camera() -> Iterator[np.ndarray]:
        for number in range(1_000_000):
            taken.append(number)
            yield photo

    frames = stylizer(camera())
    assert isinstance(frames, Iterator)
    assert taken == []
    next(frames)
    next(frames)
    assert taken == [0, 1]
    with pytest.raises(ConfigError, match="strength=3"):
        stylizer(camera(), strength=3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((8, 8, 3), np.float32), r"float32 \[8, 8, 3\]: want uint8 RGB.*; bring levels from 0 to 255"),
        (np.zeros((8, 8, 2), np.uint8), r"uint8 \[8, 8, 2\]: want uint8 RGB"),
        (np.zeros(8, np.uint8), r"uint8 \[8\]: want uint8 RGB"),
        (np.zeros((0, 8, 3), np.uint8), r"\[0, 8, 3\]: it has no pixels"),
        (np.zeros((0, 8), np.uint8), r"\[0, 8\]: it has no pixels"),
        (torch.zeros(3, 0, 8), r"tensor float32 \[3, 0, 8\]: want float in \[0, 1\]"),
        (torch.zeros(8, 8, 3), r"tensor float32 \[8, 8, 3\]: want float in \[0, 1\], \[C, H, W\]"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), r"tensor int64 \[3, 8, 8\]: want float"),
        (torch.full((3, 8, 8), 255.0), r"values from 255 to 255: want values in \[0, 1\]"),
        (torch.full((3, 8, 8), -2.0), r"values from -2 to -2: want"),
        (torch.full((3, 8, 8), torch.nan), r"values from nan to nan: want"),
        ([[0, 0, 0]], r"a list inside a list: want a list of pictures; give pixels as an array"),
        ([np.zeros((8, 8, 3))], r"float64 \[8, 8, 3\]"),
        (7, r"an int: want|a int: want an array, a tensor"),
        (None, r"a NoneType: want an array"),
        ({"photo": 1}, r"a dict: want an array"),
    ],
)
def test_what_is_no_picture_is_named(stylizer: Stylizer, wrong: Any, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        stylizer(wrong)


def test_it_says_what_it_is(tiny_model: Path, stylizer: Stylizer) -> None:
    assert repr(stylizer) == "<Stylizer tiny: lite, ONNX Runtime on the CPU>"
    other = Stylizer.load(tiny_model, engine="torch", device="cpu", precision="fp32")
    assert repr(other) == "<Stylizer tiny: lite, torch on the CPU in float32>"


@pytest.mark.parametrize("end", [Stylizer.close, lambda stylizer: stylizer.__exit__(None, None, None)])
def test_at_the_end_of_a_with_it_is_closed(
    tiny_model: Path, photo: np.ndarray, end: Callable[[Stylizer], None]
) -> None:
    with Stylizer.load(tiny_model) as stylizer:
        assert stylizer(photo).shape == photo.shape
        end(stylizer)
    assert repr(stylizer) == "<Stylizer tiny: lite, closed>"
    assert stylizer.info.name == "tiny"
    with pytest.raises(ModelError, match=r"Stylizer of tiny is closed; load it again"):
        stylizer(photo)
    with pytest.raises(ModelError, match="closed"), stylizer:
        pass


def test_the_files_of_a_model_are_as_good_as_its_name(tiny_model: Path) -> None:
    files = find_model(tiny_model)
    assert isinstance(files, ModelFiles)
    assert Stylizer.load(files).info.name == "tiny"
