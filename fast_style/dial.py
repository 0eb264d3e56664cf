"""The strength dial in training: which strengths a network sees, and what is asked of it there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fast_style.networks import STRENGTH

PLAIN = 0.5
"""Share of the samples that are trained at strength 1: what most people will use."""
EXAGGERATION = 4.0
"""At the dial's end content counts so many times less than at 1, where the style's Gram matrices can't be more
than reached."""


def draw_strengths(seed: int, numbers: Sequence[int]) -> Tensor:
    """A strength for each sample number, the same in every run: `[N]`, half of them 1, the others anywhere on the
    dial."""
    strengths = []
    for number in numbers:
        rng = np.random.default_rng((seed, 3, number))
        plain, anywhere = rng.uniform() < PLAIN, rng.uniform(STRENGTH["minimum"], STRENGTH["maximum"])
        strengths.append(STRENGTH["default"] if plain else anywhere)
    return torch.tensor(strengths, dtype=torch.float32)


def content_emphasis(strengths: Tensor) -> Tensor:
    """How much content counts at each strength: 1 up to strength 1, less beyond."""
    beyond = (strengths - 1).clamp_min(0) / (STRENGTH["maximum"] - 1)
    return EXAGGERATION**-beyond
