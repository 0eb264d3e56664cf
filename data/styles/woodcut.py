"""`woodcut`: a bay at sunrise, printed from three blocks (indigo key, vermilion, sea green) on cream paper.

All tone is carved: in every region a phase field runs across the form and each period is one cut, black
where a triangle wave falls below the tone wanted there. The tone of each cut wanders along its length, so
gouges swell, taper and break off. The color blocks carry graded wipes (bokashi) and wood grain, and are
printed out of register.
"""

from __future__ import annotations

from copy import copy

import numpy as np
from canvas import BIG, Array, Mask, blur, distance, fbm, grid, mix, noise, rgb, smooth
from PIL import Image, ImageDraw

PAPER, KEY, RED, GREEN = rgb("#f3e7cc"), rgb("#191d38"), rgb("#dd4a26"), rgb("#2b8187")
SUN_X, SUN_Y, SUN_R = 0.60, 0.315, 0.098
SEA = 0.545


def carve(phase: Array, along: Array, tone: Array, seed: int, wander: float = 0.34) -> Array:
    """Ink left by cuts one period of `phase` apart; `along` runs down the length of the cuts."""
    line = np.floor(phase)
    tri = np.abs(2 * (phase - line) - 1)
    loose = noise(line * 7.31 + 0.5, along, seed) + 0.45 * noise(line * 3.77 + 0.5, along * 3.1, seed + 1)
    rough = 0.05 * noise(phase * 5, along * 11, seed + 2)
    return (tri < tone + wander * loose + rough).astype(np.float32)


class Print:
    """The three blocks, inked 0..1, as they are cut from back to front; or a window on them."""

    def __init__(self) -> None:
        self.x, self.y = grid()
        self.key, self.red, self.green = (np.zeros((BIG, BIG), np.float32) for _ in range(3))

    def window(self, left: float, top: float, right: float, bottom: float) -> Print:
        """The part of a whole print inside a box, sharing its ink: work there is cheaper."""
        x0, y0, x1, y1 = (int(np.clip(v * BIG, 0, BIG)) for v in (left, top, right, bottom))
        part = copy(self)
        for name in ("x", "y", "key", "red", "green"):
            setattr(part, name, getattr(self, name)[y0:y1, x0:x1])
        return part

    def polygon(self, points: list[tuple[float, float]]) -> Mask:
        """A mask from corners in 0..1."""
        sheet = Image.new("L", (self.x.shape[1], self.x.shape[0]), 0)
        corners = [((px - self.x[0, 0]) * BIG, (py - self.y[0, 0]) * BIG) for px, py in points]
        ImageDraw.Draw(sheet).polygon(corners, fill=255)
        return np.asarray(sheet) > 0

    def put(self, mask: Mask, key: Array | float, red: Array | float = 0.0, green: Array | float = 0.0) -> None:
        """Cut a region anew in all blocks."""
        for block, ink in ((self.key, key), (self.red, red), (self.green, green)):
            block[mask] = np.broadcast_to(np.asarray(ink, np.float32), mask.shape)[mask]

    def contour(self, mask: Mask, line: float, halo: float) -> None:
        """Outline a region: an uneven black line inside it, a cleared line around it."""
        sway = 1 + 0.5 * fbm(self.x * 22, self.y * 22, 2, 7)
        out, inn = distance(mask, 16), distance(~mask, 16)
        self.key[(out > 0) & (out < halo * sway)] = 0
        self.key[(inn > 0) & (inn < line * sway)] = 1


def sky(block: Print) -> None:
    """Rays that widen from the sun, and the disc itself."""
    x, y = block.x, block.y
    dx, dy = x - SUN_X, y - SUN_Y
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx) / (2 * np.pi)
    ring = np.floor((r - SUN_R) / 0.085 + 0.25 * noise(angle * 24, r * 0, 3))
    rays = 92.0
    phase = angle * rays * np.where(r > 0.42, 2.0, 1.0) + 0.15 * noise(r * 14, angle * 9, 5)
    glow = smooth(0.10, 0.75, r)
    tone = 0.10 + 0.50 * glow + 0.12 * ((ring % 2) - 0.5) + 0.30 * smooth(0.18, 0.0, y)
    key = carve(phase, r * 9, tone, 11, 0.30)
    dawn = np.exp(-(((y - 0.42) / 0.17) ** 2)) * (0.42 + 0.3 * np.exp(-((r / 0.3) ** 2)))
    block.put(y < 2, key, dawn, 0.85 * smooth(0.36, 0.0, y) + 0.25 * glow)
    disc = r < SUN_R * (1 + 0.008 * noise(angle * 40, r * 0, 9))
    carved = carve((r / SUN_R) * 9, angle * 26, 0.10 + 0.30 * smooth(-0.05, 0.09, dx + dy), 13, 0.26)
    block.put(disc, carved * 0, 1 - 0.8 * carved * (r > 0.02), 0)
    rim = (r > SUN_R * 1.0) & (r < SUN_R * 1.10)
    block.key[rim] = 0
    block.red[(r >= SUN_R * 1.10) & (r < SUN_R * 1.19)] *= 0.2


def cloud(block: Print, lumps: list[tuple[float, float, float]], seed: int) -> None:
    """A bank of round lumps, each cut in arcs that follow its edge, flat below."""
    left, right = min(cx - 1.3 * k for cx, _, k in lumps), max(cx + 1.3 * k for cx, _, k in lumps)
    block = block.window(left, min(cy - 1.3 * k for _, cy, k in lumps), right, max(cy + k for _, cy, k in lumps))
    x, y = block.x, block.y
    depth = np.full(x.shape, -1.0, np.float32)
    around = np.zeros(x.shape, np.float32)
    for cx, cy, radius in lumps:
        d = radius - np.hypot(x - cx, (y - cy) * 1.15) + 0.006 * fbm(x * 18, y * 18, 2, seed)
        take = d > depth
        around = np.where(take, np.arctan2(y - cy, x - cx), around)
        depth = np.where(take, d, depth)
    base = max(cy + 0.35 * radius for _, cy, radius in lumps)
    mask = (depth > 0) & (y < base)
    shade = smooth(base - 0.13, base, y)
    tone = 0.04 + 0.42 * shade + 0.55 * smooth(0.016, 0.0, depth) * 0.4
    key = carve(depth * 92, around * 5 + x * 8, tone, seed, 0.30)
    block.put(mask, key, 0.32 * smooth(0.02, 0.09, depth) * (1 - shade), 0.55 * shade)
    block.contour(mask, 4.5, 7)


def ridge(
    block: Print, crest: Array, lines: float, seed: int, tint: tuple[float, float], dark: float, steep: bool
) -> None:
    """A mountain or hill under `crest`: slopes turned to the sun stay light, the others are hatched."""
    rows = slice(int((crest.min() - 0.02) * BIG), int((SEA + 0.02) * BIG))
    part = block.window(0, rows.start / BIG, 1, rows.stop / BIG)
    x, y, crest = part.x, part.y, crest[rows]
    mask = (y > crest) & (y < SEA + 0.01)
    slope = np.gradient(blur(crest, 6), axis=1) * BIG
    down = y - crest
    spur = fbm(x * 9 + down * 5, y * 5, 3, seed + 5)
    toward = np.sign(SUN_X - x) * -slope + 1.1 * spur
    tone = dark + 0.30 * toward + 0.9 * smooth(0.10, 0.0, down) * 0.12 + 0.25 * smooth(SEA - 0.10, SEA, y)
    if steep:  # cuts run down the slope and fan out over the spurs
        run = (x - 0.40) / (0.62 + 1.6 * down) + 0.10 * spur
        key = carve(run * lines * 0.75, down * 13, tone, seed)
    else:
        key = carve(down * lines + 1.1 * spur + 0.5 * noise(x * 16, y * 5, seed + 8), x * 12, tone, seed)
    red, green = tint
    part.put(mask, key, red * smooth(0.35, -0.35, toward), green * smooth(-0.35, 0.5, toward))
    part.contour(mask, 6, 8)


def sea(whole: Print) -> None:
    """Flat far water with the sun's path, then swell upon swell toward the viewer."""
    block = whole.window(0, SEA - 0.01, 1, 1)
    x, y = block.x, block.y
    mask = y > SEA
    d = y - SEA
    lag = 0.004 * noise(x * 12, y * 60, 33) * (1 + d * 20)
    phase = 74 * np.sqrt(np.maximum(d, 0) + 0.004) + lag * 60
    path = np.exp(-(((x - SUN_X + 0.02 * noise(x * 0, y * 40, 35)) / (0.055 + 0.30 * d)) ** 2))
    tone = 0.56 - 0.50 * path + 0.10 * fbm(x * 5, y * 30, 2, 37)
    key = carve(phase, x * 9, tone, 31, 0.36)
    glitter = carve(phase + 0.3, x * 16, 0.15 + 0.75 * path, 39, 0.5) * smooth(0.15, 0.45, path)
    block.put(mask, key, glitter * 0.95, (0.30 + 0.45 * smooth(0.0, 0.2, d)) * (1 - glitter))
    rng = np.random.default_rng(4)
    base, size = SEA + 0.105, 0.018
    while base < 1.16:
        size *= 1.23
        part = whole.window(0, base - 3.2 * size, 1, base + 4.5 * size)
        x, y = part.x, part.y
        waves = 0.145 / size
        shift = rng.random()
        t = x * waves * (1 + 0.10 * np.sin(x * 5 + base * 31)) + shift
        saw = t - np.floor(t)
        heap = np.sin(np.pi * saw**1.7) ** 1.2
        tall = size * (0.75 + 0.5 * noise(np.floor(t) * 3.3 + 0.5, x * 0 + base * 13, 41))
        crest = base - heap * tall * 1.5 + 0.2 * size * noise(x * 6, x * 0 + base * 9, 43)
        down = y - crest
        band = (down > 0) & (y > SEA)
        follow = down / size
        lines = follow * 4.6 + 0.35 * noise(x * 18, y * 18, 45) + 0.9 * (saw - 0.5) * smooth(0.4, 0.0, follow)
        tone = 0.02 + 0.42 * follow * (0.8 + 0.6 * saw) + 0.12 * fbm(x * 8, y * 12, 2, 47)
        shine = (
            np.exp(-(((x - SUN_X) / (0.10 + 0.5 * (base - SEA))) ** 2)) * smooth(0.75, 0.15, follow) * (1 - 0.6 * heap)
        )
        key = carve(lines, x * 6 / (size * 16), tone, 49, 0.30)
        foam = carve(follow * 9, t * 9, 0.55 - 0.4 * follow, 51, 0.6) * smooth(0.55, 0.2, follow)
        green = smooth(0.12, 0.9, follow) * (0.55 + 0.45 * smooth(SEA, 1.0, y))
        part.put(band, np.maximum(key, 0), shine * 0.8, green * (1 - 0.7 * foam))
        part.contour(band, 3 + 110 * size, 6 + 70 * size)
        base += size * 1.75


def boat(block: Print) -> None:
    """A small lugger with two red sails."""
    cx, cy, k = 0.452, 0.648, 0.105
    block = block.window(cx - 1.2 * k, cy - 2.2 * k, cx + 1.2 * k, cy + 0.3 * k)
    x, y = block.x, block.y
    hull = block.polygon(
        [
            (cx + k * a, cy + k * b)
            for a, b in (
                (-0.9, -0.22),
                (-0.6, 0.10),
                (0.65, 0.10),
                (1.02, -0.30),
                (0.6, -0.16),
                (-0.5, -0.14),
            )
        ]
    )
    main = block.polygon(
        [
            (cx + k * a, cy + k * b)
            for a, b in ((0.05, -1.95), (0.30, -1.55), (0.52, -1.0), (0.60, -0.32), (0.05, -0.36))
        ]
    )
    jib = block.polygon(
        [(cx + k * a, cy + k * b) for a, b in ((-0.03, -1.75), (-0.04, -0.38), (-0.86, -0.32), (-0.55, -0.85))]
    )
    for sail, lean in ((main, 1.0), (jib, -0.8)):
        u = (x - cx) / k - 0.12 * lean * np.sin((y - cy) / k * 1.6)
        tone = 0.16 + 0.42 * np.clip(u * lean, 0, 1)
        block.put(sail, carve(u * 15, (y - cy) * 22, tone, 61, 0.25), 0.95, 0.0)
        block.contour(sail, 5, 8)
    block.put(hull, carve((y - cy) / k * 26 + u * 1.5, x * 20, 0.72 + 0 * x, 63, 0.3), 0.5, 0.0)
    block.contour(hull, 6, 8)
    mast = block.polygon(
        [
            (cx - 0.002, cy - k * 2.05),
            (cx + 0.003, cy - k * 2.05),
            (cx + 0.004, cy - 0.02),
            (cx - 0.003, cy - 0.02),
        ]
    )
    block.put(mast, 1.0)


def pine(block: Print) -> None:
    """A cliff on the left with a leaning pine: trunk cut along its length, needle pads cut like fans."""
    whole, block = block, block.window(0, 0.10, 0.46, 1)
    x, y = block.x, block.y
    edge = 0.19 + 0.05 * np.sin(y * 9) + 0.035 * fbm(y * 9, x * 0, 3, 71) - 0.55 * np.clip(0.86 - y, 0, 1)
    top = 0.755 + 0.25 * x + 0.02 * fbm(x * 14, x * 0, 3, 73)
    cliff = (x < edge + 0.07) & (y > top)
    cracks = fbm(x * 9, y * 5, 4, 75)
    phase = (x * 0.9 + 0.35 * y) * 64 + 4.0 * cracks
    tone = 0.50 + 0.55 * cracks + 0.4 * smooth(0.08, 0.0, x) - 0.45 * smooth(0.05, 0.0, y - top)
    block.put(cliff, carve(phase, y * 9, tone, 77, 0.4), 0.42 * smooth(0.25, -0.2, cracks), 0.25)
    block.contour(cliff, 8, 10)
    spine = [
        (0.105, 0.80),
        (0.125, 0.70),
        (0.100, 0.60),
        (0.125, 0.50),
        (0.185, 0.41),
        (0.205, 0.33),
        (0.18, 0.26),
    ]
    limbs = [
        (spine, 0.021),
        ([(0.108, 0.57), (0.04, 0.53), (-0.03, 0.52)], 0.009),
        ([(0.15, 0.46), (0.24, 0.455), (0.33, 0.425)], 0.008),
        ([(0.20, 0.36), (0.13, 0.31), (0.06, 0.305)], 0.007),
        ([(0.205, 0.33), (0.27, 0.29), (0.315, 0.285)], 0.006),
    ]
    trunk, side = np.zeros(x.shape, bool), np.zeros(x.shape, np.float32)
    for points, thick in limbs:
        p = np.array(points)
        s = np.linspace(0, len(p) - 1, 160)
        px, py = np.interp(s, np.arange(len(p)), p[:, 0]), np.interp(s, np.arange(len(p)), p[:, 1])
        px, py = (np.convolve(np.pad(a, 12, mode="edge"), np.ones(25) / 25, "valid") for a in (px, py))
        for k, (a, b) in enumerate(zip(px, py, strict=True)):
            w = thick * (1 - 0.62 * k / 160)
            x0, x1 = (int(np.clip(v * BIG, 0, x.shape[1])) for v in (a - w, a + w))
            y0, y1 = (int(np.clip((v - 0.10) * BIG, 0, x.shape[0])) for v in (b - w, b + w))
            if x1 > x0 and y1 > y0:
                near = np.hypot(x[y0:y1, x0:x1] - a, y[y0:y1, x0:x1] - b) < w
                trunk[y0:y1, x0:x1] |= near
                side[y0:y1, x0:x1] = np.where(near, (x[y0:y1, x0:x1] - a) / w, side[y0:y1, x0:x1])
    bark = carve(side * 3.2 + 0.8 * fbm(x * 30, y * 30, 2, 81), y * 40, 0.62 - 0.40 * side, 83, 0.4)
    block.put(trunk, bark, 0.75, 0.15)
    block.contour(trunk, 4, 8)
    pads = [
        (-0.01, 0.500, 0.085), (0.075, 0.475, 0.060), (0.335, 0.405, 0.075), (0.262, 0.425, 0.055),
        (0.045, 0.285, 0.075), (0.125, 0.275, 0.060), (0.320, 0.268, 0.060), (0.185, 0.205, 0.085),
        (0.255, 0.215, 0.062), (0.12, 0.215, 0.055), (0.225, 0.350, 0.050), (0.02, 0.40, 0.05),
    ]  # fmt: skip
    for i, (cx, cy, size) in enumerate(pads):
        block = whole.window(cx - 1.25 * size, cy - 0.7 * size, cx + 1.25 * size, cy + 0.5 * size)
        x, y = block.x, block.y
        dx, dy = (x - cx) / size, (y - cy) / (size * 0.52)
        angle = np.arctan2(dy + 0.9, dx)
        lobe = np.hypot(dx, dy) - 0.10 * np.abs(np.sin(angle * 9 + i)) - 0.08 * fbm(x * 40, y * 40, 2, 85)
        mask = (lobe < 0.95) & (dy < 0.55 + 0.12 * np.sin(dx * 14))
        fan = np.arctan2(dy - 1.3, dx) * 11
        burst = carve(fan + 0.4 * noise(x * 50, y * 50, 87), np.hypot(dx, dy - 1.3) * 5, 0.70 + 0.42 * dy, 89 + i, 0.42)
        block.put(mask, burst, 0.0, 0.9)
        block.contour(mask, 4, 7)


def birds(block: Print) -> None:
    """Five gulls."""
    for cx, cy, k in (
        (0.80, 0.20, 0.030),
        (0.86, 0.235, 0.022),
        (0.745, 0.155, 0.020),
        (0.90, 0.17, 0.018),
        (0.44, 0.25, 0.016),
    ):
        part = block.window(cx - 2 * k, cy - 2 * k, cx + 2 * k, cy + 2 * k)
        wing = [
            (-1, -0.28),
            (-0.5, -0.42),
            (0, 0.02),
            (0.5, -0.46),
            (1.05, -0.22),
            (0.5, -0.26),
            (0.05, 0.24),
            (-0.5, -0.24),
        ]
        mask = part.polygon([(cx + k * a, cy + k * b) for a, b in wing])
        part.put(mask, 1.0)
        halo = distance(mask, 9)
        part.key[(halo > 0) & (halo < 7)] = 0


def press(block: Print, x: Array, y: Array) -> Array:
    """Print the blocks on paper: register, grain of the wood, hungry and squeezed ink."""
    rag = 0.004 * fbm(x * 26, y * 26, 3, 101)
    margin = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + rag
    inside = margin > 0.019
    frame = (margin > 0.019) & (margin < 0.0265)
    key = np.where(inside, np.maximum(block.key, frame), 0)
    stray = carve(
        np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), x, y) * 260,
        (x + y) * 30,
        0 * x - 0.42,
        103,
        0.6,
    )
    key = np.maximum(key, stray * (margin < 0.016))
    plank = y + 0.02 * noise(x * 2.0, y * 3, 105) + 0.012 * fbm(x * 5, y * 14, 2, 106)
    grain = fbm(plank * 95, x * 2.2, 3, 107)
    fibre = fbm(x * 210, y * 210, 2, 109)
    blotch = fbm(x * 7, y * 7, 4, 111)
    paper = PAPER * (1 + 0.035 * fibre + 0.03 * blotch)[..., None]
    picture = paper
    for ink, raw, shift, seed in ((GREEN, block.green, (5, -6), 121), (RED, block.red, (-6, 4), 123)):
        plate = np.roll(np.where(inside, raw, 0), shift, (0, 1))
        speckle = fbm(x * 330, y * 330, 2, seed)
        load = plate * (1 + 0.30 * grain + 0.16 * blotch) - 0.30 * smooth(0.10, 0.5, speckle) * (1.15 - plate)
        load = np.clip(load + 0.10 * plate * smooth(0, 0.3, fibre), 0, 1)
        picture = picture * mix(np.ones_like(paper), ink, load)
    soft = blur(key.astype(np.float32), 1, 2) + 0.16 * fbm(x * 240, y * 240, 2, 131)
    key = smooth(0.42, 0.60, soft)
    rim = np.exp(-(((distance(key < 0.5, 10) - 3.0) / 2.2) ** 2)) * key
    hungry = smooth(0.26, 0.62, fbm(x * 300, y * 300, 2, 133) + 0.32 * grain + 0.22 * blotch)
    load = key * np.clip(0.93 - 0.62 * hungry * (1 - 0.7 * rim) + 0.07 * rim, 0, 1)
    return picture * mix(np.ones_like(paper), KEY, load)


def paint() -> Array:
    """Cut the blocks from back to front and print them."""
    block = Print()
    x, y = block.x, block.y
    sky(block)
    cloud(block, [(0.86, 0.40, 0.07), (0.94, 0.365, 0.085), (1.02, 0.40, 0.08), (0.79, 0.425, 0.045)], 21)
    cloud(block, [(0.30, 0.12, 0.06), (0.375, 0.10, 0.075), (0.455, 0.125, 0.055), (0.52, 0.14, 0.035)], 23)
    cloud(block, [(0.89, 0.075, 0.055), (0.965, 0.06, 0.07), (0.83, 0.09, 0.035)], 25)
    flat = x * 0
    peak = 0.385 + 0.50 * np.sqrt((x - 0.40) ** 2 + 0.0004) + 0.018 * fbm(x * 13, flat, 4, 27)
    ridge(block, np.minimum(peak, 0.50 + 0.03 * noise(x * 6, flat, 28)), 105, 201, (0.45, 0.55), 0.30, True)
    hill = 0.515 - 0.085 * smooth(0.55, 1.02, x) + 0.016 * fbm(x * 11, flat, 3, 29) + 0.06 * smooth(0.5, 0.2, x)
    ridge(block, hill, 120, 211, (0.55, 0.75), 0.44, False)
    sea(block)
    boat(block)
    birds(block)
    pine(block)
    return press(block, x, y)
