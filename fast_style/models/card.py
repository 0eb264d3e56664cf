"""A model's card: how it was trained and what was measured of it; card.json for programs, card.md for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_style.errors import ModelError
from fast_style.models.artifact import CARD_JSON, CARD_MD, ModelFiles, read_info
from fast_style.system.files import atomic_write

if TYPE_CHECKING:
    pass


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Both files of a card.

    Raises:
        FastStyleError: not writable.
    """
    for name, text in (
        (CARD_JSON, json.dumps(card, indent=2, ensure_ascii=False) + "\n"),
        (CARD_MD, markdown(card)),
    ):
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def add_scorecard(model: ModelFiles, scorecard: dict[str, Any]) -> None:
    """Writes what `evaluate.scorecard` measured into a model's card, in place of an earlier one.

    Raises:
        ModelError: the model has no card.
        FastStyleError: not writable.
    """
    write_card(model.folder, {**check_card(model), "scorecard": scorecard})


def check_card(model: ModelFiles) -> dict[str, Any]:
    """A model's card.

    Raises:
        ModelError: it has none.
    """
    card = model.card()
    if not card:
        raise ModelError(f"{model.folder / CARD_JSON}: missing or damaged; export the model again to get a card")
    return card


def summary(model: ModelFiles) -> dict[str, Any]:
    """What `fast-style models` says of a model: name, style, network, bytes, folder, and what was measured of it,
    None where it wasn't, or the card is damaged."""
    card = model.card()

    def found(*keys: str, kind: type | tuple[type, ...] = (int, float)) -> Any:
        value: Any = card
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, kind) else None

    try:
        title = read_info(model.safetensors).style_title if model.safetensors else found("style", "title", kind=str)
    except ModelError as error:
        title = str(error)
    return {
        "name": model.name,
        "style": title or "",
        "network": found("network", "name", kind=str) or "",
        "bytes": model.size(),
        "folder": str(model.folder),
        "style_left": found("scorecard", "style_share"),
        "content": found("scorecard", "terms", "content", "mean"),
        "iterations_from_photo": found("scorecard", "equivalent_iterations", "from_photo", "median"),
        "iterations_from_noise": found("scorecard", "equivalent_iterations", "from_noise", "median"),
    }


def markdown(card: dict[str, Any]) -> str:
    """A card as Markdown."""
    network = {**card["network"]}
    name, minimum_side = network.pop("name"), network.pop("minimum_side")
    arguments = ", ".join(f"{key} {value}" for key, value in network.items())
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


def _scorecard_lines(scorecard: dict[str, Any]) -> list[str]:
    reference = scorecard["reference"]
    return [
        f"Measured on {scorecard['photos']} photos that it was not trained on, under the loss of "
        f"{reference['encoder']} (style weight {reference['style_weight']:g}):",
        "",
        *_table("scorecard", "", scorecard_rows(scorecard)),
    ]


def _table(left: str, right: str, rows: Any) -> list[str]:
    return [f"| {left} | {right} |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows)]


def scorecard_rows(scorecard: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures of a scorecard, each with what it is, for people."""
    terms = scorecard["terms"]
    rows = [(f"{name}, mean", f"{terms[name]['mean']:.4f}") for name in ("total", "content", "style")]
    rows.append(("style, share of the photos' own", f"{scorecard['style_share']:.3f}"))
    equivalent = scorecard.get("equivalent_iterations")
    if equivalent:
        for start in ("photo", "noise"):
            counted = "{median:g} ({lower_quartile:g}–{upper_quartile:g})".format(**equivalent[f"from_{start}"])
            rows.append((f"equivalent L-BFGS iterations from {start}, median (quartiles)", counted))
    for key, label in (("checkerboard", "checkerboard"), ("border", "border by centre"), ("clipping", "clipped")):
        rows.append((f"{label} (photos)", "{model:.3f} ({photo:.3f})".format(**scorecard[key])))
    flicker = scorecard["flicker"]
    shifted = {name.removeprefix("shift_"): value for name, value in flicker.items() if name.startswith("shift_")}
    rows.append(
        (f"flicker, shifted by {', '.join(shifted)} px", " ".join(f"{value:.1f}" for value in shifted.values()))
    )
    rows.append(("flicker, noise of 2", f"{flicker['noise']:.1f}"))
    rows.append(("perceptual distance from the photo", f"{scorecard['perceptual_distance']:.3f}"))
    for strength, figures in scorecard.get("strength", {}).items():
        rows.append(
            (
                f"strength {strength}: style share, content, change of 255",
                "{style_share:.3f} {content:.3f} {change:.1f}".format(**figures),
            )
        )
    return rows
