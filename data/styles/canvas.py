"""Pieces that the paintings share: noise, filters, distances, light on relief, and saving."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
HERE = Path(__file__).resolve().parent
SIZE = 1024  # pixels kept along each side
BIG = 2 * SIZE  # pixels drawn


def grid(n: int = BIG) -> tuple[Array, Array]:
    """Coordinates x, y of the pixel centers of an n x n picture, 0..1."""
    line = ((np.arange(n) + 0.5) / n).astype(np.float32)
    return np.broadcast_to(line[None], (n, n)).copy(), np.broadcast_to(line[:, None], (n, n)).copy()


def smooth(low: float, high: float, x: Array) -> Array:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Array, b: Array | Sequence[float], t: Array) -> Array:
    """Mix two colors (last axis RGB) by a mask without a color axis."""
    return a + (np.asarray(b, dtype=np.float32) - a) * t[..., None]


def noise(x: Array, y: Array, seed: int) -> Array:
    """Gradient noise (Perlin 1985), about -1..1, of any coordinates; its cells are 1 wide."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, (256, 256))
    gx, gy = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    xf, yf = np.floor(x), np.floor(y)
    fx, fy = (x - xf).astype(np.float32), (y - yf).astype(np.float32)
    x0, y0 = xf.astype(np.int32) & 255, yf.astype(np.int32) & 255
    x1, y1 = (x0 + 1) & 255, (y0 + 1) & 255
    u, v = fx * fx * fx * (fx * (fx * 6 - 15) + 10), fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    a = gx[y0, x0] * fx + gy[y0, x0] * fy
    b = gx[y0, x1] * (fx - 1) + gy[y0, x1] * fy
    c = gx[y1, x0] * fx + gy[y1, x0] * (fy - 1)
    d = gx[y1, x1] * (fx - 1) + gy[y1, x1] * (fy - 1)
    top = a + (b - a) * u
    return (top + (c + (d - c) * u - top) * v) * 1.5


def fbm(x: Array, y: Array, octaves: int, seed: int, gain: float = 0.5) -> Array:
    """Fractal sum of gradient noise, each octave turned against the last."""
    total, amplitude, norm = np.zeros(np.broadcast(x, y).shape, np.float32), 1.0, 0.0
    for i in range(octaves):
        total += amplitude * noise(x, y, seed + i)
        norm += amplitude
        amplitude *= gain
        x, y = 1.6 * x - 1.2 * y + 5.3, 1.2 * x + 1.6 * y + 1.7
    return total / norm


def sample(image: Array, x: Array, y: Array) -> Array:
    """Bilinear look-up at pixel coordinates, edges clamped."""
    h, w = image.shape[:2]
    x, y = np.clip(x, 0, w - 1.01), np.clip(y, 0, h - 1.01)
    xi, yi = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - xi).astype(np.float32), (y - yi).astype(np.float32)
    if image.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    top = image[yi, xi] * (1 - fx) + image[yi, xi + 1] * fx
    return top * (1 - fy) + (image[yi + 1, xi] * (1 - fx) + image[yi + 1, xi + 1] * fx) * fy


def blur(image: Array, radius: int, passes: int = 3) -> Array:
    """Box blurs along each axis; three of them are nearly a Gaussian."""
    width = 2 * radius + 1
    for axis in (0, 1) * passes:
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
        n = image.shape[axis]
        high = total[width:] if axis == 0 else total[:, width:]
        low = total[:n] if axis == 0 else total[:, :n]
        image = ((high - low) / width).astype(np.float32)
    return image


def distance(mask: Mask, reach: int) -> Array:
    """Euclidean distance to the nearest true pixel, cut off at `reach` (rows first, then columns)."""
    w = mask.shape[1]
    at = np.arange(w)
    left = np.maximum.accumulate(np.where(mask, at, -10 * w), axis=1)
    right = np.minimum.accumulate(np.where(mask, at, 10 * w)[:, ::-1], axis=1)[:, ::-1]
    row = np.minimum(np.minimum(at - left, right - at), reach + 1).astype(np.float32) ** 2
    best = row.copy()
    for dy in range(1, reach + 1):
        best[dy:] = np.minimum(best[dy:], row[:-dy] + dy * dy)
        best[:-dy] = np.minimum(best[:-dy], row[dy:] + dy * dy)
    return np.minimum(np.sqrt(best), reach)


def edges(labels: NDArray[np.int32]) -> Mask:
    """Pixels whose right or lower neighbor has another label."""
    out = np.zeros(labels.shape, bool)
    out[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    out[:-1] |= labels[:-1] != labels[1:]
    return out


def light(height: Array, strength: float, gloss: float = 20.0) -> tuple[Array, Array]:
    """Diffuse (about 1 on flat ground) and specular light on a relief, from the upper left."""
    gy, gx = np.gradient(height * strength)
    size = 1.0 / np.sqrt(gx * gx + gy * gy + 1.0)
    sun = np.array([-0.48, -0.60, 0.64], np.float32)
    half = sun + np.array([0, 0, 1], np.float32)
    half /= np.sqrt((half * half).sum())
    diffuse = np.clip((-gx * sun[0] - gy * sun[1] + sun[2]) * size / sun[2], 0, None)
    shine = np.clip((-gx * half[0] - gy * half[1] + half[2]) * size, 0, 1) ** gloss
    return diffuse.astype(np.float32), shine.astype(np.float32)


def ramp(t: Array, stops: Sequence[tuple[float, str]]) -> Array:
    """Colors along a list of (position, "#rrggbb")."""
    at = [s[0] for s in stops]
    colors = np.array([rgb(s[1]) for s in stops])
    return np.stack([np.interp(t, at, colors[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def rgb(code: str) -> Array:
    """A "#rrggbb" color as floats 0..1."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def scatter(pitch: float, rng: np.random.Generator) -> Array:
    """Points of a jittered grid over the picture and a little beyond, in random order: (n, 2) pixels x, y."""
    line = np.arange(-pitch, BIG + pitch, pitch)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return rng.permutation(points + rng.uniform(-0.5, 0.5, points.shape) * pitch).astype(np.float32)


def at(field: Array, points: Array) -> Array:
    """Values of a field of any size (first axis y) under points (n, 2) in pixels of the picture drawn."""
    n = field.shape[0]
    i = np.clip(points * n / BIG, 0, n - 1).astype(np.int32)
    return field[i[:, 1], i[:, 0]]


def ink(color: Array) -> tuple[int, int, int]:
    """A color 0..1 as Pillow takes it."""
    r, g, b = (np.clip(color, 0, 1) * 255 + 0.5).astype(int).tolist()
    return r, g, b


def pixels(image: Image.Image) -> Array:
    """A Pillow picture as floats 0..1."""
    return np.asarray(image, dtype=np.float32) / 255


def save(picture: Array, name: str, limit: int = 500_000) -> None:
    """Shrink to SIZE and write NAME.jpg, at the best quality (92 or less) that fits in `limit` bytes."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    for quality in range(92, 60, -2):
        data = BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= limit:
            break
    (HERE / f"{name}.jpg").write_bytes(data.getvalue())
