"""A model's card: how the model was trained and what was measured; card.json for programs, card.md for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from fast_style.errors import ModelError
from fast_style.models.artifact import CARD_JSON, CARD_MD, ModelFiles, read_info
from fast_style.models.migration import JsonObject
from fast_style.system.files import atomic_write
from fast_style.system.wording import counted


class ModelSummary(TypedDict):
    """One line of the list of models; None where something was not measured, or the card is damaged."""

    name: str
    style: str
    network: str
    bytes: int
    folder: str
    style_left: float | None
    content: float | None
    iterations_from_photo: float | None
    iterations_from_noise: float | None


def write_card(folder: Path, card: JsonObject) -> None:
    """Writes both files of a card.

    Raises:
        WriteError: the folder cannot be written to.
    """
    for name, content in _contents(card).items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)


def _contents(card: JsonObject) -> dict[str, bytes]:
    """Returns what both files of a card hold, by their names."""
    return {
        CARD_JSON: (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode(),
        CARD_MD: markdown(card).encode(),
    }


def add_scorecard(model: ModelFiles, scorecard: Mapping[str, Any]) -> None:
    """Writes a scorecard into a model's card, in place of an earlier one.

    Raises:
        ModelError: the model has no card.
        WriteError: the folder cannot be written to.
    """
    write_card(model.folder, {**check_card(model), "scorecard": scorecard})


def check_card(model: ModelFiles) -> JsonObject:
    """Returns a model's card.

    Raises:
        ModelError: the model has none to which a scorecard could be added.
    """
    card = model.card()
    try:
        _contents({key: value for key, value in card.items() if key != "scorecard"})
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        message = f"{model.folder / CARD_JSON}: missing or damaged; export the model again to get a card"
        raise ModelError(message) from error
    return card


def summary(model: ModelFiles) -> ModelSummary:
    """Returns the line about a model in the list of models."""
    card = model.card()
    try:
        title = read_info(model.safetensors).style_title if model.safetensors else _text(card, "style", "title")
    except ModelError as error:
        title = str(error)
    return {
        "name": model.name,
        "style": title,
        "network": _text(card, "network", "name"),
        "bytes": model.size(),
        "folder": str(model.folder),
        "style_left": _number(card, "scorecard", "style_share"),
        "content": _number(card, "scorecard", "terms", "content", "mean"),
        "iterations_from_photo": _number(card, "scorecard", "equivalent_iterations", "from_photo", "median"),
        "iterations_from_noise": _number(card, "scorecard", "equivalent_iterations", "from_noise", "median"),
    }


def _look_up(card: JsonObject, keys: Iterable[str]) -> object:
    value: object = card
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(card: JsonObject, *keys: str) -> str:
    value = _look_up(card, keys)
    return value if isinstance(value, str) else ""


def _number(card: JsonObject, *keys: str) -> float | None:
    value = _look_up(card, keys)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON knows numbers that a float cannot hold.
    return value if abs(value) <= sys.float_info.max else None


def markdown(card: JsonObject) -> str:
    """Returns a card as Markdown."""
    network = {**card["network"]}
    name, minimum_side = network.pop("name"), network.pop("minimum_side")
    arguments = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in network.items())
    difference = card["engines_differ_by_at_most"]
    training = {key: value for key, value in card["training"].items() if value not in (None, {})}
    validation = training.pop("validation", {})
    lines = [
        f"# {card['style']['title']}",
        "",
        f"Style: {card['style']['title']}, {card['style']['credit']}.",
        f"Network: {name} ({arguments}). Takes any size from {minimum_side} px; gives the same size.",
        f"torch and ONNX Runtime differ by at most {difference['value']} of {difference['of']}.",
        "",
    ]
    if "scorecard" in card:
        lines += [*_scorecard_lines(card["scorecard"]), ""]
    lines += _table("file", "bytes", card["files"].items())
    lines += ["", *_table("training", "", ((key.replace("_", " "), value) for key, value in training.items()))]
    if validation:
        lines += ["", *_table("validation term", "value", ((k, f"{v:.4g}") for k, v in sorted(validation.items())))]
    return "\n".join(lines) + "\n"


def _scorecard_lines(scorecard: Mapping[str, Any]) -> list[str]:
    reference = scorecard["reference"]
    return [
        f"Measured on {counted(scorecard['photos'], 'photo')} that it was not trained on, under the loss of "
        f"{reference['encoder']} (style weight {reference['style_weight']:g}):",
        "",
        *_table("scorecard", "", scorecard_rows(scorecard)),
    ]


def _table(left: str, right: str, rows: Iterable[tuple[str, object]]) -> list[str]:
    return [f"| {left} | {right} |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows)]


def scorecard_rows(scorecard: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the figures of a scorecard for people: label and value, in a fixed order."""
    terms = scorecard["terms"]
    rows = [(f"{name}, mean", f"{terms[name]['mean']:.4f}") for name in ("total", "content", "style")]
    rows += [(f"{name}, mean", f"{terms[name]['mean']:.4f}") for name in terms if "/" in name]
    rows.append(("style, share of the photos' own", f"{scorecard['style_share']:.3f}"))
    equivalent = scorecard.get("equivalent_iterations")
    if equivalent:
        for start in ("photo", "noise"):
            counted = "{median:g} ({lower_quartile:g}–{upper_quartile:g})".format(**equivalent[f"from_{start}"])
            rows.append((f"equivalent L-BFGS iterations from {start}, median (quartiles)", counted))
    for key, label in (("checkerboard", "checkerboard"), ("border", "border by center"), ("clipping", "clipped")):
        rows.append((f"{label} (photos)", "{model:.3f} ({photo:.3f})".format(**scorecard[key])))
    for place, grid in (("where photos are flat", "flat_grid"), ("on plain pictures", "plain_grid")):
        for period, value in scorecard.get(grid, {}).items():
            figures = "{model:.2f} ({photo:.2f})".format(**value) if isinstance(value, dict) else f"{value:.2f}"
            rows.append((f"grid of {period} px {place}{' (photos)' if isinstance(value, dict) else ''}", figures))
    sensitivity = scorecard["sensitivity"]
    shifted = {name.removeprefix("shift_"): value for name, value in sensitivity.items() if name.startswith("shift_")}
    rows.append(
        (f"sensitivity to shifts of {', '.join(shifted)} px", " ".join(f"{value:.1f}" for value in shifted.values()))
    )
    rows.append(("sensitivity to noise of 2", f"{sensitivity['noise']:.1f}"))
    rows.append(("perceptual distance from the photo", f"{scorecard['perceptual_distance']:.3f}"))
    for strength, figures in scorecard.get("strength", {}).items():
        rows.append(
            (
                f"strength {strength}: style share, content, change of 255",
                "{style_share:.3f} {content:.3f} {change:.1f}".format(**figures),
            )
        )
    return rows
