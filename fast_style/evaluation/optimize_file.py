"""Optimizes the picture of a photo file: coarse to fine, with intermediate results and a loss curve."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from torch import Tensor

from fast_style.config.schema import TrainConfig
from fast_style.errors import UNSET, ConfigError
from fast_style.evaluation.gatys import METHODS, STARTS, Iteration, optimize, resized, starting_picture
from fast_style.images.decode import load_rgb, open_image
from fast_style.images.encode import save_rgb
from fast_style.images.formats import WRITTEN_SUFFIXES
from fast_style.images.tensors import to_float, to_pixels, to_tensor
from fast_style.inference.torch_engine import torch_device
from fast_style.perceptual.objective import build_loss
from fast_style.perceptual.style_image import SMALLEST_SIDE, least_max_side, load_style
from fast_style.system.files import atomic_write, check_writable
from fast_style.system.paths import find_input
from fast_style.system.progress import ProgressDisplay, ProgressTask

ITERATIONS = 300
PREVIEW_SIZE, PREVIEW_ITERATIONS = 256, 60


@dataclass(frozen=True)
class GatysOptions:
    """The options of `optimize_file` beside style, encoder and loss."""

    iterations: int | None = None
    """Iterations at each level; None for 300, or 60 of a preview."""
    max_size: int = 512
    """Longer side in pixels that larger photos are shrunk to first."""
    preview: bool = False
    """Whether to make the same picture, strokes and all, at a longer side of `PREVIEW_SIZE` pixels."""
    start: str = "photo"
    """The picture to begin with: `photo`, `noise` or `style`."""
    method: str = "lbfgs"
    """The optimizer: `lbfgs` or `adam`."""
    levels: int = 1
    """Levels from coarse to fine: each has twice the size of the one before, and begins with its picture."""
    save_every: int | None = None
    """Also writes OUT-0010.png and so on, every so many iterations of the last level."""
    curve: Path | None = None
    """A CSV file to write, with the loss and its terms after each iteration."""
    quality: int = 95
    """Quality of JPEG, WebP and AVIF, 1 to 100."""
    device: str = "auto"
    """The device to compute on: `cpu`, `cuda`, `mps`, or `auto` for a GPU where torch sees one."""

    @property
    def level_iterations(self) -> int:
        """Iterations at each level."""
        return self.iterations or (PREVIEW_ITERATIONS if self.preview else ITERATIONS)


@dataclass(frozen=True)
class OptimizationResult:
    """What `optimize_file` arrived at."""

    best: Iteration
    """The iteration whose picture is written."""
    interrupted: bool = False
    """Whether Ctrl-C ended the optimization."""


def optimize_file(
    content: Path,
    config: TrainConfig,
    output: Path,
    options: GatysOptions,
    *,
    console: Console,
    quiet: bool,
    report_shrunk: Callable[[int, int], None] = lambda width, height: None,
) -> OptimizationResult:
    """Stylizes one photo by optimizing its pixels, which takes minutes.

    On KeyboardInterrupt the best picture so far is written, at the size of the level that it belongs to, and the
    curve; in the very first iteration, where there is none yet, it is raised and nothing is written.

    Args:
        content: the photo.
        config: style, encoder and loss, as for a training run; `seed` is the seed of the noise.
        output: the picture to write.
        options: everything else.
        console: where progress is shown.
        quiet: shows nothing.
        report_shrunk: called with width and height in pixels of a photo that `max_size` shrinks, before the first
            iteration.

    Raises:
        FastStyleError: unreadable or too small pictures, invalid options, or an output that cannot be written.
    """
    _check(output, options)
    device = torch_device(options.device)
    photo = to_float(to_tensor(load_rgb(content, max_side=options.max_size))[None].to(device))
    height, width = photo.shape[-2:]
    sizes = level_sizes(height, width, options)
    if min(sizes[0]) < SMALLEST_SIDE:
        raise ConfigError(
            f"{content}: {width}×{height} px is too small for {options.levels} levels, of which the smallest needs "
            f"{SMALLEST_SIDE} px",
            setting="levels",
            value=options.levels,
            remedy="give fewer levels or a larger {max_size}",
            suggestions={"max_size": UNSET},
        )
    with ProgressDisplay(console, quiet=quiet, elapsed=True, keep=True) as display:
        task = display.add("optimizing", options.levels * options.level_iterations)
        levels = _Levels(photo, config, output, options, task)
        with open_image(content) as image:
            if max(image.size) > max(height, width) and not options.preview:
                levels.report_start = lambda: report_shrunk(width, height)
        result = levels.run(sizes)
    save_rgb(to_pixels(result.best.picture)[0], output, quality=options.quality)
    if options.curve is not None:
        _write_curve(levels.rows, options.curve)
    return result


def level_sizes(height: int, width: int, options: GatysOptions) -> list[tuple[int, int]]:
    """Returns height and width in pixels of each level, from coarse to fine, for a photo of `height` × `width`."""
    shrink = min(1.0, PREVIEW_SIZE / max(height, width)) if options.preview else 1.0
    factors = [shrink / 2**level for level in reversed(range(options.levels))]
    return [(round(height * factor), round(width * factor)) for factor in factors]


class _Levels:
    """The optimization of a photo level by level: its best iteration so far, and its loss curve.

    Args:
        photo: the photo at its full size, float RGB in [0, 1], `[1, 3, H, W]`.
        config: style, encoder and loss.
        output: the picture to write, beside which intermediate results are saved.
        options: everything else.
        task: shows the progress.
    """

    def __init__(
        self, photo: Tensor, config: TrainConfig, output: Path, options: GatysOptions, task: ProgressTask
    ) -> None:
        self.photo = photo
        self.config = config
        self.output = output
        self.options = options
        self.task = task
        self.report_start: Callable[[], None] = lambda: None  # once whatever may be wrong with the settings was found
        self.best: Iteration | None = None  # of the level that is under way
        self.rows: list[dict[str, float]] = []
        assert config.style.image is not None
        self.least_style_size = least_max_side(find_input(config.style.image))

    def run(self, sizes: list[tuple[int, int]]) -> OptimizationResult:
        """Optimizes a picture at each of `sizes` (height and width), each begun with the picture before it.

        Raises:
            KeyboardInterrupt: Ctrl-C before the end of the first iteration.
        """
        picture: Tensor | None = None
        try:
            for level, size in enumerate(sizes):
                result = self.run_level(level, size, picture)
                picture = result.picture
        except KeyboardInterrupt:
            if self.best is None:
                raise
            return OptimizationResult(self.best, interrupted=True)
        return OptimizationResult(result)

    def run_level(self, level: int, size: tuple[int, int], picture: Tensor | None) -> Iteration:
        """Optimizes a picture at one size, from the picture of the level before, if there is one."""
        # Strokes keep their size relative to the picture.
        style_size = max(self.least_style_size, round(self.config.style.size * size[0] / self.photo.shape[-2]))
        config = replace(self.config, style=replace(self.config.style, size=style_size))
        device = self.photo.device
        style = load_style(config)
        loss = build_loss(config, style).to(device)
        photo = self.photo if size == self.photo.shape[-2:] else resized(self.photo, size)
        if picture is None:
            initial = starting_picture(self.options.start, photo, style.to(device), seed=self.config.seed)
        else:
            initial = resized(picture, size)
        return optimize(
            photo,
            loss,
            iterations=self.options.level_iterations,
            initial=initial,
            method=self.options.method,
            callback=lambda iteration: self.record(level, iteration),
        )

    def record(self, level: int, iteration: Iteration) -> bool:
        """Notes an iteration of a level, shows it, and saves its picture where that is asked for.

        Returns:
            False: the optimization goes on.
        """
        number, total = iteration.number, iteration.terms["total"]
        if level == number == 0:
            self.report_start()
        # Iteration 0 is the initial picture, which nobody wants a copy of.
        if number == 1 or (number and self.best and total < self.best.terms["total"]):
            self.best = iteration
        self.rows.append({"level": level + 1, "iteration": number, **iteration.terms})
        done = level * self.options.level_iterations + number
        self.task.update(completed=done, detail=f"loss {total:.3f}")
        every = self.options.save_every
        if level == self.options.levels - 1 and every and number and number % every == 0:
            path = self.output.with_name(f"{self.output.stem}-{number:04}{self.output.suffix}")
            save_rgb(to_pixels(iteration.picture)[0], path, quality=self.options.quality)
        return False


def _check(output: Path, options: GatysOptions) -> None:
    for setting, value, allowed in (("start", options.start, STARTS), ("method", options.method, METHODS)):
        if value not in allowed:
            raise ConfigError(f"must be one of {', '.join(allowed)}", setting=setting, value=value)
    if output.suffix.lower() not in WRITTEN_SUFFIXES:
        raise ConfigError(
            "has no suffix of an image format",
            setting="output",
            value=output,
            remedy=f"want one of {' '.join(sorted(WRITTEN_SUFFIXES))}",
        )
    check_writable(output.parent, "output")
    if options.curve is not None:
        check_writable(options.curve.parent, "curve")


def _write_curve(rows: list[dict[str, float]], path: Path) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
