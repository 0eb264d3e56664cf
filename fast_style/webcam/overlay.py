"""Drawing over the live picture: style, speed and strength, a recording light, messages, and the keys."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fast_style.images.arrays import RGB
from fast_style.webcam.keymap import KEYMAP
from fast_style.webcam.status import Status

WHITE, GRAY, RED = (255, 255, 255, 255), (205, 208, 214, 255), (255, 69, 58, 255)
TRACK, FAINT = (88, 92, 100, 255), (138, 141, 147, 255)
GLASS = (16, 18, 24, 168)
SUPERSAMPLING = 3
"""Factor by which panels are drawn larger and then shrunk, for smooth corners."""

HELP = [line for line in KEYMAP if line.text]
"""The lines of the help."""

Rgba = npt.NDArray[np.uint8]
"""uint8 RGBA `[H, W, 4]`."""
Color = tuple[int, int, int, int]


@functools.lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _width(text: str, size: int) -> int:
    return round(_font(size).getlength(text))


def _panel(width: int, height: int, radius: int, fill: Color = GLASS) -> Image.Image:
    large = Image.new("RGBA", (width * SUPERSAMPLING, height * SUPERSAMPLING))
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, width * SUPERSAMPLING - 1, height * SUPERSAMPLING - 1), radius=radius * SUPERSAMPLING, fill=fill
    )
    return large.resize((width, height), Image.Resampling.BOX)


def _draw_text(
    panel: Image.Image, at: tuple[float, float], text: str, size: int, fill: Color, anchor: str = "ls"
) -> None:
    ImageDraw.Draw(panel).text(at, text, fill=fill, font=_font(size), anchor=anchor)


@functools.lru_cache(maxsize=8)
def _status_panel(
    unit: int, style: str, position: str, line: str, strength: float | None, limits: tuple[float, float], marks: str
) -> Rgba:
    """Returns the panel at the bottom left; `unit` is the height of its small type in pixels."""
    title, pad = round(unit * 1.5), round(unit * 0.95)
    label = f"strength {strength:.1f}" if strength is not None else "no strength"
    bar = round(unit * 5.5)
    widths = [
        _width(style, title) + (_width(position, unit) + unit if position else 0),
        _width(line, unit),
        bar + unit // 2 + _width("no strength", unit),
        _width(marks, unit),
    ]
    rows = 3 + bool(marks)
    width = max(widths) + 2 * pad
    height = round(2 * pad + title + (rows - 1) * unit * 1.55)
    panel = _panel(width, height, round(unit * 0.8))
    y = pad + round(title * 0.86)
    _draw_text(panel, (pad, y), style, title, WHITE)
    if position:
        _draw_text(panel, (width - pad, y), position, unit, GRAY, "rs")
    y += round(unit * 1.6)
    _draw_text(panel, (pad, y), line, unit, GRAY)
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
    _draw_text(panel, (pad + bar + unit // 2 + thick, y), label, unit, GRAY if strength is not None else FAINT)
    if marks:
        _draw_text(panel, (pad, y + round(unit * 1.55)), marks, unit, GRAY)
    return np.asarray(panel)


@functools.lru_cache(maxsize=8)
def _pill(unit: int, text: str, dot: bool) -> Rgba:
    """Returns a line of text on a panel, with a red light before it or without."""
    pad, light = round(unit * 0.8), round(unit * 0.7) if dot else 0
    gap = round(unit * 0.5) if dot else 0
    width, height = _width(text, unit) + 2 * pad + light + gap, round(unit * 2.1)
    panel = _panel(width, height, height // 2)
    if dot:
        large = _panel(light, light, light // 2, RED)
        panel.alpha_composite(large, (pad, (height - light) // 2))
    _draw_text(panel, (pad + light + gap, height / 2), text, unit, WHITE, "lm")
    return np.asarray(panel)


@functools.lru_cache(maxsize=2)
def _help_panel(unit: int) -> Rgba:
    """Returns the panel that explains the keys, each as a key cap."""
    title, pad, row = round(unit * 1.5), round(unit * 1.4), round(unit * 2.05)
    cap, gap = round(unit * 1.65), round(unit * 0.35)
    column = 2 * cap + gap + unit
    width = 2 * pad + column + max(_width(line.text, unit) for line in HELP)
    height = 2 * pad + title + round(unit * 0.6) + row * len(HELP)
    panel = _panel(width, height, unit, (16, 18, 24, 205))
    _draw_text(panel, (pad, pad + round(title * 0.8)), "Keys", title, WHITE)
    y = pad + title + round(unit * 0.6)
    for line in HELP:
        for number, binding in enumerate(line.bindings):
            left = pad + number * (cap + gap)
            panel.alpha_composite(
                _panel(cap, cap, round(unit * 0.35), (255, 255, 255, 46)), (left, y + (row - cap) // 2)
            )
            _draw_text(panel, (left + cap / 2, y + row / 2), binding.cap, unit, WHITE, "mm")
        _draw_text(panel, (pad + column, y + row / 2), line.text, unit, GRAY, "lm")
        y += row
    return np.asarray(panel)


def _blend(canvas: RGB, panel: Rgba, left: int, top: int) -> None:
    """Blends a panel into the canvas; what would stick out is cut off."""
    left, top = max(0, left), max(0, top)
    place = canvas[top : top + panel.shape[0], left : left + panel.shape[1]]
    panel = panel[: place.shape[0], : place.shape[1]]
    alpha = panel[..., 3:].astype(np.uint16)
    place[...] = ((place * (255 - alpha) + panel[..., :3] * alpha + 127) // 255).astype(np.uint8)


def draw(canvas: RGB, status: Status) -> None:
    """Draws the status over a picture, uint8 RGB `[H, W, 3]`, in place."""
    height, width = canvas.shape[:2]
    unit = max(12, round(height / 34))
    margin = unit
    line = f"{status.rate:.0f} frames/s   {status.milliseconds:.0f} ms"
    panel = _status_panel(
        unit, status.style, status.position, line, status.strength, status.strength_range, "   ".join(status.marks)
    )
    _blend(canvas, panel, margin, height - panel.shape[0] - margin)
    if status.split:
        canvas[:, width // 2 - 1 : width // 2 + 1] = 255
        tag = _pill(unit, "original", False)
        _blend(canvas, tag, margin, margin)
    if status.recording is not None:
        minutes, seconds = divmod(int(status.recording), 60)
        pill = _pill(unit, f"{minutes:02d}:{seconds:02d}", True)
        _blend(canvas, pill, width - pill.shape[1] - margin, margin)
    if status.message:
        pill = _pill(unit, status.message, False)
        _blend(canvas, pill, (width - pill.shape[1]) // 2, margin if not status.split else 4 * margin)
    if status.help:
        # A small picture gets smaller type rather than half of the keys.
        while unit > 8 and _help_panel(unit).shape[0] > height - margin:
            unit -= 1
        panel = _help_panel(unit)
        _blend(canvas, panel, (width - panel.shape[1]) // 2, (height - panel.shape[0]) // 2)
