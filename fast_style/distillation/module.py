"""Distiller: the training step of a student encoder, what it logs, and its optimizer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional as F

from fast_style.config.schema import DistillConfig
from fast_style.distillation.adversaries import AdversaryPool, AdversarySettings, half_size_grid
from fast_style.distillation.data import Corruption
from fast_style.images.tensors import to_float
from fast_style.perceptual.encoders import Embedded, Encoder
from fast_style.perceptual.gram import gram_matrix, relative_error
from fast_style.training.crops import Batch
from fast_style.training.module import half_cosine
from fast_style.training.optimizers import MuonAdam

RAMP_STEPS = 30
"""Number of steps over which the learning rate rises."""
WARMUP_END = 0.1
"""What is left of the learning rate, relative to its largest value, when the first adversary appears."""
ADAM_RATE = 1 / 3
"""Learning rate of Adam, which trains the biases beside Muon, relative to that of Muon."""


class FeatureComparison(NamedTuple):
    """The student's features beside the teacher's, by layer."""

    errors: dict[str, Tensor]
    """Mean squared errors: scalars in float32."""
    student: dict[str, Tensor]
    """`[N, C, h, w]`, after the ReLU."""
    teacher: dict[str, Tensor]
    """`[N, C, h, w]`, after the ReLU, in units of the layer."""


class Distiller(LightningModule):
    """Trains an `Embedded` student to imitate a teacher's features.

    Optimization is manual: Muon for the convolutions (Jordan et al. 2024), Adam for the biases. Within 75 seconds Muon
    reached a third of the feature error that Adam had after 240.

    Args:
        config: settings of the distillation.
        student: the encoder to train.
        teacher: the encoder to imitate, which is not stored in checkpoints.
        draw_style: returns a style image for the adversaries, float RGB in [0, 1], `[1, 3, h, w]`.
    """

    student: Embedded
    teacher: Encoder

    def __init__(
        self, config: DistillConfig, student: Embedded, teacher: Encoder, draw_style: Callable[[], Tensor]
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.student = student.requires_grad_(True)
        # Past nn.Module's own __setattr__: a registered teacher would land in every checkpoint.
        object.__setattr__(self, "teacher", teacher)
        self.draw_style = draw_style
        self.layers = frozenset(config.teacher.layers)
        for layer in config.teacher.layers:
            self.register_buffer(f"unit_{layer}", torch.ones(()))
        self.generator = torch.Generator().manual_seed(config.seed)
        self.corrupt = Corruption(self.generator)
        self.replay: list[Tensor] = []
        # Without the Gram matrices, whose products take three times as long when compiled.
        self.compare: Callable[[Tensor], FeatureComparison] = (
            torch.compile(self._compare, dynamic=False) if config.compile else self._compare
        )

    def unit(self, layer: str) -> Tensor:
        """Returns the unit of a layer: the root mean square of the teacher's features over photos."""
        return self.get_buffer(f"unit_{layer}")

    @torch.no_grad()
    def measure_units(self, photos: Tensor) -> None:
        """Measures the units of all layers; without them nothing is learned, as VGG's layers differ by magnitudes.

        Args:
            photos: float RGB in [0, 1], `[N, 3, S, S]`.
        """
        for layer, features in self.teacher(photos, self.config.teacher.layers).items():
            self.unit(layer).copy_(features.float().square().mean().sqrt())

    def setup(self, stage: str) -> None:
        self.teacher.to(self.device).to(memory_format=torch.channels_last)

    def on_fit_start(self) -> None:
        # Not earlier: the student's weights get other memory when it moves to its device.
        config = self.config
        settings = AdversarySettings(
            content_layers=[config.teacher.content_layer],
            style_layers=list(config.teacher.layers),
            count=config.adversaries,
            shortest_life=config.shortest_life,
            longest_life=config.longest_life,
            seed=config.seed,
        )
        frozen = share_weights(self.student, compiled=config.compile)
        self.adversaries = AdversaryPool(frozen, self.draw_style, settings)

    def _compare(self, pictures: Tensor) -> FeatureComparison:
        with torch.no_grad():
            features = self.teacher(pictures, self.config.teacher.layers)
        normalized = (pictures - self.student.mean) / self.student.std
        answers = self.student.before_relu(normalized, self.layers)
        errors, targets = {}, {}
        for layer, value in answers.items():
            target = features[layer] / self.unit(layer).to(features[layer].dtype)
            # Compared before the ReLU where the teacher is active, and after it elsewhere: a head that is off where it
            # should be on still gets a gradient (Heo et al. 2019, arXiv 1904.01866).
            errors[layer] = torch.where(target > 0, value - target, F.relu(value)).float().square().mean()
            targets[layer] = target
        return FeatureComparison(errors, {layer: F.relu(value) for layer, value in answers.items()}, targets)

    def terms(self, pictures: Tensor) -> dict[str, Tensor]:
        """Computes the student's errors, relative to the teacher's energy.

        Args:
            pictures: float RGB in [0, 1], `[N, 3, S, S]`.

        Returns:
            Scalars in float32: `feature/LAYER` and `gram/LAYER`.
        """
        errors, found, expected = self.compare(pictures)
        terms = {f"feature/{layer}": error for layer, error in errors.items()}
        for layer, value in found.items():
            target = gram_matrix(expected[layer])
            # Relative to the energy of the whole batch, not of each picture: Muon's steps do not shrink, so that a
            # single dark picture with a large relative error would lead all of it astray.
            energy = target.square().flatten(1).sum(1).mean()
            terms[f"gram/{layer}"] = relative_error(gram_matrix(value), target, energy)
        return terms

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        with_adversaries = self.global_step >= self.config.warmup_steps
        terms = self.terms(self._pictures(to_float(batch.photos), with_adversaries=with_adversaries))
        total = torch.stack([value for name, value in terms.items() if name.startswith("feature/")]).sum()
        if with_adversaries:
            grams = torch.stack([value for name, value in terms.items() if name.startswith("gram/")])
            total = total + self.config.gram_weight * grams.sum()
        optimizer = cast(torch.optim.Optimizer, self.optimizers())
        optimizer.zero_grad()
        self.manual_backward(total)
        relative_rate = self._relative_rate(self.global_step)
        for group, largest in zip(optimizer.param_groups, self._largest_rates, strict=True):
            group["lr"] = largest * relative_rate
        optimizer.step()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})
        rate = self.config.learning_rate * relative_rate
        self.log_dict({"train/total": total.detach(), "learning_rate": rate})
        return total

    def _pictures(self, photos: Tensor, *, with_adversaries: bool) -> Tensor:
        """Returns what the student sees in a step: the adversaries' pictures, new and old, and corrupted photos."""
        if with_adversaries:
            count = self.config.new_pictures
            new = self.adversaries.advance(photos[:count])
            new = torch.cat([new[:-1], half_size_grid(new)]) if count >= 4 else new
            pictures = torch.cat([new, self._remember(new), self._corrupted(photos[count:])])
        else:
            pictures = self._corrupted(photos)
        return pictures.contiguous(memory_format=torch.channels_last)

    def _relative_rate(self, step: int) -> float:
        """Returns the learning rate relative to its largest value.

        During the warm-up it follows a cosine from 1 to 0.1, and then another one from 0.1 to 0. Muon's updates have a
        fixed size whatever the gradient is, so that the rate alone decides how fine the result is.
        """
        warmup = self.config.warmup_steps
        if step < warmup:
            return min(1.0, (step + 1) / RAMP_STEPS) * (WARMUP_END + (1 - WARMUP_END) * half_cosine(step / warmup))
        return WARMUP_END * half_cosine((step - warmup) / (self.config.max_steps - warmup))

    def _corrupted(self, photos: Tensor) -> Tensor:
        return self.corrupt(photos.cpu()).to(photos.device)

    def _remember(self, new: Tensor) -> Tensor:
        """Stores pictures of the adversaries, and returns some of the stored ones, so that nothing is forgotten."""
        for picture in (new * 255).round().to(torch.uint8).cpu():
            if len(self.replay) < self.config.replay:
                self.replay.append(picture)
            else:
                self.replay[int(torch.randint(len(self.replay), (1,), generator=self.generator))] = picture
        chosen = torch.randint(len(self.replay), (self.config.old_pictures,), generator=self.generator)
        return to_float(torch.stack([self.replay[number] for number in chosen.tolist()]).to(new.device))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        rate = self.config.learning_rate
        self._largest_rates = rate, rate * ADAM_RATE
        return MuonAdam(self.student.parameters(), muon_rate=rate, adam_rate=rate * ADAM_RATE, betas=(0.9, 0.99))


def share_weights(student: Embedded, *, compiled: bool) -> Embedded:
    """Returns a frozen encoder with the student's weights, in the same memory: it changes as the student learns.

    Adversaries are trained against it, and need no gradients of its weights.

    Args:
        student: the encoder in training.
        compiled: whether PyTorch compiles the result.
    """
    twin = copy.deepcopy(student)
    twin.freeze()
    for mine, theirs in zip(twin.parameters(), student.parameters(), strict=True):
        mine.data = theirs.data
    if compiled:
        twin.compile(dynamic=False)
    return twin
