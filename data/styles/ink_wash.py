"""`ink_wash`: bamboo in mist, sumi ink on rice paper, with a seal in cinnabar.

Five veils of stalks and leaves, from far and wet to near and dry, each in ink of its own strength. The edge of
a brush mark is blurred and pushed about by noise as the paper sucks it in; where it crosses one half it dries
to a dark rim. Near stalks are one pull of a flat brush each: loaded on one side, breaking up into dry streaks
(flying white). Between the veils lie puddles of thin wash.
"""

from __future__ import annotations

import numpy as np
from canvas import BIG, Array, blur, fbm, grid, light, mix, noise, pixels, rgb, smooth
from PIL import Image, ImageDraw

Marks = tuple[Image.Image, Image.Image]  # coverage and strength of the ink


def leaf(marks: Marks, x: float, y: float, turn: float, long: float, ink: float, rng: np.random.Generator) -> None:
    """One leaf: pressed down, pulled, lifted to a point; in pixels."""
    t = np.linspace(0, 1, 22)
    bend = rng.normal(0, 0.35)
    a = turn + bend * t
    step = long / 21
    px, py = x + np.cumsum(np.cos(a)) * step, y + np.cumsum(np.sin(a)) * step
    half = long * rng.uniform(0.055, 0.095) * np.sin(np.pi * t**0.62) ** 1.15 + 0.6
    side = np.stack([-np.sin(a), np.cos(a)], -1) * half[:, None]
    mid = np.stack([px, py], -1)
    for sign, gain in ((1, 1.0), (-1, rng.uniform(0.72, 1.0))):
        shape = np.vstack([mid, (mid + sign * side)[::-1]]).ravel().tolist()
        ImageDraw.Draw(marks[0]).polygon(shape, fill=255)
        ImageDraw.Draw(marks[1]).polygon(shape, fill=int(255 * min(ink * gain, 1)))


def spray(marks: Marks, x: float, y: float, turn: float, size: float, ink: float, rng: np.random.Generator) -> None:
    """A twig with leaves in the classic groups, hanging to one side."""
    end = np.array([x + 1.6 * size * np.cos(turn), y + 1.6 * size * np.sin(turn)])
    for image, value in ((marks[0], 255), (marks[1], int(255 * ink))):
        ImageDraw.Draw(image).line([x, y, *end], fill=value, width=max(3, int(size * 0.035)))
    for k in range(int(rng.integers(4, 8))):
        t = rng.uniform(0.25, 1.0)
        a = 0.55 * turn + 0.45 * np.pi / 2 + rng.normal(0, 0.55)
        spot = np.array([x, y]) + (end - [x, y]) * t
        leaf(marks, spot[0], spot[1], a, size * rng.uniform(0.8, 1.5), min(ink * rng.uniform(0.6, 1.15), 1), rng)
        if k == 0:
            leaf(marks, end[0], end[1], turn + rng.normal(0, 0.3), size * 1.2, ink, rng)


def stalk(marks: Marks, x: float, lean: float, wide: float, ink: float, rng: np.random.Generator) -> list[Array]:
    """A stalk from below the frame to above it, in joints; returns where the joints are."""
    at = np.array([x, BIG + 60.0])
    joints = []
    long = wide * rng.uniform(5.0, 7.5)
    while at[1] > -80:
        end = at + np.array([lean * long + rng.normal(0, 2), -long])
        t = np.linspace(0, 1, 30)[:, None]
        half = wide / 2 * (1 + 0.13 * np.abs(2 * t - 1) ** 6)
        mid = at + (end - at) * (0.012 + 0.976 * t)
        for k in range(12):  # the brush is loaded on its right
            u0, u1 = k / 6 - 1, (k + 1) / 6 - 1
            tone = ink * (0.35 + 0.75 * abs((u0 + 0.25) / 1.25) ** 1.4)
            left, right = mid + half * [[u0, 0]], mid + half * [[u1, 0]]
            shape = np.vstack([left, right[::-1]]).ravel().tolist()
            ImageDraw.Draw(marks[1]).polygon(shape, fill=int(255 * min(tone, 1)))
        outline = np.vstack([mid - half * [[1, 0]], (mid + half * [[1, 0]])[::-1]])
        ImageDraw.Draw(marks[0]).polygon(outline.ravel().tolist(), fill=255)
        for image, value in ((marks[0], 255), (marks[1], int(255 * min(1.6 * ink, 1)))):
            ImageDraw.Draw(image).arc(
                [end[0] - wide * 0.62, end[1] - wide * 0.16, end[0] + wide * 0.62, end[1] + wide * 0.20],
                10, 170, fill=value, width=max(3, int(wide * 0.10)),
            )  # fmt: skip
        joints.append(end)
        at, long = end, long * 1.06
    return joints


def paint() -> Array:
    """The whole sheet."""
    rng = np.random.default_rng(14)
    x, y = grid()
    coarse, mid, fine = fbm(x * 5, y * 5, 3, 1), fbm(x * 32, y * 32, 3, 4), fbm(x * 140, y * 140, 2, 8)
    fiber = fbm(x * 40, y * 260, 2, 12) + fbm(x * 260, y * 40, 2, 15)
    streak = noise(x * 420, y * 7, 18) + 0.5 * noise(x * 800, y * 11, 19)
    absorb = 0.16 * smooth(-0.3, 0.7, coarse + 0.4 * mid) + 0.30 * smooth(0.25, 0.95, y + 0.35 * coarse)
    absorb = absorb + 0.16 * smooth(0.1, 0.35, fbm(x * 2.6 + 7, y * 4.2, 4, 22)) + 0.05
    for depth, (ink, wide, stalks, sprays, wet) in enumerate(
        [(0.16, 46, 9, 60, 15), (0.26, 62, 6, 52, 9), (0.42, 76, 4, 46, 5), (0.72, 104, 3, 44, 3), (1.0, 60, 1, 46, 2)]
    ):
        marks = (Image.new("L", (BIG, BIG), 0), Image.new("L", (BIG, BIG), 0))
        spots = (np.arange(stalks) + rng.uniform(0.15, 0.85, stalks)) / stalks * BIG
        for s in spots:
            joints = stalk(marks, s, rng.normal(0, 0.07), wide * rng.uniform(0.7, 1.1), 0.85 * ink, rng)
            for joint in joints:
                if rng.random() < 0.7:
                    way = rng.choice([-0.5, -2.6]) + rng.normal(0, 0.4)
                    spray(marks, joint[0], joint[1], way, 95 + 22 * depth, ink, rng)
        for _ in range(sprays):
            way = rng.choice([0.2, 2.9]) + rng.normal(0, 0.45)
            spot = rng.uniform(-0.05, 1.0, 2) * BIG
            spray(marks, spot[0], spot[1] * 0.95, way, rng.uniform(0.7, 1.25) * (85 + 16 * depth), ink, rng)
        cover, tone = blur(pixels(marks[0]), wet, 2), blur(pixels(marks[1]), wet + 2, 1)
        f = cover + (0.10 * fiber + 0.22 * mid + 0.10 * fine) * 4 * cover * (1 - cover)
        run = 0.06 + 0.05 * wet / 3 * smooth(-0.2, 0.5, coarse)
        body = smooth(0.5 - run, 0.5 + run, f)
        rim = np.exp(-(((f - 0.56) / 0.10) ** 2)) * (0.5 if depth > 0 else 0.25)
        dry = smooth(0.15, 0.55, streak + 0.7 * mid + 0.5 * noise(x * 3, y * 3, 31 + depth)) if depth >= 3 else 0.0
        mist = smooth(-0.75, 0.15, noise(x * 2.2, y * 2.6, 41 + depth)) if depth < 3 else 1.0
        absorb = absorb * (1 - 0.35 * body * (depth > 1))
        absorb = absorb + (body * tone * 1.9 + rim * tone) * (1 + 0.30 * coarse + 0.22 * fine) * (1 - 0.75 * dry) * mist
    spatter = smooth(0.70, 0.76, noise(x * 95, y * 95, 51)) * smooth(0.0, 0.4, noise(x * 4, y * 4, 52))
    absorb = np.clip(absorb + 0.9 * spatter, 0, 3.2) * (1 - 0.12 * fiber - 0.10 * fine)
    paper = np.broadcast_to(rgb("#ebe2cf"), (BIG, BIG, 3)) * (1 + 0.035 * fiber + 0.03 * coarse)[..., None]
    tint = np.array([1.02, 0.98, 0.90], np.float32)  # pine soot, a little blue when thin
    picture = paper * np.exp(-absorb[..., None] * tint)
    seal = Image.new("L", (BIG, BIG), 0)
    pen = ImageDraw.Draw(seal)
    for top in (1500, 1690):
        pen.rounded_rectangle([1770, top, 1930, top + 165], 16, fill=255)
        for k in range(4):
            pen.line([1795, top + 30 + 36 * k, 1905, top + 30 + 36 * k], fill=0, width=10)
            px = 1800 + int(rng.integers(0, 90))
            pen.line([px, top + 22, px, top + 140], fill=0, width=10)
    stamp = blur(pixels(seal), 2, 1) * smooth(-0.75, -0.25, mid + 0.6 * fine)
    picture = mix(picture, rgb("#b8281c"), stamp * 0.92)
    diffuse, _ = light(0.6 * fiber + fine, 0.35)
    return picture * (0.88 + 0.12 * diffuse)[..., None]
