"""`deco`: art-deco fans in gold leaf on black and emerald enamel.

Fans in staggered rows, each covering the foot of those behind it, of six designs: sun rays, feathers, nested
shells, petals, beads and steps. Gold stands in relief, was laid in leaves that are worn at their seams, and
shines from the upper left; the enamel between is clouded, pitted and crazed.
"""

from __future__ import annotations

import numpy as np
from canvas import Array, blur, fbm, grid, light, mix, noise, ramp, rgb, smooth

BLACK, EMERALD, IVORY, BLUSH, NIGHT, JADE = (
    rgb(c) for c in ("#101416", "#0c5a48", "#efe3c4", "#d98f76", "#15303a", "#2f8f74")
)
ACROSS, LIFT = 3.7, 0.285  # fans in a row; from row to row, in widths of a fan


def fans(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """For every point: distance to the center of its fan (0..1), angle over the horizon (0..1), and fan number."""
    u, v = x * ACROSS + 0.3, y * ACROSS / LIFT
    best_r, best_a, which = np.full_like(x, 2.0), np.zeros_like(x), np.zeros(x.shape, np.int32)
    first = np.floor(v).astype(np.int32)
    for step in range(-2, 4):  # fans whose feet lie lower lie in front
        row = first + step
        shift = 0.5 * (row % 2)
        column = np.round(u - shift)
        du, dv = u - (column + shift), (row - v) * LIFT
        r = np.hypot(du, dv) / 0.565
        take = r < 1
        best_r = np.where(take, r, best_r)
        best_a = np.where(take, np.arctan2(dv, du) / np.pi, best_a)
        which = np.where(take, row * 31 + column.astype(np.int32) * 7, which)
    return best_r, best_a, which


def designs(r: Array, a: Array, kind: Array) -> tuple[Array, Array]:
    """Gold (0..1) and enamel color of the six designs."""
    petal = np.abs((a * 9) % 1 - 0.5) * 2
    fine = np.abs((a * 27) % 1 - 0.5) * 2
    gold, enamel = [], []

    def arc(at: float, width: float) -> Array:
        return smooth(width, width * 0.6, np.abs(r - at))

    rim = np.maximum(arc(0.965, 0.028), arc(0.885, 0.012))
    ray = smooth(0.40, 0.26, petal * (0.25 + r)) * (r > 0.30) * (r < 0.86)
    gold.append(np.maximum.reduce([rim, ray, arc(0.29, 0.022), smooth(0.16, 0.14, r)]))
    enamel.append(mix(np.broadcast_to(BLACK, (*r.shape, 3)), EMERALD, smooth(0.2, 0.9, r)))
    vane = np.maximum(smooth(0.13, 0.05, petal * r), smooth(0.30, 0.12, np.abs(((r - 0.28 * petal) * 17) % 1 - 0.5)))
    tip = smooth(0.15, 0.11, np.hypot((petal) * r * 0.35, (r - 0.76) * 1.2))
    gold.append(np.maximum.reduce([rim, vane * (r < 0.64), tip, arc(0.66, 0.012)]))
    eye = smooth(0.66, 0.68, r) * (r < 0.87)
    enamel.append(mix(mix(np.broadcast_to(EMERALD, (*r.shape, 3)), NIGHT, petal), BLUSH, eye))
    shells = np.abs((r * 8) % 1 - 0.5) * 2
    notch = smooth(0.25, 0.15, fine) * (np.floor(r * 8) % 2 == 0)
    gold.append(np.maximum.reduce([rim, smooth(0.30, 0.18, shells), notch * 0.9 * (r < 0.87)]))
    enamel.append(np.where((np.floor(r * 8 + 0.5) % 2 == 0)[..., None], IVORY, BLACK))
    lobe = 0.50 + 0.36 * np.sqrt(np.clip(1 - petal**2, 0, 1))
    inner = 0.26 + 0.22 * np.sqrt(np.clip(1 - petal**2, 0, 1))
    leaf = np.maximum(smooth(0.020, 0.012, np.abs(r - lobe)), smooth(0.018, 0.010, np.abs(r - inner)))
    vein = smooth(0.05, 0.03, (1 - petal) * 0 + petal * r) * (r > inner) * (r < lobe - 0.06)
    gold.append(np.maximum.reduce([rim, leaf, vein, smooth(0.15, 0.12, r)]))
    inside = mix(np.broadcast_to(JADE, (*r.shape, 3)), IVORY, smooth(0.25, 0.8, r))
    enamel.append(np.where((r < inner)[..., None], BLUSH, np.where((r < lobe)[..., None], inside, BLACK)))
    bead = np.zeros_like(r)
    for at, count in ((0.80, 23), (0.62, 17), (0.44, 13), (0.28, 9)):
        side = np.abs((a * count) % 1 - 0.5) * np.pi * at / count
        bead = np.maximum(bead, smooth(0.042, 0.034, np.hypot(side, r - at)))
    gold.append(np.maximum.reduce([rim, bead, arc(0.71, 0.008), arc(0.53, 0.008), arc(0.36, 0.008)]))
    enamel.append(np.where((bead < 0.05)[..., None] & (np.floor(r * 5.6) % 2 == 0)[..., None], NIGHT, EMERALD))
    stair = np.floor(petal * 3.99) / 4 * 0.18
    zig = np.abs(((r + stair) * 7.5) % 1 - 0.5) * 2
    gold.append(np.maximum.reduce([rim, smooth(0.42, 0.30, zig) * (r < 0.87), arc(0.12, 0.02)]))
    enamel.append(mix(np.broadcast_to(BLACK, (*r.shape, 3)), BLUSH, smooth(0.25, 0.85, r) * 0.85))
    pick = kind[..., None]
    color, leaf_gold = np.zeros((*r.shape, 3), np.float32), np.zeros_like(r)
    for k in range(6):
        color = np.where(pick == k, enamel[k], color)
        leaf_gold = np.where(kind == k, gold[k], leaf_gold)
    return leaf_gold.astype(np.float32), color.astype(np.float32)


def paint() -> Array:
    """The whole panel."""
    x, y = grid()
    hand = 0.0016 * fbm(x * 26, y * 26, 2, 1)
    r, a, which = fans(x + hand, y + 0.0016 * fbm(x * 26, y * 26, 2, 4))
    order = np.random.default_rng(3).integers(0, 6, 997)
    gold, enamel = designs(r, a, order[which % 997])
    cloud, grain = fbm(x * 8, y * 8, 4, 11), fbm(x * 170, y * 170, 3, 15)
    craze = np.minimum(np.abs(noise(x * 34, y * 34, 21)), np.abs(noise(x * 21 + 7, y * 21, 23)))
    crack = smooth(0.022, 0.006, craze)
    enamel = enamel * (1 + 0.30 * cloud + 0.12 * grain)[..., None] * (1 - 0.45 * crack)[..., None]
    enamel = enamel + 0.05 * smooth(0.1, 0.7, cloud)[..., None]
    sheet_x, sheet_y = x * 13 + 0.3 * noise(x * 9, y * 9, 31), y * 13 + 0.3 * noise(x * 9, y * 9, 32)
    seam = np.minimum(np.abs(sheet_x % 1 - 0.5), np.abs(sheet_y % 1 - 0.5))
    worn = smooth(0.30, 0.62, fbm(x * 40, y * 40, 3, 35) + 0.5 * smooth(0.05, 0.0, 0.5 - seam) - 0.05)
    gold = gold * (1 - 0.75 * worn)
    shadow = np.clip(np.roll(blur(gold, 7), (9, 8), (0, 1)) - gold, 0, 1) + 0.8 * smooth(0.90, 1.0, r)
    enamel = enamel * (1 - 0.55 * np.clip(shadow, 0, 1))[..., None]
    relief = blur(gold, 3, 2) * 7 + 0.9 * grain * gold + 0.35 * grain + 0.8 * cloud - 0.8 * crack
    diffuse, shine = light(relief, 0.55, 14)
    tone = (
        0.42
        + 0.20 * cloud
        + 0.16 * grain
        + 0.34 * (diffuse - 1)
        + 0.12 * noise(np.floor(sheet_x), np.floor(sheet_y), 41)
    )
    metal = ramp(tone, [(0, "#3c2408"), (0.22, "#8a5a16"), (0.5, "#d0993a"), (0.75, "#f2cf7a"), (1, "#fff4cf")])
    metal = metal + (0.30 * smooth(0.6, 1.0, shine))[..., None]
    picture = mix(enamel * (0.6 + 0.4 * diffuse)[..., None], metal, np.clip(gold, 0, 1))
    return picture + (0.10 * smooth(0.75, 1.0, shine) * (1 - gold))[..., None]
