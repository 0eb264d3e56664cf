"""Mountains in the morning, a city at night, and a sunflower: layers of height fields, boxes with windows, petals.

The mountains are ridges of fractal noise that pale with distance (aerial perspective); the city is rows of boxes whose
windows are lit at random, mirrored in rippled water; the flower's seeds follow the golden angle (Vogel 1979).
"""

from __future__ import annotations

import numpy as np
from render import Array, H, W, blur, draw_sky, fbm, lerp, noise, smooth

ROWS, COLS = (axis.astype(float) for axis in np.indices((H, W)))


def paint_mountains() -> Array:
    """Seven ridges, the far ones in mist, below a sky at sunrise."""
    height = ROWS / H
    picture = lerp(np.broadcast_to((0.30, 0.45, 0.72), (H, W, 3)), (1.0, 0.72, 0.48), smooth(0.05, 0.52, height))
    sun = np.hypot(COLS - 0.68 * W, ROWS - 0.34 * H)
    picture = picture + np.exp(-((sun / 190) ** 2))[..., None] * (0.45, 0.30, 0.10)
    picture = lerp(picture, (1.25, 1.08, 0.82), 1 - smooth(40, 48, sun))
    for number in range(7):
        near = number / 6
        x = COLS[0] / (420 - 30 * number)
        ridge = fbm(x + 19.3 * number, np.full(W, 3.1 * number), 7, seed=40 + 9 * number, gain=0.52)
        top = (0.40 + 0.085 * number) * H - (150 - 4 * number) * (ridge + 0.25)
        inside = smooth(-1.0, 1.0, ROWS - top[None])
        texture = fbm(COLS / 38, ROWS / 22, 5, seed=300 + number)
        color = np.array((0.62, 0.60, 0.72)) * (1 - near) + np.array((0.05, 0.10, 0.08)) * near
        light = 1 + 0.35 * (0.3 + near) * texture
        mist = smooth(0, 230, ROWS - top[None]) * (1 - near) * 0.75
        land = lerp(color * light[..., None], (0.98, 0.80, 0.66), mist)
        picture = picture + (land - picture) * inside[..., None]
    return picture


def paint_city() -> Array:
    """A skyline with lit windows, and its lights in the water."""
    rng = np.random.default_rng(11)
    shore = 620
    picture = lerp(np.broadcast_to((0.03, 0.05, 0.14), (H, W, 3)), (0.46, 0.25, 0.32), smooth(0.1, 0.72, ROWS / H))
    picture = picture + 0.06 * np.clip(fbm(COLS / 300, ROWS / 90, 5, seed=3), 0, 1)[..., None]
    picture[rng.random((H, W)) > 0.9996] += 0.6
    moon = np.hypot(COLS - 250, ROWS - 170)
    picture = picture + np.exp(-((moon / 90) ** 2))[..., None] * (0.25, 0.25, 0.22)
    picture = lerp(picture, (1.1, 1.05, 0.9), 1 - smooth(44, 48, moon))
    for layer in range(3):
        left = -30.0
        while left < W:
            width = float(rng.integers(46, 120))
            top = shore - rng.integers(70, 210) - (2 - layer) * 95 - 130 * np.exp(-(((left - 760) / 210) ** 2))
            box = (left <= COLS) & (left + width > COLS) & (top <= ROWS) & (shore > ROWS)
            wall = np.array((0.16, 0.13, 0.20)) * (1 - 0.3 * layer) * rng.uniform(0.7, 1.2)
            picture[box] = wall
            # A window is a cell of 12 by 16 pixels, lit or not.
            column, row = ((COLS - left) // 12).astype(int), ((ROWS - top) // 16).astype(int)
            lit = rng.random((80, 40)) < 0.42
            glass = ((COLS - left) % 12 > 4) & ((ROWS - top) % 16 > 6) & (column * 12 + 12 < width) & (row > 0)
            on = box & glass & lit[np.clip(row, 0, 79), np.clip(column, 0, 39)]
            warmth = rng.random((80, 40))[np.clip(row, 0, 79), np.clip(column, 0, 39)][..., None]
            picture = np.where(on[..., None], warmth * (1.25, 0.85, 0.40) + (1 - warmth) * (0.75, 0.85, 1.0), picture)
            left += width + float(rng.integers(-8, 14))
    ripple = noise(COLS / 46, (ROWS - shore) / 5.5, seed=8)[0] * (3 + (ROWS - shore) / 16)
    mirrored = np.clip(2 * shore - ROWS + ripple, 0, shore - 1).astype(int)
    across = np.clip(COLS + 2.2 * ripple, 0, W - 1).astype(int)
    water = blur(picture, 1)[mirrored, across] * 0.68 + np.array((0.01, 0.02, 0.05))
    return np.where((shore <= ROWS)[..., None], water, picture)


def paint_sunflower() -> Array:
    """A sunflower before a blurred meadow."""
    sky = draw_sky()
    meadow = np.array((0.16, 0.34, 0.10)) * (1 + 0.55 * fbm(COLS / 90, ROWS / 60, 4, seed=21))[..., None]
    picture = blur(sky + (meadow - sky) * smooth(0.50, 0.62, ROWS / H)[..., None], 16)
    center = np.array((640.0, 470.0))
    stem = np.abs(COLS - 640 - 40 * np.sin((ROWS - 470) / 260))
    green = np.array((0.20, 0.42, 0.12)) * (1.25 - stem / 40)[..., None]
    picture = np.where(((stem < 20) & (ROWS > 470))[..., None], green, picture)
    dx, dy = COLS - center[0], (ROWS - center[1]) * 1.06
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    for ring, (count, reach, shift) in enumerate(((21, 372.0, 0.1), (21, 345.0, 0.25), (17, 305.0, 0.0))):
        for petal in range(count):
            at = 2 * np.pi * petal / count + shift + 0.06 * np.sin(7.3 * petal + ring)
            length = reach * (1 + 0.08 * np.sin(3.7 * petal + 2 * ring))
            turn = np.angle(np.exp(1j * (angle - at)))
            along = radius * np.cos(turn) / length
            half = 46 * np.sqrt(np.clip(np.sin(np.pi * np.clip(along, 0, 1) ** 0.8), 0, 1))
            off = radius * np.sin(turn) / np.maximum(half, 1e-3)
            inside = (along > 0.2) & (along < 1) & (np.abs(off) < 1) & (np.abs(turn) < 1.2)
            vein = 1 + 0.10 * np.sin(off * 11 + 2 * noise(COLS / 30, ROWS / 30, seed=petal)[0])
            light = (0.62 + 0.38 * along + 0.14 * ring - 0.18 * off * np.sign(np.cos(at))) * vein
            color = np.stack([1.06 * light, (0.62 + 0.16 * along) * light, 0.06 * light], -1)
            picture = np.where(inside[..., None], color, picture)
    disk = radius < 170
    picture = np.where(disk[..., None], np.array((0.13, 0.07, 0.03)) * (1.3 - radius / 260)[..., None], picture)
    for seed in range(900):
        r, theta = 5.55 * np.sqrt(seed), seed * np.pi * (3 - np.sqrt(5))
        x, y = center[0] + r * np.cos(theta), center[1] + r * np.sin(theta) / 1.06
        size = 3.2 + 1.6 * r / 170
        rows = slice(max(0, int(y - 7)), int(y + 8))
        columns = slice(max(0, int(x - 7)), int(x + 8))
        ball = np.hypot(COLS[rows, columns] - x, ROWS[rows, columns] - y) / size
        shine = np.clip(1 - np.hypot(COLS[rows, columns] - x + 1.5, ROWS[rows, columns] - y + 1.5) / size, 0, 1)
        tone = np.array((0.30, 0.17, 0.06)) if r < 95 else np.array((0.52, 0.30, 0.08))
        patch = picture[rows, columns]
        picture[rows, columns] = np.where((ball < 1)[..., None], tone * (0.5 + 1.6 * shine)[..., None], patch)
    return picture
