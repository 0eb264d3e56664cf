"""Values that a type cannot rule out."""

from __future__ import annotations

import pytest

from fast_style.config.checks import check_limits, value_of
from fast_style.config.entry import compose_distillation, compose_training
from fast_style.config.schema import DistillConfig, TrainConfig, settings
from fast_style.errors import ConfigError

DISTILL = ["photos=photos"]


def config(*overrides: str) -> TrainConfig:
    return compose_training(overrides)


@pytest.mark.parametrize(
    "override",
    [
        "trainer.max_steps=0",
        "data.batch_size=0",
        "data.min_crop=0",
        "data.workers=-1",
        "trainer.schedule=linear",
        "trainer.precision=fp64",
        "trainer.learning_rate=0",
        "trainer.learning_rate_batch=0",
        "loss.style_weight=-1",
        "loss.style_weight=nan",
        "loss.style_weight=inf",
        "trainer.learning_rate=inf",
        "trainer.strength_share=0",
        "trainer.strength_share=1",
        "seed=-1",
        "seed=99999999999999999999999",
        "loss.style_layers=[]",
        "loss.scales=[1.0,0.01]",
    ],
)
def test_impossible_values_name_their_key(override: str) -> None:
    with pytest.raises(ConfigError, match=override.split("=")[0]):
        config("style.image=a.jpg", override)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("style.size=16", "style.size=16: must be at least 32"),
        ("data.min_crop=1.5", "data.min_crop=1.5: must be above 0 and at most 1"),
        ("trainer.schedule=linear", "trainer.schedule=linear: must be one of cosine, constant"),
        ("trainer.learning_rate=inf", "trainer.learning_rate=inf: is too large"),
        ("loss.style_weight=nan", "loss.style_weight=nan: must be at least 0"),
        ("loss.scales=[]", r"loss.scales=\[\]: needs at least one entry"),
        (
            "loss.scales=[0.01]",
            r"loss.scales: 0.01 of data.image_size=256 is less than 8 pixels.* data.image_size=800$",
        ),
    ],
)
def test_an_impossible_value_is_explained(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose_training(["style.image=a.jpg", override])


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(ConfigError, match="loss: content_weight and style_weight are both 0"):
        compose_training(["style.image=a.jpg", "loss.content_weight=0", "loss.style_weight=0"])


def test_the_share_of_a_strength_matters_only_where_there_is_one() -> None:
    config = compose_training(["style.image=a.jpg", "model.strength=false", "trainer.strength_share=0"])
    assert config.trainer.strength_share == 0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("image_size=100", "image_size=100: must be a multiple of 8"),
        ("image_size=16", "image_size=16: must be at least 32"),
        ("student.widths=[8,0,8]", r"student.widths=\[8, 0, 8\]: must be at least 1"),
        ("teacher.layers=[]", "teacher.layers=.*: needs at least one entry"),
        ("teacher.content_layer=relu9_9", "teacher.content_layer=relu9_9: must be one of teacher.layers, relu1_2"),
        ("longest_life=3", "longest_life=3: must be at least shortest_life=40"),
        ("precision=fp8", "precision=fp8: must be one of"),
        ("learning_rate=0", "learning_rate=0.0: must be above 0"),
    ],
)
def test_an_impossible_distillation_is_explained(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose_distillation([*DISTILL, override])


def test_every_default_is_within_its_limits() -> None:
    for config in (compose_training([]), compose_distillation(DISTILL)):
        check_limits(config)


@pytest.mark.parametrize("schema", [TrainConfig, DistillConfig])
def test_limits_of_one_setting_that_depend_on_another_name_it(schema: type) -> None:
    names = {each.name for each in settings(schema)}
    assert {each.limits.only_if for each in settings(schema)} - {None} <= names


def test_a_value_is_found_by_its_full_name() -> None:
    assert value_of(compose_training([]), "data.image_size") == 256
