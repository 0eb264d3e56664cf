from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from fast_style.errors import ModelError
from fast_style.models.artifact import ModelFiles, ModelInfo, find_model
from fast_style.models.card import add_scorecard, check_card, markdown, summary, write_card

SHIPPED = Path(__file__).parents[3] / "checkpoints"
INFO = ModelInfo("zig", "lite", {}, "Zig", "no one", 8)
MEASURED = {
    "style_share": 0.1,
    "terms": {"content": {"mean": 0.5}},
    "equivalent_iterations": {"from_photo": {"median": 8.5}, "from_noise": {"median": 24}},
}


@pytest.fixture
def model(tmp_path: Path) -> ModelFiles:
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "model.safetensors", metadata=INFO.to_metadata())
    return ModelFiles("zig", tmp_path / "model.safetensors")


def test_the_line_about_a_model(model: ModelFiles) -> None:
    (model.folder / "card.json").write_text(json.dumps({"network": {"name": "lite"}, "scorecard": MEASURED}))
    line = summary(model)
    assert line == {
        "name": "zig", "style": "Zig", "network": "lite", "bytes": model.size(), "folder": str(model.folder),
        "style_left": 0.1, "content": 0.5, "iterations_from_photo": 8.5, "iterations_from_noise": 24,
    }  # fmt: skip


@pytest.mark.parametrize(
    "card",
    [
        None, [], {}, {"scorecard": {"style_share": "much"}}, {"scorecard": 1, "network": 2},
        {"scorecard": {"style_share": 10**400}}, {"scorecard": {"style_share": float("nan")}},
        {"scorecard": {"style_share": True}},
    ],
)  # fmt: skip
def test_a_damaged_card_leaves_gaps(model: ModelFiles, card: Any) -> None:
    if card is not None:
        (model.folder / "card.json").write_text(json.dumps(card))
    line = summary(model)
    assert (line["style"], line["network"], line["style_left"], line["content"]) == ("Zig", "", None, None)


def test_a_model_without_a_card(model: ModelFiles) -> None:
    with pytest.raises(ModelError, match=r"card\.json: missing or damaged"):
        check_card(model)
    with pytest.raises(ModelError, match="missing or damaged"):
        add_scorecard(model, {})


@pytest.mark.parametrize("place", ["network", "style", "training", "engines_differ_by_at_most", "files"])
@pytest.mark.parametrize("value", [None, 3, "text", []])
def test_a_card_that_holds_something_else(model: ModelFiles, place: str, value: object) -> None:
    card = {**find_model(SHIPPED / "wave").card(), place: value}
    (model.folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="missing or damaged"):
        check_card(model)


@pytest.mark.parametrize(
    "training",
    [
        {"validation": {"total": 10**400}},  # no float can hold it
        {"seed": "\ud800"},  # no file can hold it
    ],
)
def test_a_card_that_cannot_be_written_again(model: ModelFiles, training: Any) -> None:
    card = {**find_model(SHIPPED / "wave").card(), "training": training}
    (model.folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="missing or damaged"):
        check_card(model)


def test_a_scorecard_is_added_in_place_of_an_earlier_one(model: ModelFiles) -> None:
    card = find_model(SHIPPED / "wave").card()
    scorecard = card.pop("scorecard")
    write_card(model.folder, card)
    assert "equivalent" not in (model.folder / "card.md").read_text()
    add_scorecard(model, scorecard)
    text = (model.folder / "card.md").read_text()
    assert text == markdown(model.card())
    assert "| strength 0.5: style share, content, change of 255 |" in text
    assert "| border by center (photos) |" in text
    assert "takes strength True" in text
