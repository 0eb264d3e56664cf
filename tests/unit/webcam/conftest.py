"""A live view of two models, one of them without a strength."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.webcam.capture import CapturedFrame
from fast_style.webcam.live_view import LiveView
from fast_style.webcam.options import WebcamOptions
from tests.conftest import make_photo

FRAME = CapturedFrame(make_photo(0), 1, 0.0)


@pytest.fixture(scope="session")
def plain_model(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained `lite` without a strength."""
    import torch

    from fast_style.models.networks import build_network
    from fast_style.training.export import export_model

    torch.manual_seed(1)
    network = build_network("lite", width=4, blocks=1)
    folder = tmp_path_factory.mktemp("models") / "plain"
    return export_model(network, folder, name="plain", training={}, style_title="Plain").folder


@pytest.fixture
def view(tiny_model: Path, plain_model: Path, tmp_path: Path) -> LiveView:
    return LiveView([str(tiny_model), str(plain_model)], WebcamOptions(folder=tmp_path))
