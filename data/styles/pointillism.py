"""`pointillism`: poplars by a river at sundown, in dots of unmixed color.

After Seurat and Signac: no color is mixed on the palette. Each dot is the pure paint nearest to the color
wanted there plus a random part, so that neighboring dots average to it (optical mixture), and shadows are
filled with the complements of the light. Three coats of dots, each smaller, lie in relief on a warm ground.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, at, blur, fbm, grid, ink, light, mix, noise, pixels, ramp, rgb, scatter, smooth
from PIL import Image, ImageDraw

PAINTS = [
    "#fff3c4", "#ffd84a", "#ffae2b", "#f4762a", "#e2402f", "#c42a63", "#f29bb0", "#d8b7e6", "#8f6cc4", "#5b3f9e",
    "#2c2a78", "#2f5fc4", "#5fa8e0", "#b5e0ea", "#2f9f9a", "#1f6b4f", "#4f9e3c", "#a8cf45", "#e3e86a", "#3b1f4e",
]  # fmt: skip
SHORE = 0.56


def poplars(x: Array, y: Array) -> tuple[Array, Array]:
    """Mask and light of a row of trees standing on the shore (y grows upward from it)."""
    mask, shine = np.zeros_like(x), np.zeros_like(x)
    for px, tall, wide in [
        (0.06, 0.44, 0.050), (0.17, 0.36, 0.045), (0.30, 0.50, 0.052), (0.80, 0.46, 0.055), (0.93, 0.38, 0.055),
        (0.42, 0.22, 0.040), (0.67, 0.20, 0.045), (1.01, 0.50, 0.05),
    ]:  # fmt: skip
        h = np.clip(y / tall, 0, 1)
        half = wide * np.maximum(np.sin(np.pi * np.clip(h * 0.93 + 0.07, 0, 1)), 0) ** 0.6
        d = (x - px) + 0.018 * noise(x * 30, y * 30, 5) + 0.01 * noise(x * 70, y * 70, 6)
        inside = ((np.abs(d) < half) & (y > 0) & (y < tall)).astype(np.float32)
        shine = np.where(inside > 0, np.clip(0.5 + 0.6 * np.sign(0.55 - px) * d / (half + 1e-6), 0, 1), shine)
        mask = np.maximum(mask, inside)
    return mask, shine


def scene(n: int) -> tuple[Array, Array]:
    """Colors of the view, and the direction in which dots are laid."""
    x, y = grid(n)
    ripple = 0.016 * noise(x * 7, y * 70, 3) * smooth(SHORE, 0.9, y)
    up = np.where(y < SHORE, SHORE - y, (y - SHORE) * 0.92)
    lx = np.where(y < SHORE, x, x + ripple * 3)
    glow = np.exp(-(((lx - 0.55) / 0.30) ** 2 + ((up - 0.10) / 0.22) ** 2))
    sky = ramp(
        up / 0.56 + 0.10 * fbm(lx * 3, up * 9, 3, 1),
        [(0, "#ffc04a"), (0.16, "#ff9e5a"), (0.34, "#f2a0b4"), (0.6, "#a99ae0"), (1, "#3f6fcb")],
    )
    sky = mix(sky, rgb("#fff0a8"), glow * 0.85)
    streak = smooth(0.15, 0.5, fbm(lx * 2.2 + 3, up * 11, 3, 12)) * smooth(0.05, 0.2, up)
    sky = mix(sky, rgb("#ffd9c0"), 0.7 * streak)
    sun = np.hypot(lx - 0.55, up - 0.11) < 0.052
    sky = mix(sky, rgb("#fff6c8"), sun.astype(np.float32))
    hill = 0.10 + 0.05 * noise(lx * 3, lx * 0, 22) + 0.012 * noise(lx * 25, lx * 0, 23)
    sky = mix(sky, rgb("#6a55b5"), (up < hill).astype(np.float32))
    sky = mix(sky, rgb("#4a8a5a"), (up < 0.045 + 0.015 * noise(lx * 8, lx * 0, 24)).astype(np.float32))
    mask, shine = poplars(lx, up)
    leaf = ramp(shine, [(0, "#2a2878"), (0.35, "#1f6b5a"), (0.65, "#6aa83c"), (1, "#f2c84a")])
    view = sky * (1 - mask[..., None]) + leaf * mask[..., None]
    water = (y > SHORE).astype(np.float32)
    view = mix(view, mix(view * 0.82, rgb("#2f5fb0"), 0.30 + 0 * x), water)
    glint = smooth(0.25, 0.6, noise(x * 9, y * 90, 41)) * np.exp(-(((x - 0.55) / 0.13) ** 2)) * water
    view = mix(view, rgb("#ffe27a"), glint)
    bank = 0.86 + 0.06 * np.sin(x * 4 + 0.6) + 0.012 * noise(x * 20, x * 0, 51)
    grass = ramp(
        0.5 + 0.9 * fbm(x * 6, y * 12, 3, 52), [(0, "#3a2f86"), (0.35, "#2f7a55"), (0.7, "#7fb43c"), (1, "#e8d84a")]
    )
    view = np.where((y > bank)[..., None], grass, view)
    flower = (y > bank) & (noise(x * 45, y * 45, 55) > 0.42)
    view = np.where(
        flower[..., None], ramp(noise(x * 9, y * 9, 56) * 0.5 + 0.5, [(0, "#e2402f"), (1, "#f8b0c8")]), view
    )
    angle = np.where(mask > 0, 1.4, 0.25 * noise(x * 4, y * 4, 61)) + np.where(y > bank, 1.0, 0)
    return np.clip(view, 0, 1), angle.astype(np.float32)


def paint() -> Array:
    """The whole painting."""
    rng = np.random.default_rng(12)
    colors, angles = scene(512)
    paints = np.array([rgb(c) for c in PAINTS])
    canvas, relief = Image.new("RGB", (BIG, BIG), ink(rgb("#e8c58a"))), Image.new("L", (BIG, BIG), 0)
    pen, mound = ImageDraw.Draw(canvas), ImageDraw.Draw(relief)
    around = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], -1)
    for pitch, size, spread in [(19, 14.5, 0.08), (17, 11, 0.12), (20, 8.5, 0.20)]:
        points = scatter(pitch, rng)
        want = at(colors, points) + rng.normal(0, spread, (len(points), 3))
        mean = want.mean(-1, keepdims=True)
        want = mean + (want - mean) * 1.25
        pick = np.argmin(((want[:, None] - paints) ** 2).sum(-1), axis=1)
        paint_of = paints[pick] + rng.normal(0, 0.02, (len(points), 3))
        turn = at(angles, points) + rng.normal(0, 0.35, len(points))
        long = size * rng.uniform(0.8, 1.25, len(points)) * 1.18
        wide = size * rng.uniform(0.65, 0.95, len(points))
        for p, c, a, rx, ry in zip(points, paint_of, turn, long, wide, strict=True):
            rough = 1 + rng.normal(0, 0.07, 14)
            u, v = circle[:, 0] * rx * rough, circle[:, 1] * ry * rough
            co, si = np.cos(a), np.sin(a)
            ring = np.stack([u * co - v * si, u * si + v * co], -1)
            pen.polygon((p + ring).ravel().tolist(), fill=ink(c))
            for scale, level in ((1.0, 60), (0.8, 130), (0.5, 190)):
                mound.polygon((p + ring * scale).ravel().tolist(), fill=level)
    x, y = grid()
    height = blur(pixels(relief), 2, 2) * 6 + 0.8 * fbm(x * 220, y * 220, 2, 71)
    diffuse, shine = light(height, 0.55, 24)
    return pixels(canvas) * (0.55 + 0.45 * diffuse)[..., None] + 0.10 * smooth(0.5, 1, shine)[..., None]
