"""`halftone`: fruit as a pop-art print, in Ben-Day dots, flat ink and fat black outlines.

Four inks, printed one over another on cream stock: yellow, magenta and cyan, each a flat tint or a screen of
dots at an angle of its own whose size follows the tone, and a black key of drawn outlines. The plates are
out of register, and the ink is mottled by the paper.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, pixels, rgb, smooth
from PIL import Image, ImageDraw

PAPER = "#f7efdc"
INKS = {"cyan": "#00a4d8", "magenta": "#ec1a6b", "yellow": "#ffd800", "key": "#15121a"}
FRUIT = [  # kind, x, y, size, turn
    ("lemon", 0.22, 0.20, 0.165, 0.3), ("melon", 0.74, 0.24, 0.235, -0.35), ("cherry", 0.30, 0.70, 0.20, 0.0),
    ("lemon", 0.80, 0.72, 0.180, 0.9), ("cherry", 0.505, 0.36, 0.105, 0.5), ("melon", 0.53, 0.84, 0.135, 2.6),
    ("lemon", 0.05, 0.50, 0.085, 0.1), ("lemon", 0.54, 0.075, 0.080, 0.5), ("cherry", 0.95, 0.47, 0.10, -0.4),
    ("lemon", 0.09, 0.93, 0.095, 0.2), ("cherry", 0.04, 0.07, 0.10, 0.5), ("lemon", 0.56, 0.60, 0.080, 0.8),
]  # fmt: skip


def screen(tone: Array, x: Array, y: Array, pitch: float, degrees: float) -> Array:
    """Dots on a turned grid, `pitch` apart, that cover `tone` of it."""
    a = np.deg2rad(degrees)
    u, v = (x * np.cos(a) + y * np.sin(a)) / pitch, (y * np.cos(a) - x * np.sin(a)) / pitch
    r = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
    return smooth(0.03, -0.03, r - np.sqrt(np.clip(tone, 0, 1.6) / np.pi) - 0.012 * (tone > 0.02))


class Plates:
    """Tones of the four inks, 0..1; values above 1.5 print solid."""

    def __init__(self) -> None:
        self.x, self.y = grid()
        self.tone = {name: np.zeros((BIG, BIG), np.float32) for name in INKS}

    def fill(self, points: Array, **tones: Array | float) -> None:
        """Knock a polygon of points (n, 2) in 0..1 out of all plates and give it tones anew."""
        box, x0, y0, w, h = window(points, 0)
        sheet = Image.new("L", (w, h), 0)
        ImageDraw.Draw(sheet).polygon((points * BIG - [x0, y0]).ravel().tolist(), fill=255)
        inside = pixels(sheet) > 0.5
        for name, plate in self.tone.items():
            tone = np.broadcast_to(np.asarray(tones.get(name, 0.0), np.float32), plate.shape)
            plate[box][inside] = tone[box][inside]

    def line(self, points: Array, width: float, closed: bool = True) -> None:
        """A brush line in the key, thick and thin along its way."""
        p = np.vstack([points, points[:1]]) if closed else points
        n = np.linspace(0, len(p) - 1, 260)
        path = np.stack([np.interp(n, np.arange(len(p)), p[:, k]) for k in (0, 1)], -1) * BIG
        swell = width * BIG * (0.75 + 0.45 * np.sin(np.linspace(0, 9, 260) + points[0, 0] * 40))
        if not closed:
            swell = swell * np.minimum(1, 0.25 + 4 * np.linspace(1, 0, 260))
        box, x0, y0, w, h = window(points, 40)
        sheet = Image.new("L", (w, h), 0)
        pen = ImageDraw.Draw(sheet)
        path = path - [x0, y0]
        for (px, py), r in zip(path, swell, strict=True):
            pen.ellipse([px - r, py - r, px + r, py + r], fill=255)
        for a, b, r in zip(path[:-1], path[1:], swell, strict=False):
            pen.line([*a, *b], fill=255, width=int(2 * r))
        self.tone["key"][box] = np.maximum(self.tone["key"][box], 2 * pixels(sheet))


def window(points: Array, margin: int) -> tuple[tuple[slice, slice], int, int, int, int]:
    """The box of pixels round points in 0..1: its slices, left, top, width and height."""
    x0, y0 = np.clip(points.min(0) * BIG - margin, 0, BIG - 2).astype(int).tolist()
    x1, y1 = np.clip(points.max(0) * BIG + margin + 1, 1, BIG).astype(int).tolist()
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    return (slice(y0, y1), slice(x0, x1)), x0, y0, x1 - x0, y1 - y0


def oval(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, ends: tuple[float, float] = (0, 1)) -> Array:
    """Points on a turned ellipse, or on the part of it between two fractions of the way round."""
    a = np.linspace(ends[0], ends[1], 120) * 2 * np.pi
    u, v = rx * np.cos(a), ry * np.sin(a)
    return np.stack([cx + u * np.cos(turn) - v * np.sin(turn), cy + u * np.sin(turn) + v * np.cos(turn)], -1)


def shadow(plates: Plates, cx: float, cy: float, size: float) -> Array:
    """0..1 from the lit upper left of a round thing to its lower right."""
    return smooth(-0.5, 1.0, ((plates.x - cx) + (plates.y - cy)) / size * 0.7)


def lemon(plates: Plates, cx: float, cy: float, size: float, turn: float) -> None:
    """A slice: rind, pith, eight segments with drops of juice."""
    plates.fill(oval(cx + 0.14 * size, cy + 0.16 * size, size, size), key=2)
    plates.fill(oval(cx, cy, size, size), yellow=2, magenta=0.45 * shadow(plates, cx, cy, size))
    plates.line(oval(cx, cy, size, size), 0.0055)
    plates.fill(oval(cx, cy, 0.86 * size, 0.86 * size), yellow=0.14)
    for k in range(8):
        a, w = turn + k * np.pi / 4, 0.33
        arc = a + np.linspace(-w, w, 24)
        rim = np.stack([cx + 0.78 * size * np.cos(arc), cy + 0.78 * size * np.sin(arc)], -1)
        tip = np.array([[cx + 0.12 * size * np.cos(a), cy + 0.12 * size * np.sin(a)]])
        shape = np.vstack([rim, tip])
        r = np.hypot(plates.x - cx, plates.y - cy) / size
        plates.fill(shape, yellow=2, magenta=0.5 * smooth(0.75, 0.1, r), cyan=0.10 * smooth(0.5, 0.85, r))
        plates.line(shape, 0.0026)
        for d, s in ((0.62, 0.0), (0.46, 0.14), (0.46, -0.14)):
            spot = oval(cx + d * size * np.cos(a + s), cy + d * size * np.sin(a + s), 0.06 * size, 0.022 * size, a)
            plates.fill(spot, yellow=0.1)


def melon(plates: Plates, cx: float, cy: float, size: float, turn: float) -> None:
    """A wedge of watermelon with seeds."""
    plates.fill(oval(cx + 0.02, cy + 0.03, size, size, turn, (0, 0.5)), key=2)
    down = (plates.y - cy) * np.cos(turn) - (plates.x - cx) * np.sin(turn)
    plates.fill(oval(cx, cy, size, size, turn, (0, 0.5)), cyan=1.1 - 0.7 * (down > 0.5 * size), yellow=2)
    plates.line(oval(cx, cy, size, size, turn, (0, 0.5)), 0.0062)
    plates.fill(oval(cx, cy, 0.86 * size, 0.86 * size, turn, (0, 0.5)), yellow=0.4)
    flesh = oval(cx, cy, 0.78 * size, 0.78 * size, turn, (0, 0.5))
    plates.fill(flesh, magenta=1.5 - 0.75 * smooth(0.0, 0.6 * size, down), yellow=0.55)
    plates.line(flesh, 0.003)
    for r, count in ((0.60, 7), (0.36, 4)):
        for k in range(count):
            a = np.pi * (k + 0.7) / (count + 0.4) + turn
            px, py = cx + r * size * np.cos(a), cy + r * size * np.sin(a)
            plates.fill(oval(px, py, 0.055 * size, 0.028 * size, a), key=2)
            plates.fill(oval(px - 0.01 * size, py - 0.01 * size, 0.016 * size, 0.008 * size, a), yellow=0.0)


def cherry(plates: Plates, cx: float, cy: float, size: float, turn: float) -> None:
    """Two cherries on their stalks, with a leaf."""
    top = np.array([cx + 0.30 * size, cy - 0.95 * size])
    leaf = oval(float(top[0]) + 0.38 * size, float(top[1]) + 0.10 * size, 0.42 * size, 0.17 * size, 0.25 + turn)
    plates.fill(leaf, cyan=0.95 * shadow(plates, float(top[0]) + 0.3 * size, float(top[1]), 0.5 * size), yellow=2)
    plates.line(leaf, 0.0045)
    plates.line(leaf[[60, 0]], 0.0022, False)
    for dx, dy in ((-0.42, 0.18), (0.42, 0.36)):
        px, py = cx + dx * size, cy + dy * size
        plates.fill(oval(px + 0.07 * size, py + 0.09 * size, 0.40 * size, 0.38 * size), key=2)
        plates.fill(oval(px, py, 0.40 * size, 0.38 * size), magenta=2, yellow=0.9 * shadow(plates, px, py, 0.4 * size))
        shade = oval(px, py, 0.40 * size, 0.38 * size, 0, (-0.08, 0.30))
        back = oval(px - 0.1 * size, py - 0.1 * size, 0.4 * size, 0.38 * size, 0, (0.26, -0.04))
        plates.fill(np.vstack([shade, back]), magenta=2, cyan=0.62, yellow=0.5)
        plates.line(oval(px, py, 0.40 * size, 0.38 * size), 0.0055)
        plates.fill(oval(px - 0.15 * size, py - 0.14 * size, 0.11 * size, 0.06 * size, -0.7), magenta=0.0)
        stalk = np.array([[px, py - 0.30 * size], [px + 0.1 * (top[0] - px), py - 0.55 * size], top])
        plates.line(stalk, 0.0042, False)


def paint() -> Array:
    """The whole print."""
    plates = Plates()
    x, y = plates.x, plates.y
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) / 2
    right = np.array([0.5, 0])
    r = np.hypot(x - 0.5, y - 0.5)
    rays = ((np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) * 28 + 0.25) % 1 < 0.5).astype(np.float32)
    plates.fill(square, cyan=0.20 + 0.55 * r + 1.2 * rays)
    plates.fill(square + right, magenta=0.10 + 0.30 * rays, yellow=2 - 1.7 * rays)
    plates.fill(square + right[::-1], yellow=2, magenta=0.12 + 0.55 * r * (1 - rays) + 0.1 * rays)
    plates.fill(square + 0.5, magenta=0.25 + 0.5 * r + 1.2 * rays, cyan=0.22 * (1 - rays))
    kinds = {"lemon": lemon, "melon": melon, "cherry": cherry}
    for kind, cx, cy, size, turn in FRUIT:
        kinds[kind](plates, cx, cy, size, turn)
    picture = np.broadcast_to(rgb(PAPER), (BIG, BIG, 3)) * (1 + 0.03 * fbm(x * 200, y * 200, 2, 3))[..., None]
    mottle = fbm(x * 90, y * 90, 3, 5)
    for name, pitch, degrees, dx, dy in (
        ("yellow", 0.0088, 0, 5, -4), ("magenta", 0.0105, 75, -6, 3), ("cyan", 0.0105, 15, 4, 6),
        ("key", 0.006, 45, 0, 0),
    ):  # fmt: skip
        line = np.arange(BIG)
        tone = plates.tone[name][np.clip(line - dy, 0, BIG - 2)][:, np.clip(line - dx, 0, BIG - 2)]
        ink = np.where(tone > 1.05, 1.0, screen(tone, x, y, pitch, degrees))
        ink = blur(ink.astype(np.float32), 1, 1) * (0.93 + 0.10 * mottle - 0.5 * smooth(0.42, 0.6, mottle))
        picture = picture * (1 - ink[..., None] * (1 - rgb(INKS[name])))
    return picture
