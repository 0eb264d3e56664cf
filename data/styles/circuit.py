"""`circuit`: a printed circuit board, green mask over copper, gold pads and white lettering.

Chips, resistors and rows of contacts are placed first; traces then walk over the routing grid in the eight
directions of a router, in parallel bundles, never crossing, from via to via. Copper under the mask shows as a
lighter green with a lit edge; the glass weave of the laminate shines through.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, light, mix, noise, pixels, rgb, smooth
from PIL import Image, ImageDraw

STEP = 22  # pixels between routing tracks
N = BIG // STEP + 1
WAYS = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
CHIPS = [  # left, top, width, height on the routing grid
    (12, 14, 13, 13), (54, 10, 20, 9), (60, 54, 14, 14), (13, 62, 9, 17), (40, 40, 10, 10), (77, 30, 9, 9),
    (38, 74, 13, 8), (36, 15, 8, 8), (10, 42, 10, 8), (80, 76, 8, 8), (60, 33, 7, 9), (27, 52, 7, 7),
]  # fmt: skip


class Board:
    """Plates of the board, drawn by Pillow, and the routing tracks in use."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(21)
        self.plates = {
            k: Image.new("L", (BIG, BIG), 0) for k in ("copper", "pad", "hole", "silk", "body", "metal", "dip")
        }
        self.pen = {k: ImageDraw.Draw(v) for k, v in self.plates.items()}
        self.used = np.zeros((N, N), bool)

    def disc(self, plate: str, x: float, y: float, r: float) -> None:
        """A filled circle, in pixels."""
        self.pen[plate].ellipse([x - r, y - r, x + r, y + r], fill=255)

    def box(self, plate: str, x0: float, y0: float, x1: float, y1: float, fill: int = 255) -> None:
        """A filled rectangle, in pixels."""
        self.pen[plate].rectangle([x0, y0, x1, y1], fill=fill)

    def via(self, i: int, j: int) -> None:
        """A plated hole."""
        self.disc("pad", i * STEP, j * STEP, 9.5)
        self.disc("hole", i * STEP, j * STEP, 4.5)

    def lettering(self, x: float, y: float, size: float, count: int) -> None:
        """Some marks like small letters in white."""
        rng = self.rng
        for k in range(count):
            px = x + k * size * 0.8
            nodes = np.array([[0, 0], [0.5, 0], [0, 0.5], [0.5, 0.5], [0, 1], [0.5, 1]]) * size + [px, y]
            for _ in range(4):
                a, b = nodes[rng.integers(6)], nodes[rng.integers(6)]
                self.pen["silk"].line([*a, *b], fill=230, width=max(2, int(size / 7)))

    def chip(self, left: int, top: int, w: int, h: int) -> None:
        """A chip with legs on all sides (or two, when it is long), a notch and a name."""
        x0, y0, x1, y1 = left * STEP, top * STEP, (left + w) * STEP, (top + h) * STEP
        self.used[max(top - 1, 0) : top + h + 2, max(left - 1, 0) : left + w + 2] = True
        self.pen["silk"].rectangle([x0 + 6, y0 + 6, x1 - 6, y1 - 6], outline=230, width=4)
        legs = [(i, top, 0, -1) for i in range(left + 2, left + w - 1)]
        legs += [(i, top + h, 0, 1) for i in range(left + 2, left + w - 1)]
        legs += [(left, j, -1, 0) for j in range(top + 2, top + h - 1)]
        legs += [(left + w, j, 1, 0) for j in range(top + 2, top + h - 1)]
        for i, j, dx, dy in legs:
            x, y = i * STEP, j * STEP
            long, wide = 19, 6.5
            ex, ey = (long, wide) if dx else (wide, long)
            self.box("pad", x - ex, y - ey, x + ex, y + ey)
            self.box(
                "metal", x - ex * 0.75 - 4 * dx, y - ey * 0.7 - 4 * dy, x + ex * 0.75 - 4 * dx, y + ey * 0.7 - 4 * dy
            )
            if self.rng.random() < 0.92:
                self.route(i, j, dx, dy)
        self.box("body", x0 + 18, y0 + 18, x1 - 18, y1 - 18)
        self.disc("dip", x0 + 48, y0 + 48, 12)
        for k in range(3):
            self.lettering(x0 + 44, (y0 + y1) / 2 - 34 + k * 32, 22 - 3 * k, max(3, int(w * 0.6)))

    def part(self, i: int, j: int, upright: bool) -> None:
        """A resistor or capacitor between two pads, if there is room."""
        w, h = (2, 4) if upright else (4, 2)
        room = self.used[max(j - 1, 0) : j + h + 2, max(i - 1, 0) : i + w + 2]
        if room.any() or i + w > N or j + h > N:
            return
        self.used[j : j + h + 1, i : i + w + 1] = True
        x0, y0, x1, y1 = i * STEP, j * STEP, (i + w) * STEP, (j + h) * STEP
        tan = self.rng.random() < 0.45
        self.box("pad", x0, y0, x1, y1)
        cx, cy = (0, 20) if upright else (20, 0)
        self.box("metal", x0 + 4, y0 + 4, x1 - 4, y1 - 4)
        self.box("body", x0 + 5 + cx, y0 + 5 + cy, x1 - 5 - cx, y1 - 5 - cy, 120 if tan else 255)
        self.lettering(x0 + 4, y0 - 24, 14, 3)

    def route(self, i: int, j: int, dx: int, dy: int, length: int = 0) -> None:
        """Walk a trace from (i, j) in one direction, turning by 45 degrees around what is in the way."""
        rng = self.rng
        way = WAYS.index((dx, dy))
        first = way
        path = [(i, j)]
        for k in range(length or int(rng.integers(8, 44))):
            options = [way, way, way, (way + 1) % 8, (way - 1) % 8]
            if k > 1 and rng.random() < 0.85:
                options = [way, (way + 1) % 8, (way - 1) % 8]
            else:
                rng.shuffle(options)
            for turn in options:
                if (turn - first + 2) % 8 > 4:
                    continue
                a, b = i + WAYS[turn][0], j + WAYS[turn][1]
                free = (
                    -1 <= a <= N
                    and -1 <= b <= N
                    and (k < 2 or not self.used[min(max(b, 0), N - 1), min(max(a, 0), N - 1)])
                )
                if free:
                    break
            else:
                break
            i, j, way = a, b, turn
            path.append((i, j))
            if 0 <= i < N and 0 <= j < N:
                self.used[j, i] = True
        if len(path) > 3:
            width = int(rng.choice([7, 7, 9]))
            self.pen["copper"].line([(a * STEP, b * STEP) for a, b in path], fill=255, width=width, joint="curve")
            self.via(*path[-1])


def layout() -> Board:
    """All parts and traces."""
    board = Board()
    rng = board.rng
    for chip in CHIPS:
        left, top, w, h = chip
        board.used[top - 1 : top + h + 2, left - 1 : left + w + 2] = True
    for _ in range(150):
        board.part(int(rng.integers(1, N - 5)), int(rng.integers(6, N - 11)), bool(rng.integers(2)))
    for i in range(2, N, 3):  # gold fingers along the lower edge
        board.box("pad", i * STEP - 20, BIG - 120, i * STEP + 20, BIG)
        board.used[N - 6 :, i - 1 : i + 2] = True
        board.route(i, N - 6, 0, -1)
    for i in range(3, N - 2, 3):  # a row of contacts along the upper edge
        board.disc("pad", i * STEP, 44, 21)
        board.disc("hole", i * STEP, 44, 11)
        board.used[:4, :] = True
        board.route(i, 3, 0, 1)
    for chip in CHIPS:
        board.chip(*chip)
    for _ in range(1500):
        i, j = int(rng.integers(0, N)), int(rng.integers(4, N - 6))
        if not board.used[j, i]:
            board.used[j, i] = True
            board.via(i, j)
            board.route(i, j, *WAYS[int(rng.integers(8))], int(rng.integers(4, 30)))
    return board


def paint() -> Array:
    """The whole board."""
    board = layout()
    x, y = grid()
    p = {k: blur(pixels(v), 1, 1) for k, v in board.plates.items()}
    cloud, grain = fbm(x * 4, y * 4, 3, 3), fbm(x * 260, y * 260, 2, 5)
    weave = np.sin(x * 2 * np.pi * 190) * np.sin(y * 2 * np.pi * 190)
    hatch = (np.abs(((x + y) * 64) % 1 - 0.5) < 0.17).astype(np.float32)
    room = blur(np.maximum.reduce([p["copper"], p["pad"], p["body"] > 0.1]).astype(np.float32), 9, 1)
    pour = smooth(0.03, 0.0, room) * blur(hatch, 1, 1) * smooth(-0.1, 0.1, noise(x * 3, y * 3, 7))
    copper = np.clip(p["copper"] + 0.8 * pour, 0, 1)
    mask = mix(np.broadcast_to(rgb("#04482f"), (BIG, BIG, 3)), rgb("#1f9a55"), copper * 0.85)
    mask = mask * (1 + 0.16 * cloud + 0.05 * weave + 0.10 * grain)[..., None]
    gold = mix(
        np.broadcast_to(rgb("#c98a25"), (BIG, BIG, 3)), rgb("#ffe39a"), np.clip(0.5 + 0.8 * grain + 0.4 * cloud, 0, 1)
    )
    picture = mix(mask, gold, p["pad"])
    picture = mix(picture, rgb("#06130e"), p["hole"])
    picture = mix(picture, rgb("#dfe8dc") * 0.96, p["silk"] * np.clip(0.92 + 0.5 * grain, 0, 1) * (1 - p["body"]))
    tin = np.broadcast_to(rgb("#aab4b8"), (BIG, BIG, 3)) * (1 + 0.25 * grain + 0.2 * cloud)[..., None]
    picture = mix(picture, tin, p["metal"])
    shade = np.clip(np.roll(blur(p["body"], 8), (14, 12), (0, 1)) - p["body"], 0, 1)
    picture = picture * (1 - 0.6 * shade)[..., None]
    tan = smooth(0.75, 0.6, p["body"])
    resin = mix(np.broadcast_to(rgb("#1a1c22"), (BIG, BIG, 3)), rgb("#b07a4a"), tan) * (1 + 0.35 * grain)[..., None]
    picture = mix(picture, resin, smooth(0.2, 0.45, p["body"]))
    picture = mix(picture, rgb("#9aa4a8"), p["silk"] * (p["body"] > 0.5) * 0.75)
    picture = picture * (1 - 0.6 * p["dip"])[..., None]
    height = 3 * blur(copper, 2) + 2 * p["pad"] - 4 * p["hole"] + 7 * blur(p["body"], 3) + 3 * blur(p["metal"], 2)
    diffuse, shine = light(height + 0.25 * grain + 0.15 * weave, 0.6, 22)
    return picture * (0.5 + 0.5 * diffuse)[..., None] + (0.16 * smooth(0.7, 1, shine))[..., None]
