"""Sweeps: a name and checked settings for every job."""

from __future__ import annotations

import pytest

from fast_style.config.compose import style_name
from fast_style.config.entry import normalized
from fast_style.config.sweep import compose_sweep, with_own_names
from fast_style.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["-m", "style.name=mine", "seed=1,2"], "mine-seed-${seed}"),
        (["-m", "model=lite,johnson", "style.name=mine"], "mine-model-${hydra:runtime.choices.model}"),
        (["-m", "style=flow,mosaic", "style.name=mine"], "mine-${hydra:runtime.choices.style}"),
        (["-m", "style.image=a.jpg,b.jpg", "seed=1,2"], "${stem:${style.image}}-seed-${seed}"),
    ],
)
def test_each_job_of_a_sweep_has_a_name_of_its_own(overrides: list[str], name: str) -> None:
    assert with_own_names(overrides) == [*overrides, f"style.name='{name}'"]


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["loss.style_weight=5,50"], ["stained_glass-style_weight-5.0", "stained_glass-style_weight-50.0"]),
        (["style.image=painting.jpg", "style.size=64,128"], ["painting-size-64", "painting-size-128"]),
        (
            ["loss.style_weight=5,10", "style.image=x/a.jpg,b.jpg"],
            ["a-style_weight-5.0", "b-style_weight-5.0", "a-style_weight-10.0", "b-style_weight-10.0"],
        ),
        (["style=flow,mosaic", "seed=1,2"], ["flow-seed-1", "flow-seed-2", "mosaic-seed-1", "mosaic-seed-2"]),
        (["style.name=a,'b c'", "seed=1,2"], ["a-seed-1", "a-seed-2", "b c-seed-1", "b c-seed-2"]),
        (["style=wave", "style.image=a.jpg,b.jpg"], ["wave-a", "wave-b"]),
        (["data.dir=photos/few,photos/many"], ["stained_glass-dir-few", "stained_glass-dir-many"]),
        (["style.image=a.jpg,b.jpg"], ["a", "b"]),
        (["style=flow,mosaic"], ["flow", "mosaic"]),
        (["seed=1,2", "style.name=mine-${seed}"], ["mine-1", "mine-2"]),
        (["seed=1,2", "style.name=mine", "seed=3"], ["mine"]),
    ],
)
def test_no_two_jobs_of_a_sweep_write_one_model(overrides: list[str], names: list[str]) -> None:
    jobs = compose_sweep(normalized(["-m", *overrides]))
    assert [style_name(job) for job in jobs] == names


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["style.image=x/a.jpg,y/a.jpg"], r"^style.name=a: two jobs .* \(style.image=x/a.jpg, style.image=y/a.jpg\);"),
        (["seed=1,1"], "stained_glass-seed-1: two jobs of the sweep would write this model; leave one out"),
        (["seed=1,2", "loss.style_weight=1,2", "style.name=${seed}"], "loss.style_weight=1, loss.style_weight=2"),
        (["trainer.max_steps=5,0"], "trainer.max_steps=0: must be at least 1"),
        (["style=flow,custom"], "style.image: no value given; add style.image=PATH"),
        (["style=custom", "seed=1,2"], "style.image: no value given; add style.image=PATH"),
        (["style=flow,cubism"], "cubism"),
    ],
)
def test_a_sweep_is_checked_before_it_begins(overrides: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose_sweep(normalized(["-m", *overrides]))


@pytest.mark.parametrize("overrides", [["seed=1"], ["-m", "-cd", "mine", "style=none,other"]])
def test_what_hydra_alone_understands_is_left_to_it(overrides: list[str]) -> None:
    assert compose_sweep(normalized(overrides)) == []


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1"],
        ["-m", "style.image=a.jpg,b.jpg"],
        ["-m", "style=flow,wave", "seed=1"],
        ["-m", "seed=1,2", "style.name=mine-${seed}"],
        ["-m", "seed=(1", "loss.style_weight=1,2"],
        ["-m", "sede=1", "loss.style_weight=1,2"],
    ],
)
def test_other_names_are_left_alone(overrides: list[str]) -> None:
    assert with_own_names(overrides) == overrides
