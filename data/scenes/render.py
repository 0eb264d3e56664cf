"""Pieces that the scenes share: noise, filters, an evening sky, rippled water, a sheet to draw on, and film.

The clouds are ray-marched through a slab of billow noise (Perlin 1985; octaves of its absolute value), with
a short march toward the sun at every step for their own shadow.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.float64]
Color = tuple[float, float, float]
HERE = Path(__file__).resolve().parent

W, H = 1280, 960  # drawn at twice the size that is kept
HORIZON, FOCAL, EYE = 500.0, 1250.0, 0.03  # pixels, pixels, km above the water
SUN = np.array([-0.74, 0.40, -0.42]) / np.linalg.norm([-0.74, 0.40, -0.42])
SUN_RGB = np.array([1.30, 0.98, 0.68])
SKY_RGB = np.array([0.34, 0.47, 0.70])


def smooth(low: float, high: float, x: Array) -> Array:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def lerp(a: Array, b: Array | Color, t: Array) -> Array:
    """Mix two colors by a mask without a color axis."""
    return a + (np.asarray(b) - a) * t[..., None]


def noise(x: Array, y: Array, seed: int = 0) -> tuple[Array, Array, Array]:
    """Value noise in -1..1 on a hashed lattice, with its two derivatives."""
    table = np.random.default_rng(seed).uniform(-1.0, 1.0, (256, 256))
    xi, yi = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - xi, y - yi
    u, v = fx * fx * fx * (fx * (fx * 6 - 15) + 10), fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    du, dv = 30 * fx * fx * (fx - 1) ** 2, 30 * fy * fy * (fy - 1) ** 2
    x0, x1, y0, y1 = xi & 255, (xi + 1) & 255, yi & 255, (yi + 1) & 255
    a, b, c, d = table[y0, x0], table[y0, x1], table[y1, x0], table[y1, x1]
    k = a - b - c + d
    return a + (b - a) * u + (c - a) * v + k * u * v, du * (b - a + k * v), dv * (c - a + k * u)


def fbm(x: Array, y: Array, octaves: int, seed: int = 0, gain: float = 0.5) -> Array:
    """Fractal sum of noise, about -1..1, each octave rotated against the last."""
    total, amplitude, norm = np.zeros(np.broadcast(x, y).shape), 1.0, 0.0
    for i in range(octaves):
        total += amplitude * noise(x, y, seed + i)[0]
        norm += amplitude
        amplitude *= gain
        x, y = 1.6 * x - 1.2 * y + 5.3, 1.2 * x + 1.6 * y + 1.7
    return total / norm


def sample(image: Array, x: Array, y: Array) -> Array:
    """Bilinear look-up with clamped edges."""
    h, w = image.shape[:2]
    x, y = np.clip(x, 0, w - 1.001), np.clip(y, 0, h - 1.001)
    xi, yi = x.astype(np.int64), y.astype(np.int64)
    fx, fy = x - xi, y - yi
    if image.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    top = image[yi, xi] * (1 - fx) + image[yi, xi + 1] * fx
    return top * (1 - fy) + (image[yi + 1, xi] * (1 - fx) + image[yi + 1, xi + 1] * fx) * fy


def blur(image: Array, radius: int) -> Array:
    """Three box blurs along each axis: nearly a Gaussian."""
    for axis in (0, 1) * 3:
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis)
        n = image.shape[axis]
        width = 2 * radius + 1
        image = (total.take(range(width, width + n), axis) - total.take(range(n), axis)) / width
    return image


def billow_volume(n: int = 96) -> Array:
    """Tileable volume of puffs: octaves of |filtered white noise|."""
    rng = np.random.default_rng(5)
    f = np.fft.fftfreq(n) * n
    k = np.sqrt(f[:, None, None] ** 2 + f[None, :, None] ** 2 + np.fft.rfftfreq(n)[None, None] ** 2 * n * n)
    total = np.zeros((n, n, n))
    for i, center in enumerate((3.0, 6.0, 12.0, 24.0)):
        band = np.exp(-(((k - center) / (0.42 * center)) ** 2))
        wave = np.fft.irfftn(np.fft.rfftn(rng.standard_normal((n, n, n))) * band, s=(n, n, n), axes=(0, 1, 2))
        total += 0.55**i * (1.0 - np.minimum(np.abs(wave) / wave.std(), 2.0))
    total -= total.mean()
    return -total / total.std() * 0.5


def clouds(width: int, height: int) -> tuple[Array, Array]:
    """Light and opacity of cumulus, ray-marched at a reduced size."""
    volume = billow_volume()
    n = volume.shape[0]

    def density(x: Array, y: Array, z: Array) -> Array:
        level = (y - 1.5) / 1.3
        cover = 0.62 * fbm(x * 0.17 + 8.3, z * 0.13 + 2.0, 3, 60) + 0.02
        shape = cover - 0.75 * np.clip(level, 0, 1) ** 1.6 - 2.2 * np.clip(0.12 - level, 0, 1)
        q = (np.stack([x, y * 1.2, z]) * 19.0) % n
        i = q.astype(np.int64)
        f = q - i
        a, b = i % n, (i + 1) % n
        lo = volume[a[0], a[1], a[2]] * (1 - f[0]) + volume[b[0], a[1], a[2]] * f[0]
        hi = volume[a[0], b[1], b[2]] * (1 - f[0]) + volume[b[0], b[1], b[2]] * f[0]
        fine = (q * 3.0).astype(np.int64) % n
        puffs = 0.95 * (lo + (hi - lo) * (f[1] + f[2]) / 2) + 0.30 * volume[fine[0], fine[1], fine[2]]
        return np.clip(shape * 4.2 + puffs, 0, 1.2)

    jj, ii = np.meshgrid(np.arange(width), np.arange(height))
    scale = W / width
    dx = ((jj + 0.5) * scale - W / 2) / FOCAL
    dy = np.maximum((HORIZON - (ii + 0.5) * scale) / FOCAL, 0.004)
    jitter = np.random.default_rng(9).random(dx.shape)
    through, light = np.ones_like(dx), np.zeros((*dx.shape, 3))
    steps = 52
    for s in range(steps):
        y = 1.5 + 1.3 * (s + jitter) / steps
        t = y / dy
        live = (through > 0.02) & (t < 46)
        if not live.any():
            continue
        x, yy, z = (dx * t)[live], y[live], t[live]
        d = density(x, yy, z)
        thick = np.zeros_like(d)
        dense = d > 0.01
        for reach in (0.12, 0.32, 0.7):
            thick[dense] += density(x[dense] + SUN[0] * reach, yy[dense] + 0.45 * reach, z[dense] - 0.5 * reach)
        lit = np.exp(-1.15 * thick) * (1 - 0.55 * np.exp(-4 * d))
        alpha = 1 - np.exp(-d * 1.3 * np.minimum(1.3 / steps / dy[live], 0.6) * 4.2)
        low = np.clip((yy - 1.5) / 1.3, 0, 1)[:, None]
        shadow = np.array([0.40, 0.43, 0.56]) * (1 - low) + np.array([0.58, 0.62, 0.76]) * low
        color = shadow + lit[:, None] * np.array([1.15, 0.86, 0.62]) * 0.95
        far = smooth(8, 42, z)
        color = lerp(color, (0.93, 0.74, 0.62), far * 0.75)
        alpha = alpha * (1 - smooth(30, 46, z))
        light[live] += (through[live] * alpha)[:, None] * color
        through[live] *= 1 - alpha
    return light, 1 - through


def draw_sky() -> Array:
    """Graded evening sky, thin cirrus and the marched cumulus."""
    rows = np.broadcast_to(np.arange(H)[:, None], (H, W)).astype(float)
    cols = np.broadcast_to(np.arange(W)[None], (H, W)).astype(float)
    up = np.clip((HORIZON - rows) / HORIZON, 0, 1)
    stops = np.array(
        [[1.0, 0.76, 0.50], [0.97, 0.78, 0.62], [0.66, 0.74, 0.82], [0.34, 0.53, 0.77], [0.15, 0.33, 0.62]]
    )
    at = np.array([0.0, 0.16, 0.40, 0.68, 1.0])
    sky = np.stack([np.interp(up, at, stops[:, c]) for c in range(3)], axis=-1)
    glow = np.exp(-(((cols - 60) / 620) ** 2) - ((up - 0.12) / 0.38) ** 2)
    sky += glow[..., None] * np.array([0.30, 0.15, 0.0])
    depth = 1.0 / (up + 0.12)
    wisps = fbm((cols - W / 2) / 900 * depth + 3, depth * 2.2 + cols / 2600, 6, 80, 0.58)
    sky = lerp(sky, (1.0, 0.88, 0.78), smooth(0.05, 0.6, wisps) * smooth(0.25, 0.6, up) * 0.55)
    light, cover = clouds(W // 2, int(HORIZON) // 2)
    y, x = (rows[: int(HORIZON)] - 0.5) / 2, (cols[: int(HORIZON)] - 0.5) / 2
    sky[: int(HORIZON)] = sky[: int(HORIZON)] * (1 - sample(cover, x, y))[..., None] + sample(light, x, y)
    return sky


class Layer:
    """A transparent sheet to draw on; colors are 0..1 floats."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (W, H), (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.image)

    @staticmethod
    def ink(color: Array | Color) -> tuple[int, int, int, int]:
        """A color as Pillow wants it."""
        r, g, b = (int(255 * min(max(float(c), 0.0), 1.0)) for c in color)
        return r, g, b, 255

    def line(self, points: list[tuple[float, float]], color: Array | Color, width: float = 1) -> None:
        """A polyline."""
        self.pen.line(points, fill=self.ink(color), width=max(1, round(width)))

    def shape(self, points: list[tuple[float, float]], color: Array | Color) -> None:
        """A filled polygon."""
        self.pen.polygon(points, fill=self.ink(color))

    def dot(self, x: float, y: float, rx: float, ry: float, color: Array | Color) -> None:
        """A filled ellipse."""
        self.pen.ellipse([x - rx, y - ry, x + rx, y + ry], fill=self.ink(color))

    def arrays(self) -> tuple[Array, Array]:
        """Color and opacity as floats."""
        pixels = np.asarray(self.image, dtype=float) / 255
        return pixels[..., :3], pixels[..., 3]

    def over(self, picture: Array) -> Array:
        """This sheet laid over a picture."""
        color, alpha = self.arrays()
        return lerp(picture, color, alpha)


def water(picture: Array, shore: Array, sheets: list[tuple[Layer, float]]) -> Array:
    """Paint water below the row `shore` of every column.

    It is a rippled mirror of the far picture, and of each nearer sheet about its own waterline.
    """
    rows, cols = np.indices((H, W)).astype(float)
    d = np.clip(rows - shore, 0, None)
    v = 7.5 * np.sqrt(d + 2)
    wave = fbm(cols / 34, v * 0.9, 3, 120) + 0.6 * fbm(cols / 11, v * 1.7, 2, 130)
    swell = fbm(cols / 210, d / 16 + cols / 900, 3, 140)
    shift = (0.6 + 0.075 * d) * wave * (0.7 + 0.8 * np.clip(swell + 0.3, 0, 1)) + 0.02 * d * swell
    side = 0.35 * shift
    mirror = sample(picture, cols + side, np.minimum(2 * shore - rows + shift, shore - 3))
    for sheet, base in sheets:
        color, alpha = sheet.arrays()
        y = 2 * base - rows + shift * np.clip((rows - base) / 60, 0.12, 1)
        a = sample(alpha, cols + side, y) * (y < base + 1) * (rows > base - 2)
        mirror = lerp(mirror, sample(color * alpha[..., None], cols + side, y) / np.maximum(a, 1e-3)[..., None], a)
    facing = smooth(0, 330, d) * (0.62 - 0.5 * np.clip(wave, -1, 1))
    pool = lerp(mirror * np.array([0.86, 0.92, 0.97]), (0.03, 0.13, 0.17), np.clip(facing, 0, 0.8))
    breeze = smooth(0.12, 0.42, fbm(cols / 420 + 2, d / 9, 3, 150)) * smooth(0, 25, d) * (0.55 + 0.5 * wave)
    pool = lerp(pool, (0.72, 0.74, 0.80), np.clip(breeze, 0, 1) * 0.34 * np.exp(-d / 210))
    glint = smooth(0.42, 0.75, wave) * np.exp(-(((cols - 560) / 330) ** 2)) * smooth(10, 90, d)
    pool += glint[..., None] * np.array([0.42, 0.30, 0.18])
    shade = np.exp(-d / 3.0) * 0.5
    return np.where((rows > shore - 2)[..., None], pool * (1 - shade[..., None]), picture)


def finish(picture: Array, name: str) -> None:
    """Bloom, tone, vignette, down-sampling and film grain; then the file."""
    bright = np.clip(picture - 0.72, 0, None)
    picture = picture + 0.35 * blur(bright, 9) + 0.25 * blur(bright, 34)
    picture = np.clip(picture, 0, None)
    picture = picture * (1 + picture * 0.16) / (1 + picture * 0.42) * 1.16  # shoulder
    picture = np.clip(picture, 0, 1)
    picture = picture + 0.28 * (picture * picture * (3 - 2 * picture) - picture)
    gray = picture.mean(axis=-1, keepdims=True)
    picture = gray + (picture - gray) * 1.12
    rows, cols = np.indices((H, W))
    radius = np.hypot((cols - W / 2) / W, (rows - H / 2) / H)
    picture *= (1 - 0.42 * smooth(0.36, 0.78, radius))[..., None]
    small = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)).resize(
        (W // 2, H // 2), Image.Resampling.LANCZOS
    )
    pixels = np.asarray(small, dtype=float)
    rng = np.random.default_rng(77)
    pixels += rng.standard_normal((H // 2, W // 2, 1)) * 2.4 + rng.standard_normal(pixels.shape) * 0.9
    final = Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
    final.save(HERE / f"{name}.jpg", quality=93, optimize=True)
