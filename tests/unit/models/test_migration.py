"""Model files, cards and checkpoints that carry the names of earlier versions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import find_model, read_info
from fast_style.models.card import markdown
from fast_style.models.migration import (
    migrate_card,
    migrate_hyper_parameters,
    migrate_metadata,
    migrate_state_dict,
)
from fast_style.models.networks import load_network

SHIPPED = Path(__file__).parents[3] / "checkpoints"


def test_metadata_of_schema_1_0() -> None:
    old = {"network_arguments": {"width": 4, "dial": True}, "training": {"dial_share": 0.2, "steps": 3}, "name": "a"}
    new = {
        "network_arguments": {"width": 4, "takes_strength": True},
        "training": {"strength_share": 0.2, "steps": 3},
        "name": "a",
    }
    assert migrate_metadata(old) == new
    assert migrate_metadata(new) == new
    assert "dial" in old["network_arguments"], "what was given stays as it was"


def test_damaged_metadata_passes_through() -> None:
    assert migrate_metadata({"network_arguments": 3, "training": None}) == {"network_arguments": 3, "training": None}


def test_a_new_name_wins_over_an_old_one() -> None:
    both = {"network_arguments": {"takes_strength": True, "dial": False}}
    assert migrate_metadata(both) == {"network_arguments": {"takes_strength": True}}


def test_state_dict_keys() -> None:
    state = {"photo.slopes": 1, "slopes": 2, "network.encode.0.norm.slopes": 3, "slopes.weight": 4, "my_slopes": 5}
    assert list(migrate_state_dict(state)) == [
        "photo.strength_coefficients", "strength_coefficients", "network.encode.0.norm.strength_coefficients",
        "slopes.weight", "my_slopes",
    ]  # fmt: skip


def test_cards_and_hyperparameters() -> None:
    card = {"network": {"dial": True}, "training": {"dial_share": 1}, "scorecard": {"dial": {}}, "style": {"dial": 1}}
    assert migrate_card(card) == {
        "network": {"takes_strength": True},
        "training": {"strength_share": 1},
        "scorecard": {"strength": {}},
        "style": {"dial": 1},
    }
    assert migrate_hyper_parameters({"network_arguments": {"dial": True}, "dial_share": 0.2, "seed": 0}) == {
        "network_arguments": {"takes_strength": True},
        "strength_share": 0.2,
        "seed": 0,
    }


@pytest.mark.parametrize("name", ["starry_night", "wave_johnson"])
def test_shipped_models_load(name: str) -> None:
    files = find_model(SHIPPED / name)
    assert files.safetensors is not None
    assert read_info(files.safetensors).network_arguments["takes_strength"] is True
    network = load_network(files.safetensors)
    assert network.takes_strength
    assert any(key.endswith("strength_coefficients") and value.any() for key, value in network.state_dict().items())
    assert not any(torch.isnan(value).any() for value in network.state_dict().values())
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    by_engine = [
        Stylizer.load(SHIPPED / name, engine=engine, precision="fp32", device="cpu") for engine in ("onnx", "torch")
    ]
    for strength in (0.5, 1.0):
        first, second = (stylizer(picture, strength=strength).astype(int) for stylizer in by_engine)
        assert abs(first - second).max() <= 2


@pytest.mark.parametrize("folder", sorted(SHIPPED.iterdir()), ids=lambda folder: folder.name)
def test_every_shipped_file_of_weights_loads(folder: Path) -> None:
    network = load_network(folder / "model.safetensors")
    assert network.takes_strength
    assert set(network.arguments) == {"width", "blocks", "takes_strength", "styles", "upsampling"}


def test_a_shipped_card_reads_and_renders() -> None:
    files = find_model(SHIPPED / "starry_night")
    card = files.card()
    assert card["network"]["takes_strength"] is True
    assert "strength_share" in card["training"]
    assert "strength 0.5" in markdown(card)
    assert "dial" not in json.dumps(card)


def test_it_imports_no_torch() -> None:
    program = "import sys, fast_style.models.migration; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
