"""A training run of seconds, on noise, whose loss or gradient can be spoiled at chosen steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fast_style.models.artifact import SAFETENSORS, ModelInfo, StyleInfo
from fast_style.models.networks import TransformationNetwork
from fast_style.training.crops import Batch
from fast_style.training.export import write_safetensors
from fast_style.training.module import StyleModule

NAN = float("nan")


class Noise(Dataset[Tensor]):
    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(index)
        return torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8, generator=generator)


class Poisoned(StyleModule):
    """Multiplies the loss, and with it every gradient, at the steps of `poison`.

    At the step `poisoned_gradient` the gradient alone becomes NaN.
    """

    poison: dict[int, float] = {}  # noqa: RUF012
    poisoned_gradient = -1

    def on_after_backward(self) -> None:
        if self.trainer.global_step == self.poisoned_gradient:
            for parameter in self.parameters():
                parameter.grad *= NAN

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * self.poison.get(batch_idx, 1.0)


def fit(
    module: StyleModule, folder: Path, *callbacks: Callback, steps: int = 30, resume: Path | None = None
) -> Trainer:
    """Trains on a batch of noise for each step; after a resume, from the first batch on again."""
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, callbacks=list(callbacks),
    )  # fmt: skip
    batches: Any = DataLoader(Noise(), batch_size=2, collate_fn=lambda photos: Batch(torch.stack(photos), [0, 1], []))
    trainer.fit(module, batches, ckpt_path=resume, weights_only=True)
    return trainer


def save_model(network: TransformationNetwork, folder: Path, styles: Sequence[StyleInfo] = (), **training: Any) -> Path:
    """Writes a model without its ONNX file, card and preview, which take seconds."""
    folder.mkdir()
    info = ModelInfo(
        folder.name, network.name, network.arguments, "A", "nobody", network.minimum_side, training=training,
        styles=[*styles],
    )  # fmt: skip
    write_safetensors(network, folder / SAFETENSORS, info, half_weights=False)
    return folder


def saved_weights(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found
