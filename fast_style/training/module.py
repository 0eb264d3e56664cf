"""StyleModule: the training and validation step, logging and the optimiser; nothing else."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from fast_style.images.tensors import to_float
from fast_style.models.networks import TransformationNetwork, build_network, is_strength_parameter
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.data import Batch
from fast_style.training.optimizers import MuonAdam
from fast_style.training.stability import draw_motion, stability
from fast_style.training.strength import content_emphasis, draw_strengths

log = logging.getLogger("fast_style")

ADAM_SHARE = 0.4
"""Of Muon's learning rate, for the biases and scales, which Adam trains beside it."""


class StyleModule(LightningModule):
    """Trains an image transformation network against a perceptual loss.

    Hyperparameters are plain values, so that a checkpoint reloads with `weights_only=True` and without Hydra.

    Args:
        network: name of the network.
        network_arguments: its arguments.
        optimizer: `muon` (and Adam for what is no matrix) or `adam`, as the paper.
        learning_rate: of Muon or Adam, at its highest.
        schedule: `cosine` (to 1 % of the learning rate at `max_steps`) or `constant`.
        warmup_steps: steps of linear warm-up.
        max_steps: length of the schedule.
        strength_share: of all steps, the last ones, in which the strength alone is learnt, for a network with one: none at
            0, all at 1; in between, network and strength have at least a step each, where there are two.
        stability_weight: of `stability` in the total.
        compile: have PyTorch compile the network for the training steps.
        seed: of the strengths and motions that are drawn by sample number.
        criterion: the loss; not a hyperparameter, not in the checkpoint, and not needed to export.
    """

    criterion: PerceptualLoss | None

    def __init__(
        self,
        network: str,
        network_arguments: dict[str, Any],
        optimizer: str = "muon",
        learning_rate: float = 5e-3,
        schedule: str = "cosine",
        warmup_steps: int = 0,
        max_steps: int = 1,
        strength_share: float = 0.0,
        stability_weight: float = 0.0,
        compile: bool = False,
        seed: int = 0,
        criterion: PerceptualLoss | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["criterion"])
        self.network = build_network(network, **network_arguments)
        # Apart from everything else, which rests meanwhile: at strength 1 the network is what it would be without a
        # strength. Learnt together, they cost a seventh of the objective there.
        strength_steps = round(strength_share * max_steps) if self.network.takes_strength else 0
        if self.network.takes_strength and 0 < strength_share < 1:
            strength_steps = min(max(strength_steps, 1), max_steps - 1)
        self.strength_begins = max_steps - strength_steps
        # Past nn.Module's own __setattr__: a registered encoder would land in every checkpoint.
        object.__setattr__(self, "criterion", criterion)

    def forward(self, photos: Tensor) -> Tensor:
        """Float RGB in [0, 1], `[N, 3, H, W]`, to the same."""
        with self._uncompiled():
            return self.network(photos)

    def setup(self, stage: str) -> None:
        self.network.to(memory_format=torch.channels_last)

    def on_fit_start(self) -> None:
        if self.criterion is not None:
            self.criterion.to(self.device).to(memory_format=torch.channels_last)
        if self.hparams["compile"]:
            # By its own method: a wrapper around it would rename its weights. Not the loss: there is little to fuse
            # in it, and its Gram matrices take three times as long as compiled products.
            self.network.compile(dynamic=False)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if self.learns_strength:
            self.network.initialize_strength()

    @property
    def learns_strength(self) -> bool:
        """Whether this step is of those that learn the strength."""
        return self.network.takes_strength and self.global_step >= self.strength_begins

    def learnt(self, steps: int) -> TransformationNetwork:
        """The network after so many steps; without its strength, and with a warning, where none of them learnt that."""
        if not self.network.takes_strength or steps > self.strength_begins:
            return self.network
        log.warning("no strength: at step %d it is not learnt yet; the last steps of a training do that", steps)
        without = build_network(self.network.name, **{**self.network.arguments, "takes_strength": False})
        without.load_state_dict({key: value for key, value in self.network.state_dict().items() if not is_strength_parameter(key)})
        return without

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        assert self.criterion is not None, "training needs a criterion"
        photos, content = self._prepared(batch)
        strengths = grams = emphasis = None
        if self.learns_strength:
            strengths = draw_strengths(self.hparams["seed"], batch.numbers).to(photos.device)
            grams, emphasis = self.criterion.style_targets(photos, strengths), content_emphasis(strengths)
        elif self.network.takes_strength:
            # Without a gradient for the strength, but not without the strength: DDP wants every parameter in every step.
            strengths = torch.ones(len(photos), device=photos.device)
        stylized = self.network(photos, strengths)
        terms = self.criterion(stylized, content, grams=grams, emphasis=emphasis)
        if self.hparams["stability_weight"] > 0:
            terms["stability"] = self._stability(batch, photos, stylized, strengths)
            terms["total"] = terms["total"] + self.hparams["stability_weight"] * terms["stability"]
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()}, batch_size=len(batch.photos))
        return terms["total"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        assert self.criterion is not None, "validation needs a criterion"
        photos, content = self._prepared(batch)
        with self._uncompiled():
            stylized = self.network(photos)
            unstable = self._stability(batch, photos, stylized, None)
        # Not in the total: that is the reference, whatever a network was trained with.
        terms = self.criterion(stylized, content) | {"stability": unstable}
        self.log_dict(
            {f"val/{name}": value for name, value in terms.items()},
            batch_size=len(batch.photos),
            sync_dist=True,
        )

    def _uncompiled(self) -> AbstractContextManager[Any]:
        """For what comes in batches of any size: each size would be compiled anew."""
        if not self.hparams["compile"]:
            return nullcontext()
        return cast(AbstractContextManager[Any], torch.compiler.set_stance("force_eager"))

    def _prepared(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Photos as float, and their content features."""
        assert self.criterion is not None
        photos = to_float(batch.photos)
        return photos, self.criterion.content_features(photos)

    def _stability(self, batch: Batch, photos: Tensor, stylized: Tensor, strengths: Tensor | None) -> Tensor:
        motion = draw_motion(self.hparams["seed"], batch.numbers)
        copy = motion.disturb(photos).to(memory_format=torch.channels_last)
        return stability(stylized, self.network(copy, strengths), motion)

    def configure_optimizers(self) -> Any:
        rate = self.hparams["learning_rate"]
        strength_parameters = [parameter for key, parameter in self.named_parameters() if is_strength_parameter(key)]
        optimizer: torch.optim.Optimizer
        if self.hparams["optimizer"] == "muon":
            optimizer = MuonAdam(self.parameters(), apart=strength_parameters, muon_rate=rate, adam_rate=ADAM_SHARE * rate)
        else:
            others = [parameter for key, parameter in self.named_parameters() if not is_strength_parameter(key)]
            optimizer = torch.optim.Adam([{"params": group} for group in (others, strength_parameters) if group], lr=rate)
        network = partial(self._learning_rate_factor, begin=0, end=self.strength_begins)
        factors: list[Callable[[int], float]] = [network] * len(optimizer.param_groups)
        if strength_parameters:
            factors[-1] = partial(self._learning_rate_factor, begin=self.strength_begins, end=self.hparams["max_steps"])
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _learning_rate_factor(self, step: int, *, begin: int, end: int) -> float:
        """Of parameters that are learnt in the steps from `begin` to `end`."""
        if not begin <= step < end:
            return 0.0
        rise = min(1.0, (step - begin + 1) / (self.hparams["warmup_steps"] + 1))
        if self.hparams["schedule"] == "constant":
            return rise
        return rise * (0.01 + 0.99 * half_cosine((step - begin) / (end - begin)))


def half_cosine(progress: float) -> float:
    """From 1 at 0 to 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
