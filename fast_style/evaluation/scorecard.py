"""The scorecard of a model: what it reaches on photos it never saw, under one fixed reference loss."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from fast_style.errors import DataError, ImageError, ModelError, first_line
from fast_style.evaluation.gatys import equivalent_iterations, starting_picture
from fast_style.evaluation.measures import (
    border_energy,
    checkerboard_energy,
    clipping,
    difference,
    flicker,
    noise_flicker,
    perceptual_distance,
    spectrum,
)
from fast_style.images.tensors import to_float, to_tensor
from fast_style.inference.engines import open_session, torch_device
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import find_model
from fast_style.models.card import add_scorecard, check_card, scorecard_rows
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import (
    build_loss,
    load_large_enough,
    load_style,
    named_as_options,
    objective_config,
    photos_below,
)
from fast_style.system.progress import ProgressDisplay

log = logging.getLogger("fast_style")

Stylize = Callable[[np.ndarray], np.ndarray]
"""uint8 RGB `[H, W, 3]` to the same shape."""
StylizeBy = Callable[[np.ndarray, float], np.ndarray]
"""The same, with a strength."""

SHIFTS = (1, 2, 3, 4)
FLICKER_PHOTOS = 20  # ten pictures have to be stylised for each
STRENGTHS = (0.0, 0.5, 1.0, 1.5)
SMALLEST = 136  # px: windows of 64, borders of 16, shifts
CONVENTIONS = ("nchw-255", "nchw-1")


@dataclass(frozen=True)
class Photos(Sequence[np.ndarray]):
    """Photos that are read each time their turn comes: a folder of them need not fit into memory."""

    paths: list[Path]
    max_size: int
    """Pixels: larger ones are shrunk to this longer side."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]  # nobody slices them
        return load_large_enough(self.paths[number], max_side=self.max_size, setting="--max-size ", smallest=SMALLEST)

    def measurable(self, advance: Callable[[], None] = lambda: None) -> Photos:
        """Those that can be read and are large enough; the others are named in the log.

        Raises:
            DataError: none is left.
        """
        good, bad = [], []
        for number, path in enumerate(self.paths):
            try:
                self[number]  # whole: the header of a photo that is damaged further down looks readable
            except ImageError as error:
                bad.append(str(error))
            else:
                good.append(path)
            advance()
        if not good:
            raise DataError(f"none of the {len(bad)} photos can be measured ({bad[0]})")
        for reason in bad:
            log.warning("skipped: %s", reason)
        return Photos(good, self.max_size)


def scorecard(
    stylize: Stylize,
    photos: Sequence[np.ndarray],
    loss: PerceptualLoss,
    *,
    stylize_at: StylizeBy | None = None,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measures a model.

    Args:
        stylize: the model.
        photos: uint8 RGB `[H, W, 3]` each, sides above 128.
        loss: the reference objective.
        stylize_at: the model with a strength, where it has one; at 1 it is `stylize`.
        advance: called after each photo.

    Returns:
        Plain values: `terms` (means and medians, of the model and of the untouched photos), `style_share`,
        `checkerboard`, `border`, `flicker`, `clipping`, `perceptual_distance`, `strength`.
    """
    layer = loss.settings.style_layers[0]
    rows: list[dict[str, float]] = []
    untouched: list[dict[str, float]] = []
    flickers: list[dict[str, float]] = []
    by_strength: dict[float, list[dict[str, float]]] = {strength: [] for strength in STRENGTHS}
    power = [np.zeros(1), np.zeros(1)]
    measured_slowly = spread(len(photos), FLICKER_PHOTOS)
    for number, photo in enumerate(photos):
        given = on_device(photo, loss)
        stylized = stylize(photo)
        result = on_device(stylized, loss)
        content = loss.content_features(given)
        terms = evaluate_terms(loss, result, content)
        untouched.append(evaluate_terms(loss, given, content))
        power = [total + spectrum(picture) for total, picture in zip(power, (stylized, photo), strict=True)]
        if number in measured_slowly:
            unsteady = {f"shift_{shift}": flicker(stylize, photo, shift) for shift in SHIFTS}
            flickers.append(unsteady | {"noise": noise_flicker(stylize, photo)})
            for strength in STRENGTHS if stylize_at else ():
                assert stylize_at is not None
                picture = stylized if strength == 1 else stylize_at(photo, strength)
                reached = terms if strength == 1 else evaluate_terms(loss, on_device(picture, loss), content)
                by_strength[strength].append(
                    {
                        "style_share": share(reached["style"], untouched[-1]["style"]),
                        "content": reached["content"],
                        "change": difference(picture, photo),
                    }
                )
        rows.append(
            terms
            | {
                "clipping": clipping(stylized),
                "photo_clipping": clipping(photo),
                "border": border_energy(result, loss.encoder, layer),
                "photo_border": border_energy(given, loss.encoder, layer),
                "distance": perceptual_distance(result, given, loss.encoder, list(loss.settings.style_layers)),
            }
        )
        advance()

    def mean(name: str, of: list[dict[str, float]] = rows) -> float:
        return float(np.mean([row[name] for row in of]))

    names = [name for name in untouched[0] if "/" not in name]
    card: dict[str, Any] = {
        "photos": len(photos),
        "reference": {"encoder": loss.encoder.name, **asdict(loss.settings)},
        "terms": {
            name: {
                "mean": mean(name),
                "median": float(np.median([row[name] for row in rows])),
                "photo": mean(name, untouched),
            }
            for name in names
        },
        "style_share": share(mean("style"), mean("style", untouched)),
        "checkerboard": {"model": checkerboard_energy(power[0]), "photo": checkerboard_energy(power[1])},
        "border": {"model": mean("border"), "photo": mean("photo_border")},
        "flicker": {name: mean(name, flickers) for name in flickers[0]},
        "clipping": {"model": mean("clipping"), "photo": mean("photo_clipping")},
        "perceptual_distance": mean("distance"),
    }
    if stylize_at:
        card["strength"] = {
            f"{strength:g}": {name: mean(name, measured) for name in measured[0]}
            for strength, measured in by_strength.items()
        }
    return card


def count_equivalent_iterations(
    models: Sequence[Stylize],
    photos: Sequence[np.ndarray],
    loss: PerceptualLoss,
    *,
    limit: int,
    advance: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """`equivalent_iterations` of a scorecard, for each of `models`: minutes for each photo."""
    counts: dict[str, list[list[int]]] = {"photo": [], "noise": []}
    for number, photo in enumerate(photos):
        given = on_device(photo, loss)
        content = loss.content_features(given)
        results = [on_device(stylize(photo), loss) for stylize in models]
        totals = [evaluate_terms(loss, result, content)["total"] for result in results]
        for start, of_start in counts.items():
            begin = starting_picture(start, given, given, seed=number)
            of_start.append(equivalent_iterations(totals, given, loss, limit=limit, initial=begin))
        advance()
    return [
        {
            "photos": len(photos),
            "limit": limit,
            **{f"from_{start}": _quartiles(of_model) for start, of_model in zip(counts, of_starts, strict=True)},
        }
        for of_starts in zip(*(zip(*of_start, strict=True) for of_start in counts.values()), strict=True)
    ]


def _quartiles(values: Sequence[float]) -> dict[str, float]:
    lower, median, upper = (float(value) for value in np.percentile(values, [25, 50, 75]))
    return {"lower_quartile": lower, "median": median, "upper_quartile": upper}


def share(rest: float, whole: float) -> float:
    """`rest` of `whole`; 1 where there is nothing to share, as in a photo that is the style image itself."""
    return rest / whole if whole else 1.0


def spread(count: int, wanted: int) -> set[int]:
    """Up to `wanted` of the numbers below `count`, evenly spread."""
    return set(np.linspace(0, count - 1, min(count, wanted)).astype(int).tolist())


def on_device(picture: np.ndarray, loss: PerceptualLoss) -> Tensor:
    """uint8 RGB `[H, W, 3]` as float RGB in [0, 1], `[1, 3, H, W]`, where `loss` is."""
    return to_float(to_tensor(picture)[None].to(loss.device))


def evaluate_terms(loss: PerceptualLoss, picture: Tensor, content: dict[str, Tensor]) -> dict[str, float]:
    """`PerceptualLoss` of one picture, as plain numbers."""
    with torch.no_grad():
        return {name: value.item() for name, value in loss(picture, content).items()}


def both_ways(stylizer: Stylizer) -> tuple[Stylize, StylizeBy | None]:
    """A model as it is, and with its strength, if it has one."""
    if not stylizer.has_strength:
        return stylizer, None
    return stylizer, lambda photo, strength: stylizer(photo, strength=strength)


def load_foreign(path: Path, convention: str) -> Stylize:
    """Somebody else's `.onnx` model.

    Args:
        path: of the file; one input and one output.
        convention: `nchw-255`: float RGB `[1, 3, H, W]` in [0, 255], in and out (pytorch/examples), or
            `nchw-1`: the same in [0, 1].

    Raises:
        ModelError: unknown convention, unreadable file, or one that fails on a photo.
    """
    if convention not in CONVENTIONS:
        raise ModelError(f"--convention {convention}: must be one of {', '.join(CONVENTIONS)}")
    if not path.is_file():
        raise ModelError(f"{path}: no such file; give the path of an .onnx model")
    session = open_session(path, ["CPUExecutionProvider"])
    name, top = session.get_inputs()[0].name, 255 if convention == "nchw-255" else 1

    def stylize(photo: np.ndarray) -> np.ndarray:
        given = np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32) * np.float32(top / 255)
        try:
            result = session.run(None, {name: given})[0][0].transpose(1, 2, 0)
        except Exception as error:  # of the engine, and of results of any kind
            raise ModelError(f"{path}: cannot stylise as {convention} ({first_line(error)})") from error
        picture = np.clip(np.rint(result * (255 / top)), 0, 255).astype(np.uint8)
        # Other people's networks round sizes up to a multiple of four.
        picture = picture[: photo.shape[0], : photo.shape[1]]
        if picture.shape != photo.shape:
            raise ModelError(f"{path}: {photo.shape[1]}×{photo.shape[0]} became {picture.shape[1]}×{picture.shape[0]}")
        return picture

    return stylize


@named_as_options(style="--style ")
def evaluate_models(
    models: Sequence[str],
    photos: Path,
    style: Path,
    *,
    encoder: str,
    weights: Path | None,
    style_size: int,
    max_size: int,
    count: int | None,
    equivalent_photos: int,
    limit: int,
    convention: str | None,
    device: str,
    save: bool,
    console: Console,
    quiet: bool,
) -> dict[str, dict[str, Any]]:
    """What `fast-style evaluate` does: a `scorecard` for each model, by the name it was given.

    Raises:
        FastStyleError: a missing model, folder or style image, weights that can't be had, or no photo to measure.
    """
    if save and convention:
        raise ModelError("--save: other people's models have no card of ours to write to; use --json")
    computing = torch_device(device)
    for model in models if save else ():
        check_card(find_model(model))
    stylizers: dict[str, tuple[Stylize, StylizeBy | None]] = {
        model: (load_foreign(Path(model), convention), None)
        if convention
        else both_ways(Stylizer.load(model, device=device))
        for model in models
    }
    config = objective_config(style, encoder=encoder, weights=weights, style_size=style_size)
    loss = build_loss(config, load_style(config)).to(computing)
    paths, bad = photos_below(photos)
    for reason in bad:
        log.warning("skipped: %s", reason)
    chosen = Photos([paths[i] for i in sorted(spread(len(paths), count or len(paths)))], max_size)
    cards = {}
    with ProgressDisplay(console, quiet=quiet, keep=True) as display:
        measured = chosen.measurable(display.add("reading", len(chosen)).advance)
        for model, (stylize, stylize_at) in stylizers.items():
            cards[model] = scorecard(
                stylize,
                measured,
                loss,
                stylize_at=stylize_at,
                advance=display.add(model, len(measured)).advance,
            )
        if equivalent_photos:
            few = sorted(spread(len(measured), equivalent_photos))
            counted = Photos([measured.paths[number] for number in few], max_size)
            found = count_equivalent_iterations(
                [stylize for stylize, _ in stylizers.values()],
                counted,
                loss,
                limit=limit,
                advance=display.add("L-BFGS", len(counted)).advance,
            )
            for card, equivalent in zip(cards.values(), found, strict=True):
                card["equivalent_iterations"] = equivalent
    for model in models if save else ():
        add_scorecard(find_model(model), cards[model])
    return cards


def table(cards: dict[str, dict[str, Any]]) -> Table:
    """The scorecards side by side."""
    result = Table(box=None)
    result.add_column("")
    for model in cards:
        result.add_column(model, justify="right")
    columns = [dict(scorecard_rows(card)) for card in cards.values()]
    # Not every model has a strength.
    for label in max(columns, key=len):
        result.add_row(label, *(column.get(label, "") for column in columns))
    return result
