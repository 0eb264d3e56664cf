"""An encoder of random filters: nothing to download, nothing to train."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.perceptual.encoders.encoder import IMAGENET_MEAN, IMAGENET_STD, Encoder, ReceptiveField, check_layers


class RandomFilters(Encoder):
    """One layer of random filters with ReLU for each of several sizes, drawn from a seed.

    After Ustyuzhaninov et al. 2017, "What does it take to generate natural textures?": such features, on
    several scales of an image, carry much of a texture and all of its palette.

    Args:
        layers: taps that must exist, of `random3`, `random5`, `random7` and `random11`.
        channels: filters of each size.
        seed: seed of the filters.

    Raises:
        EncoderError: a layer that does not exist.
    """

    SIZES = (3, 5, 7, 11)

    def __init__(self, layers: Sequence[str], *, channels: int = 64, seed: int = 0) -> None:
        known = tuple(f"random{size}" for size in self.SIZES)
        check_layers("random", layers, known)
        super().__init__("random", known, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        generator = torch.Generator().manual_seed(seed)
        self.filters = nn.ModuleDict()
        for layer, size in zip(known, self.SIZES, strict=True):
            # With zeros as padding, features at the border would describe the padding instead of the picture.
            bank = nn.Conv2d(3, channels, size, padding=size // 2, padding_mode="replicate", bias=False)
            weight = torch.randn(bank.weight.shape, generator=generator)
            # Unit energy per filter: the loss divides by it anyway, and bfloat16 is most accurate near one.
            bank.weight.data.copy_(weight / weight.flatten(1).norm(dim=1).view(-1, 1, 1, 1))
            self.filters[layer] = bank
        self.freeze()

    def receptive_field(self, layer: str) -> ReceptiveField:
        check_layers(self.name, [layer], self.layers)
        size = int(layer.removeprefix("random"))
        return ReceptiveField(size, 1, -(size // 2))

    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        return {layer: F.relu(bank(image)) for layer, bank in self.filters.items() if layer in layers}
