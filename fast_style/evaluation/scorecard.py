"""The scorecard of a model: what it reaches on photos it never saw, under one fixed reference loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NotRequired, TypedDict

import numpy as np
from torch import Tensor

from fast_style.evaluation.equivalent_iterations import EquivalentIterations
from fast_style.evaluation.measures import (
    Spectrum,
    border_energy,
    checkerboard_energy,
    clipping,
    difference,
    noise_sensitivity,
    perceptual_distance,
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
    power: list[Spectrum] = [np.zeros(1), np.zeros(1)]  # of the model's pictures, and of the photos
    measured_slowly = spread(len(photos), SENSITIVITY_PHOTOS)
    for number, photo in enumerate(photos):
        stylized = stylize(photo)
        content = loss.content_features(on_device(photo, loss))
        measured = measure_picture(stylized, photo, loss, content)
        pictures.append(measured)
        power = [total + spectrum(picture) for total, picture in zip(power, (stylized, photo), strict=True)]
        if number in measured_slowly:
            sensitivities.append(measure_sensitivity(stylize, photo))
            if stylize_at is not None:
                strengths.append(measure_strengths(stylize_at, photo, loss, content, stylized, measured))
        advance()
    card = _summarized(pictures, power, sensitivities, loss)
    if strengths:
        card["strength"] = {
            strength: _mean_strength([found[strength] for found in strengths]) for strength in strengths[0]
        }
    return card


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
    power: Sequence[Spectrum],
    sensitivities: Sequence[dict[str, float]],
    loss: PerceptualLoss,
) -> Scorecard:
    """Returns the means of all measures, without strengths; `power` is that of the pictures and the photos."""
    terms: dict[str, TermFigures] = {}
    for name in pictures[0].terms:
        if "/" not in name:  # The terms of single layers are not part of a scorecard.
            values = [picture.terms[name] for picture in pictures]
            untouched = [picture.photo_terms[name] for picture in pictures]
            terms[name] = {"mean": _mean(values), "median": float(np.median(values)), "photo": _mean(untouched)}
    return {
        "photos": len(pictures),
        "reference": {"encoder": loss.encoder.name, **asdict(loss.settings)},
        "terms": terms,
        "style_share": share(terms["style"]["mean"], terms["style"]["photo"]),
        "checkerboard": {"model": checkerboard_energy(power[0]), "photo": checkerboard_energy(power[1])},
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
