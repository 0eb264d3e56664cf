"""Overrides as users write them, in the form that Hydra takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.config.compose import compose_raw
from fast_style.config.overrides import quoted, with_own_style, with_quoted_paths
from fast_style.config.schema import TrainConfig


@pytest.mark.parametrize("path", ["~/photos", "größe.jpg", "photo(1).jpg", "it's.jpg", "a b=c.jpg", "C#x/a&b.jpg"])
def test_paths_need_no_quotes(path: str) -> None:
    given = with_quoted_paths([f"style.image={path}", f"data.dir={path}", "seed=3"])
    made = compose_raw(given, TrainConfig)
    assert (made.style.image, made.data.dir, made.seed) == (path, path, 3)


@pytest.mark.parametrize("override", ["style.image=a.jpg,b.jpg", 'style.image="a b.jpg"', "data.dir=null", "seed=(1"])
def test_what_hydra_takes_is_left_to_it(override: str) -> None:
    assert with_quoted_paths([override]) == [override]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], []),
        (["style.image=a.jpg"], ["style.image=a.jpg", "style=custom"]),
        (["style=wave", "style.image=a.jpg"], ["style=wave", "style.image=a.jpg"]),
        (["style=wave", "seed=1"], ["style=wave", "seed=1"]),
    ],
)
def test_a_picture_of_ones_own_is_no_default_style(overrides: list[str], expected: list[str]) -> None:
    assert with_own_style(overrides) == expected


@pytest.mark.parametrize("path", ["a.jpg", "it's", "a\\'b", "ends in \\"])
def test_any_path_can_be_quoted(path: str) -> None:
    assert compose_raw(["style=custom", f"style.image={quoted(Path(path))}"], TrainConfig).style.image == path
