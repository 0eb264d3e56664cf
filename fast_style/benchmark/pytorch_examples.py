"""Timings of pytorch/examples' fast_neural_style, from a checkout of the user's own.

It runs in a process of its own, so that nothing that this package sets makes it faster or slower.
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
from typing import ParamSpec

import numpy as np

from fast_style.benchmark.timing import Timing, time_repeatedly, time_steps
from fast_style.errors import NotFoundError
from fast_style.images.arrays import RGB

NAME = "pytorch/examples"
RECIPE = (
    "experiment=johnson2016", "encoder.content_layers=[relu2_2]", "data.batch_size=4", "data.image_size=256",
)  # fmt: skip
"""Our settings for the same training: VGG-16, four style layers, content at relu2_2, Adam, one scale."""
BATCH_SIZE = 4

Parameters = ParamSpec("Parameters")


def find_pytorch_examples(folder: Path) -> Path:
    """Returns the folder of the modules in a checkout of pytorch/examples.

    Raises:
        NotFoundError: this is no such checkout.
    """
    for candidate in (folder, folder / "neural_style", folder / "fast_neural_style" / "neural_style"):
        if (candidate / "transformer_net.py").is_file():
            return candidate
    raise NotFoundError(
        "no transformer_net.py there",
        setting="pytorch_examples",
        value=folder,
        remedy="give a checkout of pytorch/examples",
    )


def time_their_training(modules: Path, photos: Path, steps: int) -> Timing:
    """Times a step of their own training loop, batch 4 at 256 px, with VGG-16.

    Args:
        modules: what `find_pytorch_examples` returned.
        photos: a folder of folders of photos; the first photo is the style as well.
        steps: number of steps, with the warm-up.
    """
    return _in_own_process(_train, modules, photos, steps)


def time_their_stylizing(modules: Path, size: tuple[int, int], seconds: float) -> Timing:
    """Times their network in eager mode, from array to array, in the way they do it.

    Args:
        modules: what `find_pytorch_examples` returned.
        size: width and height of the picture.
        seconds: how long to repeat it.
    """
    return _in_own_process(_stylize, modules, size, seconds)


def _in_own_process(
    work: Callable[Parameters, Timing], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Timing:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments, **named).result()


def _import(modules: Path, name: str) -> ModuleType:
    sys.path.insert(0, str(modules))
    return importlib.import_module(name)


def _train(modules: Path, photos: Path, steps: int) -> Timing:
    import torch
    import torchvision.models

    vgg16 = torchvision.models.vgg16
    # Random weights are as fast as the trained ones, which would have to be downloaded.
    torchvision.models.vgg16 = lambda **_: vgg16(weights=None)
    neural_style = _import(modules, "neural_style")
    ends: list[float] = []

    class EnoughSteps(Exception):  # noqa: N818  # leaves their loop
        pass

    class ClockedAdam(torch.optim.Adam):
        def step(self, closure: object = None) -> None:  # type: ignore[override]  # their loop has no closure
            super().step()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append(time.perf_counter())
            if len(ends) >= steps:
                raise EnoughSteps

    neural_style.Adam = ClockedAdam  # type: ignore[attr-defined]
    on_gpu = torch.cuda.is_available()
    arguments = Namespace(
        accel=on_gpu, cuda=on_gpu, seed=0, image_size=256, dataset=str(photos), batch_size=BATCH_SIZE, lr=1e-3,
        style_image=str(next(photos.rglob("*.jpg"))), style_size=None, epochs=10**6, content_weight=1e5,
        style_weight=1e10, log_interval=10**9, checkpoint_interval=10**9, checkpoint_model_dir=None,
        save_model_dir=None,
    )  # fmt: skip
    try:
        with redirect_stdout(sys.stderr):
            neural_style.train(arguments)
    except EnoughSteps:
        pass
    return time_steps(ends)


def _stylize(modules: Path, size: tuple[int, int], seconds: float) -> Timing:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = _import(modules, "transformer_net").TransformerNet().eval().to(device)
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)

    def stylize() -> RGB:
        with torch.no_grad():
            given = torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float()
            result: RGB = model(given)[0].clamp(0, 255).permute(1, 2, 0).byte().cpu().numpy()
            return result

    return time_repeatedly(stylize, seconds)
