"""`mosaic`: two fish circling in a roundel, laid in stone tesserae.

The tiles follow the design as a mosaicist would lay them (andamento; compare Hausner, "Simulating
decorative mosaics", 2001): each region has a level field, most often the distance from its outline, and
rows of quadrilateral tiles are walked along the lines of equal level, bent with the curve and cut where
they would overlap. Left-over gaps get splinters. The tiles are stones of a small palette with veins,
chipped edges and a slight tilt each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from canvas import BIG, SIZE, Array, Mask, blur, distance, edges, fbm, grid, light, mix, noise, rgb, smooth
from PIL import Image, ImageDraw

STONES = {
    "navy": "#1a2740", "slate": "#3b5670", "teal": "#25747d", "aqua": "#5fa5a3", "mist": "#a9c6be",
    "cream": "#f0e7d1", "ivory": "#e2d2ad", "sand": "#cdb58a", "ochre": "#d29a3a", "gold": "#e6bd5e",
    "coral": "#c9623c", "brick": "#94351f", "wine": "#5f1f22", "rose": "#dba48d", "olive": "#7f8444",
    "green": "#3c6449", "umber": "#4a3426",
}  # fmt: skip
FIRE = ["wine", "brick", "brick", "coral", "coral", "ochre", "gold", "ivory", "cream"]
SEA = ["navy", "navy", "slate", "teal", "teal", "aqua", "aqua", "mist", "cream"]
FIN_SEA = ["navy", "teal", "aqua", "mist"]
FIN_FIRE = ["brick", "coral", "ochre", "gold"]
R0 = 0.222  # radius of the circle on which the fish swim


@dataclass
class Region:
    """Part of the picture with its own rows: a mask, a level in pixels, and the size of its tiles."""

    mask: Mask
    level: Array
    tile: float


@dataclass
class Floor:
    """The tiles laid so far and the room they have taken."""

    taken: Mask = field(default_factory=lambda: np.zeros((SIZE, SIZE), bool))
    quads: list[Array] = field(default_factory=list)


def bump(t: Array) -> Array:
    """One arch of a sine over 0..1."""
    return np.clip(np.sin(np.pi * np.clip(t, 0, 1)), 0, None)


def fish(turn: float) -> dict[str, Array]:
    """Coordinates of a fish bent round the center: along, across, masks of its parts."""
    x, y = grid(SIZE)
    dx, dy = x - 0.5, y - 0.5
    theta = (np.arctan2(dy, dx) - turn) % (2 * np.pi)
    theta = np.where(theta > 1.75 * np.pi, theta - 2 * np.pi, theta)
    s = (theta - 0.62) / 2.02
    center = R0 + 0.006 + 0.012 * np.sin(s * 5.0)
    n = np.hypot(dx, dy) - center
    si = np.clip(s, 0, 1)
    width = 0.080 * (bump((0.09 + 0.91 * si) ** 1.25) ** 0.72) * (0.55 + 0.5 * si) + 0.012
    width = width * smooth(1.03, 0.985, s)
    body = (s > 0.0) & (s < 1.03) & (np.abs(n) < width)
    back = np.clip((0.13 - s) / 0.40, 0, 1)
    notch = 0.10 * (1 - np.abs(n) / 0.085)
    tail = (s < 0.11) & (np.abs(n) < 0.012 + 0.088 * back**0.8) & (s > -0.25 + notch)
    crest = (s > 0.30) & (s < 0.80) & (n > 0)
    dorsal = crest & (n < width + 0.060 * bump((s - 0.30) / 0.50) ** 0.6 * (1.15 - s))
    belly = (n < 0) & (s > 0.30) & (s < 0.50)
    anal = belly & (-n < width + 0.045 * bump((s - 0.30) / 0.20) ** 0.7)
    chest = (n < 0) & (s > 0.58) & (s < 0.76)
    pelvic = chest & (-n < width + 0.050 * bump((s - 0.58) / 0.18) ** 0.8)
    fins = (tail | dorsal | anal | pelvic) & ~body
    head = body & (s > 0.79 - 6.0 * n * n / 0.06)
    eye = np.hypot((s - 0.905) * 2.02 * R0, n - 0.020)
    return {
        "s": s,
        "n": n,
        "width": width,
        "body": body,
        "fins": fins,
        "head": head,
        "eye": eye,
        "back": tail,
    }


def lay(floor: Floor, region: Region, rng: np.random.Generator) -> None:
    """Walk rows of tiles along the level lines of a region."""
    size = region.tile
    level = blur(region.level, 1, 1)
    gy, gx = np.gradient(level)
    norm = np.hypot(gx, gy) + 1e-6
    nx, ny = blur(gx / norm, 1, 1), blur(gy / norm, 1, 1)
    inside = region.mask
    low, high = float(level[inside].min()), float(level[inside].max())
    grid5 = np.linspace(0.08, 0.92, 6)
    u6, v6 = (a.ravel()[:, None] for a in np.meshgrid(grid5, grid5))
    grid16 = np.linspace(0.0, 1.0, 18)
    u16, v16 = (a.ravel()[:, None] for a in np.meshgrid(grid16, grid16))

    def normal(p: Array) -> Array:
        i, j = int(np.clip(p[1], 0, SIZE - 1)), int(np.clip(p[0], 0, SIZE - 1))
        v = np.array([nx[i, j], ny[i, j]])
        return v / (np.linalg.norm(v) + 1e-6)

    def where(q: Array, u: Array, v: Array) -> tuple[Array, Array]:
        p = (q[0] * (1 - u) + q[1] * u) * (1 - v) + (q[3] * (1 - u) + q[2] * u) * v
        return np.clip(p[:, 1], 0, SIZE - 1).astype(int), np.clip(p[:, 0], 0, SIZE - 1).astype(int)

    def attempt(p: Array, target: float, width: float, sign: float) -> Array | None:
        n0 = normal(p)
        q = p + sign * width * np.array([-n0[1], n0[0]])
        for _ in range(2):
            i, j = int(np.clip(q[1], 0, SIZE - 1)), int(np.clip(q[0], 0, SIZE - 1))
            q = q + np.clip(target - level[i, j], -1.5, 1.5) * normal(q)
        n1 = normal(q)
        if not (0 <= q[0] < SIZE and 0 <= q[1] < SIZE) or n0 @ n1 < 0.55:
            return None
        b = size / 2
        quad = np.array([p - n0 * b, q - n1 * b, q + n1 * b, p + n0 * b])
        rows, cols = where(quad, u6, v6)
        if floor.taken[rows, cols].mean() > 0.14 or inside[rows, cols].mean() < 0.72:
            return None
        rows, cols = where(quad, u16, v16)
        floor.taken[rows, cols] = True
        floor.quads.append(quad)
        return q

    for k in range(int(np.floor(low / size)), int(np.ceil(high / size)) + 1):
        target = (k + 0.5) * size
        line = inside & (np.abs(level - target) < 0.75)
        spots = np.argwhere(line)
        rng.shuffle(spots)
        for row, col in spots:
            if floor.taken[row, col]:
                continue
            start = np.array([col + 0.5, row + 0.5])
            for sign in (1.0, -1.0):
                here = start
                for _ in range(400):
                    width = size * rng.uniform(0.82, 1.28)
                    there = attempt(here, target, width, sign)
                    if there is None:
                        there = attempt(here, target, width * 0.55, sign)
                    if there is None:
                        break
                    here = there


def splinters(floor: Floor, rng: np.random.Generator) -> None:
    """Small tiles in the gaps that are left."""
    for _ in range(3):
        room = distance(floor.taken, 12)
        peaks = np.argwhere(room > 2.6)
        order = np.argsort(-room[peaks[:, 0], peaks[:, 1]])
        for row, col in peaks[order]:
            r = room[row, col]
            y0, x0 = max(row - 1, 0), max(col - 1, 0)
            if floor.taken[y0 : row + 2, x0 : col + 2].any():
                continue
            turn = rng.uniform(0, 2 * np.pi)
            corners = turn + np.sort(rng.normal(0, 0.16, 4) + np.arange(4) * np.pi / 2)
            reach = np.minimum(r * 1.5, 9) * rng.uniform(0.85, 1.15, 4)
            quad = np.stack([col + 0.5 + reach * np.cos(corners), row + 0.5 + reach * np.sin(corners)], axis=-1)
            floor.quads.append(quad)
            k = int(np.ceil(r))
            floor.taken[max(row - k, 0) : row + k + 1, max(col - k, 0) : col + k + 1] = True


def design(rng: np.random.Generator) -> tuple[list[Region], Array]:
    """The regions in the order they are laid, and the color wanted at each point."""
    x, y = grid(SIZE)
    dx, dy = x - 0.5, y - 0.5
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    color = np.zeros((SIZE, SIZE, 3), np.float32)
    regions: list[Region] = []
    wobble = fbm(x * 6, y * 6, 3, 5)
    dice = rng.random((SIZE // 4, SIZE // 4)).repeat(4, 0).repeat(4, 1)

    def stones(names: list[str], t: Array) -> Array:
        chart = np.stack([rgb(STONES[k]) for k in names])
        return chart[np.clip((t * len(names)).astype(int), 0, len(names) - 1)]

    def fill(mask: Mask, names: list[str], t: Array, jitter: float = 0.16) -> None:
        color[mask] = stones(names, np.clip(t + jitter * (dice - 0.5) * 2, 0, 0.999))[mask]

    def within(mask: Mask) -> Array:
        return distance(~mask, 150)

    pair = [fish(0.25), fish(0.25 + np.pi)]
    anyfish = pair[0]["body"] | pair[0]["fins"] | pair[1]["body"] | pair[1]["fins"]
    for f, names, webs in zip(pair, (FIRE, SEA), (FIN_SEA, FIN_FIRE), strict=True):
        s, n, width = f["s"], f["n"], f["width"]
        shade = 0.5 - 0.46 * np.clip(n / np.maximum(width, 0.01), -1, 1)
        scale_u, scale_v = s * 2.02 * R0 / 0.044, n / 0.036
        odd = np.floor(scale_v) % 2
        arc = np.hypot((scale_u + 0.5 * odd) % 1.0 - 0.15, (scale_v % 1.0 - 0.5) * 1.1)
        tone = shade * 0.8 + 0.26 - 0.40 * smooth(0.42, 0.62, arc)
        skin = f["body"] & ~f["head"]
        fill(skin, names, tone, 0.05)
        gill = (s > 0.755 - 6.0 * n * n / 0.06) & skin
        fill(gill, [names[6], names[7]], shade)
        fill(f["head"], names[1:8], 0.25 + 0.6 * shade + 0.15 * wobble, 0.12)
        color[f["head"] & (f["eye"] < 0.030)] = rgb(STONES["cream"])
        color[f["head"] & (f["eye"] < 0.020)] = rgb(STONES["gold"])
        color[f["head"] & (f["eye"] < 0.012)] = rgb(STONES["navy"])
        mouth = f["head"] & (np.abs(n + 0.018) < 0.006) & (s > 0.93)
        color[mouth] = rgb(STONES["wine"])
        rays = 0.5 + 0.5 * np.sin(np.where(s < 0.13, n * 300, s * 95))
        fill(f["fins"], webs, 0.10 + 0.75 * rays, 0.14)
        eye = f["head"] & (f["eye"] < 0.030)
        regions.append(Region(eye, np.maximum(0.030 - f["eye"], 0) * SIZE, 7.8))
        regions.append(Region(f["head"] & ~eye, (f["eye"] - 0.030) * SIZE, 7.8))
        regions.append(Region(skin, (n + 0.2) * SIZE, 7.8))
        regions.append(Region(f["fins"], within(f["fins"]), 7.8))
    # water
    pool = r < 0.372
    rose = r < 0.082 * (0.80 + 0.20 * np.cos(angle * 8))
    fill(rose, ["wine", "coral", "gold", "cream"], 1.0 - r / 0.085 + 0.1 * wobble, 0.06)
    color[(r < 0.022)] = rgb(STONES["navy"])
    regions.append(Region(rose, r * SIZE, 8.6))
    water = pool & ~anyfish & ~rose
    away = distance(anyfish | rose, 250)
    ripple = np.sin(away * 0.125 + 2.2 * wobble + 1.5 * np.sin(angle * 3))
    fill(water, ["mist", "ivory", "cream", "cream", "ivory"], 0.5 + 0.38 * ripple, 0.22)
    fill(water & (ripple < -0.80), ["aqua", "mist"], dice)
    color[water & (away < 10.5)] = rgb(STONES["navy"])
    color[water & (away >= 10.5) & (away < 20)] = rgb(STONES["cream"])
    regions.append(Region(water, away, 10.0))
    # rings with a two-strand guilloche
    ring = (r >= 0.372) & (r < 0.392)
    fill(ring, ["navy", "navy", "slate"], dice)
    regions.append(Region(ring, (r - 0.372) * SIZE, 10.3))
    band = (r >= 0.392) & (r < 0.464)
    v = (r - 0.428) / 0.036
    wave = 0.56 * np.sin(angle * 10)
    upper = np.cos(angle * 10) > 0
    first, second = np.abs(v - wave) < 0.36, np.abs(v + wave) < 0.36
    first, second = first & ~(second & ~upper), second & ~(first & upper)
    for strand, offset, names in (
        (first, v - wave, ["brick", "coral", "rose", "cream"]),
        (second, v + wave, ["navy", "teal", "aqua", "cream"]),
    ):
        strand = strand & band
        fill(strand, names, 0.55 + 1.25 * offset, 0.08)
        regions.append(Region(strand, within(strand), 8.3))
    rest = band & ~first & ~second
    fill(rest, ["gold", "ochre", "gold", "ivory"], dice)
    regions.append(Region(rest, within(rest), 8.3))
    ring = (r >= 0.464) & (r < 0.484)
    fill(ring, ["navy", "slate", "navy"], dice)
    regions.append(Region(ring, (r - 0.464) * SIZE, 10.3))
    # corners with palmettes, frame
    margin = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    frame = (margin < 0.0305) & (r >= 0.484)
    fill(frame, ["umber", "wine", "umber"], dice)
    color[frame & (margin > 0.0102) & (margin < 0.0204)] = rgb(STONES["gold"])
    qx, qy = 0.5 - np.abs(dx) - 0.046, 0.5 - np.abs(dy) - 0.046
    qr, qa = np.hypot(qx, qy), np.arctan2(np.maximum(qy, -0.01), np.maximum(qx, -0.01))
    corner = (r >= 0.484) & ~frame
    leaf = corner & (qr < 0.150 * (0.62 + 0.38 * np.abs(np.cos((qa - np.pi / 4) * 5))))
    out = distance(leaf, 200)
    fill(
        corner,
        ["olive", "green", "green", "olive", "sand"],
        0.5 + 0.5 * np.sin(out * 0.2) * 0.8 + 0.2 * wobble,
        0.2,
    )
    color[corner & (out < 9.5) & ~leaf] = rgb(STONES["umber"])
    fill(leaf, ["wine", "coral", "ochre", "gold", "cream"], qr / 0.15, 0.12)
    regions.append(Region(frame, margin * SIZE, 10.4))
    regions.append(Region(leaf, within(leaf), 9.0))
    regions.append(Region(corner & ~leaf, out, 9.6))
    return regions, color


def paint() -> Array:
    """The whole mosaic."""
    rng = np.random.default_rng(23)
    regions, wanted = design(rng)
    floor = Floor()
    for region in regions:
        lay(floor, region, rng)
    splinters(floor, rng)
    quads = np.array(floor.quads)
    sheet = Image.new("I", (BIG, BIG), 0)
    pen = ImageDraw.Draw(sheet)
    centers = quads.mean(axis=1)
    for i, quad in enumerate(quads):
        arm = quad - centers[i]
        arm *= np.maximum(1 - 0.95 / np.maximum(np.linalg.norm(arm, axis=1, keepdims=True), 1), 0.4)
        points = (centers[i] + arm + rng.normal(0, 0.32, (4, 2))) * 2
        pen.polygon([tuple(p) for p in points.tolist()], fill=i + 1)
    x, y = grid()
    rows, cols = np.indices((BIG, BIG)).astype(np.float32)
    chip_x, chip_y = fbm(x * 150, y * 150, 2, 41) * 2.6, fbm(x * 150, y * 150, 2, 43) * 2.6
    ids = np.asarray(sheet)
    ids = ids[np.clip(rows + chip_y, 0, BIG - 1).astype(int), np.clip(cols + chip_x, 0, BIG - 1).astype(int)]

    n = len(quads) + 1
    at = np.clip(centers, 0, SIZE - 1).astype(int)
    tint = np.zeros((n, 3), np.float32)
    tint[1:] = wanted[at[:, 1], at[:, 0]]
    tint *= np.exp(rng.normal(0, 0.10, (n, 1))).astype(np.float32)
    tint += rng.normal(0, 0.018, (n, 3)).astype(np.float32)
    shift = rng.uniform(0, 200, n).astype(np.float32)[ids]
    vein = fbm(x * 40 + shift, y * 40 + shift * 0.6, 4, 51)
    speck = noise(x * 420, y * 420, 61)
    stone = tint[ids] * (1 + 0.20 * vein + 0.07 * speck)[..., None]
    stone = mix(stone, (0.95, 0.92, 0.86), smooth(0.06, 0.0, np.abs(vein)) * 0.14)

    tile = ids > 0
    inner = distance(edges(ids.astype(np.int32)) | ~tile, 8)
    tilt = rng.normal(0, 0.11, (n, 2)).astype(np.float32)
    origin = np.vstack([[0, 0], centers * 2]).astype(np.float32)
    lean = (cols - origin[ids, 0]) * tilt[ids, 0] + (rows - origin[ids, 1]) * tilt[ids, 1]
    height = np.where(tile, 4.2 * smooth(-1.0, 6.0, inner) + lean + 0.35 * vein, -0.6 + 0.8 * speck)
    diffuse, shine = light(blur(height.astype(np.float32), 1, 1), 0.5, 30)
    grout = (
        np.array([0.40, 0.355, 0.30], np.float32) * (0.8 + 0.25 * speck + 0.25 * fbm(x * 30, y * 30, 3, 71))[..., None]
    )
    depth = distance(tile, 6)
    grout = grout * (0.55 + 0.45 * smooth(0, 5, depth))[..., None]
    picture = np.where(tile[..., None], stone, grout)
    picture = picture * (0.40 + 0.60 * diffuse)[..., None]
    picture = picture + (0.16 * smooth(0.7, 1.0, shine) * tile)[..., None]
    worn = 1.0 + 0.10 * fbm(x * 4, y * 4, 4, 81)
    return np.clip(picture * worn[..., None] * 1.04, 0, 1)
