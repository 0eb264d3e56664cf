"""Fruit on a table, and balloons over hills: spheres, traced with one ray a pixel, and soft shadows.

Every sphere is lit by one lamp with a penumbra as wide as the lamp looks from there, and by the surroundings, darker
where something stands close (ambient occlusion by the other spheres' solid angles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from render import Array, Color, H, W, fbm, noise, smooth


@dataclass(frozen=True)
class Ball:
    """A sphere with a color, and how strongly it is speckled and striped."""

    center: Color
    radius: float
    color: Color
    speckle: float = 0.1
    stripes: float = 0.0


def trace(balls: list[Ball], eye: Array, look: Array, lamp: Array, background: Array, table: Array | None) -> Array:
    """Returns the picture of some balls, above a table of this pattern where there is one."""
    rows, cols = np.indices((H, W)).astype(float)
    ray = np.stack([(cols - W / 2) / W, (H / 2 - rows) / W, np.full((H, W), 1.15)], -1)
    pitch = np.arctan2(look[1], look[2])
    up = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    ray = ray @ up.T
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    picture, depth = background.copy(), np.full((H, W), np.inf)
    if table is not None:
        with np.errstate(divide="ignore"):
            t = np.where(ray[..., 1] < -1e-3, -eye[1] / ray[..., 1], np.inf)
        hit = t < 30
        point = eye + ray * np.where(hit, t, 0)[..., None]
        light = shade(balls, None, point, np.broadcast_to((0.0, 1.0, 0.0), point.shape), lamp)
        picture = np.where(hit[..., None], table * light[..., None], picture)
        depth = np.where(hit, t, depth)
    for ball in balls:
        away = eye - np.array(ball.center)
        b = ray @ away
        inside = b * b - away @ away + ball.radius**2
        t = -b - np.sqrt(np.maximum(inside, 0))
        hit = (inside > 0) & (t > 0) & (t < depth)
        if not hit.any():
            continue
        # Only what lies around the ball is computed.
        lines, columns = (np.flatnonzero(hit.any(axis)) for axis in (1, 0))
        part = np.s_[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
        hit, near = hit[part], ray[part]
        point = eye + near * np.where(hit, t[part], 0)[..., None]
        normal = (point - np.array(ball.center)) / ball.radius
        grain = fbm(normal[..., 0] * 9 + 3 * ball.center[0], normal[..., 1] * 9 + normal[..., 2] * 5, 4, seed=5)
        stripe = np.sin(9 * np.arctan2(normal[..., 0], normal[..., 2])) * ball.stripes
        color = np.array(ball.color) * (1 + ball.speckle * grain + stripe)[..., None]
        light = shade(balls, ball, point, normal, lamp)
        half = lamp / np.linalg.norm(lamp) - near
        half /= np.linalg.norm(half, axis=-1, keepdims=True)
        gloss = np.clip((normal * half).sum(-1), 0, 1) ** 60
        picture[part] = np.where(hit[..., None], color * light[..., None] + 0.55 * gloss[..., None], picture[part])
        depth[part] = np.where(hit, t[part], depth[part])
    return picture


def shade(balls: list[Ball], own: Ball | None, point: Array, normal: Array, lamp: Array) -> Array:
    """Returns how bright a surface is: the lamp, less what stands before it, and the surroundings."""
    toward = lamp / np.linalg.norm(lamp)
    direct = np.clip(normal @ toward, 0, 1)
    around = 0.30 + 0.12 * normal[..., 1]
    for ball in balls:
        if ball is own:
            continue
        away = np.array(ball.center) - point
        along = away @ toward
        distance = np.linalg.norm(away - along[..., None] * toward, axis=-1)
        soft = 0.06 + 0.16 * np.maximum(along, 0)
        direct *= np.where(along > 0, smooth(-1, 1, (distance - ball.radius) / soft), 1)
        near = np.linalg.norm(away, axis=-1)
        facing = np.clip((normal * away).sum(-1) / near, 0, 1)
        around *= 1 - 0.85 * facing * np.clip(ball.radius / near, 0, 1) ** 2
    return 0.95 * direct + around


def paint_fruit() -> Array:
    """Oranges, apples, plums and a lemon on a wooden table before a dark wall."""
    rows, cols = np.indices((H, W)).astype(float)
    light = 1.4 - 0.7 * cols / W + 0.25 * fbm(cols / 210, rows / 210, 5, seed=2)
    wall = np.array((0.16, 0.20, 0.21)) * light[..., None]
    plank = fbm(cols / 340, rows / 9, 5, seed=9) * 0.30 + noise(cols / 900, rows / 70, seed=4)[0] * 0.2
    table = np.array((0.58, 0.36, 0.19)) * (1 + plank)[..., None]
    balls = [
        Ball((-1.25, 0.52, 5.2), 0.52, (0.95, 0.45, 0.06), 0.22),
        Ball((-0.35, 0.50, 4.5), 0.50, (0.70, 0.07, 0.06), 0.30, 0.10),
        Ball((0.55, 0.56, 5.3), 0.56, (0.96, 0.50, 0.08), 0.22),
        Ball((1.30, 0.47, 4.6), 0.47, (0.52, 0.62, 0.12), 0.25, 0.06),
        Ball((0.42, 0.30, 3.8), 0.30, (0.27, 0.10, 0.32), 0.25),
        Ball((0.98, 0.27, 3.65), 0.27, (0.22, 0.08, 0.30), 0.25),
        Ball((-1.02, 0.34, 3.9), 0.34, (0.95, 0.80, 0.14), 0.20),
        Ball((-0.30, 1.30, 5.1), 0.48, (0.93, 0.43, 0.06), 0.22),
    ]
    for number in range(6):
        center = (1.75 + 0.22 * (number % 3), 0.16 + 0.24 * (number // 3), 4.0 + 0.1 * (number % 2))
        balls.append(Ball(center, 0.16, (0.30, 0.42, 0.14), 0.2))
    eye, look, lamp = np.array((0.1, 1.35, 0.0)), np.array((0.0, -0.17, 1.0)), np.array((-3.0, 4.2, -2.0))
    return trace(balls, eye, look, lamp, wall, table)


def paint_balloons() -> Array:
    """Hot-air balloons over hills on a bright day."""
    rows, cols = np.indices((H, W)).astype(float)
    cloud = smooth(0.05, 0.75, fbm(cols / 260, rows / 110, 6, seed=31) + 0.25)[..., None]
    sky = np.stack([0.28 + 0.45 * rows / H, 0.52 + 0.32 * rows / H, 0.92 + 0.02 * rows / H], -1)
    picture = sky + (np.array((1.02, 0.98, 0.95)) - sky) * cloud * (1 - 0.5 * rows / H)[..., None]
    for number in range(4):
        top = (0.66 + 0.085 * number) * H - 50 * fbm(cols[0] / 300 + 7 * number, np.full(W, 2.0), 4, seed=60 + number)
        inside = smooth(-1, 1, rows - top[None])[..., None]
        field = 1 + 0.35 * fbm(cols / 60, (rows - top[None]) / 14, 4, seed=80 + number)
        color = np.array((0.45 - 0.08 * number, 0.56 - 0.05 * number, 0.30 - 0.05 * number))
        picture = picture + (color * field[..., None] - picture) * inside
    colors = ((0.90, 0.20, 0.14), (0.98, 0.74, 0.12), (0.16, 0.36, 0.72), (0.92, 0.42, 0.16), (0.35, 0.62, 0.35))
    places = ((-1.5, 1.1, 6.0), (0.3, 1.9, 8.0), (1.9, 0.9, 6.6), (2.6, 2.6, 12.0), (-2.6, 2.9, 13.0))
    balls = []
    for color, (x, y, z) in zip(colors, places, strict=True):
        balls.append(Ball((x, y, z), 0.78, color, 0.03, 0.28))
        balls += [Ball((x, y - 0.42 - 0.1 * n, z), 0.62 - 0.1 * n, color, 0.03, 0.28) for n in range(5)]
        balls.append(Ball((x, y - 1.22, z), 0.11, (0.30, 0.18, 0.08), 0.3))
    eye, look, lamp = np.array((0.0, 0.9, 0.0)), np.array((0.0, 0.12, 1.0)), np.array((-3.0, 4.0, -3.0))
    return trace(balls, eye, look, lamp, picture, None)
