"""The slow reference: Gatys, Ecker and Bethge 2015 (arXiv 1508.06576), with the very loss that networks train on.

The pixels of one picture are optimised until they satisfy the loss: minutes for what a network does in
milliseconds. It shows what a style, size and weight can give, and it is what networks are measured against.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from torch import Tensor
from torch.nn import functional as F

from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError
from fast_style.images.codec import IMAGE_SUFFIXES, load_rgb, open_image, save_rgb
from fast_style.images.tensors import to_float, to_pixels, to_tensor
from fast_style.inference.engines import torch_device
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import SMALLEST, build_loss, least_side, load_style, named_as_options
from fast_style.system.files import atomic_write, check_writable
from fast_style.system.paths import find_input

METHODS = ("lbfgs", "adam")
STARTS = ("photo", "noise", "style")

ITERATIONS = 300
PREVIEW_SIZE, PREVIEW_ITERATIONS = 256, 60


@dataclass(frozen=True)
class Progress:
    """Where an optimisation is after an iteration."""

    iteration: int
    terms: dict[str, float]
    """Of `PerceptualLoss`."""
    picture: Tensor
    """Float RGB in [0, 1], `[1, 3, H, W]`."""
    interrupted: bool = False
    """Ctrl-C ended it there."""


class _Enough(Exception):
    """Ends L-BFGS from inside its closure; it offers no other way."""


def optimize(
    photo: Tensor,
    loss: PerceptualLoss,
    *,
    iterations: int,
    initial: Tensor | None = None,
    method: str = "lbfgs",
    learning_rate: float = 0.02,
    watch: Callable[[Progress], bool] | None = None,
) -> Progress:
    """Optimises the pixels of a picture.

    Args:
        photo: what the content is compared with, float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        iterations: of L-BFGS, each a line search of one or more evaluations, or steps of Adam.
        initial: where it starts, like `photo`; None: at the photo.
        method: `lbfgs` (history 50, strong Wolfe line search) or `adam`.
        learning_rate: of Adam.
        watch: called after each iteration; True ends the optimisation there.

    Returns:
        The best iteration.
    """
    # Contiguous, because L-BFGS takes its gradient as one flat view.
    picture = (photo if initial is None else initial).detach().clone(memory_format=torch.contiguous_format)
    picture.requires_grad_(True)
    content = loss.content_features(photo)
    best: Progress | None = None  # of all evaluations
    current: Progress | None = None  # the best one of this iteration

    def finish() -> None:
        nonlocal best, current
        if current is None:
            return
        done, current = current, None
        if best is None or done.terms["total"] < best.terms["total"]:
            best = done
        if watch is not None and watch(done):
            raise _Enough

    def closure() -> Tensor:
        nonlocal current
        iteration = count()
        if current is not None and iteration != current.iteration:
            finish()
        optimizer.zero_grad()
        # A pixel beyond [0, 1] has no gradient: nothing is to be gained out there.
        clamped = picture.clamp(0, 1)
        terms = loss(clamped, content)
        terms["total"].backward()
        values = {name: value.item() for name, value in terms.items()}
        if current is None or values["total"] < current.terms["total"]:
            current = Progress(iteration, values, clamped.detach().clone())
        return terms["total"].detach()

    if method == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam([picture], lr=learning_rate)
    else:
        optimizer = torch.optim.LBFGS(
            [picture],
            max_iter=iterations,
            max_eval=25 * iterations,
            history_size=50,
            line_search_fn="strong_wolfe",
            tolerance_grad=0,
            tolerance_change=0,
        )

    def count() -> int:
        # Both keep count themselves; before the first iteration there is no state.
        state = optimizer.state[picture]
        return int(state.get("n_iter", state.get("step", 0)))

    try:
        # L-BFGS does all its iterations in one step, Adam one in each.
        for _ in range(iterations if method == "adam" else 1):
            optimizer.step(closure)  # type: ignore[arg-type]
        if method == "adam":
            closure()  # the last step's picture is not evaluated yet
        finish()
    except _Enough:
        pass
    assert best is not None
    return best


def starting_picture(start: str, photo: Tensor, style: Tensor, *, seed: int) -> Tensor:
    """Where an optimisation begins, as large as `photo`: at the photo, at uniform noise, or at the style image,
    stretched to its size.

    Args:
        start: `photo`, `noise` or `style`.
        photo, style: float RGB in [0, 1], `[1, 3, H, W]`.
        seed: of the noise.
    """
    if start == "noise":
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(photo.shape, generator=generator).to(photo.device)
    return photo if start == "photo" else resized(style, photo.shape[-2:])


def resized(image: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """`image` `[N, 3, H, W]` at another height and width, antialiased."""
    return F.interpolate(image, tuple(size), mode="bilinear", antialias=True).clamp(0, 1)


def equivalent_iterations(
    totals: Sequence[float], photo: Tensor, loss: PerceptualLoss, *, limit: int, initial: Tensor | None = None
) -> list[int]:
    """How many L-BFGS iterations reach the objective that a network reached (Johnson et al. 2016, section 4.1 and
    figure 5, where they begin at noise).

    Args:
        totals: of each network, the objective on `photo`; one optimisation answers for all.
        photo: float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        limit: where to stop looking.
        initial: where they begin; None: at the photo, which takes fewer.

    Returns:
        Of each network, 0 to `limit`; 0 if the untouched photo is as good; `limit` if even that many do not reach it.
    """
    counts = [limit] * len(totals)
    missing = set(range(len(totals)))

    def watch(progress: Progress) -> bool:
        for number in [number for number in missing if progress.terms["total"] <= totals[number]]:
            counts[number] = progress.iteration
            missing.remove(number)
        return not missing

    optimize(photo, loss, iterations=limit, initial=initial, watch=watch)
    return counts


@named_as_options()
def optimize_file(
    content: Path,
    config: TrainConfig,
    output: Path,
    *,
    iterations: int,
    max_size: int,
    preview: bool,
    start: str,
    method: str,
    levels: int,
    save_every: int | None,
    curve: Path | None,
    quality: int,
    device: str,
    console: Console,
    quiet: bool,
) -> Progress:
    """What `fast-style optimize` does: one photo, one style, minutes.

    On KeyboardInterrupt the best picture so far is written, at the size of the level that it is of, and the curve; in
    the very first iteration, where there is none yet, it is raised and nothing is written.

    Args:
        content: the photo.
        config: style, encoder and loss, as for a training; `seed` is the noise's.
        output: where the picture goes.
        iterations: of every level.
        max_size: longer side in pixels; larger photos are shrunk to it first.
        preview: the same picture, strokes and all, at a longer side of `PREVIEW_SIZE`.
        start, method: `photo`, `noise` or `style`; `lbfgs` or `adam`.
        levels: coarse to fine: each has twice the size of the one before, and begins at its picture.
        save_every: also writes OUT-0010.png and so on, every so many iterations of the last level.
        curve: a CSV file with the loss and its terms after each iteration.
        device: `cpu`, `cuda`, `mps`, or `auto`: a GPU where torch sees one.

    Raises:
        FastStyleError: unreadable or too small pictures, settings that can't be, an output that can't be written.
    """
    for option, value, allowed in (("start", start, STARTS), ("method", method, METHODS)):
        if value not in allowed:
            raise ConfigError(f"--{option} {value}: must be one of {', '.join(allowed)}")
    if output.suffix.lower() not in IMAGE_SUFFIXES:
        raise ConfigError(f"{output}: has no suffix of an image format; want one of {' '.join(sorted(IMAGE_SUFFIXES))}")
    check_writable(output.parent, "--output")
    if curve is not None:
        check_writable(curve.parent, "--curve")
    computing = torch_device(device)
    full = to_float(to_tensor(load_rgb(content, max_side=max_size))[None].to(computing))
    with open_image(content) as image:
        shrunk = max(image.size) > max(full.shape[-2:])
    if shrunk and not (preview or quiet):
        console.print(f"shrunk to {full.shape[3]}×{full.shape[2]} px; --max-size for more", highlight=False)
    shrink = min(1.0, PREVIEW_SIZE / max(full.shape[-2:])) if preview else 1.0
    sizes = [tuple(round(side * shrink / 2**level) for side in full.shape[-2:]) for level in reversed(range(levels))]
    if min(sizes[0]) < SMALLEST:
        raise ConfigError(
            f"{content}: {full.shape[3]}×{full.shape[2]} px is too small for {levels} levels; want {SMALLEST} px or "
            f"more at the smallest, so larger --max-size or fewer --levels"
        )
    least_style_size = least_side(find_input(config.style.image))
    rows: list[dict[str, float]] = []
    picture: Tensor | None = None
    so_far: Progress | None = None  # the best iteration of the level that is under way
    bar = ProgressBar(
        TextColumn("optimising"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(), TextColumn("·"), TimeRemainingColumn(), TextColumn("left"),
        console=console, disable=quiet or not console.is_terminal,
    )  # fmt: skip
    try:
        with bar:
            task = bar.add_task("optimising", total=levels * iterations, loss="")
            for level, size in enumerate(sizes):
                last = level == levels - 1
                # Strokes keep their size relative to the picture.
                style_size = max(least_style_size, round(config.style.size * size[0] / full.shape[-2]))
                at_size = replace(config, style=replace(config.style, size=style_size))
                style = load_style(at_size)
                loss = build_loss(at_size, style).to(computing)
                photo = full if size == full.shape[-2:] else resized(full, size)
                begin = (
                    starting_picture(start, photo, style.to(computing), seed=config.seed)
                    if picture is None
                    else resized(picture, size)
                )

                def watch(progress: Progress, level: int = level, last: bool = last) -> bool:
                    nonlocal so_far
                    total = progress.terms["total"]
                    # Of the photo, or whatever it begins at, nobody wants a copy.
                    if progress.iteration == 1 or (progress.iteration and so_far and total < so_far.terms["total"]):
                        so_far = progress
                    rows.append({"level": level + 1, "iteration": progress.iteration, **progress.terms})
                    bar.update(task, completed=level * iterations + progress.iteration, loss=f"loss {total:.3f}")
                    if last and save_every and progress.iteration and progress.iteration % save_every == 0:
                        name = f"{output.stem}-{progress.iteration:04}{output.suffix}"
                        save_rgb(to_pixels(progress.picture)[0], output.with_name(name), quality=quality)
                    return False

                result = optimize(photo, loss, iterations=iterations, initial=begin, method=method, watch=watch)
                picture = result.picture
    except KeyboardInterrupt:
        if so_far is None:
            raise
        result = replace(so_far, interrupted=True)
    save_rgb(to_pixels(result.picture)[0], output, quality=quality)
    if curve is not None:
        with atomic_write(curve) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return result
