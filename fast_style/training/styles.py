"""Which style each sample gets where one network learns several."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fast_style.training.random_streams import Stream, random_generator


def draw_styles(seed: int, numbers: Sequence[int], count: int) -> Tensor:
    """Draws the number of a style for each sample number, the same in every run: `[N]`.

    In each round of `count` samples every style comes once, in a random order.
    """
    drawn = []
    for number in numbers:
        cycle, position = divmod(number, count)
        drawn.append(int(random_generator(seed, Stream.STYLES, cycle).permutation(count)[position]))
    return torch.tensor(drawn)
