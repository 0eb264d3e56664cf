"""The generated pages of the guide, without MkDocs."""

from __future__ import annotations

import re

import pytest

from docs.reference_pages import commands_page, describe_limits, requests, settings_page
from fast_style.config.schema import DistillConfig, Limits, TrainConfig, settings


def test_every_setting_is_listed() -> None:
    page = settings_page()
    for schema in (TrainConfig, DistillConfig):
        for each in settings(schema):
            assert f"| `{each.name}` | " in page, each.name
            assert each.meaning in page
    assert "| `data.min_crop` | `0.5` | " in page
    assert "| `photos` | required | " in page
    assert "| above 0, at most 1 |" in page


def test_every_command_is_listed() -> None:
    page = commands_page()
    for heading in ("stylize", "data coco", "train", "flicker"):
        assert f"\n## {heading}\n" in page
    assert "| `--engine auto\\|onnx\\|torch` | Engine that runs the model." in page
    assert "`--jobs N`" in page
    assert not re.findall(r"^\| `[^`]*<.*", page, re.M), "types of Python"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(), ""),
        (Limits(minimum=1), "at least 1"),
        (Limits(above=0, below=1, only_if="model.strength"), "above 0, below 1, with `model.strength`"),
        (Limits(choices=("a", "b")), "`a`, `b`"),
        (Limits(multiple_of=8, not_empty=True), "a multiple of 8, not empty"),
    ],
)
def test_limits_in_words(limits: Limits, words: str) -> None:
    assert describe_limits(limits) == words


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="https://example.org/">a link</a><img src="pictures/a.jpg">', []),
        ('<link rel="stylesheet" href="https://example.org/a.css">', ["https://example.org/a.css"]),
        ("<script src=//example.org/a.js></script>", ["//example.org/a.js"]),
        ('<img alt="a" src="http://example.org/a.png">', ["http://example.org/a.png"]),
    ],
)
def test_requests_to_other_hosts(html: str, found: list[str]) -> None:
    assert requests(html) == found
