"""`embroidery`: a garden of flowers and birds in silk on plum linen.

Every shape is filled with satin stitch along a direction field of its own, row beside row, and edged with a
corded outline; the ground between is worked in long and short stitch that flows round the shapes. A stitch
is a thread of silk drawn for itself: dark where it dives into the cloth, bright along its back, twisted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from canvas import BIG, Array, at, blur, distance, fbm, grid, ink, light, pixels, rgb, scatter
from PIL import Image, ImageDraw

GROUND = ["#3a1a3e", "#44204a", "#331638", "#4d2752", "#2b1a4a"]


@dataclass
class Silk:
    """The cloth, its relief, and the random numbers."""

    cloth: Image.Image
    relief: Image.Image
    rng: np.random.Generator

    def stitch(self, a: Array, b: Array, color: Array, width: float) -> None:
        """One thread from a to b, in pixels."""
        pen, mound = ImageDraw.Draw(self.cloth), ImageDraw.Draw(self.relief)
        d = (b - a) / (np.hypot(*(b - a)) + 1e-6)
        side = np.array([-d[1], d[0]])
        shade = color * (1 + self.rng.normal(0, 0.07))

        def strip(offset: float, half: float, start: float, stop: float) -> list[float]:
            p, q = a + (b - a) * start + side * offset, a + (b - a) * stop + side * offset
            return [*(p - side * half), *(p + side * half), *(q + side * half), *(q - side * half)]

        half = width / 2
        for offset, part, start, stop, gain, level in (
            (0.0, 1.0, 0.0, 1.0, 0.50, 70), (0.0, 0.74, 0.02, 0.98, 0.92, 150), (-0.14, 0.34, 0.14, 0.86, 1.24, 215),
        ):  # fmt: skip
            corners = strip(offset * width, part * half, start, stop)
            pen.polygon(corners, fill=ink(shade * gain + (0.05 if gain > 1 else 0)))
            mound.polygon(corners, fill=level)

    def satin(self, outline: Array, turn: float, colors: list[str], bend: float = 0.0, width: float = 8.5) -> None:
        """Fill an outline (n, 2, pixels) with rows of stitches across `turn`, colors blended along them."""
        center = outline.mean(0)
        c, s = np.cos(turn), np.sin(turn)
        local = (outline - center) @ np.array([[c, -s], [s, c]])
        tones = np.array([rgb(k) for k in colors])
        low, high = local[:, 0].min(), local[:, 0].max()
        closed = np.vstack([local, local[:1]])
        for u in np.arange(low + 1, high, width * 0.62):
            before, after = closed[:-1], closed[1:]
            cut = (before[:, 0] - u) * (after[:, 0] - u) < 0
            if not cut.any():
                continue
            t = (u - before[cut, 0]) / (after[cut, 0] - before[cut, 0])
            vs = np.sort(before[cut, 1] + t * (after[cut, 1] - before[cut, 1]))
            for v0, v1 in zip(vs[:-1:2], vs[1::2], strict=False):
                self.row(u, v0, v1, (u - low) / (high - low), center, (c, s), tones, bend, width)

    def row(
        self, u: float, v0: float, v1: float, place: float, center: Array, turn: tuple[float, float], tones: Array,
        bend: float, width: float,
    ) -> None:  # fmt: skip
        """One row of satin, split where a stitch would be too long."""
        rng = self.rng
        parts = max(1, int((v1 - v0) / 85 + rng.random()))
        cuts = np.linspace(v0, v1, parts + 1) + np.concatenate([[0], rng.uniform(-14, 14, parts - 1), [0]])
        c, s = turn
        back = np.array([[c, s], [-s, c]])
        for p, q in pairwise(cuts):
            lean = bend * (abs((p + v0) / 2) + abs(q)) * 0.1
            k = np.clip(place + 0.25 * ((p + q) / 2 - v0) / (v1 - v0 + 1) + rng.normal(0, 0.10), 0, 0.999) * (
                len(tones) - 1
            )
            color = tones[int(k)] if rng.random() > k % 1 else tones[min(int(k) + 1, len(tones) - 1)]
            self.stitch(
                center + np.array([u + rng.normal(0, 0.8), p - 1.5]) @ back,
                center + np.array([u + lean + rng.normal(0, 0.8), q + 1.5]) @ back, color, width,
            )  # fmt: skip

    def cord(self, path: Array, colors: list[str], width: float = 11.0) -> None:
        """Stem stitch along a path (n, 2, pixels): short slanted stitches that overlap."""
        gap = np.hypot(*np.diff(path, axis=0).T)
        way = np.concatenate([[0], np.cumsum(gap)])
        for k, w in enumerate(np.arange(0, way[-1], width * 0.95)):
            ends = [np.array([np.interp(w + e, way, path[:, i]) for i in (0, 1)]) for e in (0, width * 1.9)]
            d = (ends[1] - ends[0]) / (np.hypot(*(ends[1] - ends[0])) + 1e-6)
            slant = np.array([-d[1], d[0]]) * width * 0.28
            self.stitch(ends[0] - slant, ends[1] + slant, rgb(colors[k % len(colors)]), width * 0.78)

    def knot(self, x: float, y: float, size: float, color: str) -> None:
        """A French knot: a few turns of thread."""
        for k in range(5):
            a = self.rng.uniform(0, np.pi) + k
            d = np.array([np.cos(a), np.sin(a)]) * size
            self.stitch(np.array([x, y]) - d, np.array([x, y]) + d, rgb(color), size * 0.9)


def leaf(base: Array, tip: Array, wide: float) -> Array:
    """Outline of a pointed leaf or petal."""
    t = np.linspace(0, 1, 24)
    d = tip - base
    side = np.array([-d[1], d[0]]) * wide
    half = np.sin(np.pi * t**0.8)[:, None]
    mid = base + d * t[:, None]
    return np.vstack([mid + side * half, (mid - side * half)[::-1]])


def flower(silk: Silk, x: float, y: float, size: float, petals: int, colors: list[str], turn: float) -> None:
    """Two whorls of satin petals round a heart of knots."""
    center = np.array([x, y])
    for whorl, reach in ((0, 1.0), (1, 0.62)):
        for k in range(petals):
            a = turn + (k + 0.5 * whorl) * 2 * np.pi / petals
            d = np.array([np.cos(a), np.sin(a)])
            shape = leaf(center + 0.12 * size * d, center + reach * size * d, 1.5 / petals)
            silk.satin(shape, a, colors[::-1] if whorl else colors)
            silk.cord(np.vstack([shape, shape[:1]]), [colors[0] if whorl else colors[-1]], 7.5)
    for k in range(26):
        a, r = k * 2.4, 0.2 * size * np.sqrt(k / 26)
        silk.knot(x + r * np.cos(a), y + r * np.sin(a), 6.5, ["#f2c230", "#f7dc6a", "#e08a1e"][k % 3])


def bird(silk: Silk, x: float, y: float, size: float, way: int) -> None:
    """A small blue bird looking to the right (way 1) or left (-1)."""

    def put(points: list[tuple[float, float]]) -> Array:
        p = np.array(points, np.float32) * [way * size, size] + [x, y]
        n = np.linspace(0, len(p), 60, endpoint=False)
        q = np.vstack([p, p[:1]])
        ring = np.stack([np.interp(n, np.arange(len(q)), q[:, k]) for k in (0, 1)], -1)
        return np.stack([np.convolve(np.pad(ring[:, k], 3, mode="wrap"), np.ones(7) / 7, "valid") for k in (0, 1)], -1)

    tail = put([(-0.5, 0.05), (-1.35, 0.25), (-1.30, 0.42), (-1.12, 0.40), (-0.45, 0.30)])
    body = put(
        [(-0.62, 0.1), (-0.2, -0.22), (0.2, -0.45), (0.5, -0.5), (0.72, -0.3), (0.62, 0.0), (0.3, 0.38), (-0.2, 0.42)]
    )
    belly = put([(0.62, -0.08), (0.52, 0.1), (0.25, 0.36), (-0.15, 0.40), (0.0, 0.2), (0.35, 0.02)])
    wing = put([(0.18, -0.20), (-0.2, -0.12), (-0.95, 0.12), (-0.55, 0.22), (0.0, 0.18)])
    silk.satin(tail, 1.45 * way, ["#123c7c", "#2f86c8", "#7fd0e0"])
    silk.satin(body, 0.5 * way, ["#1c4fa0", "#2f86c8", "#8fdcea"])
    silk.satin(belly, 0.9 * way, ["#e86a2a", "#f7a640", "#fbe0a0"])
    silk.satin(wing, 1.35 * way, ["#0f2f6a", "#1f6bb4", "#58c0d0", "#e8f4e8"])
    for shape in (body, wing):
        silk.cord(np.vstack([shape, shape[:1]]), ["#0d2450"], 7.5)
    silk.satin(put([(0.68, -0.40), (1.0, -0.26), (0.68, -0.20)]), 0.2, ["#f2a21e", "#f7d060"])
    silk.knot(x + way * 0.47 * size, y - 0.30 * size, 10, "#fff4d8")
    silk.knot(x + way * 0.47 * size, y - 0.30 * size, 6, "#140c18")


PINK = ["#c2185b", "#ee4d86", "#fbb4c8"]
FIRE = ["#d9431e", "#f58a2a", "#fbd06a"]
PEARL = ["#f4ead2", "#fbd6d0", "#e8839a"]
LILAC = ["#8a2be0", "#b583f0", "#e6d2fa"]
FLOWERS = [
    (0.30, 0.30, 0.190, 8, PINK), (0.72, 0.62, 0.205, 9, FIRE),
    (0.78, 0.20, 0.135, 7, PEARL), (0.24, 0.74, 0.150, 7, LILAC),
    (0.53, 0.88, 0.110, 6, PINK), (0.50, 0.08, 0.095, 6, FIRE),
    (0.94, 0.90, 0.110, 7, PEARL), (0.04, 0.50, 0.090, 6, FIRE),
    (0.97, 0.40, 0.090, 6, LILAC), (0.05, 0.06, 0.105, 7, LILAC),
    (0.05, 0.95, 0.100, 7, PINK),
]  # fmt: skip
GREENS = [["#1f6b3a", "#58a83c", "#c4dc5a"], ["#0f5a50", "#2fa08a", "#a0e0c0"], ["#4a7a1e", "#9ac23a", "#ecec8a"]]


def vines(silk: Silk) -> None:
    """Stems between the flowers with leaves on both sides."""
    rng = silk.rng
    links = [(0, 1), (0, 3), (1, 2), (1, 4), (3, 4), (0, 5), (2, 8), (1, 6), (0, 9), (3, 10), (0, 7), (5, 2)]
    for i, j in links:
        a, b = np.array(FLOWERS[i][:2]) * BIG, np.array(FLOWERS[j][:2]) * BIG
        t = np.linspace(0, 1, 50)[:, None]
        side = np.array([a[1] - b[1], b[0] - a[0]]) * rng.choice([-0.22, 0.22])
        path = a + (b - a) * t + side * np.sin(np.pi * t) + side * 0.5 * np.sin(2 * np.pi * t)
        for k in range(5, 46, 5):
            d = path[k + 1] - path[k]
            turn = np.arctan2(d[1], d[0]) + (0.9 if (k // 5) % 2 else -0.9)
            tip = path[k] + rng.uniform(105, 165) * np.array([np.cos(turn), np.sin(turn)])
            shape = leaf(path[k], tip, 0.26)
            silk.satin(shape, turn + 0.5, GREENS[rng.integers(3)])
            silk.cord(np.stack([path[k], tip]), ["#123f2a"], 7)
        silk.cord(path, ["#2f7a3a", "#7fb83a"], 13)


def paint() -> Array:
    """The whole cloth."""
    rng = np.random.default_rng(31)
    x, y = grid()
    silk = Silk(Image.new("RGB", (BIG, BIG), ink(rgb("#2a1430"))), Image.new("L", (BIG, BIG), 0), rng)
    n = 256
    sx, sy = grid(n)
    centers = np.zeros((n, n), bool)
    for cx, cy, *_ in FLOWERS:
        centers[int(np.clip(cy * n, 0, n - 1)), int(np.clip(cx * n, 0, n - 1))] = True
    gy, gx = np.gradient(blur(distance(centers, 150) + 9 * fbm(sx * 5, sy * 5, 2, 5), 4))
    flow = np.arctan2(gx, -gy)
    points = scatter(17, rng)
    for p, a in zip(points, at(flow.astype(np.float32), points), strict=True):
        d = np.array([np.cos(a), np.sin(a)]) * rng.uniform(18, 34)
        silk.stitch(p - d, p + d, rgb(GROUND[rng.integers(5)]) * 1.25, 8.5)
    vines(silk)
    for k in range(150):
        px, py = rng.uniform(0, BIG, 2)
        silk.knot(px, py, 8, ["#f2c230", "#e8839a", "#58c0d0", "#fbe0a0"][k % 4])
    for cx, cy, size, petals, colors in FLOWERS:
        flower(silk, cx * BIG, cy * BIG, size * BIG, petals, colors, rng.uniform(0, 3))
    bird(silk, 0.53 * BIG, 0.40 * BIG, 0.115 * BIG, 1)
    bird(silk, 0.46 * BIG, 0.66 * BIG, 0.100 * BIG, -1)
    bird(silk, 0.79 * BIG, 0.40 * BIG, 0.085 * BIG, -1)
    height = blur(pixels(silk.relief), 1, 2) * 5 + 0.5 * fbm(x * 240, y * 240, 2, 3)
    diffuse, shine = light(height, 0.7, 18)
    return pixels(silk.cloth) * (0.58 + 0.42 * diffuse)[..., None] + 0.05 * shine[..., None]
