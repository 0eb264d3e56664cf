"""The strength in training: which strengths a network sees, and what is asked of it there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fast_style.models.artifact import STRENGTH_RANGE

EXAGGERATION = 4.0
"""At the ends of the strength content counts so many times less than at 1, where the style's Gram matrices can't be more
than reached."""


def draw_strengths(seed: int, numbers: Sequence[int]) -> Tensor:
    """A strength for each sample number, the same in every run: `[N]`, anywhere in its range."""
    ends = STRENGTH_RANGE["minimum"], STRENGTH_RANGE["maximum"]
    strengths = [np.random.default_rng((seed, 3, number)).uniform(*ends) for number in numbers]
    return torch.tensor(strengths, dtype=torch.float32)


def content_emphasis(strengths: Tensor) -> Tensor:
    """How much content counts at each strength: 1 up to strength 1, less beyond."""
    beyond = (strengths - 1).clamp_min(0) / (STRENGTH_RANGE["maximum"] - 1)
    return EXAGGERATION**-beyond
