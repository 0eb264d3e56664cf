"""Fixtures for all tests: photos made by code, a small loss, a tiny model and the installed command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.traces import share_traces
from tests.warm import Warm

if TYPE_CHECKING:
    from torch import nn

    from fast_style.perceptual.losses import PerceptualLoss

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
INSTALLED = Path(sys.executable).with_name("fast-style")
"""The command as it is installed."""


@pytest.fixture
def shared() -> Path:
    """The folder of real weights, photos and paintings; skips the test where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared data in {SHARED}")
    return SHARED


def make_photo(seed: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Returns smooth colors with some grain, uint8 RGB `[height, width, 3]`."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def damage_png(path: Path) -> None:
    """Overwrites the middle of a PNG: its header and its end look as if it were readable."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(400) + content[middle + 400 :])


@pytest.fixture
def photo() -> np.ndarray:
    return make_photo(0)


def make_photo_folder(folder: Path) -> Path:
    """Makes a folder of ten JPEGs, some of them in a subfolder, and returns it."""
    (folder / "more").mkdir(parents=True)
    for number in range(10):
        place = folder / "more" if number % 2 else folder
        Image.fromarray(make_photo(number, 80 + number, 64)).save(place / f"{number:02}.jpg", quality=90)
    return folder


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    return make_photo_folder(tmp_path / "photos")


@pytest.fixture
def style_file(tmp_path: Path) -> Path:
    path = tmp_path / "zigzag.png"
    y, x = np.mgrid[0:64, 0:64]
    stripes = ((x + np.abs(y % 16 - 8)) // 4) % 2
    Image.fromarray(np.where(stripes[..., None], [220, 60, 20], [20, 40, 160]).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def vgg16_features() -> nn.Sequential:
    """The convolutions of torchvision's VGG-16 with random weights."""
    import torch
    import torchvision

    torch.manual_seed(0)
    layers: nn.Sequential = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
    return layers


@pytest.fixture(scope="session")
def vgg16_file(vgg16_features: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .pth file with the weights of `vgg16_features`, under torchvision's names."""
    import torch

    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({f"features.{key}": value for key, value in vgg16_features.state_dict().items()}, path)
    return path


@pytest.fixture
def small_loss() -> PerceptualLoss:
    """A loss with one layer of eight filters, and noise as its style."""
    import torch

    from fast_style.config.schema import LossSettings
    from fast_style.perceptual.encoders import RandomFilters
    from fast_style.perceptual.losses import PerceptualLoss, style_grams

    torch.manual_seed(0)
    layers = ["random3"]
    encoder = RandomFilters(layers, channels=8)
    grams = style_grams(encoder, torch.rand(1, 3, 64, 64), layers, [1])
    settings = LossSettings(
        content_layers=layers, style_layers=layers, scales=[1.0], content_scales=[1.0],
        style_weight=10, tv_weight=0.0, checkerboard_weight=0.0,
    )  # fmt: skip
    return PerceptualLoss(encoder, grams, settings)


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which all processes of pytest look for traces of networks, once a fixture has asked for it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "traces"
    folder.mkdir(exist_ok=True)
    share_traces(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained `lite` that takes a strength."""
    import torch

    from fast_style.models.networks import build_network
    from fast_style.training.export import export_model

    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, takes_strength=True)
    for name, parameter in network.named_parameters():
        if name.endswith("strength_coefficients"):  # untrained, they are zero, and the strength changes nothing
            parameter.data += 0.2 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return export_model(network, folder, name="tiny", training={}, style_title="Tiny").folder


Command = Callable[..., subprocess.CompletedProcess[str]]


def command_in(work: Path, program: Path) -> Command:
    """Returns a function that runs a program in the folder `work`, with an empty HOME beside it and no input."""
    home = work.parent / "home"
    home.mkdir(exist_ok=True)

    def run(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(home), "COLUMNS": "200"}
        return subprocess.run(
            [str(program), *map(str, arguments)], stdin=subprocess.DEVNULL,
            cwd=work, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def fast_style(work: Path) -> Command:
    """Returns a function that runs the installed `fast-style` in an empty folder, with an empty HOME."""
    return command_in(work, INSTALLED)


@pytest.fixture(scope="session")
def warm(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    server = Warm(tmp_path_factory.mktemp("warm") / "s", traces)
    yield server
    server.close()


@pytest.fixture
def warm_program(warm: Warm, tmp_path: Path) -> Path:
    """A program that takes the place of `fast-style`, for commands in processes that have imported everything."""
    return warm.make_program(tmp_path)


@pytest.fixture
def warm_style(work: Path, warm_program: Path) -> Command:
    """Returns the same in a process that has imported everything, for commands whose start is not what is tested."""
    return command_in(work, warm_program)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder that commands run in."""
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)
    return folder


def assert_one_line_error(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Asserts status 2, and a single line on stderr that contains each of `words`."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], f"{word!r} not in {lines[0]!r}"
