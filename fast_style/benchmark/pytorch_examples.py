"""pytorch/examples' fast_neural_style, timed beside us: from a checkout of the user's own, in a process of its own, so
that nothing we set in ours speeds it up or slows it down.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fast_style.benchmark.timing import Timing, between, measure
from fast_style.errors import ConfigError


def find_peer(folder: Path) -> Path:
    """Where the peer's modules lie in a checkout.

    Raises:
        ConfigError: not that checkout.
    """
    for inside in (folder, folder / "neural_style", folder / "fast_neural_style" / "neural_style"):
        if (inside / "transformer_net.py").is_file():
            return inside
    raise ConfigError(f"--peer {folder}: no transformer_net.py there; give a checkout of pytorch/examples")


def time_peer_training(modules: Path, photos: Path, steps: int) -> Timing:
    """Seconds of a step of the peer's own training loop, batch 4 at 256 px, with VGG-16.

    Args:
        modules: as `find_peer` gives it.
        photos: a folder of folders of photos; the first photo is the style as well.
        steps: how many, the warm-up included.
    """
    return _apart(_train, modules, photos, steps)


def time_peer_stylising(modules: Path, size: tuple[int, int], seconds: float) -> Timing:
    """Seconds of a picture of `size` (width, height) through the peer's network in eager mode, from array to array
    as they do it."""
    return _apart(_stylise, modules, size, seconds)


def _apart(work: Callable[..., Timing], *arguments: Any) -> Timing:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def _module(modules: Path, name: str) -> ModuleType:
    sys.path.insert(0, str(modules))
    return importlib.import_module(name)


def _train(modules: Path, photos: Path, steps: int) -> Timing:
    import torch
    import torchvision.models

    trained = torchvision.models.vgg16
    # Random weights are as fast as theirs, which would have to be downloaded.
    torchvision.models.vgg16 = lambda **_: trained(weights=None)
    neural_style = _module(modules, "neural_style")
    ends: list[float] = []

    class Enough(Exception):
        pass

    class ClockedAdam(torch.optim.Adam):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append(time.perf_counter())
            if len(ends) >= steps:
                raise Enough

    neural_style.Adam = ClockedAdam  # type: ignore[attr-defined]
    arguments = Namespace(
        accel=torch.cuda.is_available(), cuda=torch.cuda.is_available(), seed=0, image_size=256, dataset=str(photos),
        batch_size=4, lr=1e-3, style_image=str(next(photos.rglob("*.jpg"))), style_size=None, epochs=10**6,
        content_weight=1e5, style_weight=1e10, log_interval=10**9, checkpoint_interval=10**9,
        checkpoint_model_dir=None, save_model_dir=None,
    )  # fmt: skip
    try:
        with redirect_stdout(sys.stderr):
            neural_style.train(arguments)
    except Enough:
        pass
    return between(ends)


def _stylise(modules: Path, size: tuple[int, int], seconds: float) -> Timing:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = _module(modules, "transformer_net").TransformerNet().eval().to(device)
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)

    def stylise() -> np.ndarray:
        with torch.no_grad():
            given = torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float()
            return model(given)[0].clamp(0, 255).permute(1, 2, 0).byte().cpu().numpy()

    return measure(stylise, seconds)
