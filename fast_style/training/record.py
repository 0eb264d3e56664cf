"""What a model file says about its training run: settings and results, and how many steps preceded the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import ModelError
from fast_style.models.artifact import find_model, read_info
from fast_style.models.migration import JsonObject

if TYPE_CHECKING:
    from fast_style.config.schema import TrainConfig


def count_earlier_steps(model: str | None) -> int | None:
    """Returns how many steps went into the model of the setting `init_from`, and into what that one began with.

    Returns:
        The number of steps, as far as it is known; None where it is not, or where there is no such model.
    """
    if model is None:
        return None
    try:
        files = find_model(model)
        training = read_info(files.safetensors).training if files.safetensors else {}
    except ModelError:  # the model was removed since the run began that continues here
        return None
    counts = [training.get("steps"), training.get("steps_before")]
    return sum(count for count in counts if isinstance(count, int)) or None


def training_record(
    config: TrainConfig, learning_rate: float, steps: int, metrics: Mapping[str, float], *, earlier_steps: int | None
) -> JsonObject:
    """Returns the `training` part of a model's metadata. It holds no paths of the computer it was made on.

    Args:
        config: settings of the run.
        learning_rate: largest learning rate of the run.
        steps: number of steps that were trained.
        metrics: terms of the last validation by name, such as `val/total`.
        earlier_steps: number of steps that went into the model that the run began with.
    """
    return {
        "encoder": config.encoder.name,
        "pooling": config.encoder.pooling,
        "padding": config.encoder.padding,
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
        "steps_before": earlier_steps,
        "experiment": config.experiment,
        "validation": {key.removeprefix("val/"): round(float(value), 6) for key, value in metrics.items()},
    }
