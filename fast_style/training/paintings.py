"""Which painting each photo is compared with, where a style is several paintings by one hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.random_streams import Stream, random_generator


class NearestPaintings:
    """Finds the painting whose content is nearest to a photo's: a landscape for a landscape.

    Pictures are described by the mean of each channel of the features that content is compared by. Paintings differ
    from photos as such, and one of them would be the nearest to all photos; so each kind is described by its
    differences from the mean of its own kind, whose directions are compared.

    Args:
        criterion: computes the features.
        paintings: float RGB in [0, 1], `[1, 3, H, W]` each.
        photos: typical photos, float RGB in [0, 1], `[N, 3, H, W]`.
    """

    def __init__(self, criterion: PerceptualLoss, paintings: Sequence[Tensor], photos: Tensor) -> None:
        described = torch.cat([describe(criterion.content_features(painting)) for painting in paintings])
        self.typical_photo = describe(criterion.content_features(photos)).mean(0)
        self.directions = F.normalize(described - described.mean(0))  # [M, D]

    def numbers(self, content: Mapping[str, Tensor]) -> Tensor:
        """Returns the number of the nearest painting for each of the photos with these `content_features`, `[N]`."""
        described = describe(content)
        typical, directions = (each.to(described.device) for each in (self.typical_photo, self.directions))
        return (F.normalize(described - typical) @ directions.T).argmax(1)


def describe(content: Mapping[str, Tensor]) -> Tensor:
    """Returns the means of all channels of `content_features`, `[N, D]` in float32."""
    return torch.cat([features.float().mean((2, 3)) for features in content.values()], 1)


class PaintingTargets:
    """The Gram matrices of one of several paintings for each photo.

    A network that cannot know which painting was drawn at random learns their mean, by way of more noise. Only the
    nearest painting lets different photos be painted differently.

    Args:
        grams: Gram matrices of M paintings, `[M, C, C]` by `term_key`.
        nearest: finds the nearest painting; None to draw one at random.
        seed: seed of what is drawn.
    """

    def __init__(self, grams: Mapping[str, Tensor], nearest: NearestPaintings | None, *, seed: int) -> None:
        self.grams = dict(grams)
        self.nearest = nearest
        self.seed = seed

    def to(self, device: torch.device) -> None:
        """Moves the matrices to a device."""
        self.grams = {name: value.to(device) for name, value in self.grams.items()}

    def numbers(self, samples: Sequence[int], content: Mapping[str, Tensor]) -> Tensor:
        """Returns the number of the painting for each sample, the same in every run, `[N]`.

        Args:
            samples: sample numbers.
            content: `content_features` of the photos.
        """
        if self.nearest is not None:
            return self.nearest.numbers(content)
        count = len(next(iter(self.grams.values())))
        return torch.tensor(
            [int(random_generator(self.seed, Stream.PAINTINGS, number).integers(count)) for number in samples]
        )

    def targets(self, samples: Sequence[int], content: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the Gram matrices for each sample, `[N, C, C]` by `term_key`; see `numbers`."""
        chosen = self.numbers(samples, content)
        return {name: value[chosen.to(value.device)] for name, value in self.grams.items()}
