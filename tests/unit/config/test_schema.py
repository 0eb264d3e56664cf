"""The schema: what every setting says about itself."""

from __future__ import annotations

import pytest

from fast_style.config.compose import compose_raw, to_config
from fast_style.config.schema import PATHS, DistillConfig, TrainConfig, settings


def config(*overrides: str) -> TrainConfig:
    return to_config(compose_raw(list(overrides), TrainConfig))


def test_the_schema_has_the_defaults_of_the_command() -> None:
    composed, schema = config(), TrainConfig()
    for section in ("data", "model", "trainer", "export"):
        assert getattr(composed, section) == getattr(schema, section)
    loss = {key: value for key, value in vars(schema.loss).items() if value != "???"}
    assert loss.items() <= vars(composed.loss).items()


@pytest.mark.parametrize("schema", [TrainConfig, DistillConfig])
def test_every_meaning_is_a_plain_phrase(schema: type) -> None:
    for each in settings(schema):
        assert each.meaning[:1].isupper(), each
        assert not each.meaning.startswith("Of "), each
        assert not each.meaning.endswith("."), each


def test_the_paths_are_those_that_need_no_quotes() -> None:
    assert {
        "style.image", "style.images", "data.dir", "data.val_dir", "encoder.weights", "resume", "init_from",
        "model.base", "output_dir", "runs_dir", "teacher.weights", "student.start", "photos", "output",
    } == PATHS  # fmt: skip
