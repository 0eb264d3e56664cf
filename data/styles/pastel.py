"""`pastel`: lavender fields under an evening sky, in soft pastel on dark plum paper.

Strokes with the flat and the edge of a stick, coat upon coat. Chalk catches on the tooth of the paper: each
coat covers only where its pressure exceeds the depth of the grain, so the paper and the coats below sparkle
through. Broad tones are rubbed with a finger first; accents lie on top, pressed hard and thick.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, at, blur, fbm, grid, ink, light, mix, noise, pixels, ramp, rgb, scatter, smooth
from PIL import Image, ImageDraw

PAPER = rgb("#3b2a3f")
HILLS = [  # height of the crest, seed, far and near color
    (0.43, 3, "#8f86d8", "#b7a2e6"), (0.475, 5, "#6a78c8", "#94b4d8"), (0.53, 7, "#5f8f8a", "#a8cfa0"),
]  # fmt: skip


def scene(n: int) -> tuple[Array, Array]:
    """Colors of the view and the direction of strokes."""
    x, y = grid(n)
    swirl = fbm(x * 2.6, y * 5.5, 4, 1)
    view = ramp(
        y / 0.46 + 0.22 * swirl,
        [(0, "#5a6fd0"), (0.22, "#8fa4ee"), (0.42, "#c8a8ea"), (0.62, "#ffa9b4"), (0.8, "#ffc08a"), (1, "#ffe6a0")],
    )
    cloud = smooth(0.02, 0.30, fbm(x * 3 + 2, y * 7, 4, 11) - 0.15 * smooth(0.3, 0.45, y))
    lit = ramp(0.5 + 1.6 * fbm(x * 3 + 2, (y + 0.02) * 7, 3, 11), [(0, "#fff0c8"), (0.5, "#ffb3a0"), (1, "#a884d8")])
    view = mix(view, lit, cloud * 0.9)
    sun = np.exp(-(((x - 0.66) / 0.11) ** 2 + ((y - 0.385) / 0.09) ** 2))
    view = mix(view, rgb("#fff6cf"), np.clip(1.25 * sun, 0, 1))
    angle = 0.25 + 1.2 * swirl
    for crest, seed, far, near in HILLS:
        top = crest + 0.05 * noise(x * 2.4, x * 0, seed) + 0.012 * noise(x * 12, x * 0, seed + 1)
        hill = y > top
        tone = np.clip((y - top) / 0.09 + 0.5 * fbm(x * 8, y * 16, 2, seed), 0, 1)
        view = np.where(hill[..., None], ramp(tone, [(0, far), (1, near)]), view)
        angle = np.where(hill, 0.5 * noise(x * 3, y * 3, seed) + 0.2, angle)
    field = y > 0.575 + 0.02 * np.sin(x * 5)
    depth = np.clip((y - 0.53) / 0.47, 0.02, 1)
    run = (x - 0.60) / (depth + 0.06)  # rows meet at a point on the skyline
    row = np.abs((run * 1.35 + 0.05 * noise(x * 9, y * 9, 31)) % 1 - 0.5) * 2
    crop = ramp(
        row + 0.25 * fbm(x * 22, y * 22, 2, 33),
        [(0, "#d8e07a"), (0.16, "#6fa05a"), (0.30, "#4a3a9c"), (0.55, "#8450d0"), (0.8, "#c07cf0"), (1, "#f0b0f4")],
    )
    warm = np.exp(-(((x - 0.64) / 0.35) ** 2)) * smooth(0.85, 0.5, y)
    crop = mix(crop, rgb("#ff9d7a"), 0.45 * warm)
    view = np.where(field[..., None], crop, view)
    angle = np.where(field, np.arctan2(depth + 0.06, (x - 0.60)), angle)
    for cx, base, size in ((0.13, 0.60, 0.15), (0.27, 0.585, 0.085), (0.90, 0.59, 0.115), (0.40, 0.565, 0.045)):
        ragged = 1 + 0.25 * noise(x * 30, y * 30, 41)
        tree = np.hypot((x - cx) / 0.62, y - base + size) < size * ragged
        shine = np.clip(0.5 + (x - cx) / size * (1 if cx < 0.66 else -1) * 0.6 - (y - base + size) / size * 0.45, 0, 1)
        leaf = ramp(shine, [(0, "#2a2f66"), (0.4, "#2f7066"), (0.75, "#9cba5a"), (1, "#ffd07a")])
        trunk = (np.abs(x - cx) < size * 0.09) & (y > base - size * 0.2) & (y < base + 0.015)
        view = np.where(tree[..., None], leaf, np.where(trunk[..., None], rgb("#3a2450"), view))
        angle = np.where(tree, 1.9 + 0.8 * noise(x * 12, y * 12, 43), angle)
    return np.clip(view, 0, 1), angle.astype(np.float32)


def paint() -> Array:
    """The whole sheet."""
    rng = np.random.default_rng(23)
    colors, angles = scene(512)
    x, y = grid()
    tooth = 0.75 * fbm(x * 190, y * 190, 2, 61) + 0.35 * fbm(x * 75, y * 75, 2, 65)
    big = blur(np.repeat(np.repeat(colors, 4, 0), 4, 1), 10)
    rubbed = smooth(-0.55, 0.35, 0.25 + 0.5 * fbm(x * 4, y * 4, 2, 67) - tooth)
    picture = mix(np.broadcast_to(PAPER, (BIG, BIG, 3)).astype(np.float32), big * 0.86, 0.80 * rubbed)
    thick = 0.2 * rubbed
    for pitch, long, wide, press, spread in [
        (46, 150, 52, 0.12, 0.05), (38, 125, 34, 0.10, 0.06), (32, 105, 22, 0.16, 0.075), (40, 85, 14, 0.34, 0.09),
        (74, 60, 11, 0.75, 0.07),
    ]:  # fmt: skip
        chalk, cover = Image.new("RGB", (BIG, BIG)), Image.new("L", (BIG, BIG), 0)
        pen, mark = ImageDraw.Draw(chalk), ImageDraw.Draw(cover)
        points = scatter(pitch, rng)
        tones = at(colors, points)
        for p, tone, a in zip(points, tones, at(angles, points), strict=True):
            turn = a + rng.normal(0, 0.16)
            d = np.array([np.cos(turn), np.sin(turn)]) * long * rng.uniform(0.3, 0.62)
            bow = np.array([-d[1], d[0]]) * rng.normal(0, 0.10)
            width = wide * rng.uniform(0.6, 1.2)
            side = np.array([-d[1], d[0]]) / np.hypot(*d) * width / 2
            skew = d / np.hypot(*d) * rng.normal(0, width * 0.3)
            shape = [p - d + side + skew, p + bow + side, p + d + side + skew, p + d - side - skew, p + bow - side,
                     p - d - side - skew]  # fmt: skip
            shade = tone * (1 + rng.normal(0, spread)) + rng.normal(0, spread * 0.6, 3)
            if rng.random() < 0.10:  # a stick of another hue
                shade = shade + rng.choice([-0.12, 0.13]) * np.array([1.0, -0.2, -0.8])
            flat = np.array(shape).ravel().tolist()
            pen.polygon(flat, fill=ink(shade))
            mark.polygon(flat, fill=int(rng.uniform(120, 255)))
        force = blur(pixels(cover), 2, 1)
        drag = 0.30 * noise(x * 70 + 3 * y, y * 70, 71)
        grip = smooth(-0.10, 0.16, force * (0.55 + press) - 0.42 - tooth * 0.95 - drag) * (force > 0.05)
        picture = mix(picture, blur(pixels(chalk), 1, 1), 0.93 * grip)
        thick = thick * (1 - 0.6 * grip) + grip * (0.5 + 0.5 * press)
    diffuse, _ = light(blur(thick, 1, 1) * 2.2 - 0.7 * tooth, 0.75)
    dust = 1 + 0.05 * fbm(x * 400, y * 400, 1, 81)
    return picture * ((0.72 + 0.28 * diffuse) * dust)[..., None]
