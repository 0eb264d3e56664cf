"""Content images made on the fly, for training without photos.

Dead leaves: discs, ellipses and polygons with a power law of sizes cover one another, which gives the scale
invariance and the sharp occlusions of natural scenes (Lee, Mumford and Huang 2001; Baradad et al. 2021,
"Learning to See by Looking at Noise", arXiv 2106.05963). Each leaf carries a gradient and a grain of its own.
"""

from __future__ import annotations

import numpy as np


def dead_leaves(rng: np.random.Generator, size: int) -> np.ndarray:
    """One image, uint8 RGB `[size, size, 3]`; the same generator state gives the same image everywhere."""
    palette = rng.uniform(0, 1, (6, 1)) ** rng.uniform(0.6, 1.6) + rng.normal(0, 0.12, (6, 3))
    canvas = np.empty((size, size, 3), np.float32)
    canvas[:] = palette[0]
    _shade(rng, canvas, np.ones((size, size), np.float32), palette)
    # Radii with density ∝ r⁻³ between the bounds: the law under which occluding leaves are scale invariant.
    smallest, largest = 0.012 * size, 0.45 * size
    count = int(rng.integers(60, 220))
    u = rng.uniform(0, 1, count)
    radii = np.sort((smallest**-2 - u * (smallest**-2 - largest**-2)) ** -0.5)[::-1]
    order = np.argsort(-radii * rng.uniform(0.3, 1.0, count))
    for radius in radii[order]:
        _paint_leaf(rng, canvas, float(radius), palette)
    noise = rng.normal(0, rng.uniform(0, 0.02), canvas.shape)
    return np.clip((canvas + noise) * 255 + 0.5, 0, 255).astype(np.uint8)


def _paint_leaf(rng: np.random.Generator, canvas: np.ndarray, radius: float, palette: np.ndarray) -> None:
    size = canvas.shape[0]
    cx, cy = rng.uniform(-0.1 * size, 1.1 * size, 2)
    reach = int(np.ceil(radius * 1.8)) + 1
    x0, x1 = max(0, int(cx) - reach), min(size, int(cx) + reach + 1)
    y0, y1 = max(0, int(cy) - reach), min(size, int(cy) + reach + 1)
    angle, aspect, corners = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.0), int(rng.integers(2, 7))
    if x0 >= x1 or y0 >= y1:
        return
    dx = np.arange(x0, x1, dtype=np.float32)[None, :] - cx
    dy = np.arange(y0, y1, dtype=np.float32)[:, None] - cy
    u = dx * np.cos(angle) + dy * np.sin(angle)
    v = (dy * np.cos(angle) - dx * np.sin(angle)) / aspect
    if corners == 2:
        distance = np.hypot(u, v)
    else:
        sides = np.arange(corners) * (2 * np.pi / corners)
        distance = np.max([u * np.cos(a) + v * np.sin(a) for a in sides], axis=0) * 1.2
    softness = 0.7 if rng.uniform() < 0.8 else float(rng.uniform(1, 0.3 * radius + 1))
    mask = np.clip((radius - distance) / softness + 0.5, 0, 1).astype(np.float32)
    _shade(rng, canvas[y0:y1, x0:x1], mask, palette)


def _shade(rng: np.random.Generator, region: np.ndarray, mask: np.ndarray, palette: np.ndarray) -> None:
    """Blends a colour with a gradient, stripes or grain into `region` (float RGB), in place."""
    height, width = mask.shape
    colour = palette[rng.integers(len(palette))] + rng.normal(0, 0.06, 3)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    gx, gy = rng.normal(0, 0.12, 2)
    light = gx * x + gy * y
    kind = rng.uniform()
    if kind < 0.25:
        frequency, turn, phase = rng.uniform(2, 24), rng.uniform(0, np.pi), rng.uniform(0, 6)
        light = light + rng.uniform(0.02, 0.2) * np.sin(frequency * (x * np.cos(turn) + y * np.sin(turn)) + phase)
    elif kind < 0.6:
        light = light + _grain(rng, height, width) * rng.uniform(0.03, 0.2)
    fill = colour.astype(np.float32) + light[..., None].astype(np.float32)
    region += mask[..., None] * (fill - region)


def _grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise of a random coarseness, `[height, width]`, of about unit variance."""
    cell = int(rng.integers(1, 6))
    noise = rng.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
    return np.kron(noise, np.ones((cell, cell), np.float32))[:height, :width]
