"""Options that can't be, and the memory that a network may take."""

from __future__ import annotations

import numpy as np
import pytest

from fast_style.errors import ConfigError
from fast_style.inference import options
from fast_style.inference.options import StylizeOptions, Tiling


def test_options_are_checked_where_they_are_made() -> None:
    assert StylizeOptions(strength=np.float32(0.5), stroke=2).stroke == 2  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"stroke=2\.5: must lie from 0\.5 to 2"):
        StylizeOptions(stroke=2.5)
    with pytest.raises(ConfigError, match="strength='1': must be a number, not a str"):
        StylizeOptions(strength="1")  # type: ignore[arg-type]


@pytest.mark.parametrize(("tile", "side"), [("auto", None), ("off", None), ("128", 128), (64, 64)])
def test_the_side_of_tiles(tile: str | int, side: int | None) -> None:
    assert Tiling(tile).side() == side


@pytest.mark.parametrize("tile", ["many", 63, "-64", "64.0"])
def test_impossible_tiles(tile: str | int) -> None:
    with pytest.raises(ConfigError, match=f"tile={tile}: must be auto, off or a number of pixels from 64 up"):
        Tiling(tile)


def test_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "available_memory", lambda: 10_000_000)
    monkeypatch.setattr(options, "used_memory", lambda: 3_000_000)
    assert Tiling().budget(held=1_000_000) == 4_000_000, "half of what is free"
    assert Tiling(memory=8_000_000).budget(held=1_000_000) == 4_000_000
    assert Tiling(memory="50MB").budget(held=1_000_000) == 9_000_000, "no more than is free"


@pytest.mark.parametrize("memory", ["1", 2, "500kB", "0.5MB"])
def test_too_little_memory_is_a_unit_that_was_left_out(memory: str | int) -> None:
    with pytest.raises(ConfigError, match=f"^memory={memory}: is less than the smallest picture takes; .* like 2GB"):
        Tiling(memory=memory)


def test_styles_and_their_weights() -> None:
    assert StylizeOptions(style=None).style_weights() == {}
    assert StylizeOptions(style="wave").style_weights() == {"wave": 1}
    assert StylizeOptions(style="wave:1, monet:3").style_weights() == {"wave": 0.25, "monet": 0.75}
    assert StylizeOptions(style={"wave": 0.5, "monet": 0.5}).style_weights() == {"wave": 0.5, "monet": 0.5}


@pytest.mark.parametrize(
    "style", ["", "wave,", "wave:x", "wave,wave", "wave:nan", "wave:0", "a:-1,b:2", {"a": -1.0}, {}, {"a": "b"}]
)
def test_styles_that_are_not_readable(style: object) -> None:
    with pytest.raises(ConfigError, match=r"^style"):
        StylizeOptions(style=style)  # type: ignore[arg-type]
