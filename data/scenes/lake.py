"""`lake`: a mountain lake in evening light, with a cabin, a boat and a meadow.

The terrain is a sum of value-noise octaves damped by their own slope (Musgrave, Kolb & Mace 1989; the
damping is Inigo Quilez's). It is ray-marched column by column and shaded with a sun, its cast shadows and
aerial perspective. Thousands of spruces stand on it; the near shore, cabin, boat, reeds and flowers are
drawn on top.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw
from render import (
    EYE,
    FOCAL,
    HORIZON,
    SKY_RGB,
    SUN,
    SUN_RGB,
    Array,
    H,
    Layer,
    W,
    blur,
    draw_sky,
    fbm,
    lerp,
    noise,
    sample,
    smooth,
    water,
)


def terrain(x: Array, z: Array, octaves: int) -> Array:
    """Height in km over the water at ground point (x, z) km: a lake basin in front of an alpine range."""
    wx = x + 0.35 * fbm(x * 0.9, z * 0.9, 2, 90)
    wz = z + 0.35 * fbm(x * 0.9, z * 0.9, 2, 95)
    peaks = np.zeros(np.broadcast(x, z).shape)
    for px, pz, height, spread in (
        (0.85, 8.6, 2.15, 1.9),
        (-1.75, 10.2, 1.75, 1.7),
        (3.5, 8.6, 1.55, 1.6),
        (-4.0, 8.6, 1.75, 1.7),
        (-0.3, 13.0, 1.9, 1.9),
        (2.9, 12.5, 2.3, 1.9),
        (-5.6, 12.0, 2.1, 2.2),
        (-1.9, 4.6, 0.42, 1.1),
        (2.2, 4.4, 0.50, 1.1),
    ):
        reach = np.hypot(wx - px, wz - pz) / spread
        peaks = np.maximum(peaks, height * np.exp(-1.15 * reach**1.15))
    relief = np.zeros_like(peaks)
    amplitude, dx, dz = 1.0, np.zeros_like(peaks), np.zeros_like(peaks)
    u, v = x * 0.62 + 3.1, z * 0.62 + 1.9
    for i in range(octaves):
        n, nx, nz = noise(u, v, 10 + i)
        ridge = 1.0 - 1.6 * np.abs(n) if i < 4 else n
        dx, dz = dx + nx * amplitude, dz + nz * amplitude
        relief += amplitude * ridge / (1.0 + 0.55 * (dx * dx + dz * dz))
        amplitude *= 0.5
        u, v = 1.6 * u - 1.2 * v, 1.2 * u + 1.6 * v
    shore = 2.05 + 0.25 * np.sin(x * 2.1 + 0.6) + 0.2 * np.sin(x * 5.3) - 0.10 * x * x
    rise = smooth(0.0, 5.5, z - shore)
    hills = smooth(-0.04, 1.1, (z - shore)) * 0.17 * (0.75 + 0.6 * fbm(x * 1.3, z * 1.3, 3, 70))
    ground = hills + rise * (peaks * (0.76 + 0.42 * relief) + 0.15 * relief + 0.03)
    return np.where(z < shore, -0.05 * np.minimum(shore - z, 1.0), ground)


def march() -> tuple[Array, Array, NDArray[np.bool_]]:
    """Ground point (x, z) where each pixel's line of sight first meets the terrain, and whether it does."""
    near, far = np.linspace(1.2, 6.0, 520), np.linspace(6.0, 15.0, 620)[1:]
    z = np.concatenate([near, far])
    columns = (np.arange(W) + 0.5 - W / 2) / FOCAL
    height = terrain(columns[None] * z[:, None], np.broadcast_to(z[:, None], (len(z), W)), 9)
    rows = HORIZON - (height - EYE) / z[:, None] * FOCAL  # where each ground point lands on the picture
    rows[height <= 0] = H  # the lake is painted later
    skyline = np.minimum.accumulate(rows, axis=0)
    depth = np.full((H, W), np.nan)
    y = np.arange(H) + 0.5
    for j in range(W):
        line = -skyline[:, j]
        hit = np.searchsorted(line, -y, side="left")
        ok = (hit < len(z)) & (y < -line[-1 if (line <= -H).all() else np.argmax(line > -H)])
        k = np.clip(hit, 1, len(z) - 1)
        gap = np.maximum(line[k] - line[k - 1], 1e-9)
        t = np.where(line[k - 1] <= -H, 1.0, np.clip((-y - line[k - 1]) / gap, 0.0, 1.0))
        depth[:, j] = np.where(ok, z[k - 1] + t * (z[k] - z[k - 1]), np.nan)
    land = np.isfinite(depth)
    z_hit = np.where(land, depth, 1.0)
    return columns[None] * z_hit, z_hit, land


def cast_shadows() -> tuple[Array, float, float, float]:
    """Sunlight reaching a coarse map of the terrain, with the map's origin and cells per km."""
    x0, z0, scale = -8.0, 0.5, 48.0
    gx, gz = np.meshgrid(np.arange(0, 16 * scale) / scale + x0, np.arange(0, 15 * scale) / scale + z0)
    height = terrain(gx, gz, 6)
    light = np.ones_like(height)
    rows, cols = np.indices(height.shape).astype(float)
    for distance in np.geomspace(0.04, 4.5, 34):
        over = sample(height, cols + SUN[0] * distance * scale, rows + SUN[2] * distance * scale)
        clear = height + SUN[1] * distance + 0.008 - over
        light = np.minimum(light, np.clip(1.0 + clear / (0.05 * distance + 0.004), 0, 1))
    return light, x0, z0, scale


def haze(color: Array, distance: Array, height: Array) -> Array:
    """Aerial perspective: distance turns to the color of the air, most of it low down."""
    amount = 1.0 - np.exp(-np.maximum(distance - 1.2, 0) * 0.088 * np.exp(-0.55 * np.maximum(height, 0)))
    warm = np.clip(1.0 - height / 1.2, 0, 1)
    air = np.array([0.52, 0.63, 0.80]) + warm[..., None] * np.array([0.22, 0.08, -0.06])
    return color + (air - color) * amount[..., None]


def mountains(sky: Array) -> tuple[Array, Array]:
    """Shade the marched terrain over the sky; also return how far each pixel is (inf for sky)."""
    x2, z2, land = march()
    x, z = x2[land], z2[land]
    step = z / FOCAL * 1.3
    h = terrain(x, z, 11)
    nx, nz = -(terrain(x + step, z, 11) - h) / step, -(terrain(x, z + step, 11) - h) / step
    size = np.sqrt(nx * nx + nz * nz + 1)
    up = 1.0 / size
    sun = np.clip((nx * SUN[0] + SUN[1] + nz * SUN[2]) / size, 0, None)
    light, x0, z0, scale = cast_shadows()
    shade = sample(light, (x - x0) * scale, (z - z0) * scale)
    mottle, grain = fbm(x * 9, z * 9, 4, 30), fbm(x * 60, z * 60, 3, 40)
    strata = np.sin(h * 90 + 5 * mottle)

    rock = np.array([0.36, 0.33, 0.32]) * (1.0 + 0.28 * mottle + 0.22 * grain + 0.10 * strata)[:, None]
    rock = lerp(rock, (0.46, 0.38, 0.30), smooth(0.1, 0.7, mottle) * 0.6)
    grass = np.array([0.24, 0.30, 0.12]) * (1.0 + 0.35 * mottle + 0.3 * grain)[:, None]
    woods = np.array([0.075, 0.125, 0.085]) * (1.0 + 0.4 * mottle + 0.8 * grain)[:, None]
    tree_line = 0.50 + 0.16 * mottle
    color = lerp(rock, grass, smooth(0.55, 0.75, up) * smooth(0.95, 0.55, h + 0.15 * mottle))
    color = lerp(color, woods, smooth(0.06, -0.06, h - tree_line) * smooth(0.45, 0.6, up))
    snow = smooth(0.72, 1.25, h + 0.30 * mottle + 0.10 * grain) * smooth(0.44, 0.62, up + 0.10 * grain + 0.08 * mottle)
    color = lerp(color, (0.93, 0.95, 1.0), snow)
    ambient = SKY_RGB * (0.45 + 0.55 * up)[:, None] * 0.85
    color = color * (ambient + SUN_RGB * (1.55 * sun * shade)[:, None])
    out, distance = sky.copy(), np.full((H, W), np.inf)
    out[land] = haze(color, z, h)
    distance[land] = z
    return out, distance


def pine(sheet: Layer, x: float, y: float, h: float, rng: np.random.Generator, air: float = 0.0) -> None:
    """One spruce with its foot at (x, y), lit from the left; `air` mixes in haze."""
    mist = np.array([0.50, 0.58, 0.68])
    tint = np.array([0.9 + 0.25 * rng.random(), 1.0, 0.9]) * rng.uniform(0.75, 1.2)
    dark, lit = np.array([0.030, 0.060, 0.050]) * tint, np.array([0.22, 0.24, 0.09]) * tint
    dark, lit = dark + (mist - dark) * air, lit + (mist - lit) * air * 0.85
    spread = h * rng.uniform(0.17, 0.23)
    lean = rng.normal(0, 0.012) * h
    sheet.line([(x, y), (x + lean, y - h)], dark * 1.2 + 0.02, h * 0.018)
    if h < 46:
        tiers = max(4, int(h / 3.2))
        for i in range(tiers):
            t = (tiers - i) / tiers
            w, top = spread * t**0.85 * rng.uniform(0.75, 1.15), y - h * (1 - t * 0.93) - h * 0.04
            drop, cx = h * 0.16, x + lean * (1 - t)
            sheet.shape([(cx, top - drop * 0.6), (cx - w, top + drop), (cx + w, top + drop)], dark)
            edge = [(cx, top - drop * 0.6), (cx - w, top + drop), (cx - w * 0.35, top + drop * 0.8)]
            sheet.shape(edge, lit * rng.uniform(0.6, 1.1))
        return
    tiers = int(18 + h / 6)
    for i in range(tiers):
        t = (tiers - i) / tiers
        t = t**0.9
        cx, cy = x + lean * (1 - t), y - h * (1 - 0.92 * t)
        for _ in range(3 + int(h / 130)):
            swing = rng.uniform(-1, 1)
            reach = spread * (0.10 + 0.90 * t**0.85) * swing * rng.uniform(0.75, 1.12)
            sag = abs(reach) * rng.uniform(0.16, 0.5) + (1 - abs(swing)) * h * 0.018
            bright = np.clip(0.35 - 0.55 * swing + rng.normal(0, 0.22), 0, 1)
            color = dark + (lit - dark) * bright
            n = max(3, int(abs(reach) / 4.5))
            for k in range(n):
                s = (k + 1) / n
                px, py = cx + reach * s, cy + sag * s**1.4 - abs(reach) * 0.10 * np.sin(3.1 * s)
                size = (2.0 + 0.045 * h * (0.4 + 0.6 * t)) * (1.15 - 0.6 * s) * 0.62
                shade = color * (0.62 + 0.5 * s) * rng.uniform(0.8, 1.2)
                out = np.sign(reach) * size * rng.uniform(0.2, 0.9)
                sheet.line([(px, py), (px + out, py + size * rng.uniform(0.5, 1.1))], shade, 1 + h / 320)
                sheet.line([(px - out * 0.4, py), (px + out, py + size * 0.2)], shade * 1.12, 1 + h / 320)


def forest(picture: Array, distance: Array) -> Array:
    """Thousands of small spruces standing on the marched terrain."""
    rng, sheet = np.random.default_rng(21), Layer()
    z = np.sort(2.0 + 3.9 * rng.random(17000) ** 1.15)[::-1]
    x = rng.uniform(-0.54, 0.54, z.size) * z
    h = terrain(x, z, 9)
    clump = fbm(x * 2.2, z * 2.2, 3, 33)
    rows, cols = HORIZON - (h - EYE) / z * FOCAL, x / z * FOCAL + W / 2
    for i in np.flatnonzero((h > 0.001) & (clump + 0.55 * np.exp(-6 * (z - 2)) > -0.22)):
        r, c = int(np.clip(rows[i] - 1, 0, H - 1)), int(np.clip(cols[i], 0, W - 1))
        if distance[r, c] > z[i] - 0.12:
            tall = 0.040 * FOCAL / z[i] * rng.uniform(0.55, 1.25)
            pine(
                sheet,
                float(cols[i]),
                float(rows[i]) + 1,
                tall,
                rng,
                float(np.clip((z[i] - 1.6) * 0.16, 0, 0.6)),
            )
    return sheet.over(picture)


def cabin(sheet: Layer, x: float, y: float, rng: np.random.Generator) -> None:
    """A log cabin: lit gable to the left, long wall in shade, red roof, chimney."""
    gable, wall, tall, roof = 56.0, 104.0, 44.0, 46.0
    front = [
        (x, y),
        (x, y - tall),
        (x + gable / 2, y - tall - roof),
        (x + gable, y - tall + 3),
        (x + gable, y + 5),
    ]
    side = [
        (x + gable, y + 5),
        (x + gable, y - tall + 3),
        (x + gable + wall, y - tall - 1),
        (x + gable + wall, y - 1),
    ]
    sheet.shape(front, (0.80, 0.56, 0.32))
    sheet.shape(side, (0.33, 0.23, 0.18))
    for k in range(1, 13):
        yy = y - k * 7.0 + 3
        inset = max(0.0, (y - tall - yy) / roof) * gable / 2
        tone = rng.uniform(0.42, 0.60)
        sheet.line([(x + inset, yy), (x + gable - inset, yy + 2)], (tone, tone * 0.66, tone * 0.36), 2)
        if k < 7:
            sheet.line([(x + gable, yy + 4), (x + gable + wall, yy - 1)], (0.20, 0.14, 0.12), 2)
    sheet.shape(
        [(x + 20, y + 2), (x + 20, y - 26), (x + 37, y - 25), (x + 37, y + 3)],
        (0.28, 0.16, 0.10),
    )
    for wx in (x + gable + 18, x + gable + 62):
        sheet.shape([(wx - 3, y - 12), (wx - 3, y - 34), (wx + 23, y - 35), (wx + 23, y - 13)], (0.86, 0.82, 0.74))
        sheet.shape([(wx, y - 15), (wx, y - 31), (wx + 20, y - 32), (wx + 20, y - 16)], (1.0, 0.80, 0.38))
        sheet.line([(wx + 10, y - 15), (wx + 10, y - 32)], (0.55, 0.38, 0.22), 2)
        sheet.line([(wx, y - 23), (wx + 20, y - 24)], (0.55, 0.38, 0.22), 2)
    ridge = (x + gable / 2, y - tall - roof - 5)
    end = (x + gable / 2 + wall - 2, y - tall - roof - 6)
    eave = (x + gable + 8, y - tall + 13)
    far = (x + gable + wall + 8, y - tall + 8)
    sheet.shape([ridge, end, far, eave], (0.36, 0.13, 0.10))
    for k in range(1, 7):
        t = k / 7
        a = (ridge[0] + (eave[0] - ridge[0]) * t, ridge[1] + (eave[1] - ridge[1]) * t)
        b = (end[0] + (far[0] - end[0]) * t, end[1] + (far[1] - end[1]) * t)
        for s in np.arange(0, 1, 0.06):
            p = (a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s)
            tone = rng.uniform(0.6, 1.45)
            q = (a[0] + (b[0] - a[0]) * (s + 0.05), a[1] + (b[1] - a[1]) * (s + 0.05))
            sheet.line([p, q], (0.37 * tone, 0.13 * tone, 0.10 * tone), 4)
    sheet.line([(x - 8, y - tall + 11), ridge, eave], (0.93, 0.80, 0.62), 5)
    sheet.shape([(x + 96, y - 84), (x + 96, y - 116), (x + 112, y - 116), (x + 112, y - 80)], (0.50, 0.42, 0.38))
    sheet.shape([(x + 96, y - 84), (x + 96, y - 116), (x + 101, y - 116), (x + 101, y - 83)], (0.82, 0.68, 0.52))
    sheet.line([(x + 93, y - 117), (x + 115, y - 117)], (0.30, 0.25, 0.24), 5)


def bank(sheet: Layer, x0: float, x1: float, base: float, height: float, seed: int, rng: np.random.Generator) -> Array:
    """A grassy headland along the waterline `base`; returns its crest row for every column."""
    x = np.arange(W).astype(float)
    t = (x - x0) / (x1 - x0)
    body = np.clip(1 - np.maximum(t, 0) ** 2.2, 0, None) if x1 > x0 else np.clip(1 - np.maximum(t, 0) ** 2, 0, None)
    crest = base - body * height * (0.8 + 0.35 * fbm(x / 130, x * 0 + seed, 3, seed)) - 1.5 * (body > 0)
    inside = np.flatnonzero(body > 0.003)
    for i in inside:
        sheet.line([(i, crest[i]), (i, base)], (0.22, 0.22, 0.09))
    for _ in range(int(len(inside) * height * 0.5)):
        i = int(rng.choice(inside))
        y = crest[i] + (base - crest[i]) * rng.random()
        low = (y - crest[i]) / max(base - crest[i], 1)
        tone = (1.15 - 0.65 * low) * rng.uniform(0.6, 1.25)
        color = np.array([0.42, 0.40, 0.14]) if rng.random() < 0.7 else np.array([0.26, 0.34, 0.12])
        sheet.line([(i, y), (i + rng.normal(0, 2), y - rng.uniform(3, 9))], color * tone, 1)
    for _ in range(int(len(inside) * 0.35)):  # stones along the waterline
        i = int(rng.choice(inside))
        size, tone = rng.uniform(1.5, 6), rng.uniform(0.25, 0.6)
        y = base - size * 0.4 + rng.uniform(-1, 1)
        sheet.dot(i, y, size * 1.5, size, (tone * 0.55, tone * 0.50, tone * 0.48))
        sheet.dot(i - size * 0.4, y - size * 0.4, size * 0.8, size * 0.45, (tone * 1.5, tone * 1.25, tone))
    return crest


def headland_left() -> Layer:
    """The near shore on the left with cabin, jetty and spruces."""
    rng, sheet = np.random.default_rng(31), Layer()
    back = Layer()
    crest = bank(sheet, -60, 560, 640, 52, 3, rng)
    for px, tall in [
        (8, 250),
        (46, 205),
        (92, 232),
        (130, 170),
        (196, 178),
        (236, 214),
        (322, 196),
        (345, 150),
        (376, 190),
        (418, 142),
        (448, 96),
    ]:
        pine(back, px, float(crest[px]) + 10, tall, rng, 0.06)
    for _ in range(26):
        px = int(rng.uniform(0, 480))
        pine(back, px, float(crest[px]) + 6, rng.uniform(46, 110) * (1.1 - px / 900), rng, 0.08)
    back.image.alpha_composite(sheet.image)
    sheet.image = back.image
    sheet.pen = ImageDraw.Draw(sheet.image)
    cabin(sheet, 172, 610, rng)
    for px in (158, 342, 352, 470, 505):
        pine(sheet, px, float(crest[px]) + 16, rng.uniform(50, 84), rng)
    for k in range(5):  # jetty
        sheet.line([(420 + 34 * k, 634), (420 + 34 * k, 654)], (0.16, 0.12, 0.10), 5)
    sheet.shape([(392, 628), (566, 630), (572, 636), (392, 634)], (0.66, 0.50, 0.34))
    sheet.line([(392, 636), (572, 638)], (0.26, 0.19, 0.15), 4)
    return sheet


def headland_right() -> Layer:
    """A farther wooded point on the right."""
    rng, sheet, back = np.random.default_rng(37), Layer(), Layer()
    crest = bank(sheet, 1340, 930, 566, 34, 8, rng)
    for _ in range(70):
        px = int(1279 - 300 * rng.random() ** 1.3)
        pine(back, px, float(crest[px]) + 5, rng.uniform(48, 120) * (0.45 + (px - 960) / 420), rng, 0.20)
    back.image.alpha_composite(sheet.image)
    sheet.image = back.image
    return sheet


def boat() -> Layer:
    """A red rowing boat lying on the water."""
    sheet = Layer()
    x, y = 742.0, 690.0
    hull = [
        (x - 74, y - 20),
        (x - 56, y - 2),
        (x - 40, y + 3),
        (x + 44, y + 3),
        (x + 62, y - 3),
        (x + 84, y - 25),
    ]
    rim = [
        (x - 74, y - 20),
        (x - 20, y - 13),
        (x + 36, y - 14),
        (x + 84, y - 25),
        (x + 40, y - 25),
        (x - 30, y - 24),
    ]
    sheet.shape([*hull, (x + 36, y - 14), (x - 20, y - 13)], (0.66, 0.13, 0.09))
    sheet.shape(rim, (0.24, 0.15, 0.10))
    sheet.line([(x - 60, y - 12), (x - 20, y - 7), (x + 40, y - 8), (x + 74, y - 17)], (0.86, 0.30, 0.17), 3)
    sheet.line([(x - 56, y - 2), (x - 40, y + 2), (x + 44, y + 2), (x + 62, y - 3)], (0.30, 0.06, 0.06), 4)
    for bx in (-34, 6, 40):
        sheet.line([(x + bx, y - 15), (x + bx + 12, y - 23)], (0.72, 0.52, 0.32), 7)
    sheet.line([(x - 74, y - 20), (x - 20, y - 13), (x + 36, y - 14), (x + 84, y - 25)], (0.98, 0.88, 0.70), 4)
    sheet.line([(x - 74, y - 20), (x - 30, y - 24), (x + 40, y - 25), (x + 84, y - 25)], (0.80, 0.68, 0.52), 3)
    sheet.line([(x - 4, y - 20), (x + 98, y + 8)], (0.78, 0.58, 0.36), 4)
    sheet.shape([(x + 92, y + 3), (x + 122, y + 12), (x + 120, y + 17), (x + 92, y + 9)], (0.80, 0.60, 0.38))
    return sheet


def meadow() -> Layer:
    """The near bank: grass blade by blade, flowers, reeds, and two big spruces on the right."""
    rng, sheet = np.random.default_rng(41), Layer()
    x = np.arange(W).astype(float)
    edge = 838 - 60 * smooth(620, 1280, x) - 34 * smooth(420, 0, x) + 14 * fbm(x / 150, x * 0, 3, 200)
    for i in range(W):
        sheet.line([(i, edge[i] + 8), (i, H)], (0.07, 0.09, 0.03))
    for _ in range(210):  # reeds in the shallows
        px = float(rng.choice([rng.normal(520, 70), rng.normal(250, 110), rng.normal(905, 60)]))
        i = int(np.clip(px, 0, W - 1))
        y, tall = edge[i] + rng.uniform(0, 30), rng.uniform(50, 150)
        lean = rng.normal(4, 9)
        tone = rng.uniform(0.55, 1.2)
        bend = [(px, y), (px + lean * 0.3, y - tall * 0.55), (px + lean, y - tall)]
        sheet.line(bend, np.array([0.36, 0.38, 0.14]) * tone, 2)
        if rng.random() < 0.22:
            top = (px + lean, y - tall)
            sheet.line([top, (px + lean * 0.86, y - tall * 0.84)], (0.27, 0.15, 0.08), 7)
            sheet.line([(top[0] - 1, top[1]), (px + lean * 0.86 - 1, y - tall * 0.84)], (0.52, 0.31, 0.16), 2)
    pine(sheet, 1120, 818, 520, rng)
    pine(sheet, 1236, 830, 700, rng)
    pine(sheet, 1010, 812, 120, rng)
    pine(sheet, 1182, 838, 150, rng)
    lower = []
    for _ in range(15000):
        px = rng.uniform(-10, W + 10)
        i = int(np.clip(px, 0, W - 1))
        depth = rng.random() ** 0.8
        lower.append((float(edge[i] + 6 + depth * (H + 46 - edge[i])), px, depth))
    lower.sort()
    patch = fbm(np.array([p[1] for p in lower]) / 120, np.array([p[0] for p in lower]) / 45, 3, 210)
    flowers = [
        (np.array([0.98, 0.80, 0.16]), 0.9),
        (np.array([0.97, 0.95, 0.90]), 1.0),
        (np.array([0.84, 0.20, 0.30]), 1.1),
        (np.array([0.56, 0.34, 0.76]), 0.8),
    ]
    for (y, px, depth), p in zip(lower, patch, strict=True):
        tall = (14 + 50 * depth) * rng.uniform(0.6, 1.3)
        lean = rng.normal(2 + 4 * p, 6) * (0.5 + depth)
        green = np.array([0.30, 0.40, 0.10]) + np.array([0.30, 0.14, 0.04]) * np.clip(p + rng.normal(0, 0.4), -0.5, 1)
        tone = rng.uniform(0.45, 1.1) * (1.1 - 0.45 * depth)
        wide = 1 + 2.2 * depth
        sheet.line([(px, y), (px + lean * 0.3, y - tall * 0.5)], green * tone * 0.55, wide + 1)
        sheet.line([(px + lean * 0.3, y - tall * 0.5), (px + lean, y - tall)], green * tone, wide)
        kind = flowers[int(np.clip((p + 0.5) * 4 + rng.normal(0, 0.7), 0, 3))]
        if rng.random() < 0.02 + 0.15 * np.clip(1.6 * abs(p) - 0.1, 0, 1):
            size = (2.0 + 4.2 * depth) * kind[1] * rng.uniform(0.8, 1.25)
            fx, fy = px + lean, y - tall
            for a in np.arange(5) * 1.2566 + rng.random() * 6:
                tone = rng.uniform(0.75, 1.08) - 0.18 * np.cos(a)
                sheet.dot(
                    fx + size * 0.7 * np.cos(a),
                    fy + size * 0.5 * np.sin(a),
                    size * 0.5,
                    size * 0.4,
                    kind[0] * tone,
                )
            sheet.dot(fx, fy, size * 0.35, size * 0.28, (0.62, 0.36, 0.06))
    return sheet


def smoke(picture: Array) -> Array:
    """A thin column over the chimney."""
    rows, cols = np.indices((H, W)).astype(float)
    up = np.clip(490 - rows, 0, None)
    drift = 276 + 0.0022 * up**1.75 + 12 * fbm(up / 50, up * 0, 3, 230)
    width = 4 + up * 0.13
    body = np.exp(-(((cols - drift) / width) ** 2)) * np.exp(-up / 120) * (up > 0) * smooth(0, 8, up)
    return lerp(
        picture,
        (0.86, 0.83, 0.84),
        np.clip(body * (0.75 + 0.6 * fbm(cols / 16, rows / 20, 3, 240)), 0, 1) * 0.6,
    )


def paint() -> Array:
    """The mountain lake in evening light."""
    picture, distance = mountains(draw_sky())
    picture = forest(picture, distance)
    right, left, skiff = headland_right(), headland_left(), boat()
    land = np.isfinite(distance)
    shore = blur(np.minimum(H - 1 - np.argmax(land[::-1], axis=0), 519).astype(float)[None], 6)
    picture = water(picture, shore, [(right, 567.0), (left, 641.0), (skiff, 692.0)])
    picture = smoke(left.over(right.over(picture)))
    return meadow().over(skiff.over(picture))
