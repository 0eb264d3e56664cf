"""bench(options): how fast this computer trains and stylizes, on its own and beside pytorch/examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fast_style.benchmark import pytorch_examples
from fast_style.benchmark.result import BenchResult, Environment, PhotoTiming, PictureTiming
from fast_style.benchmark.timing import FEWEST, WARM_UP
from fast_style.benchmark.workloads import (
    EngineOptions,
    time_loading,
    time_stylizing,
    time_training,
    write_photos,
    write_random_vgg16,
)
from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, ModelError

SIZES = ((256, 256), (640, 480), (1280, 720), (1920, 1080))
"""Width and height of the pictures that are stylized by default."""
BENCH_ENGINES: dict[str, EngineOptions] = {
    "onnx": {"engine": "onnx"},
    "torch": {"engine": "torch"},
    "torch, compiled": {"engine": "torch", "compile": True},
}
"""The engines that are timed, by what the tables call them."""
FEWEST_STEPS = 1 + WARM_UP + FEWEST
"""Fewest training steps: a step is timed from the end of the one before it."""

Note = Callable[[str], None]
"""Called with what is timed next."""


@dataclass(frozen=True)
class BenchOptions:
    """What is timed, and for how long."""

    models: Sequence[str]
    """Names or paths of the models that stylize."""
    sizes: Sequence[tuple[int, int]] = SIZES
    """Width and height of the pictures."""
    steps: int = 12
    """Number of training steps; 0 leaves training out."""
    seconds: float = 3.0
    """How long to load or stylize for each figure, roughly."""
    overrides: Sequence[str] = ()
    """Settings of the training run, as on the command line of `fast-style train`."""
    pytorch_examples: Path | None = None
    """A checkout of pytorch/examples. Both train its recipe, one after the other."""


def bench(options: BenchOptions, note: Note = lambda text: None) -> BenchResult:
    """Times everything that the options ask for.

    Raises:
        FastStyleError: there is no such model or checkout, or too few steps.
    """
    if 0 < options.steps < FEWEST_STEPS:
        raise ConfigError(
            f"the first {WARM_UP + 1} are a warm-up; want {FEWEST_STEPS} or more, or 0",
            setting="steps",
            value=options.steps,
        )
    checkout = options.pytorch_examples
    modules = None if checkout is None else pytorch_examples.find_pytorch_examples(checkout)
    loading: list[PhotoTiming] = []
    training: list[PhotoTiming] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.steps:
            note("making photos")
            write_photos(folder)
            loading, training = _bench_training(options, folder, note)
        stylizing = _bench_stylizing(options, note)
        if modules is not None:
            if options.steps:
                training += _compare_training(options, folder, modules, note)
            stylizing = _compare_stylizing(options, stylizing, modules, note)
    return BenchResult(Environment.current(), loading, training, stylizing)


def _compose(folder: Path, overrides: Sequence[str]) -> TrainConfig:
    return compose_training([f"data.dir={quoted(folder)}", "data.val_count=1", *overrides])


def _bench_training(options: BenchOptions, folder: Path, note: Note) -> tuple[list[PhotoTiming], list[PhotoTiming]]:
    """Times loading and training with the user's settings on the photos in `folder`."""
    config = _compose(folder, options.overrides)
    batch = config.data.batch_size
    note("loading alone")
    source, timing = time_loading(config, options.seconds)
    loading = PhotoTiming(source, batch / timing.median, timing)
    what = "with these settings" if options.overrides else "with the defaults"
    note(f"training {what}")
    timing = time_training(config, options.steps)
    return [loading], [PhotoTiming(what, batch / timing.median, timing)]


def _bench_stylizing(options: BenchOptions, note: Note) -> list[PictureTiming]:
    """Times every model with every engine at every size."""
    found = []
    for width, height in options.sizes:
        for model in options.models:
            for engine, engine_options in BENCH_ENGINES.items():
                what = f"{model}, {engine}"
                note(f"{what} at {width}×{height}")
                try:
                    timing = time_stylizing(model, engine_options, (width, height), options.seconds)
                except ModelError as error:
                    if "compile" not in engine_options:
                        raise
                    note(f"{what}: {error}")  # no compiler on this computer
                else:
                    found.append(PictureTiming(what, width, height, timing))
    return found


def _compare_training(options: BenchOptions, folder: Path, modules: Path, note: Note) -> list[PhotoTiming]:
    """Times the recipe of pytorch/examples, ours first and then theirs."""
    weights = folder / "vgg16.safetensors"
    write_random_vgg16(weights)
    what = "the recipe of pytorch/examples"
    note(f"training {what}")
    config = _compose(folder, [*pytorch_examples.RECIPE, f"encoder.weights={quoted(weights)}"])
    ours = time_training(config, options.steps)
    note(f"training by {pytorch_examples.NAME}")
    theirs = pytorch_examples.time_their_training(modules, folder, options.steps)
    return [
        PhotoTiming(what, config.data.batch_size / ours.median, ours, ratio=theirs.median / ours.median),
        PhotoTiming(pytorch_examples.NAME, pytorch_examples.BATCH_SIZE / theirs.median, theirs),
    ]


def _compare_stylizing(
    options: BenchOptions, ours: Sequence[PictureTiming], modules: Path, note: Note
) -> list[PictureTiming]:
    """Times the network of pytorch/examples at every size, and returns our timings with ratios, and then theirs."""
    found = list(ours)
    what = f"{pytorch_examples.NAME}, eager"
    for width, height in options.sizes:
        note(f"{what} at {width}×{height}")
        theirs = pytorch_examples.time_their_stylizing(modules, (width, height), options.seconds)
        found = [
            replace(row, ratio=theirs.median / row.seconds.median)
            if (row.width, row.height) == (width, height) and row.what != what
            else row
            for row in found
        ]
        found.append(PictureTiming(what, width, height, theirs))
    return found
