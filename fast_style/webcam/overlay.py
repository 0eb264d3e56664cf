"""What is written over the live picture: style, speed and strength, a recording light, messages, the keys."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fast_style.images.codec import RGB

WHITE, GREY, RED = (255, 255, 255, 255), (205, 208, 214, 255), (255, 69, 58, 255)
TRACK, FAINT = (88, 92, 100, 255), (138, 141, 147, 255)
GLASS = (16, 18, 24, 168)
SUPER = 3
"""Panels are drawn this much larger and shrunk, for smooth corners."""

KEYS = (
    (("N", "P"), "next, previous style"),
    (("1", "9"), "style by number, 1 to 9"),
    (("+", "-"), "strength"),
    (("C",), "keep the picture's own colors"),
    (("O",), "original beside it"),
    (("M",), "mirror"),
    (("T",), "steady"),
    (("S",), "save this frame"),
    (("R",), "record, stop"),
    (("H",), "these keys"),
    (("Q",), "quit"),
)


@dataclass(frozen=True)
class Status:
    """What there is to show."""

    style: str
    place: str
    """`2 / 3`, or nothing with a single style."""
    rate: float
    milliseconds: float
    strength: float | None
    """None: the model has no strength."""
    strength_range: tuple[float, float] = (0.0, 1.0)
    marks: tuple[str, ...] = ()
    """Of what is switched on."""
    recording: float | None = None
    """Seconds."""
    message: str = ""
    help: bool = False
    split: bool = False


@functools.lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _width(text: str, size: int) -> int:
    return round(_font(size).getlength(text))


def _panel(width: int, height: int, radius: int, fill: tuple[int, ...] = GLASS) -> Image.Image:
    large = Image.new("RGBA", (width * SUPER, height * SUPER))
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, width * SUPER - 1, height * SUPER - 1), radius=radius * SUPER, fill=fill
    )
    return large.resize((width, height), Image.Resampling.BOX)


def _write(
    panel: Image.Image, at: tuple[float, float], text: str, size: int, fill: tuple[int, ...], anchor: str = "ls"
) -> None:
    ImageDraw.Draw(panel).text(at, text, fill=fill, font=_font(size), anchor=anchor)


@functools.lru_cache(maxsize=8)
def _status_panel(
    unit: int, style: str, place: str, line: str, strength: float | None, limits: tuple[float, float], marks: str
) -> np.ndarray:
    """The panel at the bottom left; `unit` is the height of its small type."""
    title, pad = round(unit * 1.5), round(unit * 0.95)
    label = f"strength {strength:.1f}" if strength is not None else "no strength"
    bar = round(unit * 5.5)
    widths = [
        _width(style, title) + (_width(place, unit) + unit if place else 0),
        _width(line, unit),
        bar + unit // 2 + _width("no strength", unit),
        _width(marks, unit),
    ]
    rows = 3 + bool(marks)
    width = max(widths) + 2 * pad
    height = round(2 * pad + title + (rows - 1) * unit * 1.55)
    panel = _panel(width, height, round(unit * 0.8))
    y = pad + round(title * 0.86)
    _write(panel, (pad, y), style, title, WHITE)
    if place:
        _write(panel, (width - pad, y), place, unit, GREY, "rs")
    y += round(unit * 1.6)
    _write(panel, (pad, y), line, unit, GREY)
    y += round(unit * 1.55)
    middle, thick = y - round(unit * 0.33), max(2, unit // 5)
    draw = ImageDraw.Draw(panel)
    draw.rounded_rectangle((pad, middle - thick // 2, pad + bar, middle + thick // 2), thick // 2, fill=TRACK)
    if strength is not None:
        low, high = limits
        end = pad + round(bar * (strength - low) / ((high - low) or 1))
        draw.rounded_rectangle(
            (pad, middle - thick // 2, max(pad + thick, end), middle + thick // 2), thick // 2, WHITE
        )
        draw.ellipse((end - thick, middle - thick, end + thick, middle + thick), fill=WHITE)
    _write(panel, (pad + bar + unit // 2 + thick, y), label, unit, GREY if strength is not None else FAINT)
    if marks:
        _write(panel, (pad, y + round(unit * 1.55)), marks, unit, GREY)
    return np.asarray(panel)


@functools.lru_cache(maxsize=8)
def _pill(unit: int, text: str, dot: bool) -> np.ndarray:
    """A line of text on a panel, with a red light before it or not."""
    pad, light = round(unit * 0.8), round(unit * 0.7) if dot else 0
    gap = round(unit * 0.5) if dot else 0
    width, height = _width(text, unit) + 2 * pad + light + gap, round(unit * 2.1)
    panel = _panel(width, height, height // 2)
    if dot:
        large = _panel(light, light, light // 2, RED)
        panel.alpha_composite(large, (pad, (height - light) // 2))
    _write(panel, (pad + light + gap, height / 2), text, unit, WHITE, "lm")
    return np.asarray(panel)


@functools.lru_cache(maxsize=2)
def _help_panel(unit: int) -> np.ndarray:
    """The keys, each as a key cap."""
    title, pad, row = round(unit * 1.5), round(unit * 1.4), round(unit * 2.05)
    cap, gap = round(unit * 1.65), round(unit * 0.35)
    column = 2 * cap + gap + unit
    width = 2 * pad + column + max(_width(text, unit) for _, text in KEYS)
    height = 2 * pad + title + round(unit * 0.6) + row * len(KEYS)
    panel = _panel(width, height, unit, (16, 18, 24, 205))
    _write(panel, (pad, pad + round(title * 0.8)), "Keys", title, WHITE)
    y = pad + title + round(unit * 0.6)
    for caps, text in KEYS:
        for number, letter in enumerate(caps):
            left = pad + number * (cap + gap)
            panel.alpha_composite(
                _panel(cap, cap, round(unit * 0.35), (255, 255, 255, 46)), (left, y + (row - cap) // 2)
            )
            _write(panel, (left + cap / 2, y + row / 2), letter, unit, WHITE, "mm")
        _write(panel, (pad + column, y + row / 2), text, unit, GREY, "lm")
        y += row
    return np.asarray(panel)


def _lay(canvas: RGB, panel: np.ndarray, left: int, top: int) -> None:
    """Blends a panel into the canvas; what sticks out is cut off."""
    left, top = max(0, left), max(0, top)
    place = canvas[top : top + panel.shape[0], left : left + panel.shape[1]]
    panel = panel[: place.shape[0], : place.shape[1]]
    alpha = panel[..., 3:].astype(np.uint16)
    place[...] = ((place * (255 - alpha) + panel[..., :3] * alpha + 127) // 255).astype(np.uint8)


def draw(canvas: RGB, status: Status) -> None:
    """Draws over a picture, uint8 RGB `[H, W, 3]`, in place."""
    height, width = canvas.shape[:2]
    unit = max(12, round(height / 34))
    margin = unit
    line = f"{status.rate:.0f} frames/s   {status.milliseconds:.0f} ms"
    panel = _status_panel(
        unit, status.style, status.place, line, status.strength, status.strength_range, "   ".join(status.marks)
    )
    _lay(canvas, panel, margin, height - panel.shape[0] - margin)
    if status.split:
        canvas[:, width // 2 - 1 : width // 2 + 1] = 255
        tag = _pill(unit, "original", False)
        _lay(canvas, tag, margin, margin)
    if status.recording is not None:
        minutes, seconds = divmod(int(status.recording), 60)
        pill = _pill(unit, f"{minutes:02d}:{seconds:02d}", True)
        _lay(canvas, pill, width - pill.shape[1] - margin, margin)
    if status.message:
        pill = _pill(unit, status.message, False)
        _lay(canvas, pill, (width - pill.shape[1]) // 2, margin if not status.split else 4 * margin)
    if status.help:
        # A small picture gets smaller type rather than half of the keys.
        while unit > 8 and _help_panel(unit).shape[0] > height - margin:
            unit -= 1
        panel = _help_panel(unit)
        _lay(canvas, panel, (width - panel.shape[1]) // 2, (height - panel.shape[0]) // 2)
