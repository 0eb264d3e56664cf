"""The strength in training: which strengths a network sees, and what is asked of it there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fast_style.models.artifact import STRENGTH_RANGE
from fast_style.training.random_streams import Stream, random_generator

CONTENT_REDUCTION = 4.0
"""At the largest strength content counts this many times less than at strength 1. The style term cannot ask for more
there: at strength 1 the target is already the Gram matrices of the style itself."""


def draw_strengths(seed: int, numbers: Sequence[int]) -> Tensor:
    """Draws a strength for each sample number, the same in every run: `[N]`, uniform over the whole range."""
    minimum, maximum = STRENGTH_RANGE["minimum"], STRENGTH_RANGE["maximum"]
    strengths = [random_generator(seed, Stream.STRENGTH, number).uniform(minimum, maximum) for number in numbers]
    return torch.tensor(strengths, dtype=torch.float32)


def content_emphasis(strengths: Tensor) -> Tensor:
    """Returns how much content counts at each strength `[N]`: 1 up to strength 1, and less beyond it."""
    beyond = (strengths - 1).clamp_min(0) / (STRENGTH_RANGE["maximum"] - 1)
    return torch.pow(CONTENT_REDUCTION, -beyond)
