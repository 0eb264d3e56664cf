"""Settings as values of Python say the same as overrides do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_style.config.entry import compose_training
from fast_style.config.python_values import overrides_of, style_overrides
from fast_style.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "overrides"),
    [
        ({"trainer": {"max_steps": 3, "learning_rate": 1e-5}}, ["trainer.max_steps=3", "trainer.learning_rate=1e-05"]),
        ({"trainer.max_steps": np.int64(3), "loss.style_weight": np.float32(0.5)}, [
            "trainer.max_steps=3", "loss.style_weight=0.5",
        ]),
        ({"model": "johnson", "seed": 7, "quiet": True}, ["model=johnson", "seed=7", "quiet=true"]),
        ({"experiment": "smoke"}, ["experiment=smoke"]),
        ({"loss": {"scales": (1.0, 0.5), "style_layers": ["relu1_2"]}}, [
            "loss.scales=[1.0,0.5]", "loss.style_layers=[relu1_2]",
        ]),
        ({"loss": {"layer_weights": {"relu1_2": 0.5}}, "model": {"arguments": {"upsampling": "nearest"}}}, [
            "+loss.layer_weights.relu1_2=0.5", "model.arguments.upsampling=nearest",
        ]),
        ({"loss.layer_weights": {"relu1_2": 0.5}, "data.val_dir": None}, [
            "+loss.layer_weights.relu1_2=0.5", "data.val_dir=null",
        ]),
        ({"data": {"dir": Path("my photos")}, "style": {"title": "It's, ${x} = ü", "credit": "null"}}, [
            "data.dir=my photos", "style.title=It's, ${x} = ü", "style.credit='null'",
        ]),
    ],
)  # fmt: skip
def test_values_say_what_overrides_say(values: dict[str, Any], overrides: list[str]) -> None:
    assert asdict(compose_training(overrides_of(values))) == asdict(compose_training(overrides))


def test_a_style_is_a_picture_a_folder_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paintings").mkdir()

    def style(given: Any) -> Any:
        return compose_training(style_overrides(given)).style

    for path in ("painting.jpg", Path("painting.jpg")):
        assert (style(path).image, style(path).images, style(path).title) == ("painting.jpg", None, None)
    assert (style("paintings").images, style("paintings/").image) == ("paintings", None)
    assert style("flow").image == "data/styles/flow.jpg"
    assert style(Path("flow")).image == "flow"
    assert style({"image": "a.jpg", "title": "A"}).title == "A"
    (tmp_path / "flow").write_bytes(b"a painting")
    assert style("flow").image == "flow"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"trainer": {"max_steps": object}}, r"trainer\.max_steps=<class 'object'>: must be a number, a text"),
        ({"seed": {"a": 1}}, r"seed"),
        ({"trainer": {"max_step": 3}}, r"trainer\.max_step: no such setting; did you mean trainer\.max_steps"),
        ({"model": "vgg"}, r"model=vgg: no such choice"),
        ({"trainer": {"max_steps": "many"}}, r"trainer\.max_steps='many': must be a whole number"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose_training(overrides_of(values))


def test_a_style_of_another_type() -> None:
    with pytest.raises(ConfigError, match="style=7: must be a path or a name, not a int"):
        style_overrides(7)
