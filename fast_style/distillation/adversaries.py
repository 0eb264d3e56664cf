"""Opponents for distilling a perceptual encoder: small stylising networks that train against it, and fool it.

A network trained against a student encoder finds what the student overlooks (checkerboards, colours). So the
student has to learn from the pictures of such networks, as in on-policy imitation (Ross et al. 2011, "A
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
from fast_style.models.networks import Johnson
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.losses import PerceptualLoss, style_grams

Upsampling = Literal["transposed", "shuffle"]


class CheckeredNetwork(nn.Module):
    """A stylising network that makes checkerboards easily: transposed convolutions, or depth to space.

    Float RGB in [0, 1], `[N, 3, H, W]`, sides a multiple of 4, to the same shape and range.
    """

    def __init__(self, width: int, blocks: int, upsampling: Upsampling) -> None:
        super().__init__()
        inner = 4 * width
        if upsampling == "shuffle":
            encode: list[nn.Module] = [
                nn.PixelUnshuffle(4),
                ConvNorm(ReflectionConv2d(48, inner, 3, bias=False)),
                nn.ReLU(),
            ]
            decode: list[nn.Module] = [nn.Conv2d(inner, 48, 3, padding=1), nn.PixelShuffle(4)]
        else:
            encode = [
                ConvNorm(ReflectionConv2d(3, width, 5, bias=False)),
                nn.ReLU(),
                ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False)),
                nn.ReLU(),
                ConvNorm(ReflectionConv2d(2 * width, inner, 3, stride=2, bias=False)),
                nn.ReLU(),
            ]
            decode = [
                nn.ConvTranspose2d(inner, 2 * width, 3, stride=2, padding=1, output_padding=1),
                nn.InstanceNorm2d(2 * width, affine=True),
                nn.ReLU(),
                nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
                nn.InstanceNorm2d(width, affine=True),
                nn.ReLU(),
                nn.Conv2d(width, 3, 5, padding=2),
            ]
        self.layers = nn.Sequential(*encode, *(ResidualBlock(inner) for _ in range(blocks)), *decode)

    def forward(self, image: Tensor) -> Tensor:
        return torch.tanh(self.layers(image * 2 - 1).float()) * 0.5 + 0.5


class Pixels(nn.Module):
    """No network at all: the pixels of the pictures themselves are what is optimised."""

    def __init__(self, photos: Tensor) -> None:
        super().__init__()
        self.pictures = nn.Parameter(photos.clone())

    def forward(self, photos: Tensor) -> Tensor:
        return self.pictures.clamp(0, 1)


@dataclass
class Opponent:
    """One network (or set of pixels) in training."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    style: Tensor
    """Float RGB in [0, 1], `[1, 3, h, w]`."""
    photos: Tensor | None
    """What `Pixels` keep on stylising; None: new photos at each step."""
    style_weight: float
    steps_left: int


class Opponents:
    """Several opponents that take turns, each replaced by a new one when its time is over.

    Args:
        student: the encoder to fool. It is used as it is, and so as it learns.
        content_layers, style_layers: taps of the student.
        draw_style: gives a style image, float RGB in [0, 1], `[1, 3, h, w]`.
        count: how many at a time; one in four optimises pixels.
        lifetime: fewest and most steps of each; the logarithm is uniform between them.
        seed: of kinds, lifetimes and weights.
    """

    SCALES = (1.0, 0.5)
    STYLE_WEIGHTS = (1.0, 100.0)

    def __init__(
        self,
        student: Encoder,
        *,
        content_layers: list[str],
        style_layers: list[str],
        draw_style: Callable[[], Tensor],
        count: int,
        lifetime: tuple[int, int],
        seed: int,
    ) -> None:
        self.student = student
        self.content_layers = content_layers
        self.style_layers = style_layers
        self.draw_style = draw_style
        self.lifetime = lifetime
        self.rng = np.random.default_rng((seed, 3))
        self.slots: list[Opponent | None] = [None] * count
        self.turn = 0

    def advance(self, photos: Tensor) -> Tensor:
        """Trains the next opponent by one step.

        Args:
            photos: float RGB in [0, 1], `[N, 3, S, S]`, S a multiple of 4.

        Returns:
            Its pictures, of the same shape, without gradients.
        """
        slot = self.turn % len(self.slots)
        self.turn += 1
        opponent = self.slots[slot]
        if opponent is None or opponent.steps_left <= 0:
            opponent = self.slots[slot] = self._make(slot, photos)
        opponent.steps_left -= 1
        given = photos if opponent.photos is None else opponent.photos
        # Made anew at each step: the student's opinion of the style changes as it learns.
        loss = PerceptualLoss(
            self.student,
            style_grams(self.student, opponent.style, self.style_layers, self.SCALES),
            LossSettings(
                content_layers=self.content_layers,
                style_layers=self.style_layers,
                scales=list(self.SCALES),
                content_scales=[1.0],
                style_weight=opponent.style_weight,
                tv_weight=0.0,
                checkerboard_weight=0.0,
            ),
        )
        with torch.enable_grad():
            pictures = opponent.network(given)
            total = loss(pictures, loss.content_features(given))["total"]
            parameters = list(opponent.network.parameters())
            # Not backward(): the student must not gather gradients from here.
            gradients = torch.autograd.grad(total, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        opponent.optimizer.step()
        return pictures.detach()

    def _make(self, slot: int, photos: Tensor) -> Opponent:
        network: nn.Module
        if slot % 4 == 3:
            network, rate = Pixels(photos), 10 ** self.rng.uniform(-2.3, -1.3)
        else:
            width, blocks = int(self.rng.choice([8, 12, 16])), int(self.rng.integers(1, 4))
            kind = self.rng.choice(["nearest", "transposed", "shuffle"])
            network = Johnson(width, blocks) if kind == "nearest" else CheckeredNetwork(width, blocks, kind)
            rate = 10 ** self.rng.uniform(-3, -2.3)
        network.to(photos.device)
        if not isinstance(network, Pixels):
            network.to(memory_format=torch.channels_last)
        low, high = np.log(self.STYLE_WEIGHTS)
        shortest, longest = np.log(self.lifetime)
        return Opponent(
            network=network,
            optimizer=torch.optim.Adam(network.parameters(), lr=rate),
            style=self.draw_style().to(photos.device),
            photos=photos.clone() if isinstance(network, Pixels) else None,
            style_weight=float(np.exp(self.rng.uniform(low, high))),
            steps_left=int(np.exp(self.rng.uniform(shortest, longest))),
        )


def halves(pictures: Tensor) -> Tensor:
    """Four pictures at half their size as one: `[N, 3, S, S]` with N ≥ 4 to `[1, 3, S, S]`, S even."""
    small = F.interpolate(pictures[:4], scale_factor=0.5, mode="bilinear", antialias=True)
    top, bottom = torch.cat([small[0], small[1]], -1), torch.cat([small[2], small[3]], -1)
    return torch.cat([top, bottom], -2)[None]
