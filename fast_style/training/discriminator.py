"""The discriminator: which patches of a picture look like a painter's, at several resolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SCALES = 3
"""Number of resolutions, each half of the one before. A score looks at 38 pixels, at the lowest one at 152."""
SMALLEST_SIDE = 16
"""Least side of a picture in pixels; lower resolutions are left out."""


class MultiScaleDiscriminator(nn.Module):
    """A PatchGAN (Isola et al. 2017, arXiv 1611.07004) for each resolution (Wang et al. 2018, arXiv 1711.11585).

    Every convolution has spectral normalization (Miyato et al. 2018, arXiv 1802.05957), and there is no other: the
    score of a picture depends on no other picture.

    Args:
        width: channels of the first layer.
        side: side of the pictures in pixels, which decides how many resolutions there are.
    """

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        count = sum(side >= SMALLEST_SIDE * 2**level for level in range(SCALES))
        self.levels = nn.ModuleList(_patch_discriminator(width) for _ in range(count))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Scores overlapping patches: toward 1 for those of paintings, toward 0 for others.

        Args:
            pictures: values around 0, `[N, 3, S, S]`.

        Returns:
            Scores `[N, 1, s, s]` at each resolution, with s = S / 8, S / 16, …
        """
        scores = []
        for number, level in enumerate(self.levels):
            if number:
                pictures = F.avg_pool2d(pictures, 2)
            scores.append(level(pictures))
        return scores


def _patch_discriminator(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for factor in (1, 2, 4):
        convolution = nn.Conv2d(channels, factor * width, 4, stride=2, padding=1)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
        channels = factor * width
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))


def squared_errors(scores: list[Tensor], target: float) -> Tensor:
    """Returns the mean squared differences of all scores of a picture from a target, `[N]`.

    This is the loss of least-squares GANs (Mao et al. 2017, arXiv 1611.04076), which is never negative: a total with it
    in it can be compared with its median.
    """
    return torch.stack([(score - target).square().mean((1, 2, 3)) for score in scores]).mean(0)


def slopes(scores: list[Tensor], pictures: Tensor) -> Tensor:
    """Returns the squared norm of the gradient of a patch's score with respect to its picture, `[N]`.

    It is that of the sum of all scores at a resolution over the root of their number, which is the mean of the patches'
    own where these are independent of each other. It has a gradient itself.

    Args:
        scores: of the pictures, as `MultiScaleDiscriminator` returns them.
        pictures: `[N, 3, S, S]`, which require a gradient.
    """
    sums = torch.stack([score.sum() / score[0].numel() ** 0.5 for score in scores]).mean()
    (gradient,) = torch.autograd.grad(sums, pictures, create_graph=True)
    return gradient.square().sum((1, 2, 3))


def mean_scores(scores: list[Tensor]) -> Tensor:
    """Returns the mean of all scores of a picture, each resolution counting alike, `[N]`."""
    return torch.stack([score.mean((1, 2, 3)) for score in scores]).mean(0)
