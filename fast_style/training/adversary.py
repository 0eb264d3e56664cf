"""The adversary: a discriminator of crops of the paintings and of stylized photos, trained beside the network.

The network is trained against its scores, in addition to the perceptual loss, which holds the photo. Gram matrices are
those of one canvas, with its palette and its accidents; the discriminator learns what patches of all of them share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from fast_style.config.schema import AdversaryConfig, TrainConfig
from fast_style.training.augmentation import Use, draw_augmentation
from fast_style.training.discriminator import MultiScaleDiscriminator, mean_scores, slopes, squared_errors
from fast_style.training.random_streams import Stream, random_generator

SMALLEST_CROP = 32
"""Least side of the crops in pixels."""
PENALTY_EVERY = 16
"""Number of steps from one gradient penalty to the next, which counts this many times (Karras et al. 2020, arXiv
1912.04958, call it lazy)."""
BETAS = (0.5, 0.99)
"""Decay rates of Adam's averages."""


class Adversary:
    """A discriminator with its optimizer, and the term of the loss that it makes.

    It is no part of the module that Lightning trains: its state is a part of the checkpoint, but not of the weights.
    It computes in float32 throughout. In a run of several processes each has the same one.

    Args:
        paintings: float RGB in [0, 1], `[1, 3, H, W]` each, of any size.
        config: settings of the adversary.
        weight: weight of its term in the total.
        image_size: side of the stylized photos in pixels.
        seed: seed of its weights, crops and augmentations.
    """

    def __init__(
        self, paintings: Sequence[Tensor], config: AdversaryConfig, *, weight: float, image_size: int, seed: int
    ) -> None:
        self.paintings = [painting[0] for painting in paintings]
        self.weight = weight
        self.side = min(image_size, max(SMALLEST_CROP, round(config.crop * image_size / 16) * 16))
        self.seed = seed
        self.augmentation = config.augmentation
        self.gradient_penalty = config.gradient_penalty
        self.largest_rate = config.learning_rate
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.discriminator = MultiScaleDiscriminator(config.width, self.side)
        self.optimizer = self._make_optimizer()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.discriminator.parameters(), lr=self.largest_rate, betas=BETAS)

    def to(self, device: torch.device) -> None:
        """Moves the discriminator and the state of its optimizer to a device."""
        state = self.state_dict()
        self.discriminator.to(device).to(memory_format=torch.channels_last)
        self.optimizer = self._make_optimizer()
        self.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that changes in training."""
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "largest_rate": self.largest_rate,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` returned."""
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.largest_rate = state["largest_rate"]

    def parameters(self) -> list[nn.Parameter]:
        """Returns the weights of the discriminator."""
        return list(self.discriminator.parameters())

    def learn(
        self, stylized: Tensor, numbers: Sequence[int], shares: Tensor, *, step: int, relative_rate: float
    ) -> dict[str, Tensor]:
        """Trains the discriminator by one step.

        Args:
            stylized: stylized photos, float RGB in [0, 1], `[N, 3, S, S]`; they get no gradient.
            numbers: their sample numbers.
            shares: how much each of them counts, in [0, 1], `[N]` on the CPU.
            step: number of the training step.
            relative_rate: learning rate relative to its largest value.

        Returns:
            Scalars: its `loss`, the mean scores of paintings, `real`, and of stylized photos, `fake`, its `accuracy`
            in [0, 1], its `gradient_norm`, and the `penalty` in the steps that have one; nothing where no photo counts.
        """
        with torch.autocast(stylized.device.type, enabled=False):
            real = self._seen(self.painting_crops(numbers).to(stylized.device), numbers, Use.PAINTING)
            fake = self._seen(self.crops(stylized.detach().float(), numbers), numbers, Use.STYLIZED)
            penalized = self.gradient_penalty > 0 and step % PENALTY_EVERY == 0
            real_scores = self.discriminator(real.requires_grad_(penalized))
            fake_scores = self.discriminator(fake)
            errors = 0.5 * (squared_errors(real_scores, 1.0) + squared_errors(fake_scores, 0.0))
            given = shares.to(errors.device)
            loss = (given * errors).mean()
            figures = {"loss": loss, **_figures(real_scores, fake_scores, given)}
            if penalized:
                # R1: Mescheder et al. 2018, arXiv 1801.04406.
                figures["penalty"] = (given * slopes(real_scores, real)).mean()
                loss = loss + 0.5 * self.gradient_penalty * PENALTY_EVERY * figures["penalty"]
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.parameters())
        figures["gradient_norm"] = nn.utils.get_total_norm([cast(Tensor, each.grad) for each in self.parameters()])
        for group in self.optimizer.param_groups:
            group["lr"] = relative_rate * self.largest_rate
        self.optimizer.step()
        return {name: value.detach() for name, value in figures.items()} if shares.any() else {}

    def term(self, stylized: Tensor, numbers: Sequence[int], shares: Tensor) -> Tensor:
        """Returns how far stylized photos are from the scores of paintings: a scalar in float32, at least 0.

        Args:
            stylized: as for `learn`; it gets a gradient, and the discriminator does not.
            numbers: as for `learn`.
            shares: as for `learn`.
        """
        with torch.autocast(stylized.device.type, enabled=False):
            fake = self._seen(self.crops(stylized.float(), numbers), numbers, Use.TERM)
            self.discriminator.requires_grad_(False)
            scores = self.discriminator(fake)
            self.discriminator.requires_grad_(True)
            errors = squared_errors(scores, 1.0)
            return (shares.to(errors.device) * errors).mean()

    def _seen(self, pictures: Tensor, numbers: Sequence[int], use: Use) -> Tensor:
        """Returns what the discriminator sees of pictures in [0, 1]: values around 0, augmented."""
        drawn = draw_augmentation(self.seed, numbers, use, self.augmentation)
        return drawn.apply(2 * pictures - 1).contiguous(memory_format=torch.channels_last)

    def crops(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """Cuts a square out of each picture `[N, 3, S, S]`, at a place of its sample number: `[N, 3, side, side]`."""
        cut = []
        for picture, number in zip(pictures, numbers, strict=True):
            rng = random_generator(self.seed, Stream.STYLIZED_CROPS, number)
            top, left = rng.integers(0, picture.shape[-1] - self.side, size=2, endpoint=True).tolist()
            cut.append(picture[:, top : top + self.side, left : left + self.side])
        return torch.stack(cut)

    def painting_crops(self, numbers: Sequence[int]) -> Tensor:
        """Cuts a square out of a painting for each sample number, half of them flipped: `[N, 3, side, side]`.

        Painting and place are the same in every run. A painting with a shorter side is continued by its mirror image.
        """
        cut = []
        for number in numbers:
            rng = random_generator(self.seed, Stream.PAINTING_CROPS, number)
            painting = self.paintings[int(rng.integers(len(self.paintings)))]
            starts = [int(rng.integers(0, max(0, length - self.side), endpoint=True)) for length in painting.shape[1:]]
            rows, columns = (
                _mirrored(start, self.side, length) for start, length in zip(starts, painting.shape[1:], strict=True)
            )
            crop = painting[:, rows][:, :, columns]
            cut.append(crop.flip(-1) if rng.random() < 0.5 else crop)
        return torch.stack(cut)


def build_adversary(config: TrainConfig, paintings: Sequence[Tensor]) -> Adversary | None:
    """Returns the adversary that the settings describe; None where its term has no weight.

    Args:
        config: settings of the run.
        paintings: those of the style, float RGB in [0, 1], `[1, 3, H, W]` each.
    """
    if config.loss.adversarial_weight == 0:
        return None
    return Adversary(
        paintings, config.adversary, weight=config.loss.adversarial_weight, image_size=config.data.image_size,
        seed=config.seed,
    )  # fmt: skip


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replaces gradients by their means over all processes, where there are several."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    gradients = [cast(Tensor, parameter.grad) for parameter in parameters]
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(joined)
    joined /= torch.distributed.get_world_size()
    for gradient, mean in zip(gradients, torch.split(joined, [each.numel() for each in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def _mirrored(start: int, count: int, length: int) -> Tensor:
    """Returns `count` indices from `start` on into something of this length, which is mirrored at its ends."""
    positions = torch.arange(start, start + count) % (2 * length)
    return torch.minimum(positions, 2 * length - 1 - positions)


def _figures(real: list[Tensor], fake: list[Tensor], shares: Tensor) -> dict[str, Tensor]:
    """Returns the mean scores and the accuracy over the samples that count."""
    with torch.no_grad():
        right = [
            (0.5 * ((r > 0.5).float() + (f < 0.5).float())).mean((1, 2, 3)) for r, f in zip(real, fake, strict=True)
        ]
        by_sample = {
            "real": mean_scores(real), "fake": mean_scores(fake), "accuracy": torch.stack(right).mean(0),
        }  # fmt: skip
        return {name: (shares * value).sum() / shares.sum() for name, value in by_sample.items()}
