"""`fast-style optimize`: optimizes the pixels of one picture."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import complain, note, stderr
from fast_style.cli.options import (
    EncoderName,
    ImageQuality,
    NoBar,
    Overwrite,
    Parents,
    StyleSize,
    TorchDevice,
    Weights,
    choice,
)
from fast_style.system.optional import require_extra

Content = Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")]
Style = Annotated[Path, typer.Argument(metavar="STYLE", help="The style image.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")]
Preview = Annotated[
    bool,
    typer.Option("--preview", help="Make the same picture, but small and in a minute: try a style before training it."),
]
Iterations = Annotated[
    int | None, typer.Option(min=1, help="Iterations at each level; 300 by default, 60 for a preview.")
]
MaxSize = Annotated[int, typer.Option(min=32, help="Shrink a larger photo to this longer side in pixels first.")]
ContentWeight = Annotated[
    float | None, typer.Option(min=0, help="Weight of the content term; more stays closer to the photo.")
]
StyleWeight = Annotated[
    float | None, typer.Option(min=0, help="Weight of the style term; more is more like the painting.")
]
TvWeight = Annotated[float | None, typer.Option(min=0, help="Weight of total variation; more is smoother.")]
LayerWeight = Annotated[
    list[str] | None,
    typer.Option(metavar="LAYER=WEIGHT", help="Weight of one style layer, 1 by default; repeatable."),
]
Start = Annotated[str, choice("Picture to start from.", ("photo", "noise", "style"))]
Levels = Annotated[
    int, typer.Option(min=1, max=6, help="Levels from coarse to fine, each twice as large as the one before.")
]
Method = Annotated[str, choice("Optimizer.", ("lbfgs", "adam"))]
Pooling = Annotated[str, choice("Pooling in the encoder.", ("max", "average"))]
Seed = Annotated[int, typer.Option(help="Seed for the initial noise.")]
SaveEvery = Annotated[int | None, typer.Option(min=1, help="Also write OUT-0010.png and so on, every N iterations.")]
Curve = Annotated[Path | None, typer.Option(metavar="CSV", help="Write the loss of each iteration to this file.")]


def optimize(
    content: Content,
    style: Style,
    output: Output,
    preview: Preview = False,
    iterations: Iterations = None,
    max_size: MaxSize = 512,
    style_size: StyleSize = None,
    content_weight: ContentWeight = None,
    style_weight: StyleWeight = None,
    tv_weight: TvWeight = None,
    layer_weight: LayerWeight = None,
    start: Start = "photo",
    levels: Levels = 1,
    method: Method = "lbfgs",
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    pooling: Pooling = "max",
    seed: Seed = 0,
    save_every: SaveEvery = None,
    curve: Curve = None,
    quality: ImageQuality = 95,
    device: TorchDevice = "auto",
    overwrite: Overwrite = None,
    parents: Parents = False,
    quiet: NoBar = False,
) -> None:
    """Optimize the pixels of one picture (Gatys et al. 2015): slow, and what networks are measured against."""
    require_extra("train")
    from fast_style.errors import ConfigError
    from fast_style.evaluation.optimize_file import GatysOptions, optimize_file
    from fast_style.perceptual.objective import objective_config
    from fast_style.system.results import ResultPolicy
    from fast_style.system.signals import sigterm_as_interrupt

    wrong = next((entry for entry in layer_weight or () if "=" not in entry), None)
    if wrong is not None:
        raise ConfigError("want LAYER=WEIGHT", setting="layer_weight", value=wrong)
    weighted = {"content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight}
    config = objective_config(
        style, encoder=encoder, weights=weights, style_size=style_size,
        overrides=[
            f"encoder.pooling={pooling}", f"seed={seed}",
            *(f"loss.{key}={value}" for key, value in weighted.items() if value is not None),
            *(f"+loss.layer_weights.{entry}" for entry in layer_weight or ()),
        ],
    )  # fmt: skip
    options = GatysOptions(
        iterations=iterations, max_size=max_size, preview=preview, start=start, method=method, levels=levels,
        save_every=save_every, curve=curve, quality=quality, device=device,
    )  # fmt: skip
    shrunk = "shrunk to {}×{} px, by --max-size " + str(max_size)
    policy = ResultPolicy(overwrite, parents=parents)
    for path in (output, *([curve] if curve else [])):
        policy.check_file(path)

    def results() -> list[Path]:
        steps = output.parent.glob(f"{glob.escape(output.stem)}-[0-9]*{output.suffix}") if save_every else ()
        return [output, *([curve] if curve else []), *steps]

    with sigterm_as_interrupt(), policy.guard(results):
        result = optimize_file(
            content, config, output, options, console=stderr, quiet=quiet,
            report_shrunk=lambda *size: note(shrunk.format(*size), quiet=quiet),
        )  # fmt: skip
    number, terms = result.best.number, result.best.terms
    if result.interrupted:
        complain("optimize", f"interrupted at iteration {number}; the picture so far is in {output}")
        raise typer.Exit(130)
    note(f"iteration {number}: " + ", ".join(f"{n} {terms[n]:.3f}" for n in ("style", "content", "total")), quiet=quiet)
    print(output)
