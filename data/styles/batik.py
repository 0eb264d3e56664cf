"""`batik`: Javanese wax-resist cloth in indigo, soga brown and cream.

Slanting bands of `parang` (rows of leaning S-shaped blades) and of `kawung` (four palm fruits round a cross)
between dotted borders, with lotus medallions laid over them. Wax drawn with the canting keeps the lines
uneven; where it cracked, dye ran in as fine veins; each bath is cloudy, and the cotton shows its weave.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, light, mix, rgb, smooth

CREAM, SOGA, INDIGO, NIGHT = rgb("#f1e2bd"), rgb("#a4561f"), rgb("#27408a"), rgb("#141c3c")
MEDALLIONS = [
    (0.27, 0.30, 0.175), (0.74, 0.66, 0.195), (0.80, 0.15, 0.120), (0.20, 0.80, 0.135), (0.50, 0.985, 0.105),
    (0.02, 0.52, 0.100), (1.00, 0.40, 0.090), (0.50, 0.50, 0.085), (0.52, 0.02, 0.08),
]  # fmt: skip
BAND = 0.285


def parang(u: Array, v: Array) -> tuple[Array, Array]:
    """Wax (white lines) and brown dye of a band of blades, v in -1..1 across it."""
    s = (u * 15 + 0.55 * np.sin(v * np.pi * 0.95) + 0.35 * v) % 1 - 0.5
    width = 0.34 * (1 - 0.55 * v * v)
    blade = np.abs(s) - width
    line = smooth(0.045, 0.025, np.abs(blade))
    inner = smooth(0.035, 0.02, np.abs(np.abs(s) - width * 0.55)) * (np.abs(v) < 0.8)
    eye = np.hypot(s, v * 0.55)
    dots = smooth(0.05, 0.035, np.hypot(np.abs(s) - 0.5, ((v * 6) % 1 - 0.5) * 0.3))
    wax = np.maximum.reduce([line, inner * 0.9, dots, smooth(0.02, 0.01, np.abs(eye - 0.10)), smooth(0.05, 0.03, eye)])
    return wax, smooth(0.02, -0.02, blade)


def kawung(u: Array, v: Array) -> tuple[Array, Array]:
    """Wax and brown dye of a grid of fruits."""
    p, q = (u * 12.3) % 1 - 0.5, (v * 1.5 + 0.5) % 1 - 0.5
    wax, dye = np.zeros_like(u), np.zeros_like(u)
    for sx, sy in ((1, 1), (1, -1)):
        a, b = (p * sx + q * sy) * 0.7071, (p * -sy + q * sx) * 0.7071
        long = np.abs(np.abs(a) - 0.35)
        fruit = np.hypot(long / 0.30, b / 0.185)
        wax = np.maximum(wax, smooth(0.10, 0.05, np.abs(fruit - 0.92)))
        wax = np.maximum(wax, smooth(0.055, 0.03, np.hypot(long - 0.09, b)))
        wax = np.maximum(wax, smooth(0.022, 0.012, np.abs(b)) * (long < 0.12))
        dye = np.maximum(dye, smooth(0.92, 0.86, fruit))
    cross = np.minimum(np.abs(p), np.abs(q))
    star = smooth(0.018, 0.01, cross) * (np.maximum(np.abs(p), np.abs(q)) < 0.14)
    return np.maximum(wax, star), dye


def medallion(dx: Array, dy: Array, petals: int, turn: float) -> tuple[Array, Array, Array]:
    """Wax, brown and blue dye of a lotus in the unit circle."""
    r, a = np.hypot(dx, dy), np.arctan2(dy, dx) + turn
    wax, brown, blue = np.zeros_like(r), np.zeros_like(r), np.zeros_like(r)
    for ring, (outer, inner, shift) in enumerate([(0.94, 0.60, 0.0), (0.72, 0.36, 0.5), (0.44, 0.16, 0.0)]):
        s = np.abs((a / (2 * np.pi) * petals + shift) % 1 - 0.5) * 2
        edge = inner + (outer - inner) * np.clip(1 - s, 0, 1) ** 0.45
        inside = smooth(0.006, -0.006, r - edge)
        line = smooth(0.022, 0.012, np.abs(r - edge))
        vein = smooth(0.20, 0.12, np.abs((s * 3.5 + r * 5) % 1 - 0.5)) * (r < edge - 0.07) * (r > inner + 0.03)
        core = smooth(0.06, 0.04, s * r) * (r < edge - 0.12)
        wax = wax * (1 - inside)
        wax = np.maximum.reduce([wax, line, core, vein])
        hue = inside * (1.0 if ring % 2 == 0 else 0.0)
        brown, blue = brown * (1 - inside) + hue, blue * (1 - inside) + inside - hue
    seeds = smooth(0.030, 0.020, np.hypot(((a / (2 * np.pi) * 9) % 1 - 0.5) * r * 0.7, r - 0.105))
    heart = smooth(0.16, 0.15, r)
    wax = np.maximum.reduce([wax * (1 - heart), seeds, smooth(0.035, 0.025, r), smooth(0.014, 0.007, np.abs(r - 0.16))])
    return wax, brown * (1 - heart), np.maximum(blue, heart)


def crackle(n: int, seed: int) -> Array:
    """Veins of dye in cracked wax, 0..1: edges of the cells of a jittered lattice, coarse ones and finer ones."""
    x, y = grid(BIG // 2)
    x, y = x + 0.006 * fbm(x * 12, y * 12, 2, seed), y + 0.006 * fbm(x * 12, y * 12, 2, seed + 2)
    veins = np.zeros_like(x)
    for scale, width, part in ((n, 0.045, 1.0), (int(2.6 * n), 0.060, 0.75)):
        spot = np.random.default_rng(seed + scale).uniform(0, 1, (scale + 4, scale + 4, 2)).astype(np.float32)
        i, j = np.floor(x * scale).astype(np.int32), np.floor(y * scale).astype(np.int32)
        near, next_near = np.full_like(x, 9.0), np.full_like(x, 9.0)
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                at = spot[(j + dj + 1) % (scale + 4), (i + di + 1) % (scale + 4)]
                d = np.hypot(i + di + at[..., 0] - x * scale, j + dj + at[..., 1] - y * scale)
                next_near = np.minimum(next_near, np.maximum(d, near))
                near = np.minimum(near, d)
        veins = np.maximum(veins, smooth(width, width * 0.3, next_near - near) * part)
    veins = veins * smooth(-0.45, 0.25, fbm(x * 4, y * 4, 2, seed + 4))
    return blur(np.repeat(np.repeat(veins, 2, 0), 2, 1), 1, 1)


def paint() -> Array:
    """The whole cloth."""
    x, y = grid()
    hx, hy = x + 0.0022 * fbm(x * 30, y * 30, 2, 1), y + 0.0022 * fbm(x * 30, y * 30, 2, 3)
    u, w = (hx + hy) * 0.7071, (hy - hx) * 0.7071 + 2 * BAND
    band = np.floor(w / BAND)
    v = (w / BAND - band) * 2 - 1
    field = v / 0.84
    wax, brown = parang(u, field)
    wax2, brown2 = kawung(u, field)
    odd = band % 2 == 1
    wax, brown = np.where(odd, wax2, wax), np.where(odd, brown2, brown)
    blue = np.where(odd, 0.9 * (1 - brown), 1 - brown)
    edge = np.abs(v)
    bead = smooth(0.30, 0.22, np.hypot((u * 62) % 1 - 0.5, (edge - 0.93) * 5.4))
    rail = np.maximum(smooth(0.014, 0.008, np.abs(edge - 0.85)), smooth(0.012, 0.006, np.abs(edge - 0.995)))
    border = edge > 0.85
    wax = np.where(border, np.maximum(bead, rail), wax)
    brown, blue = np.where(border, 1.0, brown), np.where(border, 0.9, blue)
    for k, (cx, cy, radius) in enumerate(MEDALLIONS):
        x0, x1, y0, y1 = (int(np.clip((c + s * 1.25 * radius) * BIG, 0, BIG)) for c in (cx, cy) for s in (-1, 1))
        box = (slice(y0, y1), slice(x0, x1))
        dx, dy = (hx[box] - cx) / radius, (hy[box] - cy) / radius
        r, a = np.hypot(dx, dy), np.arctan2(dy, dx)
        inside = r < 1.16
        leaf_wax, leaf_brown, leaf_blue = medallion(dx, dy, 8 + 2 * (k % 3), 0.3 * k)
        dots = smooth(0.055, 0.040, np.hypot(((a / (2 * np.pi) * 36) % 1 - 0.5) * 0.18, r - 1.03))
        halo = np.maximum(dots, smooth(0.022, 0.012, np.abs(r - 1.13)))
        ground = leaf_brown + leaf_blue < 0.5
        wax[box] = np.where(inside, np.maximum(leaf_wax, halo), wax[box])
        brown[box] = np.where(inside, np.where(ground, 1.0, leaf_brown), brown[box])
        blue[box] = np.where(inside, np.where(ground, 1.0, leaf_blue), blue[box])
    uneven = fbm(x * 45, y * 45, 2, 41)
    wax = smooth(0.30, 0.62, blur(wax.astype(np.float32), 2, 2) + 0.16 * uneven)
    vein = crackle(11, 61)
    bath, bath2 = fbm(x * 3.5, y * 3.5, 4, 51), fbm(x * 5 + 4, y * 5, 4, 53)
    fleck = fbm(x * 60, y * 60, 3, 57)
    bleed = blur(brown.astype(np.float32), 3, 2), blur(blue.astype(np.float32), 3, 2)
    cloth = np.broadcast_to(CREAM, (BIG, BIG, 3)).astype(np.float32)
    soga = bleed[0] * (1 - wax) * (0.84 + 0.34 * bath + 0.20 * fleck)
    cloth = mix(cloth, SOGA * (1 + 0.22 * bath2 + 0.12 * fleck)[..., None], np.clip(soga + 0.10, 0, 1))
    dye = np.clip(bleed[1] * (1 - wax) * (0.84 + 0.40 * bath2 + 0.24 * fleck), 0, 1)
    both = bleed[1] * bleed[0]
    cloth = mix(cloth, mix(INDIGO * (1 + 0.40 * bath + 0.2 * fleck)[..., None], NIGHT, both), dye)
    cloth = mix(
        cloth, mix(np.broadcast_to(INDIGO, cloth.shape), SOGA, smooth(-0.2, 0.2, bath)), vein * (0.15 + 0.75 * wax)
    )
    pale = vein * (1 - wax) * 0.22
    cloth = mix(cloth, CREAM, pale)
    weave = np.sin(x * 2 * np.pi * 360) * np.sin(y * 2 * np.pi * 360) + 0.8 * fbm(x * 200, y * 200, 2, 81)
    diffuse, _ = light(weave, 0.45)
    return cloth * (0.74 + 0.26 * diffuse)[..., None]
