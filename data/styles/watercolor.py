"""`watercolor`: poppies, cornflowers and daisies in loose wet washes.

After Curtis et al., "Computer-generated watercolor" (1997), though faked rather than simulated. Every wash
is a polygon, blurred and pushed about by noise; where the blurred edge crosses one half the pigment dries
into a dark rim, or runs out softly where the paper is still wet. Washes carry two pigments that mingle,
settle in the hollows of the paper (granulation), are pushed back by drops of water (blooms), and add as
absorbances, as glazes do. The daisies and the gaps between petals are bare paper, kept free with masking
fluid.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, light, rgb, smooth
from PIL import Image, ImageDraw

Shape = list[tuple[float, float]]
PIGMENTS = {  # color of a full wash, how much it granulates
    "scarlet": ("#e4311b", 0.30),
    "crimson": ("#b3122e", 0.35),
    "orange": ("#f58a1c", 0.20),
    "yellow": ("#fbcf2e", 0.15),
    "sap": ("#6b8f2a", 0.45),
    "olive": ("#55641f", 0.55),
    "viridian": ("#1d7460", 0.60),
    "cobalt": ("#2f62c0", 0.80),
    "ultramarine": ("#2a35a0", 0.95),
    "cerulean": ("#4fb0d8", 0.85),
    "violet": ("#6a3c9c", 0.70),
    "rose": ("#e2678c", 0.30),
    "indigo": ("#1c2444", 0.60),
    "sienna": ("#a8562a", 0.70),
}
MARGIN = 40  # pixels around a shape that its wash may run into


class Sheet:
    """A sheet of rough paper and the absorbance of the pigment on it."""

    def __init__(self, rng: np.random.Generator) -> None:
        x, y = grid()
        self.rng = rng
        self.stain = np.zeros((BIG, BIG, 3), np.float32)
        self.free = np.ones((BIG, BIG), np.float32)  # 0 under masking fluid
        self.coarse = fbm(x * 7, y * 7, 3, 11) * 1.6
        self.mid = fbm(x * 34, y * 34, 3, 21) * 1.6
        self.fine = fbm(x * 150, y * 150, 2, 31) * 1.6
        tooth = fbm(x * 200, y * 200, 2, 41, 0.6) * 1.25
        self.paper = tooth + 0.12 * self.mid

    def patch(self, field: Array, h: int, w: int) -> Array:
        """A random piece of a noise field, perhaps mirrored."""
        r, c = self.rng.integers(0, BIG - h + 1), self.rng.integers(0, BIG - w + 1)
        piece = field[r : r + h, c : c + w]
        return piece[:: self.rng.choice([-1, 1]), :: self.rng.choice([-1, 1])]

    def soak(self, shapes: list[Shape], spread: int, wobble: float) -> tuple[tuple[slice, slice], Array]:
        """The window of some polygons (in 0..1) and their blurred, roughened coverage in it."""
        points = np.array([p for shape in shapes for p in shape]) * BIG
        c0, r0 = np.clip(points.min(axis=0) - MARGIN, 0, BIG).astype(int)
        c1, r1 = np.clip(points.max(axis=0) + MARGIN, 0, BIG).astype(int)
        h, w = max(int(r1 - r0), 0), max(int(c1 - c0), 0)
        box = (slice(r0, r0 + h), slice(c0, c0 + w))
        if h < 2 or w < 2:
            return box, np.zeros((h, w), np.float32)
        image = Image.new("L", (w, h), 0)
        pen = ImageDraw.Draw(image)
        for shape in shapes:
            pen.polygon([(px * BIG - c0, py * BIG - r0) for px, py in shape], fill=255)
        m = blur(np.asarray(image, dtype=np.float32) / 255, spread, 2)
        push = (
            0.5 * self.patch(self.coarse, h, w) + 0.7 * self.patch(self.mid, h, w) + 0.35 * self.patch(self.fine, h, w)
        )
        return box, m + wobble * push * 4 * m * (1 - m)

    def wash(
        self,
        shapes: list[Shape],
        pigments: tuple[str, str],
        strength: float,
        spread: int = 7,
        wobble: float = 0.22,
        wet: float = 0.12,
        rim: float = 0.75,
        slope: tuple[float, float] = (0.0, 0.0),
        masked: bool = False,
    ) -> None:
        """Lay one wash; `wet` lets its edge run, `slope` makes it darker toward (x, y)."""
        box, f = self.soak(shapes, spread, wobble)
        h, w = f.shape
        if h < 2 or w < 2:
            return
        puddle, mingle = self.patch(self.coarse, h, w), self.patch(self.coarse, h, w)
        cloud, fleck = self.patch(self.mid, h, w), self.patch(self.fine, h, w)
        run = 0.035 + wet * smooth(-0.05, 0.55, puddle)
        body = smooth(0.0, 1.0, (f - 0.5 + run) / (2 * run))
        crisp = smooth(0.16, 0.04, run)
        edge = np.exp(-(((f - 0.5 - 0.8 * run) / 0.075) ** 2)) * crisp
        lean_x, lean_y = np.linspace(-1, 1, w)[None] * slope[0], np.linspace(-1, 1, h)[:, None] * slope[1]
        tone = np.clip(0.62 + 0.42 * puddle + 0.30 * cloud + 0.10 * fleck + 0.5 * (lean_x + lean_y), 0.10, 1.6)
        amount = strength * (body * tone + rim * edge * (0.5 + 0.6 * tone))
        if masked:
            amount = amount * self.free[box]
        share = smooth(-0.35, 0.35, mingle + 0.35 * cloud + 0.6 * (lean_x + lean_y))
        for name, part in ((pigments[0], 1 - share), (pigments[1], share)):
            code, grains = PIGMENTS[name]
            settle = np.clip(1 - grains * self.paper[box] * (1.25 - 0.5 * np.clip(tone, 0, 1)), 0.05, 2.2)
            self.stain[box] += (amount * part * settle)[..., None] * -np.log(np.maximum(rgb(code), 0.02))

    def bloom(self, cx: float, cy: float, radius: float) -> None:
        """A drop of water: lifts pigment and pushes it into a crinkled fringe."""
        a = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        reach = radius * (1 + 0.16 * np.sin(a * 3 + self.rng.random() * 6) + self.rng.normal(0, 0.07, 60))
        box, f = self.soak([list(zip(cx + reach * np.cos(a), cy + reach * np.sin(a), strict=True))], 16, 0.55)
        inside = smooth(0.42, 0.62, f)
        fringe = np.exp(-(((f - 0.46) / 0.07) ** 2))
        self.stain[box] *= (1 - 0.50 * inside + 0.55 * fringe)[..., None]

    def mask(self, shapes: list[Shape], spread: int = 3, strength: float = 1.0) -> None:
        """Masking fluid."""
        box, f = self.soak(shapes, spread, 0.18)
        if f.size:
            self.free[box] = np.minimum(self.free[box], 1 - strength * smooth(0.42, 0.55, f))


def blob(cx: float, cy: float, rx: float, ry: float, rng: np.random.Generator, turn: float = 0.0) -> Shape:
    """An irregular closed outline."""
    a = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    r = 1 + sum(rng.normal(0, 0.22 / k) * np.sin(k * a + rng.random() * 6.3) for k in range(2, 9))
    px, py = rx * r * np.cos(a), ry * r * np.sin(a)
    co, si = np.cos(turn), np.sin(turn)
    return [(cx + u * co - v * si, cy + u * si + v * co) for u, v in zip(px, py, strict=True)]


def petal(
    cx: float, cy: float, size: float, toward: float, width: float, squash: float, rng: np.random.Generator
) -> Shape:
    """A fan-shaped poppy petal with a ruffled rim."""
    t = np.linspace(-1, 1, 44)
    r = size * (1 - 0.30 * np.abs(t) ** 3.2) * (1 + 0.045 * np.sin(t * 9 + rng.random() * 6) + rng.normal(0, 0.012, 44))
    a = toward + t * width
    rim = [(cx + u, cy + squash * v) for u, v in zip(r * np.cos(a), r * np.sin(a), strict=True)]
    heel = [
        (cx + 0.10 * size * np.cos(toward + s), cy + squash * 0.10 * size * np.sin(toward + s)) for s in (0.9, -0.9)
    ]
    return rim + heel


def blade(points: Shape, thick: float, rng: np.random.Generator) -> Shape:
    """A stem or leaf along a bent line: thin, swelling by `thick`, thin again."""
    p = np.array(points)
    s = np.linspace(0, len(p) - 1, 40)
    line = np.stack([np.interp(s, np.arange(len(p)), p[:, k]) for k in (0, 1)], axis=-1)
    for k in (0, 1):
        line[:, k] = np.convolve(np.pad(line[:, k], 5, mode="edge"), np.ones(11) / 11, "valid")
    step = np.gradient(line, axis=0)
    side = np.stack([-step[:, 1], step[:, 0]], axis=-1) / (np.linalg.norm(step, axis=1, keepdims=True) + 1e-9)
    t = np.linspace(0, 1, 40)[:, None]
    half = thick * (0.12 + np.sin(np.pi * t) ** 0.8) * (1 + rng.normal(0, 0.06, (40, 1)))
    return [tuple(v) for v in np.vstack([line + side * half, (line - side * half)[::-1]]).tolist()]


POPPIES = [  # x, y, size, squash
    (0.32, 0.36, 0.175, 0.92), (0.69, 0.27, 0.150, 0.80), (0.60, 0.57, 0.165, 0.95),
    (0.17, 0.64, 0.120, 0.75), (0.87, 0.53, 0.115, 0.90), (0.46, 0.14, 0.095, 0.70),
    (0.90, 0.13, 0.085, 0.80), (0.10, 0.14, 0.085, 0.85), (0.38, 0.80, 0.090, 0.80),
    (0.80, 0.84, 0.105, 0.72),
]  # fmt: skip
CORNFLOWERS = [
    (0.46, 0.46, 0.058), (0.13, 0.42, 0.060), (0.80, 0.70, 0.062), (0.26, 0.15, 0.054), (0.56, 0.84, 0.058),
    (0.92, 0.32, 0.054), (0.25, 0.90, 0.050), (0.60, 0.06, 0.045), (0.05, 0.84, 0.050),
]  # fmt: skip
DAISIES = [
    (0.49, 0.31, 0.060), (0.84, 0.40, 0.052), (0.31, 0.60, 0.062), (0.70, 0.74, 0.058), (0.14, 0.78, 0.050),
    (0.78, 0.08, 0.048), (0.92, 0.92, 0.052), (0.47, 0.93, 0.054), (0.06, 0.29, 0.045),
]  # fmt: skip


def background(sheet: Sheet, rng: np.random.Generator) -> None:
    """Wet-in-wet ground: blues and violets above, greens below, warm light between."""
    cool = [
        ("cerulean", "cobalt"),
        ("cobalt", "violet"),
        ("cerulean", "rose"),
        ("violet", "rose"),
        ("cerulean", "viridian"),
    ]
    warm = [("yellow", "sap"), ("sap", "cerulean"), ("yellow", "rose"), ("orange", "yellow")]
    deep = [
        ("viridian", "sap"),
        ("sap", "olive"),
        ("viridian", "ultramarine"),
        ("olive", "viridian"),
        ("viridian", "cobalt"),
    ]
    for i in range(58):
        cx, cy = rng.uniform(-0.02, 1.02), (i + rng.random()) / 58
        choice = cool if cy < 0.36 + rng.normal(0, 0.09) else warm if cy < 0.52 + rng.normal(0, 0.12) else deep
        pair = choice[rng.integers(len(choice))]
        size = rng.uniform(0.07, 0.17)
        shape = blob(cx, cy, size * rng.uniform(0.9, 1.6), size, rng, rng.normal(0, 0.5))
        sheet.wash([shape], pair, rng.uniform(0.16, 0.46), 17, 0.42, 0.30, 0.55, (rng.normal(0, 0.3), 0.3), True)
    for _ in range(16):
        sheet.bloom(rng.random(), rng.random(), rng.uniform(0.025, 0.07))


def leaves(sheet: Sheet, rng: np.random.Generator) -> None:
    """Stems for every flower, grasses, and saw-edged poppy leaves."""
    greens = [
        ("sap", "olive"),
        ("viridian", "sap"),
        ("olive", "indigo"),
        ("sap", "yellow"),
        ("viridian", "indigo"),
    ]
    for x, y, *_ in [*POPPIES, *CORNFLOWERS, *DAISIES]:
        foot = 0.5 + (x - 0.5) * 0.62 + rng.normal(0, 0.05)
        bend = (x + foot) / 2 + rng.normal(0, 0.035)
        path = [
            (x, y),
            ((x + bend) / 2 + 0.01, y * 0.7 + 0.3 * 1.05),
            (bend, y * 0.45 + 0.55 * 1.05),
            (foot, 1.06),
        ]
        sheet.wash([blade(path, 0.0042, rng)], greens[rng.integers(5)], 1.0, 2, 0.15, 0.05, 0.5, masked=True)
    for _ in range(70):
        x, y = rng.uniform(-0.05, 1.05), rng.uniform(0.62, 1.10)
        tall, lean = rng.uniform(0.12, 0.38), rng.normal(0, 0.10)
        path = [
            (x, y),
            (x + 0.15 * lean, y - 0.4 * tall),
            (x + 0.5 * lean, y - 0.8 * tall),
            (x + 1.3 * lean, y - tall),
        ]
        pair = greens[rng.integers(5)]
        sheet.wash(
            [blade(path, rng.uniform(0.003, 0.011), rng)],
            pair,
            rng.uniform(0.5, 1.1),
            3,
            0.2,
            0.10,
            0.6,
            masked=True,
        )
    for _ in range(34):
        x, y, size = rng.uniform(0, 1), rng.uniform(0.50, 1.0), rng.uniform(0.05, 0.12)
        turn = rng.choice([-0.6, 3.7]) + rng.normal(0, 0.5)
        co, si = np.cos(turn), np.sin(turn)
        parts = [
            blade(
                [(x, y), (x + size * co * 0.5, y + size * si * 0.5), (x + size * co, y + size * si)],
                0.12 * size,
                rng,
            )
        ]
        for k in (0.25, 0.45, 0.65):
            for way in (0.75, -0.75):
                a, length = turn + way, size * (0.62 - 0.5 * k)
                bx, by = x + size * k * co, y + size * k * si
                mid = (bx + length * 0.5 * np.cos(a), by + length * 0.5 * np.sin(a))
                parts.append(
                    blade([(bx, by), mid, (bx + length * np.cos(a), by + length * np.sin(a))], 0.10 * size, rng)
                )
        sheet.wash(parts, greens[rng.integers(5)], rng.uniform(0.6, 1.15), 3, 0.25, 0.12, 0.7, masked=True)


def paint() -> Array:
    """The whole sheet."""
    rng = np.random.default_rng(17)
    sheet = Sheet(rng)
    poppies, cornflowers, daisies = [], [], []
    for x, y, size, squash in POPPIES:
        start = rng.uniform(0, 6.3)
        n = int(rng.integers(4, 6))
        around = [start + 2 * np.pi * k / n + rng.normal(0, 0.12) for k in range(n)]
        poppies.append([petal(x, y, size * rng.uniform(0.85, 1.08), a, 2.75 / n, squash, rng) for a in around])
    for x, y, size in CORNFLOWERS:
        group = []
        for k in range(12):
            a, r = 2 * np.pi * k / 12 + rng.normal(0, 0.10), size * rng.uniform(0.8, 1.15)
            tips = [
                (a - 0.20, 0.92),
                (a - 0.10, 0.80),
                (a, 1.05),
                (a + 0.10, 0.80),
                (a + 0.20, 0.92),
                (a, 0.18),
            ]
            group.append([(x + r * q * np.cos(t), y + 0.9 * r * q * np.sin(t)) for t, q in tips])
        cornflowers.append(group)
    for x, y, size in DAISIES:
        group = []
        for k in range(15):
            a, r = 2 * np.pi * k / 15 + rng.normal(0, 0.06), size * rng.uniform(0.88, 1.1)
            path = [(x + r * q * np.cos(a), y + 0.88 * r * q * np.sin(a)) for q in (0.22, 0.5, 0.8, 1.0)]
            group.append(blade(path, 0.125 * size, rng))
        daisies.append(group)
    for group in poppies:
        sheet.mask(group, 5, 0.93)
    for group in cornflowers:
        sheet.mask(group, 3, 0.92)
    for (x, y, size), group in zip(DAISIES, daisies, strict=True):
        sheet.mask([*group, blob(x, y, 0.3 * size, 0.28 * size, rng)], 2, 0.97)
    background(sheet, rng)
    leaves(sheet, rng)

    reds = [
        ("scarlet", "orange"),
        ("scarlet", "crimson"),
        ("crimson", "scarlet"),
        ("orange", "scarlet"),
        ("scarlet", "rose"),
    ]
    for (x, y, size, squash), group in zip(POPPIES, poppies, strict=True):
        for k in (*range(0, len(group), 2), *range(1, len(group), 2)):
            pair = reds[rng.integers(5)]
            sheet.wash([group[k]], pair, rng.uniform(0.62, 0.95), 5, 0.20, 0.10, 0.85, tuple(rng.normal(0, 0.45, 2)))
            fan = np.mean(group[k][8:36], axis=0) - [x, y]
            for _ in range(6):  # folds glazed from the heart outward
                a = np.arctan2(fan[1] / squash, fan[0]) + rng.normal(0, 0.30)
                reach = size * rng.uniform(0.45, 0.80)
                tip = (x + reach * np.cos(a), y + squash * reach * np.sin(a))
                sway = rng.normal(0, 0.03 * size, 2)
                heel = (x + 0.15 * (tip[0] - x), y + 0.15 * (tip[1] - y))
                middle = ((x + tip[0]) / 2 + sway[0], (y + tip[1]) / 2 + sway[1])
                fold = blade([heel, middle, tip], rng.uniform(0.02, 0.07) * size, rng)
                sheet.wash([fold], ("crimson", "scarlet"), rng.uniform(0.15, 0.4), 6, 0.35, 0.35, 0.35)
        if rng.random() < 0.8:
            a = rng.uniform(0, 6.3)
            sheet.bloom(
                x + 0.6 * size * np.cos(a),
                y + 0.6 * size * squash * np.sin(a),
                size * rng.uniform(0.14, 0.24),
            )
        sheet.wash(
            [blob(x, y, 0.21 * size, 0.20 * size * squash, rng)],
            ("indigo", "violet"),
            1.25,
            8,
            0.6,
            0.30,
            0.4,
        )
        dots = []
        for _ in range(44):
            a, r = rng.uniform(0, 6.3), size * rng.normal(0.30, 0.045)
            dots.append(blob(x + r * np.cos(a), y + r * squash * np.sin(a), 0.0032, 0.0028, rng))
        sheet.wash(dots, ("indigo", "indigo"), 1.5, 1, 0.2, 0.03, 0.4)
    blues = [("cobalt", "ultramarine"), ("ultramarine", "violet"), ("cobalt", "cerulean")]
    for (x, y, size), group in zip(CORNFLOWERS, cornflowers, strict=True):
        for part in group:
            sheet.wash([part], blues[rng.integers(3)], rng.uniform(0.7, 1.15), 3, 0.25, 0.10, 0.7)
        sheet.wash([blob(x, y, 0.26 * size, 0.24 * size, rng)], ("violet", "indigo"), 1.1, 4, 0.5, 0.2, 0.5)
    for (x, y, size), group in zip(DAISIES, daisies, strict=True):
        for part in group:
            sheet.wash([part], ("cobalt", "violet"), rng.uniform(0.04, 0.22), 3, 0.3, 0.2, 0.9)
        sheet.wash(
            [blob(x, y, 0.27 * size, 0.25 * size, rng)],
            ("yellow", "orange"),
            1.1,
            4,
            0.3,
            0.08,
            0.6,
            (0.3, 0.6),
        )
        sheet.wash(
            [blob(x + 0.05 * size, y + 0.1 * size, 0.17 * size, 0.12 * size, rng)],
            ("sienna", "orange"),
            0.6,
            4,
            0.5,
            0.3,
        )
    for _ in range(150):  # splashes
        x, y, r = rng.random(), rng.random(), 0.0011 + 0.0045 * rng.random() ** 3
        names = list(PIGMENTS)
        pair = (names[rng.integers(len(names) - 1)], names[rng.integers(len(names) - 1)])
        sheet.wash([blob(x, y, r, r, rng)], pair, rng.uniform(0.4, 1.0), 2, 0.2, 0.05, 0.9)

    diffuse, _ = light(blur(sheet.paper, 1, 1), 0.55)
    paper = np.array([0.985, 0.970, 0.935], np.float32) * (0.90 + 0.10 * diffuse)[..., None]
    return paper * np.exp(-sheet.stain)
