"""Measures models on a folder of photos: a scorecard for each, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fast_style.errors import UNSET, ConfigError
from fast_style.evaluation.equivalent_iterations import count_equivalent_iterations
from fast_style.evaluation.foreign_models import load_foreign
from fast_style.evaluation.photos import PhotoFiles, Stylize, StylizeAtStrength, find_photos
from fast_style.evaluation.scorecard import Scorecard, scorecard
from fast_style.inference.stylizer import Stylizer
from fast_style.inference.torch_engine import torch_device
from fast_style.models.artifact import find_model
from fast_style.models.card import add_scorecard, check_card, scorecard_rows
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import build_loss, objective_config
from fast_style.perceptual.style_image import load_style
from fast_style.system.progress import ProgressDisplay


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of `evaluate_models` beside the models, photos and style image."""

    encoder: str = "embedded"
    """Name of the encoder of the reference loss."""
    weights: Path | None = None
    """Local weights of the encoder; None for its own."""
    style_size: int | None = None
    """Longer side of the style image in pixels; None for what suits the encoder."""
    max_size: int = 1024
    """Longer side in pixels that larger photos are shrunk to first."""
    count: int | None = None
    """The most photos to measure, evenly spread; None for all."""
    equivalent: int = 0
    """Photos on which equivalent iterations are counted, which takes minutes for each."""
    limit: int = 200
    """The most equivalent iterations to look for."""
    convention: str | None = None
    """The convention of other projects' .onnx files, a key of `CONVENTIONS`; None for models of this project."""
    device: str = "auto"
    """The device to compute on: `cpu`, `cuda`, `mps`, or `auto` for a GPU where torch sees one."""
    save: bool = False
    """Whether to write each scorecard into its model's card."""


def evaluate_models(
    models: Sequence[str], photos: Path, style: Path, options: EvaluateOptions, *, console: Console, quiet: bool
) -> dict[str, Scorecard]:
    """Measures models on photos that they never saw.

    Args:
        models: names or paths of models.
        photos: a folder of photos.
        style: the style image.
        options: everything else.
        console: where progress is shown.
        quiet: shows nothing.

    Returns:
        A scorecard for each model, by the name it was given.

    Raises:
        FastStyleError: a missing model, folder or style image, weights that cannot be read or downloaded, or no
            photo to measure.
    """
    if options.save and options.convention:
        raise ConfigError(
            "models of other projects have no card to write to",
            setting="save",
            remedy="leave out {save} or {convention}",
            suggestions={"save": UNSET, "convention": UNSET},
        )
    device = torch_device(options.device)
    for model in models if options.save else ():
        check_card(find_model(model))
    stylizers = {model: _load(model, options) for model in models}
    config = objective_config(style, encoder=options.encoder, weights=options.weights, style_size=options.style_size)
    loss = build_loss(config, load_style(config)).to(device)
    files = PhotoFiles(find_photos(photos), options.max_size)
    chosen = files.spread(options.count or len(files))
    cards: dict[str, Scorecard] = {}
    with ProgressDisplay(console, quiet=quiet, keep=True) as display:
        measured = chosen.measurable(display.add("reading", len(chosen)).advance)
        for model, (stylize, stylize_at) in stylizers.items():
            advance = display.add(model, len(measured)).advance
            cards[model] = scorecard(stylize, measured, loss, stylize_at=stylize_at, advance=advance)
        if options.equivalent:
            _add_equivalent_iterations(
                cards, [stylize for stylize, _ in stylizers.values()], measured, loss, options, display
            )
    for model in models if options.save else ():
        add_scorecard(find_model(model), cards[model])
    return cards


def model_functions(stylizer: Stylizer) -> tuple[Stylize, StylizeAtStrength | None]:
    """Returns a model as a function of a picture, and of a picture and a strength, if it takes one."""
    if not stylizer.has_strength:
        return stylizer, None
    return stylizer, lambda photo, strength: stylizer(photo, strength=strength)


def table(cards: Mapping[str, Scorecard]) -> Table:
    """Returns the scorecards side by side, in a column for each model."""
    result = Table(box=None)
    result.add_column("")
    for model in cards:
        result.add_column(model, justify="right")
    columns = [dict(scorecard_rows(card)) for card in cards.values()]
    # Not every model takes a strength: the longest column has every row.
    for label in max(columns, key=len):
        result.add_row(label, *(column.get(label, "") for column in columns))
    return result


def _load(model: str, options: EvaluateOptions) -> tuple[Stylize, StylizeAtStrength | None]:
    if options.convention:
        return load_foreign(Path(model), options.convention), None
    return model_functions(Stylizer.load(model, device=options.device))


def _add_equivalent_iterations(
    cards: dict[str, Scorecard],
    models: Sequence[Stylize],
    photos: PhotoFiles,
    loss: PerceptualLoss,
    options: EvaluateOptions,
    display: ProgressDisplay,
) -> None:
    few = photos.spread(options.equivalent)
    advance = display.add("L-BFGS", len(few)).advance
    counted = count_equivalent_iterations(models, few, loss, limit=options.limit, advance=advance)
    for card, equivalent in zip(cards.values(), counted, strict=True):
        card["equivalent_iterations"] = equivalent
