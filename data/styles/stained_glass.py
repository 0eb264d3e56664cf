"""`stained_glass`: a rose window of a rising sun over waves.

The design is a map of regions (disc, two rings of petals, rays, hills, waves, border), each cut further by
a Voronoi diagram, so every pane is a (region, nearest seed) pair. Panes are streaky, hammered, seedy glass
with light from behind; the cames between them are half-round lead with solder at the joints, lit from the
upper left.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, Mask, blur, distance, edges, fbm, grid, light, mix, noise, ramp, rgb, smooth
from numpy.typing import NDArray

Labels = NDArray[np.int32]
SUN_X, SUN_Y = 0.5, 0.405
GLASS = {
    "disc": ["#fff0b8", "#ffdc78", "#ffc84a"],
    "petal": ["#c8281f", "#a3122d", "#e0531f", "#8a1038"],
    "heart": ["#ef8a24", "#d9541e", "#f2a93a"],
    "leaf": ["#f6b23c", "#e08a22", "#ffd57a"],
    "jewel": ["#5a2478", "#862a6e", "#3f2a86"],
    "ray": ["#ffc94d"],
    "sky": ["#1d57b8"],
    "hill": ["#1f6a4a", "#4f8a3a", "#0f5048", "#8aa53e", "#2f7f62"],
    "wave": ["#0d7488", "#1b9a98", "#0a5478", "#58b8ac"],
    "foam": ["#d8ead8", "#aed8d0", "#f0e8c4"],
    "deep": ["#122c62", "#0c4470", "#22265e"],
    "frame": ["#5c1030", "#7a1a26", "#93341c"],
    "strip": ["#d99a2c", "#e8c05a", "#b8741f"],
    "bead": ["#e0a030", "#2a8a7e", "#2a50a4"],
}
BY_RADIUS = {  # these darken away from the sun
    "ray": [(0.28, "#ffe7a2"), (0.36, "#fbb24c"), (0.44, "#ea7450"), (0.54, "#b83a62"), (0.66, "#5a2474")],
    "sky": [(0.28, "#8cc8dc"), (0.38, "#3f8ccb"), (0.48, "#2259ae"), (0.58, "#163684"), (0.72, "#101c52")],
}
KINDS = list(GLASS)


def voronoi(points: Array, x: Array, y: Array) -> Labels:
    """Index of the nearest point for every pixel, tile by tile with the tile's candidates only."""
    out = np.zeros(x.shape, np.int32)
    tile = 128
    for r in range(0, BIG, tile):
        for c in range(0, BIG, tile):
            tx, ty = x[r : r + tile, c : c + tile], y[r : r + tile, c : c + tile]
            far = np.hypot(points[:, 0] - tx.mean(), points[:, 1] - ty.mean())
            some = np.flatnonzero(far < far.min() + 2.0 * 0.72 * tile / BIG + 0.02)
            d = (tx[..., None] - points[some, 0]) ** 2 + (ty[..., None] - points[some, 1]) ** 2
            out[r : r + tile, c : c + tile] = some[np.argmin(d, axis=-1)]
    return out


def design(rng: np.random.Generator) -> tuple[Labels, NDArray[np.int8]]:
    """Pane number and kind of glass of every pixel."""
    x, y = grid()
    dx, dy = x - SUN_X, y - SUN_Y
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx) / (2 * np.pi) + 0.5
    kind = np.full(x.shape, KINDS.index("sky"), np.int8)
    part = np.zeros(x.shape, np.int32)

    def put(mask: Mask, name: str, number: Array | Labels) -> None:
        kind[mask] = KINDS.index(name)
        part[mask] = np.broadcast_to(np.asarray(number), x.shape)[mask].astype(np.int32)

    def sector(count: int, shift: float = 0.0) -> tuple[Labels, Array]:
        turn = angle * count + shift
        return np.floor(turn).astype(np.int32) % count, (turn - np.floor(turn)) * 2 - 1

    # sky: curved rays and rings, alternately warm and blue
    swirl = angle + 0.055 * np.log(radius + 0.04) + 0.008 * np.sin(radius * 17)
    turn = swirl * 32
    ray = np.floor(turn).astype(np.int32) % 32
    saw = turn - np.floor(turn)
    ray = ray * 2 + (saw > np.clip(0.62 - 0.25 * (radius - 0.3), 0.45, 0.62))
    offset = rng.uniform(-0.045, 0.045, 64)[ray]
    ring = np.floor((np.maximum(radius + offset, 0.01) / 0.072) ** 0.86).astype(np.int32)
    put(ray % 2 == 0, "sky", ray * 16 + ring)
    put(ray % 2 == 1, "ray", ray * 16 + ring)
    # rosette
    for outer, reach, count, shift, name in (
        (0.285, 0.062, 16, 0.5, "petal"),
        (0.205, 0.052, 16, 0.0, "leaf"),
        (0.135, 0.034, 8, 0.5, "jewel"),
    ):
        number, across = sector(count, shift)
        lobe = outer - reach * np.abs(across) ** 1.9
        put(radius < lobe, name, number + 1000)
        inner = (radius > outer - 1.75 * reach) & (radius < lobe) & (np.abs(across) < 0.97)
        vein = radius < outer - 0.95 * reach - 0.25 * reach * np.cos(across * np.pi / 2)
        put(inner & vein, "heart" if name == "petal" else name, number + 1100)
    number, _ = sector(8)
    put(radius < 0.078, "disc", number + 1200)
    put(radius < 0.034, "leaf", np.int32(1300))
    number, across = sector(16, 0.0)
    bead = np.hypot((across / 32) * 2 * np.pi * 0.312, radius - 0.312) < 0.0165
    put(bead, "bead", number + 1400)
    # hills and waves
    hill = 0.735 - 0.075 * np.sin(x * 4.1 + 0.5) - 0.02 * np.sin(x * 11)
    put(y > hill, "hill", np.floor(x * 7 + y * 2.5).astype(np.int32) + 1500)
    hill = 0.765 + 0.05 * np.sin(x * 5.3 + 2.4)
    put(y > hill, "hill", np.floor(x * 8 - y * 3).astype(np.int32) + 1550)
    for i, (base, height, count, phase) in enumerate(
        (
            (0.805, 0.022, 5.0, 0.1),
            (0.855, 0.026, 4.2, 0.55),
            (0.912, 0.028, 3.6, 0.2),
            (0.965, 0.025, 3.1, 0.7),
        )
    ):
        t = x * count + phase + 0.035 * np.sin(y * 40)
        saw = t - np.floor(t)
        crest = base - height * (np.sin(np.pi * saw**1.8) * 1.7 - 0.5)
        cut = np.floor(t * 2 + y * 3).astype(np.int32)
        put(y > crest, "foam", cut + 1600 + 40 * i)
        put(y > crest + 0.016 + 0.008 * saw, "wave" if i % 2 == 0 else "deep", cut + 1900 + 40 * i)
    # border
    margin = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    along = np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), y, x)
    side = (x < 0.05) * 1 + (x > 0.95) * 2 + (y < 0.05) * 4 + (y > 0.95) * 8
    cell = np.floor((along - 0.05) / 0.9 * 13).astype(np.int32)
    put(margin < 0.066, "strip", np.floor(along * 31).astype(np.int32) + 3000 + 60 * side)
    put(margin < 0.046, "frame", cell + 2200 + 20 * side)
    put((margin < 0.046) & (cell % 3 == 1), "bead", cell + 2600 + 20 * side)
    return part, kind


def cut(part: Labels, kind: NDArray[np.int8], rng: np.random.Generator) -> tuple[Labels, Array]:
    """Cut the regions into panes; returns pane numbers (dense) and one seed per Voronoi cell."""
    x, y = grid()
    x, y = x + 0.006 * noise(x * 9, y * 9, 3), y + 0.006 * noise(x * 9 + 7, y * 9, 4)
    points = [(rng.random(), rng.random()) for _ in range(4000)]
    kept: list[tuple[float, float]] = []
    for px, py in points:
        gap = 0.060 if py < 0.74 else 0.048
        if all((px - qx) ** 2 + (py - qy) ** 2 > gap * gap for qx, qy in kept):
            kept.append((px, py))
    cells = voronoi(np.array(kept, np.float32), x, y)
    free = np.isin(kind, [KINDS.index(k) for k in ("hill", "wave", "deep")])
    group = np.where(free, cells, 0)
    key = (kind.astype(np.int64) * 4000 + part) * 1000 + group
    _, panes = np.unique(key, return_inverse=True)
    return panes.reshape(part.shape).astype(np.int32), np.array(kept, np.float32)


def dissolve(panes: Labels, smallest: int) -> Labels:
    """Give slivers to whatever pane is next to them."""
    count = np.bincount(panes.ravel())
    for _ in range(60):
        bad = (count < smallest)[panes]
        if not bad.any():
            break
        for axis, shift in ((0, 1), (1, 1), (0, -1), (1, -1)):
            moved = np.roll(panes, shift, axis)
            take = bad & ~(count < smallest)[moved]
            panes = np.where(take, moved, panes)
            bad &= ~take
    return panes


def paint() -> Array:
    """The whole window."""
    rng = np.random.default_rng(12)
    x, y = grid()
    part, kind = design(rng)
    panes, _ = cut(part, kind, rng)
    first = np.unique(panes.ravel(), return_index=True)[1]
    sort = kind.ravel()[first]
    panes = dissolve(panes, 900)

    n = len(first)
    base = np.stack([rgb(str(rng.choice(GLASS[KINDS[k]]))) for k in sort])
    base = base * rng.uniform(0.82, 1.15, (n, 1)).astype(np.float32)
    base += rng.normal(0, 0.025, (n, 3)).astype(np.float32)
    second = np.stack([rgb(str(rng.choice(GLASS[KINDS[k]]))) for k in sort])
    many = np.maximum(np.bincount(panes.ravel(), minlength=n), 1)
    far = np.bincount(panes.ravel(), np.hypot(x - SUN_X, y - SUN_Y).ravel(), n) / many
    for name, stops in BY_RADIUS.items():
        mine = sort == KINDS.index(name)
        base[mine] = ramp(far[mine] + rng.normal(0, 0.035, mine.sum()), stops)
        second[mine] = ramp(far[mine] + rng.normal(0.04, 0.07, mine.sum()), stops)
    turn, shift = rng.uniform(0, 2 * np.pi, n).astype(np.float32), rng.uniform(0, 99, n).astype(np.float32)

    lead_line = edges(panes)
    away = distance(lead_line, 46)
    co, si = np.cos(turn)[panes], np.sin(turn)[panes]
    u, v = x * co + y * si + shift[panes], y * co - x * si + shift[panes] * 0.37
    warp = fbm(u * 7, v * 7, 2, 31)
    streak = fbm(u * 5 + 0.9 * warp, v * 34 + 2.2 * warp, 4, 41)
    hammer = noise(x * 92 + shift[panes], y * 92, 51) + 0.6 * noise(x * 170, y * 170 + shift[panes], 52)
    ripple, sparkle = light(blur(hammer, 2, 1), 5.0, 12)
    seed = distance(np.random.default_rng(8).random(x.shape) < 0.00016, 9)

    glass = mix(base[panes], second[panes], smooth(-0.2, 0.4, streak) * 0.85)
    slope = (co * (x * 16 % 1.0) * 0 + 0.5 * fbm(u * 3.0, v * 3.0, 2, 61)) * 0.5
    lamp = 0.72 + 0.62 * np.exp(-((np.hypot(x - SUN_X, y - SUN_Y) / 0.36) ** 2)) + 0.12 * fbm(x * 3, y * 3, 3, 71)
    glass = np.clip(glass, 0.015, 1.4) ** (1.25 - 0.45 * (streak + slope))[..., None]
    glass = glass * (lamp * (0.70 + 0.30 * ripple))[..., None]
    glass = glass + glass * (0.55 * smooth(0.80, 1.0, sparkle) * smooth(0.0, 0.5, streak + 0.25))[..., None]
    glass = glass * (1.0 - 0.42 * np.exp(-away / 11))[..., None]  # grime along the lead
    rim = np.exp(-(((seed - 3.6) / 1.3) ** 2))
    glass = glass * (1 - 0.35 * rim)[..., None] + (0.5 * smooth(3.0, 0.6, seed))[..., None] * glass

    width = 7.4 + 1.6 * fbm(x * 14, y * 14, 2, 81) + 3.0 * (kind == KINDS.index("frame"))
    joint = np.zeros(x.shape, bool)
    a, b, c, d = panes[:-1, :-1], panes[1:, :-1], panes[:-1, 1:], panes[1:, 1:]
    joint[:-1, :-1] = (a != b).astype(int) + (a != c) + (b != d) + (c != d) >= 3
    blob = distance(joint, 30) + 2.5 * fbm(x * 40, y * 40, 2, 83)
    bulge = np.sqrt(np.clip(1 - (away / width) ** 2, 0, 1))
    solder = np.sqrt(np.clip(1 - (blob / 13.5) ** 2, 0, 1)) * (away < width * 1.25 + 3)
    height = np.maximum(bulge, 1.08 * solder) * 9 + 0.35 * fbm(x * 120, y * 120, 2, 85) * 2
    body, gleam = light(blur(height, 1, 1), 0.8, 9)
    metal = (
        np.array([0.105, 0.112, 0.125], np.float32) * (0.25 + 0.8 * body + 0.25 * fbm(x * 50, y * 50, 3, 87))[..., None]
    )
    metal = metal + (0.30 * gleam * (0.5 + 0.9 * (solder > 0)))[..., None] * np.array([0.86, 0.9, 1.0], np.float32)
    cover = np.maximum(smooth(1.0, -1.0, away - width), smooth(0.02, 0.15, solder))
    window = mix(glass, metal, cover)
    halo = blur(np.clip(glass - 0.15, 0, None) * (1 - cover)[..., None], 14)
    window = window + 0.30 * halo
    return window / (1 + 0.16 * window)
