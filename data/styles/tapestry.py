"""`tapestry`: a kilim, woven of wool in madder, saffron, indigo and walnut.

The pattern is drawn on the grid of the loom: stepped diamonds, hooked borders, combs and stars, mirrored
about the axes as weavers do. Every knot of weft is drawn for itself: it bulges between two warps, its yarn
is twisted and hairy, and its dye varies from row to row where a new skein began (abrash).
"""

from __future__ import annotations

import numpy as np
from canvas import Array, blur, fbm, grid, light, noise, rgb

YARNS = ["#9c1f2a", "#e0a02c", "#22305c", "#f0e2c4", "#4b2f20", "#d65f2a", "#5f7f86", "#6d1424"]
MADDER, SAFFRON, INDIGO, IVORY, WALNUT, ORANGE, SLATE, WINE = range(8)
WARPS, WEFTS = 128, 256  # across and along; a knot is twice as wide as it is high


def steps(u: Array, v: Array, width: int, height: int, size: int) -> Array:
    """Rings round the middle of cells `width` x `height`, stepped `size` knots at a time: 0 outside, 1, 2, ..."""
    du = np.abs((u % width) - width // 2) // size * size / (width / 2)
    dv = np.abs((v % height) - height // 2) // size * size / (height / 2)
    return np.clip(np.floor((1.0 - du - dv) * width / (2.0 * size)) + 1, 0, 99)


def pattern() -> Array:
    """Yarn of every knot: (64, 64) cells of 2 x 4 knots, whole numbers."""
    v, u = np.mgrid[0:128, 0:128]
    u = np.minimum(u, 127 - u)
    v = np.minimum(v, 127 - v)
    field = np.full((128, 128), MADDER)
    ring = steps(u + 16, v + 12, 32, 26, 1)
    order = np.array([MADDER, IVORY, WALNUT, WALNUT, SAFFRON, SAFFRON, INDIGO, INDIGO, IVORY, ORANGE, ORANGE, WINE])
    field = order[np.clip(ring, 0, 11).astype(int)]
    gap = steps(u, v - 1, 32, 26, 1)
    back = np.array([-1, -1, WALNUT, SLATE, SLATE, IVORY, WINE, SAFFRON, SAFFRON, INDIGO, INDIGO, IVORY])
    inner = back[np.clip(gap, 0, 11).astype(int)]
    field = np.where((ring == 0) & (inner >= 0), inner, field)
    hook = (ring == 0) & (gap <= 1) & ((u + v) % 4 < 2) & ((u // 2) % 2 == 0)
    field = np.where(hook, ORANGE, field)
    middle = steps(u, v, 128, 128, 2)
    star = np.abs(u - 64) / 26 + np.abs(v - 64) / 30
    medallion = np.select(
        [star < 0.14, star < 0.26, star < 0.42, star < 0.56, star < 0.70, star < 0.80, star < 0.90, star < 1.0],
        [SAFFRON, WALNUT, IVORY, INDIGO, ORANGE, SAFFRON, WALNUT, IVORY],
        field,
    )
    teeth = (star >= 0.42) & (star < 0.56) & ((u + v) % 6 < 2)
    medallion = np.where(teeth, IVORY, medallion)
    comb = (star >= 0.56) & (star < 0.70) & ((u - v) % 5 < 2)
    field = np.where(comb, WINE, medallion)
    edge = np.minimum(u, v)
    along = np.where(u < v, v, u)
    zigzag = (edge - 3 + np.abs(along % 10 - 5)) % 10
    border = np.select([zigzag < 2, zigzag < 4, zigzag < 5], [SAFFRON, WALNUT, IVORY], SLATE)
    check = np.where((along // 2 + edge // 2) % 2 == 0, INDIGO, IVORY)
    field = np.where(edge < 15, border, field)
    field = np.where((edge < 2) | (edge == 14), WALNUT, np.where((edge == 2) | (edge == 13), ORANGE, field))
    field = np.where((edge >= 15) & (edge < 18), check, field)
    return np.where(middle < 0, MADDER, field)


def paint() -> Array:
    """The whole kilim."""
    rng = np.random.default_rng(9)
    x, y = grid()
    sway_x = x + 0.0022 * fbm(x * 5, y * 5, 2, 1)
    sway_y = y + 0.0030 * fbm(x * 7 + 3, y * 4, 3, 2) + 0.0006 * noise(x * 60, y * 60, 3)
    u, v = sway_x * WARPS, sway_y * WEFTS
    column = np.floor(u + 0.5 * (np.floor(v) % 2)).astype(np.int32)
    row = np.floor(v).astype(np.int32)
    knots = np.clip(np.stack([column, row // 2], -1), 0, 127)
    yarn = pattern()[knots[..., 1], knots[..., 0]]
    colors = np.array([rgb(c) for c in YARNS])
    one = rng.normal(0, 1, (WEFTS + 4, WARPS + 4)).astype(np.float32)
    skein = np.repeat(rng.normal(0, 1, (WEFTS + 4) // 4 + 1), 4)[: WEFTS + 4].astype(np.float32)
    tint = rng.normal(0, 0.018, (WEFTS + 4, WARPS + 4, 3)).astype(np.float32)
    r, c = np.clip(row, 0, WEFTS + 3), np.clip(column, 0, WARPS + 3)
    picture = colors[yarn] * (1 + 0.075 * one[r, c] + 0.085 * skein[r])[..., None] + tint[r, c]
    fu, fv = (u + 0.5 * (row % 2)) % 1 - 0.5, v % 1 - 0.5
    bulge = np.sqrt(np.clip(1 - (fu / 0.56) ** 2, 0, 1)) * np.sqrt(np.clip(1 - (fv / 0.56) ** 2, 0, 1))
    twist = np.sin((fu * 5 + fv * 3.2 + one[r, c]) * 2 * np.pi / 1.1) * 0.12
    hair = fbm(x * 260, y * 520, 2, 7)
    height = blur(bulge + twist + 0.18 * hair, 1, 1)
    diffuse, _ = light(height, 3.6)
    picture = picture * (0.42 + 0.62 * diffuse * (0.35 + 0.65 * bulge))[..., None] * (1 + 0.10 * hair)[..., None]
    fold = fbm(x * 2.2, y * 2.2, 2, 11)
    return picture * (1.08 + 0.16 * fold)[..., None]
