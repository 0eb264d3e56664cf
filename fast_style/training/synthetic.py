"""Content images drawn on the fly, for training without photos.

The images are dead leaves: shapes whose sizes follow a power law cover one another, which gives the scale invariance
and the sharp occlusions of natural scenes (Lee, Mumford and Huang 2001; Baradad et al. 2021, "Learning to See by
Looking at Noise", arXiv 2106.05963). The leaves carry what else photos are made of: textures with the 1/f spectrum of
natural ones, shading, gradients, stripes, thin strokes, and parts that are out of focus.

Everything is computed in float64. What processors do differently lies 13 digits below a pixel's last bit, so that the
same generator state gives the same image on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy import typing as npt
from PIL import Image, ImageDraw, ImageFilter

from fast_style.images.arrays import RGB

FIELDS = 3
"""Number of textures in an image."""

FloatArray = npt.NDArray[np.float64]


def dead_leaves(rng: np.random.Generator, size: int) -> RGB:
    """Draws one image, uint8 RGB `[size, size, 3]`."""
    palette = _palette(rng)
    fields = [_texture(rng, size) for _ in range(FIELDS)]
    canvas = np.empty((size, size, 3))
    _fill(rng, canvas, None, palette, fields, 0, 0)
    # Radii with density ∝ r⁻³ between the bounds: the law under which occluding leaves are scale invariant.
    smallest, largest = np.exp(rng.uniform(np.log(0.02), np.log(0.12))), 0.5
    coverage = np.exp(rng.uniform(np.log(0.4), np.log(3)))  # mean number of leaves over a point
    mean_area = 4 * smallest**2 * np.log(largest / smallest)
    count = int(np.clip(coverage / mean_area, 5, 400))
    u = rng.uniform(0, 1, count)
    radii = (smallest**-2 - u * (smallest**-2 - largest**-2)) ** -0.5 * size
    # Large leaves tend to the back, where they do not hide everything.
    order = np.argsort(-radii * rng.uniform(0.3, 1.0, count))
    focus = rng.uniform(0, 1) if rng.uniform() < 0.35 else None
    for number, index in enumerate(order):
        if focus is not None and number == int(focus * count):
            canvas = _blurred(canvas, float(rng.uniform(1, 4)) * size / 256)
        _paint_leaf(rng, canvas, float(radii[index]), palette, fields)
    if rng.uniform() < 0.4:
        canvas = _with_strokes(rng, canvas, palette)
    if rng.uniform() < 0.25:
        canvas = _blurred(canvas, float(rng.uniform(0.4, 1.5)) * size / 256)
    canvas = canvas + rng.normal(0, rng.uniform(0, 0.015), canvas.shape)
    return _to_uint8(canvas)


def _to_uint8(canvas: FloatArray) -> RGB:
    result: RGB = (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)
    return result


def _blurred(canvas: FloatArray, radius: float) -> FloatArray:
    image = Image.fromarray(_to_uint8(canvas)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image) / 255


def _palette(rng: np.random.Generator) -> FloatArray:
    """Draws 4 to 8 RGB colors, `[count, 3]`.

    In photos lightness varies most, then blue against yellow, then red against green (Ruderman, Cronin and Chiao 1998).
    """
    count = int(rng.integers(4, 9))
    lightness = rng.uniform(0.03, 0.97, count) ** rng.uniform(0.7, 1.6)
    saturation = rng.uniform(0.3, 1.6)
    yellow = rng.normal(rng.normal(0.02, 0.05), 0.11, count) * saturation
    red = rng.normal(rng.normal(0.0, 0.02), 0.06, count) * saturation
    return np.stack([lightness + yellow + red, lightness + yellow * 0.4 - red, lightness - yellow * 1.3], 1)


def _texture(rng: np.random.Generator, size: int) -> FloatArray:
    """Draws noise with amplitude ∝ 1/f^α, stretched along some direction: `[size, size]`, of unit variance."""
    spectrum = np.fft.rfft2(rng.normal(0, 1, (size, size)))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    turn, stretch = rng.uniform(0, np.pi), np.exp(rng.uniform(0, 1.6))
    along = fx * np.cos(turn) + fy * np.sin(turn)
    across = fy * np.cos(turn) - fx * np.sin(turn)
    frequency = np.sqrt((along * stretch) ** 2 + across**2)
    spectrum *= (frequency + 1.5 / size) ** -rng.uniform(0.5, 1.7)
    noise: FloatArray = np.fft.irfft2(spectrum, (size, size))
    standardized: FloatArray = (noise - noise.mean()) / noise.std()
    return standardized


def _fill(
    rng: np.random.Generator,
    region: FloatArray,
    mask: FloatArray | None,
    palette: FloatArray,
    fields: list[FloatArray],
    top: int,
    left: int,
) -> None:
    """Blends a color with a texture, a gradient or stripes into part of the canvas, in place.

    Args:
        rng: draws what the part is filled with.
        region: the part, `[h, w, 3]`.
        mask: opacity of the filling, `[h, w]` in [0, 1]; None to fill all of the region.
        palette: RGB colors, `[count, 3]`.
        fields: textures, `[size, size]` each.
        top: row of the canvas where the region begins.
        left: column of the canvas where the region begins.
    """
    height, width = region.shape[:2]
    first, second = palette[rng.integers(len(palette), size=2)] + rng.normal(0, 0.04, (2, 3))
    x = np.linspace(-1, 1, width)[None, :]
    y = np.linspace(-1, 1, height)[:, None]
    gx, gy = rng.normal(0, 0.35, 2)
    blend = gx * x + gy * y
    kind = rng.uniform()
    if kind < 0.65:
        field = fields[rng.integers(FIELDS)]
        dy, dx = rng.integers(field.shape[0], size=2)
        rows, columns = (np.arange(height) + top + dy) % len(field), (np.arange(width) + left + dx) % len(field)
        blend = blend + field[rows[:, None], columns[None, :]] * np.exp(rng.uniform(-3.5, -0.7))
    elif kind < 0.75:
        frequency, turn, phase = rng.uniform(2, 30), rng.uniform(0, np.pi), rng.uniform(0, 6)
        wave = np.sin(frequency * (x * np.cos(turn) + y * np.sin(turn)) + phase)
        blend = blend + rng.uniform(0.1, 1) * (wave if rng.uniform() < 0.5 else np.sign(wave))
    light = 1.0
    if mask is not None and rng.uniform() < 0.35:
        # Round objects are lit from one side.
        turn = rng.uniform(0, 2 * np.pi)
        light = (1 + rng.uniform(0.1, 0.5) * (x * np.cos(turn) + y * np.sin(turn)))[..., None]
    fill = (first + (second - first) * np.clip(blend + 0.2, -0.3, 1.3)[..., None]) * light
    if mask is None:
        region[:] = fill
    else:
        region += mask[..., None] * (fill - region)


def _paint_leaf(
    rng: np.random.Generator, canvas: FloatArray, radius: float, palette: FloatArray, fields: list[FloatArray]
) -> None:
    size = canvas.shape[0]
    cx, cy = rng.uniform(-0.1 * size, 1.1 * size, 2)
    reach = int(np.ceil(radius * 1.5)) + 2
    left, right = max(0, int(cx) - reach), min(size, int(cx) + reach + 1)
    top, bottom = max(0, int(cy) - reach), min(size, int(cy) + reach + 1)
    if left >= right or top >= bottom:
        return
    turn, aspect, corners = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1.0), int(rng.integers(1, 7))
    dx = np.arange(left, right)[None, :] - cx
    dy = np.arange(top, bottom)[:, None] - cy
    u = dx * np.cos(turn) + dy * np.sin(turn)
    v = (dy * np.cos(turn) - dx * np.sin(turn)) / aspect
    if corners <= 2:
        distance = np.sqrt(u * u + v * v)
    else:
        sides = np.arange(corners) * (2 * np.pi / corners)
        distance = np.max([u * np.cos(a) + v * np.sin(a) for a in sides], axis=0) * 1.15
    if corners == 2 or rng.uniform() < 0.3:
        # Foliage and clouds have a ragged outline.
        field = fields[rng.integers(FIELDS)]
        distance = distance * (1 + np.clip(field[top:bottom, left:right], -2, 2) * rng.uniform(0.05, 0.25))
    softness = 0.8 if rng.uniform() < 0.8 else float(rng.uniform(1, 0.5 * radius + 1))
    mask = np.clip((radius - distance) / softness + 0.5, 0, 1)
    _fill(rng, canvas[top:bottom, left:right], mask, palette, fields, top, left)


def _with_strokes(rng: np.random.Generator, canvas: FloatArray, palette: FloatArray) -> FloatArray:
    """Returns the canvas with thin lines on it: branches and wires, or rows of marks like writing."""
    size = canvas.shape[0]
    image = Image.fromarray(_to_uint8(canvas)).resize((2 * size, 2 * size), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)

    def ink() -> tuple[int, int, int]:
        red, green, blue = _to_uint8(palette[rng.integers(len(palette))] * rng.uniform(0.2, 1.2)).tolist()
        return red, green, blue

    if rng.uniform() < 0.4:
        height = int(rng.uniform(0.03, 0.12) * 2 * size)
        x, y, color = float(rng.uniform(0, size)), float(rng.uniform(0, size)), ink()
        start = x
        for _ in range(int(rng.integers(10, 80))):
            points = (rng.uniform(0, 1, (int(rng.integers(2, 5)), 2)) * height * 0.8 + (x, y)).astype(int)
            draw.line([(int(a), int(b)) for a, b in points], fill=color, width=max(1, height // 8))
            x += height * (0.8 if rng.uniform() < 0.85 else 1.6)
            if x > 2 * size or rng.uniform() < 0.03:
                x, y = start, y + height * 1.5
    else:
        for _ in range(int(np.exp(rng.uniform(0.7, 4)))):
            steps = rng.normal(0, 1, (int(rng.integers(3, 12)), 2)) + rng.normal(0, 2, 2)
            points = (rng.uniform(0, 2 * size, 2) + np.cumsum(steps, 0) * rng.uniform(0.01, 0.06) * size).astype(int)
            draw.line([(int(a), int(b)) for a, b in points], fill=ink(), width=int(rng.integers(1, 9)), joint="curve")
    return np.asarray(image.resize((size, size), Image.Resampling.BOX)) / 255
