"""How pictures are stylized: the style's strength, colors and strokes, and when to work in tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TypeAlias, TypedDict

from fast_style.errors import ConfigError
from fast_style.system.hardware import available_memory, parse_bytes, used_memory

Advance = Callable[[float], None]
"""A function that is called now and then with the fraction of the work that is done, from 0 to 1."""
Style: TypeAlias = str | Mapping[str, float]
"""A style by name, or the weights of several."""

ENGINE_CHOICES = ("auto", "onnx", "torch")
DEVICE_CHOICES = ("auto", "cpu", "cuda", "mps", "coreml", "directml")
SMALLEST_STROKE, LARGEST_STROKE = 0.5, 2.0
SMALLEST_TILE = 64
LEAST_MEMORY = 1_000_000
"""Bytes: who asks for less has left out the unit."""


@dataclass(frozen=True)
class StylizeOptions:
    """How a picture is stylized.

    Args:
        strength: how much style, for a model that takes a strength: from 0, nearly the picture itself, over 1, as
            trained, to 1.5. None for the model's default.
        keep_color: takes only the lightness of the result, and the colors of the picture.
        stroke: size of the strokes, from half to twice as large.
        style: the style, or the weights of several, for a model that holds more than one: `wave`,
            `wave:0.5,monet:0.5`, or a mapping. None for the model's first.

    Raises:
        ConfigError: the stroke is out of range, strength or stroke is no number, or the style is not readable.
    """

    strength: float | None = None
    keep_color: bool = False
    stroke: float = 1.0
    style: Style | None = None

    def __post_init__(self) -> None:
        self.style_weights()
        if self.strength is not None:
            _check_number("strength", self.strength)
        _check_number("stroke", self.stroke)
        if not SMALLEST_STROKE <= self.stroke <= LARGEST_STROKE:
            problem = f"must lie from {SMALLEST_STROKE:g} to {LARGEST_STROKE:g}"
            raise ConfigError(problem, setting="stroke", value=self.stroke)

    def style_weights(self) -> dict[str, float]:
        """Returns the weight of each style that is asked for, which sum to 1; empty for the model's first style.

        Raises:
            ConfigError: an entry is not readable, or a weight is below 0, or all are 0.
        """
        if self.style is None:
            return {}
        weights = parse_style(self.style) if isinstance(self.style, str) else dict(self.style)
        for weight in weights.values():
            _check_number("style", weight)
        total = sum(weights.values())
        if not (total > 0 and math.isfinite(total) and all(weight >= 0 for weight in weights.values())):
            raise ConfigError("weights must be at least 0, and one above 0", setting="style", value=self.style)
        return {name: weight / total for name, weight in weights.items()}


class StylizeArguments(TypedDict, total=False):
    """What `Stylizer.__call__` takes besides the picture."""

    strength: float | None
    keep_color: bool
    stroke: float
    style: Style | None
    advance: Advance | None


def parse_style(text: str) -> dict[str, float]:
    """Reads styles and their weights: `wave`, or `wave:0.5,monet:0.5`; a weight that is left out is 1.

    Raises:
        ConfigError: a name is missing or comes twice, or a weight is no number.
    """
    weights: dict[str, float] = {}
    for entry in text.split(","):
        name, colon, weight = (part.strip() for part in entry.partition(":"))
        try:
            number = float(weight) if colon else 1.0
        except ValueError:
            number = math.nan
        if not name or name in weights or math.isnan(number):
            raise ConfigError("want NAME, or NAME:WEIGHT,NAME:WEIGHT", setting="style", value=text)
        weights[name] = number
    return weights


def _check_number(setting: str, value: object) -> None:
    if not isinstance(value, Real):
        raise ConfigError(f"must be a number, not a {type(value).__name__}", setting=setting, value=repr(value))


@dataclass(frozen=True)
class Tiling:
    """When pictures are stylized in tiles, and how.

    Args:
        tile: `auto`, where the whole does not fit into memory; `off`; or the side of tiles in pixels, for all
            pictures that are larger.
        memory: most bytes that the process may take, `2GB`; by default half of what is free.

    Raises:
        ConfigError: another value.
    """

    tile: str | int = "auto"
    memory: str | int | None = None

    def __post_init__(self) -> None:
        self.side()
        if self.memory is not None and parse_bytes(str(self.memory)) < LEAST_MEMORY:
            raise ConfigError(
                "is less than the smallest picture takes", setting="memory", value=self.memory,
                remedy="write it with its unit, like 2GB or 800MB",
            )  # fmt: skip

    def side(self) -> int | None:
        """Returns the side of tiles in pixels, where it is given."""
        if self.tile in ("auto", "off"):
            return None
        if not str(self.tile).isdecimal() or int(self.tile) < SMALLEST_TILE:
            problem = f"must be auto, off or a number of pixels from {SMALLEST_TILE} up"
            raise ConfigError(problem, setting="tile", value=self.tile)
        return int(self.tile)

    def budget(self, held: int) -> int:
        """Returns the bytes that a network may take besides what is in memory, after `held` more."""
        if self.memory is None:
            return available_memory() // 2 - held
        return min(parse_bytes(str(self.memory)) - used_memory(), available_memory()) - held
