"""`flow`: oil paint in long strokes along a stream of vortices.

Painterly rendering after Litwinowicz (1997) and Hertzmann (1998): an underpainting is covered by curved
strokes, layer upon layer from broad to fine. The stream function that steers the strokes also chooses the
colors, so bands of one color run along the current like the bands of an agate. Every stroke has its own
bristles, which leave ridges in a height map; the relief is lit at the end (impasto).
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, light, ramp, sample, smooth

PALETTE = [
    (0.00, "#0b1430"),
    (0.13, "#12275a"),
    (0.26, "#16527f"),
    (0.38, "#1f8592"),
    (0.48, "#7dbcae"),
    (0.56, "#f0e4c0"),
    (0.64, "#e9b949"),
    (0.74, "#c9761f"),
    (0.84, "#8c3318"),
    (0.92, "#3d1a2b"),
    (1.00, "#0f1836"),
]
VORTICES = [  # x, y, strength, core
    (0.63, 0.37, 1.00, 0.16),
    (0.20, 0.68, -0.80, 0.15),
    (0.86, 0.86, 0.62, 0.13),
    (0.13, 0.13, 0.55, 0.12),
    (0.50, 0.98, -0.45, 0.11),
    (1.02, 0.10, -0.55, 0.13),
]


def stream(x: Array, y: Array) -> Array:
    """Stream function: vortices in a drifting, slightly turbulent current."""
    psi = 0.55 * (y - 0.35 * x) + 0.16 * fbm(x * 1.7 + 4, y * 1.7, 3, 11)
    for vx, vy, strength, core in VORTICES:
        r2 = (x - vx) ** 2 + (y - vy) ** 2
        psi = psi - 0.24 * strength * np.log(r2 + core * core)
    return psi


def underpainting(n: int) -> tuple[Array, Array]:
    """Place in the palette and stroke direction of every point of an n x n picture."""
    x, y = grid(n)
    psi = stream(x, y)
    gy, gx = np.gradient(psi)
    angle = np.arctan2(-gx, gy).astype(np.float32)
    t = psi * 2.45 + 0.10 * fbm(x * 5, y * 5, 3, 21) + 0.18 * fbm(x * 1.3, y * 1.3, 2, 25)
    return np.abs(((t * 0.5 + 0.36) % 1.0) * 2 - 1), angle


def stroke(
    picture: Array,
    height: Array,
    path: Array,
    width: float,
    color: Array,
    rng: np.random.Generator,
    level: float,
) -> None:
    """Drag a loaded brush along `path` (n x 2 pixels): opaque bristle tracks, ridged edges, a dry tail."""
    n = len(path)
    step = np.gradient(path, axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True) + 1e-6
    across = max(5, int(width * 1.7))
    t = np.linspace(-1, 1, across, dtype=np.float32)
    bristle = rng.standard_normal(across)
    bristle = np.convolve(np.pad(bristle, 2, mode="edge"), [0.2, 0.6, 1.0, 0.6, 0.2], "valid").astype(np.float32)
    along = np.linspace(0, 1, n, dtype=np.float32)
    swell = np.minimum(1.0, 0.55 + 3.5 * along) * np.minimum(1.0, 0.35 + 2.6 * (1 - along)) * width / 2
    px = path[:, :1] - step[:, 1:] * t * swell[:, None]
    py = path[:, 1:] + step[:, :1] * t * swell[:, None]
    start = 0.05 * np.abs(bristle) + 0.03 * t * t
    stop = 1.0 - 0.16 * np.abs(bristle + 0.4) - 0.06 * t * t
    keep = (along[:, None] >= start) & (along[:, None] <= stop)
    keep &= (px >= 0) & (px < picture.shape[1]) & (py >= 0) & (py < picture.shape[0])
    xi, yi = px[keep].astype(np.int32), py[keep].astype(np.int32)
    streak = (0.055 * bristle)[None] * (0.5 + 0.5 * along[:, None])
    streak = np.broadcast_to(streak, keep.shape)[keep]
    picture[yi, xi] = color * (1 + streak[:, None]) + 0.25 * streak[:, None]
    edge = np.abs(t) ** 5 * 0.9
    relief = (0.55 * bristle + edge)[None] * (1.1 - 0.5 * along[:, None]) + 1.6 * np.exp(-(((1 - along) / 0.05) ** 2))[
        :, None
    ]
    height[yi, xi] = level + np.broadcast_to(relief, keep.shape)[keep]


def paint() -> Array:
    """The whole painting."""
    rng = np.random.default_rng(7)
    tones, angles = underpainting(512)
    colors = ramp(tones, PALETTE)
    shade = 512 / BIG
    picture = blur(np.repeat(np.repeat(colors, 4, 0), 4, 1), 6) * 0.8
    height = np.zeros((BIG, BIG), np.float32)
    for layer, (width, length, count) in enumerate(
        [(70, 430, 900), (46, 380, 2000), (30, 320, 3000), (17, 240, 3600), (9, 180, 2400)]
    ):
        starts = rng.uniform(-40, BIG + 40, (count, 2)).astype(np.float32)
        size = np.exp(rng.normal(0, 0.22, count))
        spacing = 1.6
        steps = int(length * 1.35 / spacing)
        path = np.empty((count, steps, 2), np.float32)
        here, wobble = starts.copy(), rng.normal(0, 0.10, count).astype(np.float32)
        for k in range(steps):  # all strokes of a layer are traced together
            path[:, k] = here
            a = sample(np.cos(angles), here[:, 0] * shade, here[:, 1] * shade)
            b = sample(np.sin(angles), here[:, 0] * shade, here[:, 1] * shade)
            turn = np.arctan2(b, a) + wobble
            here = here + spacing * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        for i in range(count):
            n = int(steps * np.clip(rng.normal(0.72, 0.2), 0.25, 1.0))
            mid = path[i, n // 2] * shade
            mx, my = np.clip(mid, 0, 511).astype(int)
            place = np.array([np.clip(tones[my, mx] + rng.normal(0, 0.045), 0, 1)])
            tone = ramp(place, PALETTE)[0]  # a stroke may take its paint from a neighboring band
            shift = rng.normal(0, 0.06) * (0.4 + tone.mean()) + rng.normal(0, 0.022, 3)
            if layer >= 2 and rng.random() < 0.12:
                shift = shift + rng.choice([-0.14, 0.17]) * (0.4 + tone.mean()) * np.array([1.0, 0.95, 0.8])
            tone = np.clip(tone + shift, 0.01, 1.0).astype(np.float32)
            stroke(picture, height, path[i, :n], width * size[i], tone, rng, 0.25 * layer)
    return varnish(picture, height)


def varnish(picture: Array, height: Array) -> Array:
    """Light the relief of the paint and add the weave of the canvas."""
    x, y = grid()
    weave = np.sin(x * 2 * np.pi * 330) * np.sin(y * 2 * np.pi * 330) * (0.6 + 0.4 * fbm(x * 60, y * 60, 2, 91))
    relief = blur(height, 1, 1) + 0.10 * weave + 0.35 * blur(height, 5)
    diffuse, shine = light(relief, 0.95, 26)
    lit = picture * (0.42 + 0.58 * diffuse)[..., None]
    lit = lit + (smooth(0.55, 1.0, shine) * 0.10)[..., None] * np.array([1.0, 0.97, 0.9], np.float32)
    lit = np.clip(lit, 0, 1)
    return lit + 0.18 * (lit * lit * (3 - 2 * lit) - lit)
