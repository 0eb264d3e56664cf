"""StyleModule: the training step, the validation step, what they log, and the optimizer."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F

from fast_style.images.tensors import to_float
from fast_style.models.networks import TransformationNetwork, build_network, is_strength_parameter
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.adversary import Adversary
from fast_style.training.checkpoints import migrate_checkpoint
from fast_style.training.crops import Batch, draw_window
from fast_style.training.optimizers import MuonAdam
from fast_style.training.paintings import PaintingTargets
from fast_style.training.stability import draw_motion, stability
from fast_style.training.strength import content_emphasis, draw_strengths
from fast_style.training.styles import draw_styles

log = logging.getLogger("fast_style")

ADVERSARY = "adversary"
"""Key of the adversary's state in a checkpoint."""
ADAM_RATE = 0.4
"""Learning rate of Adam, which trains the biases and scales beside Muon, relative to that of Muon."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a `StyleModule` is built from, apart from its loss.

    A checkpoint keeps them as plain values, so that it loads with `weights_only=True` and without Hydra.
    """

    network: str
    """Name of the network."""
    network_arguments: dict[str, Any]
    """Arguments of the network's constructor."""
    styles: list[str] = field(default_factory=list)
    """Names of the styles, for a network that learns several."""
    optimizer: str = "muon"
    """`muon`, with Adam for everything that is no matrix, or `adam` alone, as in the paper."""
    learning_rate: float = 5e-3
    """Largest learning rate of Muon, or of Adam alone."""
    schedule: str = "cosine"
    """`cosine`, which falls to 1 % of the learning rate at `max_steps`, or `constant`."""
    warmup_steps: int = 0
    """Number of steps over which the learning rate rises."""
    max_steps: int = 1
    """Number of steps that the schedule is made for."""
    strength_share: float = 0.0
    """For a network that takes a strength: what share of all steps, the last ones, learn nothing but the strength. 0
    stands for none, 1 for all; in between, the network and the strength get at least one step each, where there are
    two."""
    stability_weight: float = 0.0
    """Weight of the stability term in the total."""
    compile: bool = False
    """Whether PyTorch compiles the network for the training steps."""
    seed: int = 0
    """Seed of the strengths and motions that are drawn by sample number."""

    @property
    def strength_steps(self) -> int:
        """Number of steps that learn the strength, if the network takes one."""
        steps = round(self.strength_share * self.max_steps)
        return min(max(steps, 1), self.max_steps - 1) if 0 < self.strength_share < 1 else steps


class StyleModule(LightningModule):
    """Trains an image transformation network against a perceptual loss.

    Args:
        hyperparameters: the network and how to train it.
        criterion: the loss, which is not stored in checkpoints; None to export a network without training it.
    """

    criterion: PerceptualLoss | None

    def __init__(self, hyperparameters: Hyperparameters, criterion: PerceptualLoss | None = None) -> None:
        super().__init__()
        self.hyperparameters = hyperparameters
        self.save_hyperparameters(asdict(hyperparameters))
        self.network = build_network(hyperparameters.network, **hyperparameters.network_arguments)
        # The strength is learned after everything else, which rests meanwhile: at strength 1 the network is what it
        # would be without one. Learned together, they cost a seventh of the objective at strength 1.
        strength_steps = hyperparameters.strength_steps if self.network.takes_strength else 0
        self.first_strength_step = hyperparameters.max_steps - strength_steps
        # Past nn.Module's own __setattr__: the encoder of a registered loss would land in every checkpoint.
        object.__setattr__(self, "criterion", criterion)
        self.content_energies: dict[str, float] = {}
        """What content errors in training are relative to, as in `PerceptualLoss.sample_terms`; if empty, each photo's
        own. A plain sky has little energy of its own: no stroke could be put there."""
        self.painting_targets: PaintingTargets | None = None
        """What training compares with, where a style is several paintings; if None, with that of the criterion."""
        self.adversary: Adversary | None = None
        """What the network is trained against in addition; it learns in the training step, by an optimizer of its
        own, which Lightning would count as further steps."""
        self._adversary_state: dict[str, Any] | None = None

    def forward(self, photos: Tensor, styles: Tensor | None = None, strengths: Tensor | None = None) -> Tensor:
        """Stylizes photos.

        Args:
            photos: float RGB in [0, 1], `[N, 3, H, W]`.
            styles: number of each photo's style, `[N]`; None for the first.
            strengths: strength of each photo's style, `[N]`, for a network that takes one; None for 1.

        Returns:
            The same shape and range as `photos`.
        """
        with self._uncompiled():
            stylized: Tensor = self.network(photos, strengths, self._style_weights(styles))
        return stylized

    def _style_weights(self, styles: Tensor | None) -> Tensor | None:
        """Returns what tells the network the style of each sample, `[N, K]`; None for a network of one style."""
        if styles is None or self.network.styles == 1:
            return None
        return F.one_hot(styles.to(self.device), self.network.styles).float()

    def setup(self, stage: str) -> None:
        self.network.to(memory_format=torch.channels_last)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.adversary is not None:
            checkpoint[ADVERSARY] = self.adversary.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        migrate_checkpoint(checkpoint)
        self._adversary_state = checkpoint.get(ADVERSARY)

    def on_fit_start(self) -> None:
        if self.criterion is not None:
            self.criterion.to(self.device).to(memory_format=torch.channels_last)
        if self.painting_targets is not None:
            self.painting_targets.to(self.device)
        if self.adversary is not None:
            self.adversary.to(self.device)
            if self._adversary_state is not None:
                self.adversary.load_state_dict(self._adversary_state)
        if self.hyperparameters.compile:
            # By the network's own method: a wrapper around it would rename its weights. The loss is not compiled: there
            # is little to fuse in it, and its Gram matrices take three times as long as compiled products.
            self.network.compile(dynamic=False)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if self.learns_strength:
            self.network.initialize_strength()

    @property
    def learns_strength(self) -> bool:
        """Whether the current step is one of those that learn the strength."""
        return self.network.takes_strength and self.global_step >= self.first_strength_step

    def trained_network(self, steps: int) -> TransformationNetwork:
        """Returns the network after a number of steps.

        Where none of these steps has learned the strength, the network comes without it, and a warning is logged.
        """
        if not self.network.takes_strength or steps > self.first_strength_step:
            return self.network
        log.warning("no strength: at step %d it is not learned yet; the last steps of a training run learn it", steps)
        without = build_network(self.network.name, **{**self.network.arguments, "takes_strength": False})
        state = self.network.state_dict()
        without.load_state_dict({key: value for key, value in state.items() if not is_strength_parameter(key)})
        return without

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        criterion = self._criterion()
        photos = to_float(batch.photos)
        window = draw_window(
            self.hyperparameters.seed, batch.numbers[0], photos.shape[-1], criterion.settings.full_size_window
        )
        content = criterion.content_features(photos, window)
        styles = draw_styles(self.hyperparameters.seed, batch.numbers, self.network.styles).to(photos.device)
        paintings = self.painting_targets
        grams = paintings.targets(batch.numbers, content) if paintings else criterion.style_targets(styles)
        strengths = emphasis = None
        if self.learns_strength:
            strengths = draw_strengths(self.hyperparameters.seed, batch.numbers).to(photos.device)
            grams = criterion.strength_targets(photos, strengths, grams, window)
            emphasis = content_emphasis(strengths)
        if strengths is None and self.network.takes_strength:
            # The strength gets no gradient at 1, but it takes part: DDP expects every parameter in every step.
            strengths = torch.ones(len(photos), device=photos.device)
        stylized = self.network(photos, strengths, self._style_weights(styles))
        samples = criterion.sample_terms(
            stylized, content, grams=grams, window=window, content_energies=self.content_energies
        )
        self._log_by_style("train", samples, styles)
        terms = criterion.weigh(samples, stylized, emphasis=emphasis)
        weight = self.hyperparameters.stability_weight
        if weight > 0:
            terms["stability"] = self._stability(batch, photos, stylized, strengths, styles)
            terms["total"] = terms["total"] + weight * terms["stability"]
        if self.adversary is not None:
            terms["adversarial"] = self._adversarial(self.adversary, batch, stylized, strengths)
            terms["total"] = terms["total"] + self.adversary.weight * terms["adversarial"]
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()}, batch_size=len(batch.photos))
        total: Tensor = terms["total"]
        return total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        criterion = self._criterion()
        photos = to_float(batch.photos)
        content = criterion.content_features(photos)
        styles = torch.tensor([number % self.network.styles for number in batch.numbers], device=photos.device)
        stylized = self(photos, styles)
        with self._uncompiled():
            stability_term = self._stability(batch, photos, stylized, None, styles)
        samples = criterion.sample_terms(stylized, content, grams=criterion.style_targets(styles))
        self._log_by_style("val", samples, styles)
        # Stability is not in this total, which compares networks however they were trained.
        terms = criterion.weigh(samples, stylized) | {"stability": stability_term}
        self.log_dict(
            {f"val/{name}": value for name, value in terms.items()},
            batch_size=len(batch.photos),
            sync_dist=True,
        )

    def _log_by_style(self, stage: str, samples: Mapping[str, Tensor], styles: Tensor) -> None:
        """Logs content and style of each style in the batch, where the network learns several."""
        if self.network.styles == 1:
            return
        for style in sorted(set(styles.tolist())):
            name, chosen = self.hyperparameters.styles[style], styles == style
            for term in ("content", "style"):
                value = samples[term].detach()[chosen].mean()
                self.log(f"{stage}_by_style/{name}/{term}", value, batch_size=int(chosen.sum()))

    def _criterion(self) -> PerceptualLoss:
        assert self.criterion is not None, "training and validation need a criterion"
        return self.criterion

    def _uncompiled(self) -> AbstractContextManager[None]:
        """Runs the network uncompiled, for batches of any size: each size would be compiled again."""
        if not self.hyperparameters.compile:
            return nullcontext()
        stance: AbstractContextManager[None] = torch.compiler.set_stance("force_eager")
        return stance

    def _stability(
        self, batch: Batch, photos: Tensor, stylized: Tensor, strengths: Tensor | None, styles: Tensor
    ) -> Tensor:
        motion = draw_motion(self.hyperparameters.seed, batch.numbers)
        copy = motion.disturb(photos).to(memory_format=torch.channels_last)
        return stability(stylized, self.network(copy, strengths, self._style_weights(styles)), motion)

    def _adversarial(self, adversary: Adversary, batch: Batch, stylized: Tensor, strengths: Tensor | None) -> Tensor:
        """Trains the adversary on a step's pictures, and returns its term; below strength 1 none is a painting."""
        shares = torch.ones(len(stylized)) if strengths is None else (strengths >= 1).float().cpu()
        rate = self._learning_rate_factor(self.global_step, begin=0, end=self.hyperparameters.max_steps)
        figures = adversary.learn(stylized, batch.numbers, shares, step=self.global_step, relative_rate=rate)
        self.log_dict({f"adversary/{name}": value for name, value in figures.items()}, batch_size=len(stylized))
        return adversary.term(stylized, batch.numbers, shares)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        if self.adversary is not None:
            gradients = [each.grad for each in self.parameters() if each.grad is not None]
            self.log("adversary/network_gradient_norm", torch.nn.utils.get_total_norm(gradients))

    def parameter_groups(self) -> list[str]:
        """Returns what each of the optimizer's parameter groups holds, for people."""
        strength = any(is_strength_parameter(key) for key, _ in self.named_parameters())
        names = ["convolutions", "biases_and_scales"] if self.hyperparameters.optimizer == "muon" else ["network"]
        return [*names, "strength"] if strength else names

    def configure_optimizers(self) -> OptimizerLRScheduler:
        rate = self.hyperparameters.learning_rate
        strength = [parameter for key, parameter in self.named_parameters() if is_strength_parameter(key)]
        others = [parameter for key, parameter in self.named_parameters() if not is_strength_parameter(key)]
        optimizer: torch.optim.Optimizer
        if self.hyperparameters.optimizer == "muon":
            optimizer = MuonAdam(others, separate=strength, muon_rate=rate, adam_rate=ADAM_RATE * rate)
        else:
            optimizer = torch.optim.Adam([{"params": group} for group in (others, strength) if group], lr=rate)
        first, last = self.first_strength_step, self.hyperparameters.max_steps
        factors: list[Callable[[int], float]] = [partial(self._learning_rate_factor, begin=0, end=first)] * len(
            optimizer.param_groups
        )
        if strength:
            factors[-1] = partial(self._learning_rate_factor, begin=first, end=last)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _learning_rate_factor(self, step: int, *, begin: int, end: int) -> float:
        """Returns the learning rate, relative to its largest value, of what is learned in steps `begin` to `end`."""
        if not begin <= step < end:
            return 0.0
        rise = min(1.0, (step - begin + 1) / (self.hyperparameters.warmup_steps + 1))
        if self.hyperparameters.schedule == "constant":
            return rise
        return rise * (0.01 + 0.99 * half_cosine((step - begin) / (end - begin)))


def half_cosine(progress: float) -> float:
    """Returns half a period of a cosine: from 1 at progress 0 to 0 at 1 and beyond."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
