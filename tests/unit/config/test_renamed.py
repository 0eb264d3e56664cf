"""Old names of settings and values keep working."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fast_style.config import renamed
from fast_style.config.entry import compose_distillation, compose_training, described, normalized
from fast_style.config.renamed import SETTINGS, rename_settings, with_new_names
from fast_style.config.schema import DistillConfig, TrainConfig, settings
from fast_style.config.sweep import compose_sweep
from fast_style.system.paths import resource


@pytest.fixture(autouse=True)
def _forget_warnings() -> Iterator[None]:
    renamed._warn.cache_clear()
    yield
    renamed._warn.cache_clear()


def test_the_new_names_exist_and_the_old_ones_do_not() -> None:
    names = {each.name for schema in (TrainConfig, DistillConfig) for each in settings(schema)}
    assert names >= set(SETTINGS.values())
    assert not names & SETTINGS.keys()
    assert (resource("conf") / "style" / "watercolor.yaml").is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model.dial=false", "model.strength=false"),
        ("+model.dial=false", "+model.strength=false"),
        ("++trainer.dial_share=0.1", "++trainer.strength_share=0.1"),
        ("~model.dial", "~model.strength"),
        ("style=watercolour", "style=watercolor"),
        ("style=flow,watercolour", "style=flow,watercolor"),
        ("style.image='data/styles/watercolour.jpg'", "style.image=data/styles/watercolor.jpg"),
        ("style.name=a-${model.dial}", "style.name=a-${model.strength}"),
        ("style.name=watercolour", "style.name=watercolour"),
        ("seed=1", "seed=1"),
        ("-m", "-m"),
        ("--cfg=job", "--cfg=job"),
    ],
)
def test_overrides_are_renamed(old: str, new: str) -> None:
    assert with_new_names([old]) == [new]


def test_each_old_name_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "fast_style"):
        for _ in range(2):
            assert not compose_training(["model.dial=false"]).model.strength
            assert compose_training(["style=watercolour"]).style.title == "Watercolor"
    assert [record.getMessage() for record in caplog.records] == [
        "model.dial is now model.strength",
        "style=watercolour is now style=watercolor",
    ]


def test_a_file_of_the_users_own_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "styles").mkdir(parents=True)
    (tmp_path / "data" / "styles" / "watercolour.jpg").touch()
    override = "style.image=data/styles/watercolour.jpg"
    assert with_new_names([override]) == [override]


def test_sweeps_distillations_and_help_take_old_names() -> None:
    jobs = compose_sweep(normalized(["-m", "model.dial=true,false"]))
    assert [job.model.strength for job in jobs] == [True, False]
    assert compose_distillation(["photos=photos", "opponents=3"]).adversaries == 3
    assert {name: value for name, value, _ in described(["trainer.dial_share=0.3"])}["trainer.strength_share"] == "0.3"


def test_the_settings_of_an_old_run_are_renamed() -> None:
    old: dict[str, object] = {"model": {"dial": True, "width": 8}, "opponents": 2, "style": {"image": "a.jpg"}}
    new = {"model": {"strength": True, "width": 8}, "adversaries": 2, "style": {"image": "a.jpg"}}
    assert rename_settings(old) == new
