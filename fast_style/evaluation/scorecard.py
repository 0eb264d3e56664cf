"""The scorecard of a model: what it reaches on photos it never saw, under one fixed reference loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NotRequired, TypedDict

import numpy as np
from torch import Tensor

from fast_style.evaluation.equivalent_iterations import EquivalentIterations
from fast_style.evaluation.measures import (
    PATCH,
    Spectrum,
    border_energy,
    checkerboard_energy,
    clipping,
    difference,
    flat_spectrum,
    grid_energy,
    noise_sensitivity,
    perceptual_distance,
    plain_pictures,
    shift_sensitivity,
    spectrum,
)
from fast_style.evaluation.photos import Stylize, StylizeAtStrength, on_device, spread
from fast_style.images.arrays import RGB
from fast_style.perceptual.losses import PerceptualLoss

SHIFTS = (1, 2, 3, 4)
"""Pixels that photos are shifted by, to see how the picture changes."""
SENSITIVITY_PHOTOS = 20
"""The most photos for which sensitivity and strengths are measured: ten pictures have to be stylized for each."""
STRENGTHS = (0.0, 0.5, 1.0, 1.5)
GRID_PERIODS = (4, 2)
"""Pixels after which a pattern of the upsampling repeats."""


class TermFigures(TypedDict):
    """One term of the loss over all photos."""

    mean: float
    median: float
    photo: float
    """Mean over the untouched photos."""


class ModelAndPhoto(TypedDict):
    """A measure of a model's pictures beside that of the untouched photos."""

    model: float
    photo: float


class PatternFigures(TypedDict):
    """What stands out of the spectra of a model's pictures."""

    checkerboard: ModelAndPhoto
    flat_grid: dict[str, ModelAndPhoto]


class StrengthFigures(TypedDict):
    """What a model does at one strength."""

    style_share: float
    """The style term as a share of the untouched photos'."""
    content: float
    """The content term."""
    change: float
    """Root mean square difference from the photo, in units of 1/255."""


class Scorecard(TypedDict):
    """All measures of a model, as its card stores them."""

    photos: int
    """How many photos were measured."""
    reference: dict[str, object]
    """The encoder and the `LossSettings` of the reference loss."""
    terms: dict[str, TermFigures]
    style_share: float
    checkerboard: ModelAndPhoto
    flat_grid: NotRequired[dict[str, ModelAndPhoto]]
    """Patterns where the photos are flattest, by their period in pixels."""
    plain_grid: NotRequired[dict[str, float]]
    """Patterns on pictures without any detail, likewise."""
    border: ModelAndPhoto
    sensitivity: dict[str, float]
    """Change of the picture when its photo is shifted (`shift_1` … `shift_4`) or noisy (`noise`). Cards of version
    1.0 have it as `flicker`."""
    clipping: ModelAndPhoto
    perceptual_distance: float
    strength: NotRequired[dict[str, StrengthFigures]]
    """Figures by strength, of a model that takes one. Cards of version 1.0 have it as `dial`."""
    equivalent_iterations: NotRequired[EquivalentIterations]


@dataclass(frozen=True)
class PictureMeasures:
    """The measures of one stylized picture and its photo."""

    terms: dict[str, float]
    photo_terms: dict[str, float]
    """Terms of the untouched photo."""
    clipping: float
    photo_clipping: float
    border: float
    photo_border: float
    distance: float
    """Perceptual distance from the photo."""


def scorecard(
    stylize: Stylize,
    photos: Sequence[RGB],
    loss: PerceptualLoss,
    *,
    stylize_at: StylizeAtStrength | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Scorecard:
    """Measures a model.

    Args:
        stylize: the model.
        photos: uint8 RGB `[H, W, 3]` each, sides of at least `SMALLEST_MEASURED`.
        loss: the reference objective.
        stylize_at: the model with a strength, if it takes one; at 1 it does the same as `stylize`.
        advance: called after each photo.
    """
    pictures: list[PictureMeasures] = []
    sensitivities: list[dict[str, float]] = []
    strengths: list[dict[str, StrengthFigures]] = []
    spectra = Spectra()
    measured_slowly = spread(len(photos), SENSITIVITY_PHOTOS)
    for number, photo in enumerate(photos):
        stylized = stylize(photo)
        content = loss.content_features(on_device(photo, loss))
        measured = measure_picture(stylized, photo, loss, content)
        pictures.append(measured)
        spectra.add(stylized, photo)
        if number in measured_slowly:
            sensitivities.append(measure_sensitivity(stylize, photo))
            if stylize_at is not None:
                strengths.append(measure_strengths(stylize_at, photo, loss, content, stylized, measured))
        advance()
    card = _summarized(pictures, spectra.figures(), sensitivities, loss)
    card["plain_grid"] = measure_plain_grid(stylize)
    if strengths:
        card["strength"] = {
            strength: _mean_strength([found[strength] for found in strengths]) for strength in strengths[0]
        }
    return card


class Spectra:
    """Sums of power spectra, of a model's pictures and of their photos: single spectra are noisy."""

    def __init__(self) -> None:
        self._whole: list[Spectrum] = [np.zeros((PATCH, PATCH)) for _ in range(2)]
        self._flat: list[Spectrum] = [np.zeros((PATCH, PATCH)) for _ in range(2)]

    def add(self, stylized: RGB, photo: RGB) -> None:
        """Adds a picture and its photo, uint8 RGB `[H, W, 3]`."""
        for whole, flat, picture in zip(self._whole, self._flat, (stylized, photo), strict=True):
            whole += spectrum(picture)
            flat += flat_spectrum(picture, photo)

    def figures(self) -> PatternFigures:
        """Returns what stands out of the spectra."""
        return {
            "checkerboard": _beside(*(checkerboard_energy(power) for power in self._whole)),
            "flat_grid": {
                f"{period}": _beside(*(grid_energy(power, period) for power in self._flat)) for period in GRID_PERIODS
            },
        }


def _beside(model: float, photo: float) -> ModelAndPhoto:
    return {"model": model, "photo": photo}


def measure_plain_grid(stylize: Stylize) -> dict[str, float]:
    """Measures the patterns that a model paints on pictures without any detail, by their period in pixels."""
    power = np.mean([spectrum(stylize(picture)) for picture in plain_pictures()], 0)
    return {f"{period}": grid_energy(power, period) for period in GRID_PERIODS}


def measure_picture(stylized: RGB, photo: RGB, loss: PerceptualLoss, content: dict[str, Tensor]) -> PictureMeasures:
    """Measures one picture.

    Args:
        stylized: uint8 RGB `[H, W, 3]`.
        photo: the photo it was made from, of the same shape.
        loss: the reference objective.
        content: `content_features` of the photo.
    """
    given, result = on_device(photo, loss), on_device(stylized, loss)
    layers = list(loss.settings.style_layers)
    return PictureMeasures(
        terms=loss.values(result, content),
        photo_terms=loss.values(given, content),
        clipping=clipping(stylized),
        photo_clipping=clipping(photo),
        border=border_energy(result, loss.encoder, layers[0]),
        photo_border=border_energy(given, loss.encoder, layers[0]),
        distance=perceptual_distance(result, given, loss.encoder, layers),
    )


def measure_sensitivity(stylize: Stylize, photo: RGB) -> dict[str, float]:
    """Measures how far a model's picture of `photo` changes with shifts (`shift_1` …) and `noise` in the photo."""
    shifted = {f"shift_{shift}": shift_sensitivity(stylize, photo, shift) for shift in SHIFTS}
    return {**shifted, "noise": noise_sensitivity(stylize, photo)}


def measure_strengths(
    stylize_at: StylizeAtStrength,
    photo: RGB,
    loss: PerceptualLoss,
    content: dict[str, Tensor],
    stylized: RGB,
    measured: PictureMeasures,
) -> dict[str, StrengthFigures]:
    """Measures a model at each of `STRENGTHS`.

    Args:
        stylize_at: the model with a strength.
        photo: uint8 RGB `[H, W, 3]`.
        loss: the reference objective.
        content: `content_features` of the photo.
        stylized: the picture at strength 1.
        measured: the measures of that picture.

    Returns:
        Figures by strength, written as `0.5`.
    """
    found: dict[str, StrengthFigures] = {}
    for strength in STRENGTHS:
        picture = stylized if strength == 1 else stylize_at(photo, strength)
        terms = measured.terms if strength == 1 else loss.values(on_device(picture, loss), content)
        found[f"{strength:g}"] = {
            "style_share": share(terms["style"], measured.photo_terms["style"]),
            "content": terms["content"],
            "change": difference(picture, photo),
        }
    return found


def share(rest: float, whole: float) -> float:
    """Returns `rest` / `whole`; 1 where `whole` is 0, as for a photo that is the style image itself."""
    return rest / whole if whole else 1.0


def _summarized(
    pictures: Sequence[PictureMeasures],
    patterns: PatternFigures,
    sensitivities: Sequence[dict[str, float]],
    loss: PerceptualLoss,
) -> Scorecard:
    """Returns the means of all measures, without those of plain pictures and of strengths."""
    terms: dict[str, TermFigures] = {}
    for name in pictures[0].terms:
        values = [picture.terms[name] for picture in pictures]
        untouched = [picture.photo_terms[name] for picture in pictures]
        terms[name] = {"mean": _mean(values), "median": float(np.median(values)), "photo": _mean(untouched)}
    return {
        "photos": len(pictures),
        "reference": {"encoder": loss.encoder.name, **asdict(loss.settings)},
        "terms": terms,
        "style_share": share(terms["style"]["mean"], terms["style"]["photo"]),
        "checkerboard": patterns["checkerboard"],
        "flat_grid": patterns["flat_grid"],
        "border": {
            "model": _mean([picture.border for picture in pictures]),
            "photo": _mean([picture.photo_border for picture in pictures]),
        },
        "sensitivity": {name: _mean([found[name] for found in sensitivities]) for name in sensitivities[0]},
        "clipping": {
            "model": _mean([picture.clipping for picture in pictures]),
            "photo": _mean([picture.photo_clipping for picture in pictures]),
        },
        "perceptual_distance": _mean([picture.distance for picture in pictures]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _mean_strength(figures: Sequence[StrengthFigures]) -> StrengthFigures:
    return {
        "style_share": _mean([found["style_share"] for found in figures]),
        "content": _mean([found["content"] for found in figures]),
        "change": _mean([found["change"] for found in figures]),
    }
