"""A contact sheet: one photo in every style that there is, each labeled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fast_style.errors import ConfigError
from fast_style.images.arrays import RGB, fit, resize_rgb
from fast_style.inference.options import Advance, StylizeOptions
from fast_style.inference.stylizer import Stylizer

GAP = 12
"""Pixels between the pictures, and around them."""
BACKGROUND, INK = (250, 250, 248), (40, 40, 40)
ASPECT = 1.4
"""Width by height that the whole sheet comes close to."""


@dataclass(frozen=True)
class SheetOptions:
    """How a sheet is made.

    Args:
        size: longer side of each picture in pixels.
        columns: pictures in a row; None for a sheet that is a little wider than high.
        strength: strength of every style whose model takes one; None for 1.

    Raises:
        ConfigError: a value is out of range.
    """

    size: int = 384
    columns: int | None = None
    strength: float | None = None

    def __post_init__(self) -> None:
        for setting, value, least in (("size", self.size, 64), ("columns", self.columns, 1)):
            if value is not None and value < least:
                raise ConfigError(f"must be at least {least}", setting=setting, value=value)


def style_sheet(
    photo: RGB, models: Sequence[str], options: SheetOptions | None = None, advance: Advance = lambda done: None
) -> RGB:
    """Stylizes a photo with every style of some models.

    Args:
        photo: uint8 RGB `[H, W, 3]`.
        models: names or paths. Of a model that holds several styles, each is shown.
        options: by default as `SheetOptions` says.
        advance: called after each model with the fraction that is done.

    Returns:
        The sheet, uint8 RGB: the photo, and then each picture above the name to call it by.

    Raises:
        ModelError: a model does not exist or is not readable.
        ConfigError: the strength is out of range.
    """
    options = options or SheetOptions()
    height, width = photo.shape[:2]
    width, height = fit(width, height, options.size)
    small = resize_rgb(photo, width, height)
    cells = [("photo", small)]
    for number, model in enumerate(models, 1):
        cells += _painted(small, Stylizer.load(model), model, options.strength)
        advance(number / len(models))
    return _arranged(cells, options.columns)


def _painted(photo: RGB, stylizer: Stylizer, model: str, strength: float | None) -> Iterator[tuple[str, RGB]]:
    """Yields the label and the picture of each style of a model."""
    chosen = strength if stylizer.has_strength else None
    styles: list[str | None] = [*stylizer.styles] or [None]
    for style in styles:
        label = stylizer.info.name if model == stylizer.info.name or "/" in model else model
        painted = stylizer.stylize(photo[None], StylizeOptions(chosen, style=style))[0]
        yield (label if style is None else f"{label}  {style}"), painted


def _arranged(cells: Sequence[tuple[str, RGB]], columns: int | None) -> RGB:
    """Returns pictures of one size in rows, with their labels below them."""
    height, width = cells[0][1].shape[:2]
    text = max(12, width // 20)
    row = height + 2 * text
    if columns is None:
        columns = round(math.sqrt(len(cells) * ASPECT * row / width)) or 1
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (row + GAP) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(text)
    for number, (label, picture) in enumerate(cells):
        left, top = GAP + number % columns * (width + GAP), GAP + number // columns * (row + GAP)
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left, top + height + text // 3), _shortened(label, font, width), INK, font=font)
    return np.asarray(sheet)


def _shortened(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Returns a label that is no wider than a picture, cut off with an ellipsis where it must be."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(f"{label}…") > width:
        label = label[:-1]
    return f"{label}…"
