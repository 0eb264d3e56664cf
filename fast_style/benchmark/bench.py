"""How fast this machine trains and stylises, and pytorch/examples' fast_neural_style beside it in the same run."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.table import Table
from torch.utils.data import DataLoader

import fast_style
from fast_style.benchmark.pytorch_examples import find_peer, time_peer_stylising, time_peer_training
from fast_style.benchmark.timing import WARM_UP, Timing, between, measure
from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, ModelError
from fast_style.images.codec import save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.perceptual.objective import build_loss, load_style
from fast_style.training.data import EndlessSampler, StyleDataModule, collate
from fast_style.training.session import lightning_precision, quieten_lightning
from fast_style.training.synthetic import dead_leaves
from fast_style.training.train import build_module

SIZES = ((256, 256), (640, 480), (1280, 720), (1920, 1080))
ENGINES: dict[str, dict[str, Any]] = {
    "onnx": {"engine": "onnx"},
    "torch": {"engine": "torch"},
    "torch, compiled": {"engine": "torch", "compile": True},
}
PEER = "pytorch/examples"
PHOTOS = 64  # on the disk, for both training loops
# Of pytorch/examples' loop: VGG-16, four style layers, content at relu2_2, Adam, one scale.
PEER_RECIPE = (
    "experiment=johnson2016", "encoder.content_layers=[relu2_2]", "data.batch_size=4", "data.image_size=256",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return {
        "cpu": name,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "fast_style": fast_style.__version__,
    }


class StepClock(Callback):
    """When each training step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def time_training(config: TrainConfig, steps: int) -> Timing:
    """Seconds of a training step through Lightning, loading of the photos included.

    Args:
        config: what to train; nothing is written.
        steps: how many, the warm-up included.
    """
    quieten_lightning()
    torch.manual_seed(config.seed)
    module = build_module(config, build_loss(config, load_style(config)))
    clock = StepClock()
    trainer = Trainer(
        max_steps=steps, max_epochs=-1, accelerator=config.trainer.accelerator, devices=1,
        precision=lightning_precision(config.trainer.precision, config.trainer.accelerator),
        limit_val_batches=0, callbacks=[clock], logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(module, StyleDataModule(config.data, seed=config.seed))
    return between(clock.ends)


def time_loading(config: TrainConfig, seconds: float) -> tuple[str, Timing]:
    """What a training loads, and seconds of a batch of it without any training, in this process: on one core."""
    data = StyleDataModule(config.data, seed=config.seed)
    sampler = EndlessSampler(0)
    batches = iter(DataLoader(data.training, batch_size=config.data.batch_size, sampler=sampler, collate_fn=collate))
    return data.source, measure(lambda: next(batches), seconds)


def time_stylising(model: str, options: dict[str, Any], size: tuple[int, int], seconds: float) -> Timing:
    """Seconds of a picture of `size` (width, height), from array to array, with these options of `Stylizer.load`."""
    stylizer = Stylizer.load(model, **options)
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return measure(lambda: stylizer(picture), seconds)


def write_photos(folder: Path) -> None:
    """`PHOTOS` JPEGs to train on, in a sub-folder, as torchvision's ImageFolder wants them."""
    for number in range(PHOTOS):
        save_rgb(dead_leaves(np.random.default_rng(number), 288), folder / "photos" / f"{number:03}.jpg", quality=90)


def random_vgg16(path: Path) -> None:
    """VGG-16 with random weights: as fast as the trained one, and nothing to download."""
    from safetensors.torch import save_file
    from torchvision.models import vgg16

    features = vgg16(weights=None).features.state_dict(prefix="features.")
    save_file(dict(features), path)


def bench(
    *,
    models: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    steps: int,
    seconds: float,
    overrides: Sequence[str],
    peer: Path | None,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """All timings.

    Args:
        models: to stylise with.
        sizes: of pictures, width and height.
        steps: of training; 0: none.
        seconds: about how long to load or stylise for each figure.
        overrides: of the training's settings.
        peer: a checkout of pytorch/examples; both train its recipe, in turn.
        note: called with what is measured next.

    Returns:
        `machine`, `loading`, `training` and `stylising` (a row each: what, and `seconds`), and with a peer its rows
        among them, and in ours the `ratio` of its time to ours.

    Raises:
        FastStyleError: no such model, or not a checkout of the peer.
    """
    if 0 < steps < WARM_UP + 4:
        raise ConfigError(f"--steps {steps}: the first {WARM_UP + 1} are a warm-up; want {WARM_UP + 4} or more, or 0")
    modules = find_peer(peer) if peer is not None else None
    loading: list[dict[str, Any]] = []
    training: list[dict[str, Any]] = []
    stylising: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if steps:
            note("making photos")
            write_photos(folder)

        def settled(settings: Sequence[str]) -> TrainConfig:
            return compose_training([f"data.dir={quoted(folder)}", "data.val_count=1", *settings])

        def row(what: str, config: TrainConfig, timing: Timing) -> dict[str, Any]:
            return {
                "what": what,
                "photos_per_second": config.data.batch_size / timing.median,
                "seconds": asdict(timing),
            }

        def train(what: str, settings: Sequence[str]) -> Timing:
            note(f"training {what}")
            config = settled(settings)
            timing = time_training(config, steps)
            training.append(row(what, config, timing))
            return timing

        def stylise(what: str, size: tuple[int, int], work: Callable[[], Timing]) -> Timing:
            note(f"{what} at {size[0]}×{size[1]}")
            timing = work()
            stylising.append({"what": what, "width": size[0], "height": size[1], "seconds": asdict(timing)})
            return timing

        if steps:
            note("loading alone")
            config = settled(overrides)
            source, timing = time_loading(config, seconds)
            loading.append(row(source, config, timing))
            train("with these settings" if overrides else "with the defaults", overrides)
        for size in sizes:
            for model in models:
                for what, options in ENGINES.items():
                    try:
                        stylise(f"{model}, {what}", size, partial(time_stylising, model, options, size, seconds))
                    except ModelError as error:
                        if "compile" not in options:
                            raise
                        note(f"{model}, {what}: {error}")  # no compiler on this machine
        if modules is not None:
            if steps:
                weights = folder / "vgg16.safetensors"
                random_vgg16(weights)
                timing = train("the peer's recipe", [*PEER_RECIPE, f"encoder.weights={quoted(weights)}"])
                note("training by pytorch/examples")
                theirs = time_peer_training(modules, folder, steps)
                training[-1]["ratio"] = theirs.median / timing.median
                training.append({"what": PEER, "photos_per_second": 4 / theirs.median, "seconds": asdict(theirs)})
            for size in sizes:
                ours = [made for made in stylising if (made["width"], made["height"]) == size]
                theirs = stylise(f"{PEER}, eager", size, partial(time_peer_stylising, modules, size, seconds))
                for mine in ours:
                    mine["ratio"] = theirs.median / mine["seconds"]["median"]
    return {"machine": machine(), "loading": loading, "training": training, "stylising": stylising}


def beside_peer(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The further header, and each row's further cell, where a peer was timed; else neither."""
    if not any("ratio" in row for row in rows):
        return [], [[] for _ in rows]
    return ["times the peer"], [[f"{row['ratio']:.2f}×" if "ratio" in row else ""] for row in rows]


def tables(result: dict[str, Any]) -> list[Table]:
    """The result of `bench`, for people."""
    made = []
    if result["loading"]:
        table = Table(title="loading alone, on one core", box=None, title_justify="left")
        for header in ("", "photos/s", "batch, median", "fastest", "slowest"):
            table.add_column(header, justify="left" if not header else "right")
        for row in result["loading"]:
            spread = [f"{row['seconds'][key] * 1e3:.1f} ms" for key in ("median", "fastest", "slowest")]
            table.add_row(row["what"], f"{row['photos_per_second']:.0f}", *spread)
        made.append(table)
    if result["training"]:
        table = Table(title="training", box=None, title_justify="left")
        header_of_ratios, ratios = beside_peer(result["training"])
        for header in ("", "photos/s", "step, median", "fastest", "slowest", *header_of_ratios):
            table.add_column(header, justify="left" if not header else "right")
        for row, ratio in zip(result["training"], ratios, strict=True):
            spread = [f"{row['seconds'][key]:.3f} s" for key in ("median", "fastest", "slowest")]
            table.add_row(row["what"], f"{row['photos_per_second']:.2f}", *spread, *ratio)
        made.append(table)
    if result["stylising"]:
        table = Table(title="stylising", box=None, title_justify="left")
        header_of_ratios, ratios = beside_peer(result["stylising"])
        for header in ("", "size", "median", "fastest", "slowest", "pictures/s", *header_of_ratios):
            table.add_column(header, justify="left" if not header else "right")
        for row, ratio in zip(result["stylising"], ratios, strict=True):
            times = row["seconds"]
            spread = [f"{times[key] * 1e3:.0f} ms" for key in ("median", "fastest", "slowest")]
            size = f"{row['width']}×{row['height']}"
            table.add_row(row["what"], size, *spread, f"{1 / times['median']:.1f}", *ratio)
        made.append(table)
    return made
