"""`impasto`: a boulevard after rain at night, laid on with a palette knife.

Slabs of thick oil paint, one pull of the knife each: broad where the sky glows, short and leaf-shaped in the
trees, level on the wet pavement, where every lamp stands upside down. A pull leaves streaks
and ends in a ridge; the relief is lit as in `flow`, whose brush serves as the knife.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, at, blur, fbm, grid, mix, noise, ramp, rgb, scatter, smooth
from flow import stroke, varnish

GROUND = 0.60  # where the pavement begins
LAMPS = [
    (0.13, 0.30, 1.0), (0.285, 0.385, 0.7), (0.375, 0.44, 0.45), (0.88, 0.30, 1.0), (0.74, 0.385, 0.7),
    (0.655, 0.44, 0.45),
]  # fmt: skip
WALKERS = [
    (0.43, 0.80, 0.30, "#e3242b"), (0.60, 0.73, 0.19, "#2fb8b0"), (0.72, 0.90, 0.36, "#7a3fc4"),
    (0.52, 0.67, 0.10, "#ff9a2a"),
]  # fmt: skip


def walker(x: Array, y: Array, cx: float, foot: float, tall: float) -> tuple[Array, Array]:
    """Masks of a person walking away (coat, legs) and of the umbrella held above."""
    u, v = (x - cx) / tall, (foot - y) / tall
    body = (np.abs(u) < 0.13 + 0.07 * np.clip(0.75 - v, 0, 1)) & (v > 0.30) & (v < 0.80)
    legs = (np.abs(np.abs(u) - 0.055) < 0.04) & (v > 0) & (v <= 0.32)
    shade = (np.hypot(u / 0.42, (v - 0.80) / 0.30) < 1) & (v > 0.80 + 0.05 * np.cos(u * 22))
    return (body | legs).astype(np.float32), shade.astype(np.float32)


def scene(n: int) -> tuple[Array, Array, Array]:
    """Colors, direction of the knife, and length of its pulls (0..1)."""
    x, y = grid(n)
    wet = y > GROUND
    ripple = 0.012 * noise(x * 9, y * 55, 3) * wet
    px, py = x + ripple, np.where(wet, GROUND - (y - GROUND) * 1.25, y)
    glow = np.exp(-(((px - 0.515) / 0.17) ** 2 + ((py - 0.50) / 0.26) ** 2))
    view = ramp(
        glow + 0.16 * fbm(px * 4, py * 4, 3, 1),
        [(0, "#10204e"), (0.22, "#1d4a8c"), (0.42, "#2f93a8"), (0.62, "#f2b04a"), (0.82, "#ffdf7a"), (1, "#fff6c8")],
    )
    angle = np.arctan2(py - 0.5, px - 0.515) + np.pi / 2 + 0.5 * noise(x * 4, y * 4, 5)
    side = np.abs(px - 0.515)
    crown = (py < 0.53 - 0.55 * np.clip(0.42 - side, 0, 1) + 0.05 * noise(px * 16, py * 16, 7)) & (side > 0.09)
    crown &= py < 0.10 + side * 1.05 + 0.04 * noise(px * 22, py * 22, 8)
    leaf = ramp(
        0.5 + 0.85 * fbm(px * 13, py * 13, 3, 9) + 0.55 * np.exp(-((side / 0.26) ** 2)) - 0.22,
        [(0, "#3a1030"), (0.22, "#8c1f2a"), (0.45, "#d8431f"), (0.65, "#f5902a"), (0.85, "#ffd34f"), (1, "#fff0a0")],
    )
    view = np.where(crown[..., None], leaf, view)
    angle = np.where(crown, 2.6 * noise(x * 11, y * 11, 11) + 0.8, angle)
    length = np.where(crown, 0.35, 0.8)
    for lx, ly, size in LAMPS:
        post = (np.abs(px - lx) < 0.009 * size + 0.002) & (py > ly) & (py < GROUND)
        trunk = np.abs(px - lx - 0.05 * np.sign(lx - 0.5) - 0.01 * noise(py * 9, px * 0, 13)) < 0.016 * size
        view = np.where((post | (trunk & (py > 0.36)))[..., None], rgb("#1a1230"), view)
        halo = np.exp(-((np.hypot(px - lx, py - ly) / (0.055 * size)) ** 1.3))
        view = mix(view, rgb("#ffc23a"), np.clip(1.1 * halo, 0, 1))
        view = mix(view, rgb("#fffbe0"), smooth(0.030, 0.016, np.hypot(px - lx, py - ly) / size))
    lit = (py > 0.42) & (py < GROUND) & (side > 0.13) & ~crown
    window = lit & (noise(px * 34, py * 26, 15) > 0.15)
    view = np.where(window[..., None], ramp(noise(px * 9, py * 9, 17) + 0.5, [(0, "#ff7a2a"), (1, "#ffe58a")]), view)
    tint = mix(view * 0.86, rgb("#1f3f86"), 0.16 + 0.22 * smooth(GROUND, 1.0, y))
    sheen = smooth(0.1, 0.5, noise(x * 7, y * 60, 19)) * np.exp(-(((x - 0.515) / 0.26) ** 2))
    tint = mix(tint, rgb("#ffe39a"), 0.6 * sheen)
    tint = mix(tint, rgb("#b04a9a"), 0.45 * smooth(0.15, 0.5, fbm(x * 5, y * 18, 2, 21)))
    view = np.where(wet[..., None], tint, view)
    level = np.where(noise(x * 12, y * 40, 23) > 0.05, 0.0, np.pi / 2)
    angle = np.where(wet, level + 0.12 * noise(x * 5, y * 5, 25), angle)
    for cx, foot, tall, hue in WALKERS:
        body, shade = walker(x, 2 * foot - y, cx, foot, tall)
        fade = 0.55 * smooth(foot + tall, foot, y)
        view = mix(mix(view, rgb("#141430"), body * fade), rgb(hue), shade * fade)
        body, shade = walker(x, y, cx, foot, tall)
        view = mix(view, rgb("#17142c") + 0.12 * smooth(-0.02, 0.02, x - cx)[..., None], body)
        tone = np.clip(1.15 + 2.2 * (0.03 - (x - cx)) / tall * 0.5, 0.45, 1.5)
        view = np.where(shade[..., None] > 0, rgb(hue) * tone[..., None], view)
        angle = np.where(body > 0, np.pi / 2, np.where(shade > 0, (x - cx) / tall * 2.2, angle))
        length = np.where(body + shade > 0, 0.15, length)
    return np.clip(view, 0.01, 1), angle.astype(np.float32), length.astype(np.float32)


def paint() -> Array:
    """The whole painting."""
    rng = np.random.default_rng(29)
    colors, angles, lengths = scene(512)
    picture = blur(np.repeat(np.repeat(colors, 4, 0), 4, 1), 6) * 0.8
    height = np.zeros((BIG, BIG), np.float32)
    for layer, (pitch, width, long) in enumerate([(52, 66, 210), (40, 44, 150), (30, 27, 105), (30, 16, 70)]):
        points = scatter(pitch, rng)
        tones, turns, reaches = at(colors, points), at(angles, points), at(lengths, points)
        for p, tone, turn, reach in zip(points, tones, turns, reaches, strict=True):
            if layer < 2 and reach < 0.2:
                continue
            a = turn + rng.normal(0, 0.16)
            size = long * (0.45 + 0.75 * reach) * rng.uniform(0.6, 1.25)
            t = np.linspace(-0.5, 0.5, max(8, int(size / 1.6)), dtype=np.float32)[:, None]
            d = np.array([np.cos(a), np.sin(a)], np.float32)
            bow = np.array([-d[1], d[0]]) * rng.normal(0, 0.10) * size
            path = (p + d * t * size + bow * (0.25 - t * t)).astype(np.float32)
            shift = rng.normal(0, 0.07) * (0.4 + tone.mean()) + rng.normal(0, 0.03, 3)
            paint_on = np.clip(tone + shift, 0.01, 1).astype(np.float32)
            stroke(picture, height, path, width * rng.uniform(0.75, 1.3), paint_on, rng, 0.35 * layer)
    return varnish(picture, height * 1.35)
