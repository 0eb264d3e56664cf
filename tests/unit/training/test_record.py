from __future__ import annotations

import json
from pathlib import Path

from fast_style.config.entry import compose_training
from fast_style.models.networks import build_network
from fast_style.training.record import count_earlier_steps, training_record
from tests.unit.training.helpers import save_model


def test_a_record_is_plain_and_without_paths(tmp_path: Path) -> None:
    config = compose_training([f"data.dir={tmp_path}", f"init_from={tmp_path}/wave", "style=flow"])
    record = training_record(config, 0.01, 7, {"val/total": 1.23456789, "val/style": 0.5}, earlier_steps=3)
    assert str(tmp_path) not in json.dumps(record)
    assert (record["steps"], record["steps_before"], record["init_from"]) == (7, 3, "wave")
    assert (record["content"], record["learning_rate"]) == ("photos", 0.01)
    assert record["validation"] == {"total": 1.234568, "style": 0.5}
    assert record["style_weight"] == config.loss.style_weight


def test_a_record_without_strength() -> None:
    record = training_record(compose_training(["model.strength=false"]), 0.01, 7, {}, earlier_steps=None)
    assert record["strength_share"] is None
    assert record["content"] == "synthetic images"


def test_earlier_steps_are_added_up(tmp_path: Path) -> None:
    network = build_network("lite", width=2, blocks=0)
    for name, training, steps in (("a", {"steps": 5, "steps_before": 7}, 12), ("b", {"steps": 5}, 5), ("c", {}, None)):
        save_model(network, tmp_path / name, **training)
        assert count_earlier_steps(str(tmp_path / name)) == steps
    assert count_earlier_steps(None) is None
    assert count_earlier_steps(str(tmp_path / "nowhere")) is None
