"""Overrides as users write them, in the form that Hydra takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.config.checks import value_of
from fast_style.config.compose import CONFIG, compose_raw, read_config, write_config
from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted, with_own_style, with_quoted_texts
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError


@pytest.mark.parametrize("path", ["~/photos", "größe.jpg", "photo(1).jpg", "it's.jpg", "a b=c.jpg", "C#x/a&b.jpg"])
def test_paths_need_no_quotes(path: str) -> None:
    given = with_quoted_texts([f"style.image={path}", f"data.dir={path}", "seed=3"])
    made = compose_raw(given, TrainConfig)
    assert (made.style.image, made.data.dir, made.seed) == (path, path, 3)


@pytest.mark.parametrize(
    "text",
    [
        "ü", "Der Schrei (1893)", "It's", "a, b.jpg", "${x}", "a ${seeds} b", "[x]", "{a: b}", "007", "true", "a=b",
        "x'y\"z",
    ],
)  # fmt: skip
def test_any_text_is_a_value(text: str, tmp_path: Path) -> None:
    keys = ("style.title", "style.image", "style.name", "data.dir", "output_dir")
    made = compose_training([f"{key}={text}" for key in keys])
    write_config(made, tmp_path)
    again = read_config(tmp_path / CONFIG)
    for key in keys:
        assert value_of(made, key) == value_of(again, key) == text


@pytest.mark.parametrize(
    "override", ["style.image=a.jpg", 'style.image="a b.jpg"', "data.dir=null", "seed=(1", "style.name=w-${seed}"]
)
def test_what_hydra_takes_is_left_to_it(override: str) -> None:
    assert with_quoted_texts([override]) == [override]
    swept = ["-m", "style.image=a.jpg,b.jpg"]
    assert with_quoted_texts(swept) == swept


@pytest.mark.parametrize("blank", [" ", "\t"])
def test_a_blank_is_an_empty_text(blank: str) -> None:
    assert compose_training([f"style.title={blank}"]).style.title == ""


@pytest.mark.parametrize("key", ["data.dir", "data.val_dir", "output_dir", "style.image", "encoder.weights"])
def test_an_empty_path_is_an_error(key: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key}=: is empty; give a path, or leave it out$"):
        compose_training([f"{key}="])


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
