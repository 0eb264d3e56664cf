from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.errors import EncoderNotFoundError
from fast_style.perceptual.objective import build_loss, build_objective_encoder, objective_config
from fast_style.perceptual.style_image import load_style
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


def test_missing_weights_name_the_setting() -> None:
    config = objective_config(Path("style.png"), encoder="embedded", weights=Path("none.pth"), style_size=64)
    with pytest.raises(EncoderNotFoundError, match=r"none\.pth: no such file") as caught:
        build_objective_encoder(config)
    assert caught.value.setting == "encoder.weights"
