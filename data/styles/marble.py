"""`marble`: combed marbled paper, as in the endpapers of old books.

After Lu, Jaffer et al., "Mathematical Marbling" (2012): a drop of ink on the size pushes all earlier ink
outward, a tine drags it along, a stylus turns it; all keep areas. Every point of the sheet is carried back
through these steps, last first, until it lies in the drop that inked it, or in the bands laid first: rings
of drops, a coarse comb, a fine comb across it, and curls.
"""

from __future__ import annotations

import numpy as np
from canvas import Array, blur, edges, fbm, grid, light, mix, rgb
from numpy.typing import NDArray

INKS = ["#7c1527", "#f3e3c3", "#0f4a52", "#d9962f", "#1b1420", "#e58a78", "#f6ead0", "#2f8f86", "#a8321f"]
CURLS = [
    (0.24, 0.27, 0.13, 3.4), (0.76, 0.22, 0.12, -3.2), (0.50, 0.56, 0.15, -3.8), (0.18, 0.80, 0.13, -3.3),
    (0.83, 0.79, 0.14, 3.6), (0.52, 0.02, 0.09, 2.6), (0.50, 0.97, 0.08, 2.6),
]  # fmt: skip


def comb(across: Array, spacing: float, pull: float, sharp: float) -> Array:
    """How far tines `spacing` apart have dragged the ink, every other one the other way."""
    wave = np.cos(np.pi * across / spacing)
    return pull * wave * np.abs(wave) ** sharp


def uncurl(x: Array, y: Array, curl: tuple[float, float, float, float]) -> tuple[Array, Array]:
    """Points before they were turned round (x, y), most within a radius, by an angle."""
    dx, dy = x - curl[0], y - curl[1]
    a = -curl[3] * np.exp(-(dx * dx + dy * dy) / curl[2] ** 2)
    co, si = np.cos(a), np.sin(a)
    return curl[0] + dx * co - dy * si, curl[1] + dx * si + dy * co


def inked(x: Array, y: Array, rng: np.random.Generator) -> NDArray[np.int32]:
    """Ink under points of the uncombed sheet."""
    spots = [(i + 0.5 * (j % 2), j * 0.86) for j in range(-1, 6) for i in range(-1, 5)]
    centers = np.array(spots) / 3.6 + rng.normal(0, 0.03, (len(spots), 2))
    labels = np.zeros(x.size, np.int32)
    left = np.arange(x.size)
    px, py = x.ravel(), y.ravel()
    for ring in range(5):  # the last ring of drops first
        for k in rng.permutation(len(centers)):
            cx, cy = (centers[k] + rng.normal(0, 0.012, 2)).astype(np.float32)
            radius = float(rng.uniform(0.045, 0.068)) + 0.006 * ring
            color = (ring + int(k) * 2 + int(rng.integers(3))) % len(INKS)
            dx, dy = px - cx, py - cy
            q = radius * radius / (dx * dx + dy * dy + np.float32(1e-12))
            inside = q >= 1
            labels[left[inside]] = color
            out = ~inside
            left, q = left[out], np.sqrt(1 - q[out])
            px, py = cx + dx[out] * q, cy + dy[out] * q
    labels[left] = np.array([2, 0, 4, 2, 7])[np.floor(px * 9 + 2 * np.sin(py * 8)).astype(np.int32) % 5]
    return labels.reshape(x.shape)


def paint() -> Array:
    """The whole sheet."""
    rng = np.random.default_rng(5)
    u, v = grid()
    for curl in CURLS[::-1]:
        u, v = uncurl(u, v, curl)
    v = v - comb(u + 0.01, 0.050, 0.055, 1.5)
    u = u - comb(v + 0.03, 0.125, 0.13, 2.0)
    labels = inked(u, v, rng)
    x, y = grid()
    picture = np.array([rgb(c) for c in INKS])[labels]
    cloud, grain = fbm(x * 9, y * 9, 3, 3), fbm(x * 300, y * 300, 2, 8)
    picture = picture * (1 + 0.16 * cloud + 0.13 * grain)[..., None]
    rim = blur(edges(labels).astype(np.float32), 2, 2)
    picture = mix(picture, rgb("#2a1a1c"), np.clip(rim * 0.9, 0, 0.5))
    wash = blur(picture, 3, 2)  # ink bleeds a little into its neighbors
    picture = 0.75 * picture + 0.25 * wash
    specks = fbm(x * 120, y * 120, 2, 17) > 0.62  # spots where ox gall kept the ink away
    picture = mix(picture, rgb("#f6ead0"), blur(specks.astype(np.float32), 1, 1) * 0.75)
    diffuse, _ = light(fbm(x * 160, y * 160, 3, 31), 1.1)
    return picture * (0.84 + 0.16 * diffuse)[..., None]
