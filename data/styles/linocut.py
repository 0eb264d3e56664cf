"""`linocut`: an owl among oak leaves at full moon, cut in lino and printed in black over four flat colors.

Every region brings a phase that runs across its cuts, a coordinate along them, and a tone; all are carved in one
go with broad U-shaped gouges. Between regions a line is cleared. Where much is cleared the gouge leaves its
chatter: short stray ridges that caught ink. Black is rolled on unevenly and printed a little out of register.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, Mask, blur, distance, edges, fbm, grid, mix, noise, rgb, smooth
from woodcut import carve

COLORS = ["#f4ead4", "#e3a72a", "#c44a2c", "#86b3a2", "#8c9c4a", "#f6d98a"]
PAPER, MUSTARD, RUST, SAGE, OLIVE, STRAW = range(6)
KEY = rgb("#15191b")
MOON = (0.66, 0.25, 0.235)
Window = tuple[slice, slice]


class Block:
    """Phase, run and tone of the cuts, the color under them, and the number of the region, at every pixel."""

    def __init__(self) -> None:
        self.x, self.y = grid()
        self.phase, self.along, self.tone = (np.zeros((BIG, BIG), np.float32) for _ in range(3))
        self.color, self.region = np.zeros((BIG, BIG), np.int32), np.zeros((BIG, BIG), np.int32)
        self.count = 0

    def window(self, cx: float, cy: float, reach: float) -> Window:
        """The pixels within `reach` of a point."""
        y0, y1 = (int(np.clip((cy + s * reach) * BIG, 0, BIG)) for s in (-1, 1))
        x0, x1 = (int(np.clip((cx + s * reach) * BIG, 0, BIG)) for s in (-1, 1))
        return slice(y0, y1), slice(x0, x1)

    def put(self, box: Window, mask: Mask, phase: Array, along: Array, tone: Array | float, color: Array | int) -> None:
        """A new region in a window."""
        self.count += 1
        parts = (
            (self.phase, phase),
            (self.along, along),
            (self.tone, tone),
            (self.color, color),
            (self.region, self.count),
        )
        for plate, value in parts:
            plate[box][mask] = np.broadcast_to(np.asarray(value, plate.dtype), mask.shape)[mask]


def oak_leaf(block: Block, x: float, y: float, turn: float, size: float, color: int) -> None:
    """A lobed leaf, cut in chevrons from its midrib, one half darker."""
    box = block.window(x + 0.5 * size * np.cos(turn), y + 0.5 * size * np.sin(turn), 0.75 * size)
    dx, dy = block.x[box] - x, block.y[box] - y
    u = (dx * np.cos(turn) + dy * np.sin(turn)) / size
    v = (dy * np.cos(turn) - dx * np.sin(turn)) / size + 0.05 * np.sin(u * 3.0)
    wide = 0.30 * np.clip(np.sin(np.pi * np.clip(u, 0, 1) ** 0.85), 0, 1) ** 0.7
    lobes = wide * (0.74 + 0.30 * np.abs(np.sin(u * np.pi * 4.2 + 0.4)))
    mask = (np.abs(v) < lobes) & (u > 0) & (u < 1)
    tone = 0.30 + 0.26 * np.sign(v) + 0.35 * smooth(0.6, 1.0, np.abs(v) / (lobes + 1e-6))
    tone = np.where(np.abs(v) < 0.012, -1.0, tone)
    block.put(box, mask, u * 15 - np.abs(v) * 15, np.abs(v) * 9 + u, tone, color)


def branch(block: Block, points: list[tuple[float, float]], thick: float) -> None:
    """A bough along some points, with cuts along its bark."""
    p = np.array(points, np.float32)
    box = (slice(0, BIG), slice(0, BIG))
    best, run = np.full((BIG, BIG), 9.0, np.float32), np.zeros((BIG, BIG), np.float32)
    for k in range(len(p) - 1):
        d = p[k + 1] - p[k]
        long = float(np.hypot(*d))
        t = np.clip(((block.x - p[k, 0]) * d[0] + (block.y - p[k, 1]) * d[1]) / long**2, 0, 1)
        side = ((block.x - p[k, 0]) * d[1] - (block.y - p[k, 1]) * d[0]) / long
        off = np.hypot(block.x - p[k, 0] - t * d[0], block.y - p[k, 1] - t * d[1])
        take = off < np.abs(best)
        best, run = np.where(take, np.sign(side) * off, best), np.where(take, k + t, run)
    rough = thick * (1 + 0.25 * noise(run * 5, best * 0, 5))
    tone = 0.42 - 0.45 * best / thick
    block.put(box, np.abs(best) < rough, best * 190 + 0.8 * noise(block.x * 18, block.y * 18, 6), run * 4, tone, RUST)


def scales(u: Array, v: Array, tall: float) -> tuple[Array, Array, Array]:
    """Overlapping feathers on a lattice: distance from the root of each (0..1), angle, and number."""
    best, angle, name = np.full_like(u, 1.0), np.zeros_like(u), np.zeros(u.shape, np.float32)
    for back in (1, 0, -1):  # the upper rows lie over the lower
        row = np.floor(v) + back
        column = np.round(u - 0.5 * (row % 2)) + 0.5 * (row % 2)
        du, dv = u - column, (v - row) / tall
        r = np.hypot(du / 0.56, dv)
        take = (r < 1) & (dv > -0.3)
        best, angle = np.where(take, r, best), np.where(take, np.arctan2(du, dv + 0.4), angle)
        name = np.where(take, row * 13.0 + column * 7.0, name)
    return best, angle, name


def owl(block: Block) -> None:
    """Body of feathers, wings, ears, face, eyes and beak."""
    cx, cy = 0.44, 0.60
    box = block.window(cx, cy - 0.02, 0.46)
    x, y = block.x[box] - cx, block.y[box] - cy
    shape = 0.205 * (1 + 0.16 * np.cos(y * 5.5)) * np.sqrt(np.clip(1 - (np.abs(y - 0.02) / 0.40) ** 3.0, 0, 1))
    r, angle, name = scales(x * 16, y * 17, 1.5)
    bar = (np.abs(r - 0.72) < 0.11) | (np.abs(angle) < 0.09)
    tone = np.where(bar, 1.2, 0.16 + 0.40 * smooth(0.55, 1.0, r)) + 0.55 * smooth(0.10, 0.21, x) - 0.2
    block.put(box, np.abs(x) < shape, angle * 7 + name, r * 4 + name, tone, np.where(y > -0.05, STRAW, MUSTARD))
    for side in (-1, 1):
        wing = (
            (side * x > 0.115 - 0.10 * (y - 0.05))
            & (side * x < shape + 0.045 - 0.1 * np.abs(y - 0.1))
            & (y > -0.14)
            & (y < 0.36)
        )
        w, a, k = scales(x * 13 + 0.3, y * 7.5, 1.1)
        tone = np.where(np.abs(a) < 0.07, -1.0, 0.42 + 0.25 * smooth(0.4, 1, w))
        block.put(box, wing, a * 10 + k, w * 5, tone, RUST)
        ear = (np.abs(side * x - 0.125 - (-0.20 - y) * 0.40) < 0.052 * (y + 0.44) / 0.2) & (y > -0.44) & (y < -0.22)
        block.put(box, ear, x * 75 + y * 12 * side, y * 16, 0.55, MUSTARD)
    head = np.hypot(x / 0.235, (y + 0.205) / 0.165) < 1
    block.put(box, head, np.hypot(x, y + 0.15) * 80, np.arctan2(y + 0.2, x) * 5, 0.48, MUSTARD)
    for side in (-1, 1):
        ex, ey = x - side * 0.098, y + 0.205
        r, a = np.hypot(ex, ey * 1.02), np.arctan2(ey, ex) / (2 * np.pi)
        ring = np.where(r > 0.088, 0.75, 0.10 + 0.50 * smooth(0.055, 0.088, r))
        block.put(box, r < 0.118, a * 46, r * 40, ring, STRAW)
        block.put(box, r < 0.060, a * 30, r * 30, np.where(r < 0.049, 0.15 * (r > 0.03), 1.6), MUSTARD)
        pupil = (r < 0.029) & (np.hypot(ex + 0.011, ey + 0.011) > 0.010)
        block.put(box, pupil, x, y, 2.0, MUSTARD)
    down = np.clip((y + 0.235) / 0.165, 0, 1)
    beak = np.abs(x) < 0.062 * np.sqrt(down) * (1 - down) ** 0.7
    block.put(box, beak, x * 120 + 0.2, y * 10, 0.30 + 6 * x, RUST)
    for side in (-1, 1):
        for k in (-1, 0, 1):
            toe = np.hypot((x - side * 0.085 - 0.032 * k) / 0.016, (y - 0.362) / 0.042) < 1
            block.put(box, toe, y * 110, x * 20, 0.42, PAPER)


def paint() -> Array:
    """The whole print."""
    rng = np.random.default_rng(19)
    block = Block()
    x, y = block.x, block.y
    full = (slice(0, BIG), slice(0, BIG))
    r = np.hypot(x - MOON[0], y - MOON[1])
    around = np.arctan2(y - MOON[1], x - MOON[0])
    tone = 0.48 + 0.20 * smooth(0.25, 0.9, r) + 0.14 * fbm(x * 4, y * 4, 2, 1)
    block.put(full, r < 9, r * 62 + 0.5 * fbm(x * 5, y * 5, 2, 3), around * 7, tone, SAGE)
    moon = r < MOON[2]
    crater = fbm(x * 11, y * 11, 3, 5)
    block.put(full, moon, (x + y) * 70 + crater * 2.5, (x - y) * 10, 0.05 + 0.55 * smooth(0.05, 0.4, crater), STRAW)
    for points, thick in (
        ([(-0.05, 0.995), (0.20, 0.955), (0.45, 0.975), (0.75, 0.94), (1.05, 0.97)], 0.034),
        ([(1.05, 0.62), (0.90, 0.50), (0.86, 0.30), (0.97, 0.10), (1.02, -0.05)], 0.020),
        ([(-0.05, 0.42), (0.07, 0.28), (0.11, 0.10), (0.30, -0.03)], 0.018),
    ):
        branch(block, points, thick)
    for _ in range(64):
        edge, t = int(rng.integers(4)), rng.uniform(0, 1)
        lx, ly = [(t, 0.02), (t, 0.97), (0.01, t), (0.97, t)][edge]
        turn = np.arctan2(0.52 - ly, 0.5 - lx) + rng.normal(0, 0.7) + (np.pi if rng.random() < 0.25 else 0)
        color = [OLIVE, RUST, OLIVE, MUSTARD][int(rng.integers(4))]
        oak_leaf(block, lx + rng.normal(0, 0.03), ly + rng.normal(0, 0.03), turn, rng.uniform(0.15, 0.235), color)
    owl(block)
    for lx, ly, turn, size, color in [
        (0.08, 0.985, -0.6, 0.24, OLIVE), (0.93, 0.99, -2.3, 0.25, RUST), (0.66, 1.0, -1.2, 0.20, OLIVE),
        (0.30, 1.01, -2.0, 0.16, MUSTARD), (0.78, 0.99, -0.9, 0.18, MUSTARD),
    ]:  # fmt: skip
        oak_leaf(block, lx, ly, turn, size, color)
    key = carve(block.phase, block.along, block.tone, 23, 0.28)
    gap = distance(edges(block.region), 12)
    sway = 1 + 0.4 * noise(x * 20, y * 20, 31)
    key[gap < 8.5 * sway] = 1
    key[gap < 4.0 * sway] = 0
    clear = blur(1 - key, 7)
    chatter = (np.abs(noise(x * 26 + 6 * noise(x * 3, y * 3, 41), y * 170, 43)) < 0.035) & (clear > 0.93)
    key = blur(np.maximum(key, chatter), 2, 2)
    key = smooth(0.38, 0.62, key + 0.10 * noise(x * 120, y * 120, 45))
    grain, roll = fbm(x * 230, y * 230, 2, 51), fbm(x * 7, y * 7, 3, 53)
    key = key * (0.95 - 0.55 * smooth(0.34, 0.6, grain + 0.35 * roll))
    line = np.arange(BIG)
    color = block.color[np.clip(line - 5, 0, BIG - 1)][:, np.clip(line + 4, 0, BIG - 1)]
    flat = blur(np.array([rgb(c) for c in COLORS])[color], 2, 1)
    flat = flat * (1 + 0.05 * roll + 0.05 * grain)[..., None]
    flat = mix(flat, rgb(COLORS[PAPER]), 0.55 * smooth(0.40, 0.62, grain - 0.2 * roll))
    return mix(flat, KEY * (1 + 0.25 * roll)[..., None], key)
