"""Errors as data: what they carry, how they are rendered, and that they survive a trip to another process."""

from __future__ import annotations

import inspect
import pickle
from urllib.error import URLError

import pytest

from fast_style import errors
from fast_style.errors import (
    UNSET,
    ConfigError,
    FastStyleError,
    ImageError,
    ImageNotFoundError,
    ModelError,
    NotFoundError,
    WriteError,
    printable,
    reason_of,
)

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FastStyleError)]


def to_options(setting: str, value: object) -> str:
    option = f"--{setting}"
    return option if value is UNSET else f"{option} {value}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_carries_its_parts_and_survives_pickling(kind: type[FastStyleError]) -> None:
    error = kind("no such engine", setting="engine", value="tvm", remedy="use {engine}", suggestions={"engine": "onnx"})
    assert str(error) == "engine=tvm: no such engine; use engine=onnx"
    assert error.render(to_options) == "--engine tvm: no such engine; use --engine onnx"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.render(to_options) == error.render(to_options)


def test_a_setting_without_a_value_stays_without_one() -> None:
    error = ConfigError("needs a value", setting="style.image")
    assert str(error) == "style.image: needs a value"
    assert pickle.loads(pickle.dumps(error)).value is UNSET


def test_a_suggestion_without_a_value_stays_without_one() -> None:
    """An encoder in another process suggests to leave a codec out; its message is written in this one."""
    error = ConfigError("cannot hold it", remedy="leave {codec} out", suggestions={"codec": UNSET})
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "cannot hold it; leave codec out"
    assert again.render(to_options) == "cannot hold it; leave --codec out"


def test_a_problem_alone_is_the_message() -> None:
    assert str(ModelError("model.onnx: damaged")) == "model.onnx: damaged"


def test_a_quoted_error_is_spelled_like_its_own() -> None:
    reason = ImageError("a.png is too small", setting="max_size", value=20, remedy="want more")
    error = pickle.loads(pickle.dumps(ImageError("none of the 2 photos can be measured", quoted=reason)))
    assert str(error) == "none of the 2 photos can be measured (max_size=20: a.png is too small; want more)"
    assert error.render(to_options).endswith("measured (--max_size 20: a.png is too small; want more)")


def test_braces_in_a_path_are_left_alone() -> None:
    error = ImageError("{a}.png: damaged", remedy="copy {b}.png again, or use {device}", suggestions={"device": "cpu"})
    assert str(error) == "{a}.png: damaged; copy {b}.png again, or use device=cpu"


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConfigError, ValueError),
        (ImageError, ValueError),
        (ModelError, ValueError),
        (NotFoundError, FileNotFoundError),
        (ImageNotFoundError, FileNotFoundError),
        (ImageNotFoundError, ImageError),
        (WriteError, OSError),
    ],
)
def test_kinds_are_the_built_in_that_a_python_user_catches(kind: type, builtin: type) -> None:
    with pytest.raises(builtin):
        raise kind("wrong")


def test_the_reason_of_an_error_is_a_few_words() -> None:
    assert reason_of(RuntimeError("\n first\n second")) == "first"
    assert reason_of(RuntimeError()) == "RuntimeError"
    assert reason_of(ValueError("bad value.\nmore")) == "bad value"
    assert reason_of(FileNotFoundError(2, "No such file or directory", "x.png")) == "No such file or directory"
    assert reason_of(URLError(TimeoutError("timed out"))) == "timed out"


def test_a_message_is_one_line_whatever_the_name() -> None:
    error = ImageError("a\nb\x1b[1m\u2028.jpg is empty", remedy="copy it again")
    assert str(error) == "a\\nb\\x1b[1m\\u2028.jpg is empty; copy it again"
    assert printable("größe 日本.jpg") == "größe 日本.jpg"
