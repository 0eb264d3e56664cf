from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.errors import DataError, EncoderError, ImageError, ImageNotFoundError
from fast_style.evaluation.photos import find_photos
from fast_style.images.codec import load_rgb
from fast_style.perceptual.objective import (
    build_loss,
    build_objective_encoder,
    objective_config,
)
from fast_style.perceptual.style_image import least_max_side, load_style
from tests.conftest import make_photo


@pytest.mark.parametrize(
    "name", ["plain.jpg", "a=b, c.jpg", "it's.jpg", "[x] {y}.jpg", "back\\slash.jpg", "$.jpg", "\\'\\"]
)
def test_any_path_is_a_hydra_value(name: str) -> None:
    assert compose_training([f"style.image={quoted(Path(name))}"]).style.image == name


def test_the_reference_loss_is_the_default_one(tmp_path: Path) -> None:
    path = tmp_path / "style, 1.png"
    Image.fromarray(make_photo(1)).save(path)
    chosen = objective_config(path, encoder="random", weights=None, style_size=48)
    loss = build_loss(chosen, load_style(chosen))
    config = compose_training([f"style.image={quoted(path)}", "encoder=random"])
    assert loss.settings.style_weight == config.loss.style_weight
    assert loss.settings == config.loss


def test_settings_reach_the_loss(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1)).save(path)
    config = objective_config(
        path, encoder="embedded", weights=None, style_size=48,
        overrides=["encoder.pooling=average", "loss.style_weight=3", "+loss.layer_weights.relu1_2=0.5"],
    )  # fmt: skip
    loss = build_loss(config, load_style(config))
    assert loss.encoder.pooling == "average"
    assert loss.settings.style_weight == 3
    assert loss.layer_weights["relu1_2"] == 0.5
    assert loss.layer_weights["relu2_2"] == 1


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (64, 64), (97, 33), (1000, 61), (32, 32)])
def test_the_least_side_is_the_least(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(make_photo(0, width, height)).save(path)
    side = least_max_side(path)
    assert min(load_rgb(path, max_side=side).shape[:2]) == 32
    assert min(load_rgb(path, max_side=side - 1).shape[:2]) == 31


def test_a_style_that_is_too_small_in_itself_or_at_its_size(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    config = objective_config(path, encoder="random", weights=None, style_size=32)
    with pytest.raises(
        ImageError, match=r"^style.size=32: .*style.png is too small at 32×21 px; want style.size=48 or more"
    ):
        load_style(config)
    Image.fromarray(make_photo(1, 60, 31)).save(path)
    with pytest.raises(
        ImageError, match=r"^style.image: .*style.png: 60×31 px is too small; want sides of 32 px or more"
    ):
        load_style(config)


def test_errors_name_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    small = objective_config(path, encoder="embedded", weights=Path("none.pth"), style_size=32)
    missing = objective_config(Path("none.png"), encoder="random", weights=None, style_size=32)
    with pytest.raises(ImageError) as too_small:
        load_style(small)
    assert (too_small.value.setting, too_small.value.suggestions) == ("style.size", {"style.size": 48})
    with pytest.raises(ImageNotFoundError, match=r"none\.png does not exist") as not_found:
        load_style(missing)
    assert not_found.value.setting == "style.image"
    with pytest.raises(EncoderError, match=r"none\.pth: no such file"):
        build_objective_encoder(small)


def test_a_folder_of_photos_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^photos=.*nowhere: does not exist; give a folder of photos$"):
        find_photos(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"^photos: .*: it holds no images; give a folder"):
        find_photos(tmp_path)
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1)).save(path)
    with pytest.raises(DataError, match=r"^photos=.*style.png: is not a folder; give a folder of photos$"):
        find_photos(path)
    assert find_photos(tmp_path) == [path]
