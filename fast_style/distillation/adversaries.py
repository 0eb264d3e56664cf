"""Adversaries of a student encoder: small stylizing networks that are trained against it while it learns, and fool it.

A network that is trained against a student encoder finds what the student overlooks, such as checkerboards and colors.
The student therefore has to learn from the pictures of such networks, as in on-policy imitation (Ross et al. 2011, "A
Reduction of Imitation Learning to No-Regret Online Learning", DAgger).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.config.schema import LossSettings
from fast_style.models.layers import ConvNorm, ReflectionConv2d, ResidualBlock
from fast_style.models.networks import Johnson, to_image
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from fast_style.training.random_streams import DistillationStream, random_generator

Upsampling = Literal["transposed", "shuffle"]

SCALES = (1.0, 0.5)
"""Scales at which an adversary's style is compared."""
STYLE_WEIGHTS = (1.0, 100.0)
"""Smallest and largest style weight of an adversary; the logarithm is uniform between them."""


class CheckeredNetwork(nn.Module):
    """A stylizing network that produces checkerboards easily.

    Args:
        width: channels after the first layer.
        blocks: number of residual blocks.
        upsampling: `transposed` convolutions, or `shuffle` for depth to space.
    """

    def __init__(self, width: int, blocks: int, upsampling: Upsampling) -> None:
        super().__init__()
        inner = 4 * width
        encode = _packing_layers(inner) if upsampling == "shuffle" else _strided_layers(width)
        decode = _unpacking_layers(inner) if upsampling == "shuffle" else _transposed_layers(width)
        self.layers = nn.Sequential(*encode, *(ResidualBlock(inner) for _ in range(blocks)), *decode)

    def forward(self, image: Tensor) -> Tensor:
        """Stylizes float RGB in [0, 1], `[N, 3, H, W]` with H and W multiples of 4, to the same shape and range."""
        return to_image(self.layers(image * 2 - 1))


def _packing_layers(inner: int) -> list[nn.Module]:
    return [nn.PixelUnshuffle(4), ConvNorm(ReflectionConv2d(48, inner, 3, bias=False)), nn.ReLU()]


def _unpacking_layers(inner: int) -> list[nn.Module]:
    return [nn.Conv2d(inner, 48, 3, padding=1), nn.PixelShuffle(4)]


def _strided_layers(width: int) -> list[nn.Module]:
    return [
        ConvNorm(ReflectionConv2d(3, width, 5, bias=False)),
        nn.ReLU(),
        ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False)),
        nn.ReLU(),
        ConvNorm(ReflectionConv2d(2 * width, 4 * width, 3, stride=2, bias=False)),
        nn.ReLU(),
    ]


def _transposed_layers(width: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1),
        nn.InstanceNorm2d(2 * width, affine=True),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
        nn.InstanceNorm2d(width, affine=True),
        nn.ReLU(),
        nn.Conv2d(width, 3, 5, padding=2),
    ]


class FreePixels(nn.Module):
    """Pictures whose pixels are optimized directly, without a network.

    Args:
        photos: the pictures to begin with, float RGB in [0, 1], `[N, 3, H, W]`.
    """

    def __init__(self, photos: Tensor) -> None:
        super().__init__()
        self.pictures = nn.Parameter(photos.clone())

    def forward(self, photos: Tensor) -> Tensor:
        """Returns the pictures, in [0, 1], whatever the photos are."""
        return self.pictures.clamp(0, 1)


@dataclass
class Adversary:
    """One network, or one set of pictures, in training."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    style: Tensor
    """Float RGB in [0, 1], `[1, 3, h, w]`."""
    photos: Tensor | None
    """The photos that `FreePixels` belong to; None for a network, which gets new photos at each step."""
    style_weight: float
    steps_left: int
    """Number of steps until it is replaced."""


@dataclass(frozen=True)
class AdversarySettings:
    """How many adversaries there are, and how they are trained."""

    content_layers: list[str]
    """Layers of the student that keep the photo."""
    style_layers: list[str]
    """Layers of the student that take on the style."""
    count: int
    """Number of adversaries at a time; one in four optimizes pixels."""
    shortest_life: int
    """Fewest steps after which one is replaced."""
    longest_life: int
    """Most steps after which one is replaced; the logarithm is uniform between the two."""
    seed: int
    """Seed of kinds, lifetimes and weights."""


class AdversaryPool:
    """Several adversaries that take turns, each replaced by a new one when its time is over.

    Args:
        student: the encoder to fool, as it is at each moment of its own training.
        draw_style: returns a style image, float RGB in [0, 1], `[1, 3, h, w]`.
        settings: how many adversaries there are, and how they are trained.
    """

    def __init__(self, student: Encoder, draw_style: Callable[[], Tensor], settings: AdversarySettings) -> None:
        self.student = student
        self.draw_style = draw_style
        self.settings = settings
        self.slots: list[Adversary | None] = [None] * settings.count
        self.turn = 0
        self._rng = random_generator(settings.seed, DistillationStream.ADVERSARIES)

    def advance(self, photos: Tensor) -> Tensor:
        """Trains the adversary whose turn it is by one step.

        Args:
            photos: float RGB in [0, 1], `[N, 3, S, S]`, S a multiple of 4.

        Returns:
            Its pictures, of the same shape and range, without gradients.
        """
        slot = self.turn % len(self.slots)
        self.turn += 1
        adversary = self.slots[slot]
        if adversary is None or adversary.steps_left <= 0:
            adversary = self.slots[slot] = self._make(slot, photos)
        adversary.steps_left -= 1
        given = photos if adversary.photos is None else adversary.photos
        loss = self._loss(adversary)
        with torch.enable_grad():
            pictures: Tensor = adversary.network(given)
            total = loss(pictures, loss.content_features(given))["total"]
            parameters = list(adversary.network.parameters())
            # Not backward(), which would also leave gradients in the student.
            gradients = torch.autograd.grad(total, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        adversary.optimizer.step()
        return pictures.detach()

    def _loss(self, adversary: Adversary) -> PerceptualLoss:
        """Returns the loss of an adversary. It changes at each step, as the student learns how to see the style."""
        settings = LossSettings(
            content_layers=self.settings.content_layers,
            style_layers=self.settings.style_layers,
            scales=list(SCALES),
            content_scales=[1.0],
            content_weight=1.0,
            style_weight=adversary.style_weight,
            tv_weight=0.0,
            checkerboard_weight=0.0,
        )
        grams = style_grams(self.student, adversary.style, settings.style_layers, settings.scales)
        return PerceptualLoss(self.student, grams, settings)

    def _make(self, slot: int, photos: Tensor) -> Adversary:
        network: nn.Module
        if slot % 4 == 3:
            network, rate = FreePixels(photos), 10 ** self._rng.uniform(-2.3, -1.3)
        else:
            width, blocks = int(self._rng.choice([8, 12, 16])), int(self._rng.integers(1, 4))
            kind = self._rng.choice(["nearest", "transposed", "shuffle"])
            network = Johnson(width, blocks) if kind == "nearest" else CheckeredNetwork(width, blocks, kind)
            rate = 10 ** self._rng.uniform(-3, -2.3)
        network.to(photos.device)
        if not isinstance(network, FreePixels):
            network.to(memory_format=torch.channels_last)
        style = self.draw_style().to(photos.device)
        return Adversary(
            network=network,
            optimizer=torch.optim.Adam(network.parameters(), lr=rate),
            style=style,
            photos=photos.clone() if isinstance(network, FreePixels) else None,
            style_weight=self._log_uniform(*STYLE_WEIGHTS),
            steps_left=int(self._log_uniform(self.settings.shortest_life, self.settings.longest_life)),
        )

    def _log_uniform(self, smallest: float, largest: float) -> float:
        return float(np.exp(self._rng.uniform(np.log(smallest), np.log(largest))))


def half_size_grid(pictures: Tensor) -> Tensor:
    """Returns four pictures at half their size as one: `[N, 3, S, S]` with N ≥ 4 and S even to `[1, 3, S, S]`."""
    small = F.interpolate(pictures[:4], scale_factor=0.5, mode="bilinear", antialias=True)
    top, bottom = torch.cat([small[0], small[1]], -1), torch.cat([small[2], small[3]], -1)
    return torch.cat([top, bottom], -2)[None]
