"""What Hydra and OmegaConf find wrong, in one line with its parts."""

from __future__ import annotations

import pytest

from fast_style.config.compose import compose_raw, typed
from fast_style.config.entry import compose_training
from fast_style.config.schema import TrainConfig
from fast_style.errors import UNSET, ConfigError


def config(*overrides: str) -> object:
    return typed(compose_raw(list(overrides), TrainConfig), TrainConfig)


@pytest.mark.parametrize(
    "override",
    [
        "stlye.image=a.jpg",
        "data.batchsize=2",
        "trainer.max_steps=many",
        "style=nothing",
        "model.width=3.5",
    ],
)
def test_misspelled_keys_and_wrong_types_are_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        config("style.image=a.jpg", override)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("style.imgae=a.jpg", "style.imgae: no such setting; did you mean style.image?"),
        ("trainer.max_steps=many", "trainer.max_steps=many: must be a whole number"),
        ("style=nothing", "stained_glass"),
        ("style.image=a b=c.jpg", "quotes"),
        ("hue=red", "hue: no such setting"),
        ("loss.layer_weights.relu1_2=2", "loss.layer_weights.relu1_2: is not there yet; put a + before it"),
    ],
)
def test_errors_are_explained_in_one_line(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(override)
    line = str(caught.value)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(("style", "title"), [("starry_night", "The Starry Night"), ("wave", "The Great Wave")])
def test_a_painting_that_is_not_part_of_the_project(style: str, title: str) -> None:
    with pytest.raises(ConfigError, match=rf"style\.image: {title}.* \(its painting is not .*; add style\.image=PATH"):
        compose_training([f"style={style}"])
    assert compose_training([f"style={style}", "style.image=a.jpg"]).style.name == style


@pytest.mark.parametrize(
    ("override", "setting", "value"),
    [
        ("trainer.max_steps=many", "trainer.max_steps", "many"),
        ("trainer.compile=perhaps", "trainer.compile", "perhaps"),
        ("style.imgae=a.jpg", "style.imgae", UNSET),
        ("style=nothing", "style", "nothing"),
        ("seed=(1", "seed", "(1"),
    ],
)
def test_errors_carry_their_parts(override: str, setting: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_raw([override], TrainConfig)
    assert (caught.value.setting, caught.value.value) == (setting, value)
