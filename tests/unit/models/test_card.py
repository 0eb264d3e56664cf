from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from fast_style.models.artifact import ModelFiles, ModelInfo
from fast_style.models.card import summary

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


def test_what_is_said_of_a_model(model: ModelFiles) -> None:
    (model.folder / "card.json").write_text(json.dumps({"network": {"name": "lite"}, "scorecard": MEASURED}))
    told = summary(model)
    assert told == {
        "name": "zig", "style": "Zig", "network": "lite", "bytes": model.size(), "folder": str(model.folder),
        "style_left": 0.1, "content": 0.5, "iterations_from_photo": 8.5, "iterations_from_noise": 24,
    }  # fmt: skip


@pytest.mark.parametrize("card", [None, [], {}, {"scorecard": {"style_share": "much"}}, {"scorecard": 1, "network": 2}])
def test_a_damaged_card_tells_nothing(model: ModelFiles, card: Any) -> None:
    if card is not None:
        (model.folder / "card.json").write_text(json.dumps(card))
    told = summary(model)
    assert (told["style"], told["network"], told["style_left"], told["content"]) == ("Zig", "", None, None)
