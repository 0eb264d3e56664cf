"""Measures of a new model: the scorecard in its card, and the figures by which TensorBoard compares runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from fast_style.config.schema import TrainConfig
from fast_style.evaluation.evaluate import model_functions
from fast_style.evaluation.scorecard import Scorecard, scorecard
from fast_style.images.arrays import RGB
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import ModelFiles
from fast_style.models.card import add_scorecard
from fast_style.perceptual.losses import PerceptualLoss

MEASURED_PHOTOS = 8
"""Number of held-out photos that a new model is measured on, which takes some seconds."""


UNRELATED = frozenset({"quiet", "resume", "runs_dir", "output_dir", "trainer.log_every", "trainer.checkpoint_every"})
"""Settings that have no influence on the model."""


def measure_model(files: ModelFiles, photos: list[RGB], loss: PerceptualLoss) -> Scorecard:
    """Measures a new model on held-out photos, and writes the scorecard into its card.

    Of a network that holds several styles the first is measured; validation has the terms of each.

    Args:
        files: the model.
        photos: uint8 RGB `[H, W, 3]` each, sides of at least `SMALLEST_MEASURED`.
        loss: the reference objective of all its styles.
    """
    stylize, stylize_at = model_functions(Stylizer.load(files.folder))
    card = scorecard(stylize, photos, loss.cpu().of_style(0), stylize_at=stylize_at)
    add_scorecard(files, card)
    return card


def comparison(config: TrainConfig, card: Scorecard | None) -> dict[str, bool | int | float | str]:
    """Returns what TensorBoard's HPARAMS page compares runs by: their settings, and their models' scorecards.

    Args:
        config: the settings; those that only say where files are, and how much to say, are left out.
        card: the model's scorecard; None where it was not measured.
    """
    found = {key: value for key, value in flatten_settings(config).items() if key not in UNRELATED}
    if card is not None:
        found["scorecard.style_share"] = card["style_share"]
        found["scorecard.checkerboard"] = card["checkerboard"]["model"]
        found["scorecard.sensitivity_1px"] = card["sensitivity"]["shift_1"]
        found["scorecard.perceptual_distance"] = card["perceptual_distance"]
    return found


def flatten_settings(config: TrainConfig) -> dict[str, bool | int | float | str]:
    """Returns all settings under their full names, such as `loss.style_weight`, in types that TensorBoard takes."""
    return _flatten(asdict(config), "")


def _flatten(values: Mapping[str, object], prefix: str) -> dict[str, bool | int | float | str]:
    result: dict[str, bool | int | float | str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            result |= _flatten(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return result
