"""A small model and a page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.models.networks import build_network
from fast_style.training.export import export_model
from fast_style.web.site import write_site


@pytest.fixture(scope="module")
def model(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return export_model(network, folder, name="tiny", training={}, style_title="Tiny — ü").folder


@pytest.fixture(scope="module")
def site(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site([str(model)], tmp_path_factory.mktemp("web") / "site", cdn=True).folder
