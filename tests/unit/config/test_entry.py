"""From overrides to settings, and the settings that `--help` shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fast_style.config.entry import compose_distillation, compose_training, described, normalized
from fast_style.config.schema import DistillConfig
from fast_style.errors import ConfigError
from fast_style.models.networks import NETWORKS


def test_every_setting_is_explained() -> None:
    found = described([])
    assert all(meaning for _, _, meaning in found)
    values = {name: value for name, value, _ in found}
    assert values["style.image"] == "data/styles/stained_glass.jpg"
    assert values["loss.style_layers"] == "[relu1_2, relu2_2, relu3_2, relu3_4]"
    assert (values["data.dir"], values["model.strength"], values["loss.layer_weights"]) == ("null", "true", "{}")
    changed = {name: value for name, value, _ in described(["experiment=release", "style=custom"])}
    assert (changed["style.image"], changed["trainer.max_steps"]) == ("???", "600")
    with pytest.raises(ConfigError, match=r"loss\.style_wait: no such setting; did you mean loss\.style_weight"):
        described(["loss.style_wait=1"])


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("max_steps", r"did you mean trainer\.max_steps\?"),
        ("data.max_steps", r"did you mean trainer\.max_steps\?"),
        ("style_weight", r"did you mean encoder\.style_weight or loss\.style_weight\?"),
        ("data.brightness", r"there are data\.dir, data\.val_dir"),
        ("hue", r"there are style, data, model"),
    ],
)
def test_a_setting_that_there_is_not(name: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: no such setting; {remedy}"):
        compose_training([f"{name}=1"])


def test_help_shows_what_a_training_run_gets() -> None:
    ours = {name: value for name, value, _ in described(["style.image=größe.jpg", "data.dir=~/photos"])}
    assert (ours["style.image"], ours["data.dir"]) == ("größe.jpg", "~/photos")
    assert ours["style.title"] == "null", "a picture of one's own goes by the title of the default style"


def test_help_shows_every_job_of_a_sweep() -> None:
    swept = {name: value for name, value, _ in described(["-m", "model=lite,johnson", "loss.style_weight=5,50"])}
    assert (swept["model.name"], swept["loss.style_weight"], swept["seed"]) == ("lite, johnson", "5.0, 50.0", "0")
    assert swept["style.name"].startswith("stained_glass-model-lite-style_weight-5.0, ")
    all_networks = {name: value for name, value, _ in described(["-m", "model=glob(*)"])}["model.name"]
    assert all_networks == ", ".join(sorted(NETWORKS))
    with pytest.raises(ConfigError, match="not readable as a setting"):
        described(["-m", "seed=(1"])
    with pytest.raises(ConfigError):
        described(["-m", "loss.style_weight=interval(1,2)"])
    pictureless = {name: value for name, value, _ in described(["-m", "style=custom", "seed=1,2"])}
    assert (pictureless["style.image"], pictureless["seed"]) == ("???", "1, 2")


def test_every_setting_of_a_distillation_is_explained() -> None:
    found = described(["max_steps=7", "photos=größe"], DistillConfig)
    assert all(meaning for _, _, meaning in found)
    values = {name: value for name, value, _ in found}
    assert (values["teacher.name"], values["student.widths"], values["resume"]) == ("vgg19", "[32, 48, 112]", "null")
    assert (values["max_steps"], values["photos"], values["styles"]) == ("7", "größe", "[data/styles]")
    with pytest.raises(ConfigError, match=r"hue: no such setting; there are .*teacher, student"):
        described(["hue=red"], DistillConfig)


def test_paths_need_no_quotes_outside_of_the_command_either() -> None:
    assert compose_training(["data.dir=~/photos"]).data.dir == "~/photos"
    assert compose_training(["style.image=a.jpg"]).style.title is None


def test_overrides_are_normalized_in_one_go() -> None:
    assert normalized(["model.dial=false", "style.image=~/a.jpg"]) == [
        "model.strength=false",
        "style.image='~/a.jpg'",
        "style=custom",
    ]


@pytest.mark.parametrize("compose", [compose_training, compose_distillation])
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("style.image=x", r"overrides='style\.image=x': must be a list of texts, not one text; .*\['style\.image=x'\]"),
        (7, r"overrides=7: must be a list of texts, not a int"),
        (["seed=1", 7], r"overrides=7: must be a text, NAME=VALUE, not a int"),
    ],
)
def test_overrides_are_a_list_of_texts(compose: Callable[[Any], object], overrides: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose(overrides)
