"""What a model file says of its training run: settings and figures, and how many steps came before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_style.errors import ModelError
from fast_style.models.artifact import find_model, read_info

if TYPE_CHECKING:
    from fast_style.config.schema import TrainConfig


def steps_before(model: str | None) -> int | None:
    """How many steps went into `init_from`, and into what that began with, as far as they are known."""
    if model is None:
        return None
    try:
        files = find_model(model)
        training = read_info(files.safetensors).training if files.safetensors else {}
    except ModelError:  # gone since the run began that is resumed here
        return None
    counts = [training.get("steps"), training.get("steps_before")]
    return sum(count for count in counts if isinstance(count, int)) or None


def training_record(
    config: TrainConfig, learning_rate: float, steps: int, metrics: Mapping[str, float], *, before: int | None
) -> dict[str, Any]:
    """What a model tells of its training: settings and figures, no paths of the machine it was made on.

    Args:
        config: its settings.
        learning_rate: in effect.
        steps: done.
        metrics: of the last validation, as `val/total`.
        before: `steps_before`.
    """
    return {
        "encoder": config.encoder.name,
        "pooling": config.encoder.pooling,
        **asdict(config.loss),
        "style_size": config.style.size,
        "image_size": config.data.image_size,
        "content": "synthetic images" if config.data.dir is None else "photos",
        "batch_size": config.data.batch_size,
        "steps": steps,
        "optimizer": config.trainer.optimizer,
        "learning_rate": learning_rate,
        "schedule": config.trainer.schedule,
        "strength_share": config.trainer.strength_share if config.model.strength else None,
        "precision": config.trainer.precision,
        "seed": config.seed,
        "init_from": Path(config.init_from).name if config.init_from else None,
        "steps_before": before,
        "experiment": config.experiment,
        "validation": {key.removeprefix("val/"): round(float(value), 6) for key, value in metrics.items()},
    }
