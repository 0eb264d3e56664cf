"""The scorecard of a model: what it reaches on photos it never saw, under one fixed reference loss."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from torch import Tensor

from fast_style.config import compose_training
from fast_style.data import readable_photos, to_tensor
from fast_style.errors import DataError, ModelError, first_line
from fast_style.images import load_rgb
from fast_style.losses import PerceptualLoss
from fast_style.measures import (
    border_energy,
    checkerboard_energy,
    clipping,
    flicker,
    noise_flicker,
    perceptual_distance,
    spectrum,
)
from fast_style.module import to_float
from fast_style.optimize import equivalent_iterations
from fast_style.stylizer import Stylizer, open_session

log = logging.getLogger("fast_style")

Stylize = Callable[[np.ndarray], np.ndarray]
"""uint8 RGB `[H, W, 3]` to the same shape."""

SHIFTS = (1, 2, 3, 4)
FLICKER_PHOTOS = 20  # ten pictures have to be stylised for each
SMALLEST = 136  # px: windows of 64, borders of 16, shifts
CONVENTIONS = ("nchw-255", "nchw-1")


def scorecard(
    stylize: Stylize,
    photos: Sequence[np.ndarray],
    loss: PerceptualLoss,
    *,
    equivalent_photos: int = 0,
    limit: int = 200,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measures a model.

    Args:
        stylize: the model.
        photos: uint8 RGB `[H, W, 3]` each, sides above 128.
        loss: the reference objective.
        equivalent_photos: on how many photos, evenly spread, to count equivalent iterations: minutes for each.
        limit: of equivalent iterations.
        advance: called after each photo.

    Returns:
        Plain values: `terms` (means and medians, of the model and of the untouched photos), `style_share`,
        `equivalent_iterations`, `checkerboard`, `border`, `flicker`, `clipping`, `perceptual_distance`.
    """
    layer = loss.style_layers[0]
    rows: list[dict[str, float]] = []
    untouched: list[dict[str, float]] = []
    flickers: list[dict[str, float]] = []
    power = [np.zeros(1), np.zeros(1)]
    measured_slowly = spread(len(photos), FLICKER_PHOTOS)
    counted = spread(len(photos), equivalent_photos)
    iterations: list[int] = []
    for number, photo in enumerate(photos):
        given = to_float(to_tensor(photo)[None])
        stylized = stylize(photo)
        result = to_float(to_tensor(stylized)[None])
        content = loss.content_features(given)
        terms = evaluate_terms(loss, result, content)
        untouched.append(evaluate_terms(loss, given, content))
        power = [total + spectrum(picture) for total, picture in zip(power, (stylized, photo), strict=True)]
        if number in measured_slowly:
            unsteady = {f"shift_{shift}": flicker(stylize, photo, shift) for shift in SHIFTS}
            flickers.append(unsteady | {"noise": noise_flicker(stylize, photo)})
        rows.append(
            terms
            | {
                "clipping": clipping(stylized),
                "photo_clipping": clipping(photo),
                "border": border_energy(result, loss.encoder, layer),
                "photo_border": border_energy(given, loss.encoder, layer),
                "distance": perceptual_distance(result, given, loss.encoder, list(loss.style_layers)),
            }
        )
        if number in counted:
            iterations.append(equivalent_iterations(terms["total"], given, loss, limit=limit))
        advance()

    def mean(name: str, of: list[dict[str, float]] = rows) -> float:
        return float(np.mean([row[name] for row in of]))

    names = [name for name in untouched[0] if "/" not in name]
    card: dict[str, Any] = {
        "photos": len(photos),
        "reference": {
            "encoder": loss.encoder.name,
            "content_layers": list(loss.content_layers),
            "style_layers": list(loss.style_layers),
            "scales": list(loss.scales),
            "content_weight": loss.content_weight,
            "style_weight": loss.style_weight,
            "tv_weight": loss.tv_weight,
        },
        "terms": {
            name: {
                "mean": mean(name),
                "median": float(np.median([row[name] for row in rows])),
                "photo": mean(name, untouched),
            }
            for name in names
        },
        "style_share": mean("style") / mean("style", untouched),
        "checkerboard": {"model": checkerboard_energy(power[0]), "photo": checkerboard_energy(power[1])},
        "border": {"model": mean("border"), "photo": mean("photo_border")},
        "flicker": {name: mean(name, flickers) for name in flickers[0]},
        "clipping": {"model": mean("clipping"), "photo": mean("photo_clipping")},
        "perceptual_distance": mean("distance"),
    }
    if iterations:
        quartiles = [float(value) for value in np.percentile(iterations, [25, 50, 75])]
        card["equivalent_iterations"] = {
            "lower_quartile": quartiles[0],
            "median": quartiles[1],
            "upper_quartile": quartiles[2],
            "photos": len(iterations),
            "limit": limit,
        }
    return card


def spread(count: int, wanted: int) -> set[int]:
    """Up to `wanted` of the numbers below `count`, evenly spread."""
    return set(np.linspace(0, count - 1, min(count, wanted)).astype(int).tolist())


def evaluate_terms(loss: PerceptualLoss, picture: Tensor, content: dict[str, Tensor]) -> dict[str, float]:
    """`PerceptualLoss` of one picture, as plain numbers."""
    with torch.no_grad():
        return {name: value.item() for name, value in loss(picture, content).items()}


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
            result = session.run(None, {name: given})[0]
        except Exception as error:
            raise ModelError(f"{path}: cannot stylise as {convention} ({first_line(error)})") from error
        picture = np.clip(np.rint(result[0].transpose(1, 2, 0) * (255 / top)), 0, 255).astype(np.uint8)
        # Other people's networks round sizes up to a multiple of four.
        picture = picture[: photo.shape[0], : photo.shape[1]]
        if picture.shape != photo.shape:
            raise ModelError(f"{path}: {photo.shape[1]}×{photo.shape[0]} became {picture.shape[1]}×{picture.shape[0]}")
        return picture

    return stylize


def reference_loss(style: Path, *, encoder: str, weights: Path | None, style_size: int) -> PerceptualLoss:
    """The default loss, with this encoder and style.

    Raises:
        FastStyleError: a missing style image, an unknown encoder or missing weights.
    """
    from fast_style.train import build_loss, load_style

    overrides = ["style=custom", f"style.image={quoted(style)}", f"style.size={style_size}", f"encoder={encoder}"]
    config = compose_training(overrides + ([f"encoder.weights={quoted(weights)}"] if weights else []))
    return build_loss(config, load_style(config))


def quoted(path: Path) -> str:
    """A path as the value of a Hydra override, whatever is in it."""
    # Hydra takes a backslash as it is, but for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"


def evaluate_models(
    models: Sequence[str],
    photos: Path,
    style: Path,
    *,
    encoder: str,
    weights: Path | None,
    style_size: int,
    count: int | None,
    equivalent_photos: int,
    limit: int,
    convention: str | None,
    console: Console,
    quiet: bool,
) -> dict[str, dict[str, Any]]:
    """What `fast-style evaluate` does: a `scorecard` for each model, by the name it was given.

    Raises:
        FastStyleError: a missing model, folder or style image, or weights that can't be had.
    """
    stylizers: dict[str, Stylize] = {
        model: load_foreign(Path(model), convention) if convention else Stylizer.load(model) for model in models
    }
    loss = reference_loss(style, encoder=encoder, weights=weights, style_size=style_size)
    paths, bad = readable_photos(photos)
    for reason in bad:
        log.warning("skipped: %s", reason)
    paths = [paths[i] for i in sorted(spread(len(paths), count or len(paths)))]
    loaded = [load_rgb(path) for path in paths]
    for path, photo in zip(paths, loaded, strict=True):
        if min(photo.shape[:2]) < SMALLEST:
            raise DataError(f"{path}: {photo.shape[1]}×{photo.shape[0]} px; want sides of {SMALLEST} px or more")
    cards = {}
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet,
    )
    with progress:
        for model, stylize in stylizers.items():
            task = progress.add_task(model, total=len(loaded))
            cards[model] = scorecard(
                stylize,
                loaded,
                loss,
                equivalent_photos=equivalent_photos,
                limit=limit,
                advance=partial(progress.advance, task),
            )
    return cards


def table(cards: dict[str, dict[str, Any]]) -> Table:
    """The scorecards side by side."""

    def line(label: str, show: Callable[[dict[str, Any]], str]) -> None:
        result.add_row(label, *(show(card) for card in cards.values()))

    result = Table(box=None)
    result.add_column("")
    for model in cards:
        result.add_column(model, justify="right")
    for name in ("total", "content", "style"):
        line(f"{name}, mean", lambda card, name=name: f"{card['terms'][name]['mean']:.4f}")  # type: ignore[misc]
    line("style, share of the photos' own", lambda card: f"{card['style_share']:.3f}")
    if all("equivalent_iterations" in card for card in cards.values()):
        line(
            "equivalent L-BFGS iterations, median (quartiles)",
            lambda card: "{median:.0f} ({lower_quartile:.0f}–{upper_quartile:.0f})".format(
                **card["equivalent_iterations"]
            ),
        )
    for key, label in (("checkerboard", "checkerboard"), ("border", "border by centre"), ("clipping", "clipped")):
        line(f"{label} (photos)", lambda card, key=key: "{model:.3f} ({photo:.3f})".format(**card[key]))  # type: ignore[misc]
    line(
        "flicker, shifted by 1, 2, 3, 4 px",
        lambda card: " ".join(f"{card['flicker'][f'shift_{shift}']:.1f}" for shift in SHIFTS),
    )
    line("flicker, noise of 2", lambda card: f"{card['flicker']['noise']:.1f}")
    line("perceptual distance from the photo", lambda card: f"{card['perceptual_distance']:.3f}")
    return result
