"""The `fast-style` command. Every handler imports what it needs inside, so that `--help` is instant."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler

from fast_style import __version__
from fast_style.errors import ConfigError, FastStyleError, first_line
from fast_style.models.artifact import DEFAULT_MODEL

if TYPE_CHECKING:
    from fast_style.config.schema import DistillConfig, TrainConfig

app = typer.Typer(
    name="fast-style",
    help="Train one small network per style, then stylise any picture in one pass.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Answers go to stdout; progress, warnings and errors to stderr. Neither takes the brackets of a name for markup.
stdout = Console(markup=False)
stderr = Console(stderr=True, markup=False)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train one small network per style, then stylise any picture in one pass."""


def _one_at_a_time(models: list[str]) -> list[str]:
    if len(models) > 1:
        raise ConfigError(f"--model: one at a time here; run it once for each of {', '.join(models)}")
    return models


ModelName = Annotated[
    list[str],
    typer.Option("--model", "-m", metavar="<str>", callback=_one_at_a_time, help="Name or path of a model."),
]
DEFAULT_MODELS = [DEFAULT_MODEL]
Engine = Annotated[str, typer.Option(help="onnx, torch or auto.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps, coreml, directml or auto.")]
TorchDevice = Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")]
Strength = Annotated[
    float | None,
    typer.Option(metavar="0…1.5", help="How much style, 1 by default, for models that were trained with a strength."),
]
EncoderName = Annotated[str, typer.Option(help="embedded, vgg16, vgg19 or random.")]
Weights = Annotated[Path | None, typer.Option(help="Local weights of the encoder.")]
StyleSize = Annotated[int, typer.Option(min=32, help="Longer side of the style image: the size of the brush.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


# Of the commands that take settings: their --help depends on the settings beside it.
TAKES_SETTINGS: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "add_help_option": False,
}


@app.command(**TAKES_SETTINGS)
def train(context: typer.Context) -> None:
    """Train one style and export it: a Hydra application, `fast-style train style.image=PATH data.dir=PATH`.

    `fast-style train --help` shows every setting.
    """
    from fast_style.cli.settings_help import TRAIN_HELP
    from fast_style.config.compose import groups
    from fast_style.config.schema import TrainConfig

    asked, overrides = _help_asked(context.args)
    if asked:
        _show_settings(TRAIN_HELP, overrides, TrainConfig, groups())
        return
    from fast_style.cli.hydra_app import run

    run(overrides)


def _help_asked(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether `--help` is among them, and the others."""
    others = [argument for argument in arguments if argument not in ("--help", "-h")]
    return len(others) < len(arguments), others


def _show_settings(
    about: str, overrides: list[str], schema: type[TrainConfig | DistillConfig], groups: dict[str, list[str]]
) -> None:
    """`--help` of a command that takes settings: every one of them, as these overrides leave it."""
    from rich.table import Table

    from fast_style.config.entry import described

    settings = described(overrides, schema)
    stdout.print(about, highlight=False, soft_wrap=True)
    if groups:
        ready = Table(box=None, pad_edge=False, show_header=False)
        ready.add_column(no_wrap=True)
        ready.add_column()
        for group, names in groups.items():
            ready.add_row(f"{group}=", ", ".join(names))
        stdout.print(ready, "")
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for header in ("value", "what it is"):
        table.add_column(header, overflow="fold")
    for name, value, meaning in settings:
        table.add_row(name, value, meaning)
    stdout.print(table)


@app.command(**TAKES_SETTINGS)
def distill(context: typer.Context) -> None:
    """Make an encoder of your own from a VGG: `fast-style distill photos=DIR teacher.weights=FILE output=FILE`.

    `fast-style distill --help` shows every setting.
    """
    from fast_style.cli.settings_help import DISTILL_HELP
    from fast_style.config.entry import compose_distillation
    from fast_style.config.schema import DistillConfig

    asked, overrides = _help_asked(context.args)
    if asked:
        _show_settings(DISTILL_HELP, overrides, DistillConfig, {})
        return
    from fast_style.distillation.distill import distill as run

    print(run(compose_distillation(overrides)))


@app.command()
def stylize(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="IN…", help="Pictures, folders of pictures, quoted patterns, or - for stdin."),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="A file for one picture, - for stdout, else a folder."),
    ],
    model: ModelName = DEFAULT_MODELS,
    strength: Strength = None,
    keep_color: Annotated[bool, typer.Option("--keep-color", help="Strokes in the picture's own colours.")] = False,
    stroke: Annotated[float, typer.Option(metavar="0.5…2", help="Size of the strokes.")] = 1.0,
    max_size: Annotated[
        int | None, typer.Option(min=1, help="Shrink larger pictures to this longer side first.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="SUFFIX", help="png, jpg, webp … for folders and stdout; else as each picture."),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    metadata: Annotated[
        bool, typer.Option("--metadata/--no-metadata", help="Keep camera, date, place, author, resolution.")
    ] = True,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Leave results that are there.")] = False,
    engine: Engine = "auto",
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="Of torch: fp32, bf16, fp16 or auto.")] = "auto",
    compile: Annotated[bool, typer.Option("--compile", help="Compile first: for many pictures of one size.")] = False,
    tile: Annotated[
        str, typer.Option(help="auto: when memory is short; off; or the side of tiles in pixels.")
    ] = "auto",
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most memory to take, like 2GB; by default half of what is free.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads that read and write; by default as cores.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Stylise pictures. The result is exactly as large as its picture."""
    from fast_style.inference.batch import Options, plan, stylize_files, unfinished
    from fast_style.inference.stylizer import Stylizer
    from fast_style.system.hardware import usable_cores
    from fast_style.system.signals import sigterm_as_interrupt

    suffix = f".{format.lstrip('.')}" if format is not None else None
    planned = plan(inputs, output, suffix)
    wanted = unfinished(planned) if skip_existing else planned
    if not quiet and len(wanted) < len(planned):
        stderr.print(f"{len(planned) - len(wanted)} of {len(planned)} are there already", highlight=False)
    if not wanted:
        return
    options = Options(
        strength=strength, keep_color=keep_color, stroke=stroke, max_size=max_size, quality=quality, format=suffix,
        metadata=metadata, jobs=jobs or usable_cores(),
    )  # fmt: skip
    with sigterm_as_interrupt():
        stylizer = Stylizer.load(
            model[0], engine=engine, device=device, precision=precision, compile=compile, tile=tile, memory=memory,
        )  # fmt: skip
        failures = stylize_files(wanted, stylizer, options, console=stderr, quiet=quiet)
    if failures:
        for failure in failures:
            print(f"fast-style stylize: {failure}", file=sys.stderr)
        raise typer.Exit(2 if len(failures) == len(wanted) else 1)


def _shown(folder: Path) -> str:
    """Relative to the current folder where it lies below it."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


@app.command()
def models(as_json: Annotated[bool, typer.Option("--json", help="JSON in place of a table.")] = False) -> None:
    """List the models that `--model` knows by name, with what was measured of them.

    Style left: the style term, as a share of the untouched photos'.

    Iterations: of L-BFGS, begun at the photo and at noise, that the model equals.
    """
    import json

    from rich.table import Table

    from fast_style.models.artifact import list_models
    from fast_style.models.card import summary

    known = list_models()
    rows = [summary(files) for files in known]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not known:
        stderr.print("no models yet: train one with fast-style train")
        return
    table = Table(box=None, pad_edge=False)
    for header in ("name", "network", "MB", "style left", "content", "iterations", "style"):
        table.add_column(header, no_wrap=header != "style")
    for row in rows:
        measured = [row["style_left"], row["content"]]
        iterations = [row["iterations_from_photo"], row["iterations_from_noise"]]
        table.add_row(
            row["name"], row["network"], f"{row['bytes'] / 1e6:.1f}",
            *("" if value is None else f"{value:.3f}" for value in measured),
            "" if None in iterations else ", ".join(f"{value:g}" for value in iterations), row["style"],
        )  # fmt: skip
    stdout.print(table)
    for folder in dict.fromkeys(files.folder.parent for files in known):
        names = ", ".join(files.name for files in known if files.folder.parent == folder)
        stdout.print(f"\nin {_shown(folder)}: {names}", highlight=False, soft_wrap=True)


@app.command()
def optimize(
    content: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The style image.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="The same picture, small and in a minute: try a style before training it.")
    ] = False,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="At each level; 300 by default, 60 for a preview.")
    ] = None,
    max_size: Annotated[int, typer.Option(min=32, help="Shrink a larger photo to this longer side first.")] = 512,
    style_size: StyleSize = 512,
    content_weight: Annotated[float | None, typer.Option(min=0, help="More: closer to the photo.")] = None,
    style_weight: Annotated[float | None, typer.Option(min=0, help="More: stronger style.")] = None,
    tv_weight: Annotated[float | None, typer.Option(min=0, help="More: smoother.")] = None,
    layer_weight: Annotated[
        list[str] | None, typer.Option(metavar="LAYER=WEIGHT", help="Of a style layer, 1 by default; repeatable.")
    ] = None,
    start: Annotated[str, typer.Option(help="photo, noise or style.")] = "photo",
    levels: Annotated[int, typer.Option(min=1, max=6, help="Coarse to fine: each level has twice the size.")] = 1,
    method: Annotated[str, typer.Option(help="lbfgs or adam.")] = "lbfgs",
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    pooling: Annotated[str, typer.Option(help="Of the encoder: max or average.")] = "max",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    save_every: Annotated[int | None, typer.Option(min=1, help="Also write OUT-0010.png … every N iterations.")] = None,
    curve: Annotated[Path | None, typer.Option(metavar="CSV", help="Write the loss of each iteration.")] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    device: TorchDevice = "auto",
    quiet: Quiet = False,
) -> None:
    """Optimise the pixels of one picture (Gatys et al. 2015): slow, and what networks are measured against."""
    from fast_style.evaluation.gatys import ITERATIONS, PREVIEW_ITERATIONS, optimize_file
    from fast_style.perceptual.objective import objective_config
    from fast_style.system.signals import sigterm_as_interrupt

    weighted = {"content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight}
    config = objective_config(
        style, encoder=encoder, weights=weights, style_size=style_size,
        overrides=[
            f"encoder.pooling={pooling}", f"seed={seed}",
            *(f"loss.{key}={value}" for key, value in weighted.items() if value is not None),
            *(f"+loss.layer_weights.{entry}" for entry in layer_weight or ()),
        ],
    )  # fmt: skip
    with sigterm_as_interrupt():
        result = optimize_file(
            content, config, output, iterations=iterations or (PREVIEW_ITERATIONS if preview else ITERATIONS),
            max_size=max_size, preview=preview, start=start, method=method, levels=levels, save_every=save_every,
            curve=curve, quality=quality, device=device, console=stderr, quiet=quiet,
        )  # fmt: skip
    if result.interrupted:
        told = f"interrupted at iteration {result.iteration}; the picture so far is in {output}"
        print(f"fast-style optimize: {told}", file=sys.stderr)
        raise typer.Exit(130)
    if not quiet:
        figures = ", ".join(f"{name} {result.terms[name]:.3f}" for name in ("style", "content", "total"))
        stderr.print(f"iteration {result.iteration}: {figures}", highlight=False)
    print(output)


@app.command()
def similarity(
    images: Annotated[list[Path], typer.Argument(metavar="IMG…", help="Two or more pictures.")],
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    max_size: Annotated[int, typer.Option(min=32, help="Shrink larger pictures to this longer side first.")] = 512,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of tables.")] = False,
) -> None:
    """Print how far pictures are from one another in style and in content."""
    import json

    from fast_style.evaluation.similarity import compare, tables
    from fast_style.perceptual.objective import build_objective_encoder, named_as_options, objective_config

    config = objective_config(images[0], encoder=encoder, weights=weights, style_size=max_size)
    loss = config.loss
    with named_as_options():
        network = build_objective_encoder(config)
    result = compare(
        images, network, content_layers=loss.content_layers, style_layers=loss.style_layers, scales=loss.scales,
        size=max_size,
    )  # fmt: skip
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        for table in tables(result):
            stdout.print(table)


@app.command()
def visualize(
    layer: Annotated[str, typer.Option(help="A tap of the encoder: relu3_2.")],
    unit: Annotated[int, typer.Option(min=0, help="The channel.")],
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Where to look for what excites it.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")],
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    count: Annotated[int, typer.Option(min=1, help="Patches.")] = 9,
    quiet: Quiet = False,
) -> None:
    """Draw the patches of photos that excite a unit of an encoder most (Zeiler and Fergus 2014)."""
    from fast_style.evaluation.visualize import visualize_unit

    patches = visualize_unit(encoder, weights, layer, unit, photos, output, count=count, console=stderr, quiet=quiet)
    for patch in patches:
        print(f"{patch.activation:.4g}\t{patch.photo}\t{patch.left},{patch.top}")


@app.command()
def evaluate(
    models: Annotated[list[str], typer.Argument(metavar="MODEL…", help="Names or paths of models.")],
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Photos that the models never saw.")],
    style: Annotated[Path, typer.Option(metavar="IMG", help="The style image.")],
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    style_size: StyleSize = 512,
    max_size: Annotated[int, typer.Option(min=136, help="Shrink larger photos to this longer side first.")] = 1024,
    count: Annotated[int | None, typer.Option(min=1, help="Photos to use, evenly spread; all by default.")] = None,
    equivalent: Annotated[
        int, typer.Option(min=0, help="Photos on which to count equivalent L-BFGS iterations: minutes for each.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Most equivalent iterations to look for.")] = 200,
    convention: Annotated[
        str | None, typer.Option(help="The models are other people's .onnx files: nchw-255 or nchw-1.")
    ] = None,
    device: TorchDevice = "auto",
    save: Annotated[bool, typer.Option("--save", help="Write the scorecard into the model's card.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure models on photos they never saw, under one reference loss."""
    import json

    from fast_style.evaluation.scorecard import evaluate_models, table

    cards = evaluate_models(
        models, photos, style, encoder=encoder, weights=weights, style_size=style_size, max_size=max_size, count=count,
        equivalent_photos=equivalent, limit=limit, convention=convention, device=device, save=save,
        console=stderr, quiet=quiet,
    )  # fmt: skip
    if as_json:
        print(json.dumps(cards, indent=2))
    else:
        stdout.print(table(cards))


@app.command()
def bench(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE…", help="Settings of the training, as of `train`.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="To stylise with; repeatable. By default starry_night.")
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WxH", help="Of pictures; repeatable. By default 256x256, 640x480, 1280x720 and 1920x1080."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Of training, at least 6; 0: no training.")] = 12,
    seconds: Annotated[float, typer.Option(min=0, help="About how long to load or stylise for each figure.")] = 3.0,
    peer: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A checkout of pytorch/examples, to time beside.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of tables.")] = False,
    quiet: Quiet = False,
) -> None:
    """Time loading, training and stylising on this machine."""
    import json

    from fast_style.benchmark.bench import SIZES, tables
    from fast_style.benchmark.bench import bench as run
    from fast_style.video.media import parse_size

    result = run(
        models=model or DEFAULT_MODELS, sizes=[parse_size(text) for text in size] if size else SIZES,
        steps=steps, seconds=seconds, overrides=overrides or [], peer=peer,
        note=lambda text: None if quiet else stderr.print(text, highlight=False),
    )  # fmt: skip
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for table in tables(result):
        stdout.print(table)
    print(", ".join(f"{key} {value}" for key, value in result["machine"].items() if value is not None))


@app.command()
def video(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A video, a folder of pictures, or a pattern: frames/%05d.png.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A video, a .gif, a folder, or a pattern.")],
    model: ModelName = DEFAULT_MODELS,
    strength: Strength = None,
    keep_color: Annotated[bool, typer.Option("--keep-color", help="Strokes in the video's own colours.")] = False,
    stroke: Annotated[float, typer.Option(metavar="0.5…2", help="Size of the strokes.")] = 1.0,
    steady: Annotated[bool, typer.Option("--steady", help="Filter out flicker; what moves leaves no ghosts.")] = False,
    start: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Where to begin.")] = 0,
    duration: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="How much to do.")] = None,
    max_size: Annotated[int | None, typer.Option(min=1, help="Shrink larger frames to this longer side first.")] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="Of pictures; a video has its own times.")] = 25,
    codec: Annotated[
        str | None, typer.Option(help="h264 (default), h265, vp9 (default of .webm), av1, or an encoder of libav.")
    ] = None,
    crf: Annotated[int | None, typer.Option(help="Constant quality: lower is better and larger.")] = None,
    mute: Annotated[bool, typer.Option("--mute", help="Leave sound and subtitles out.")] = False,
    batch: Annotated[int | None, typer.Option(min=1, help="Frames at a time; 1 on a CPU, else 4.")] = None,
    engine: Engine = "auto",
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="Of torch: fp32, bf16, fp16 or auto.")] = "auto",
    compile: Annotated[bool, typer.Option("--compile", help="Compile first, with torch: for long videos.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Stylise a video: frame times, orientation, colours' matrix and range, pixel aspect and sound are kept."""
    from fast_style.inference.stylizer import Stylizer
    from fast_style.system.signals import sigterm_as_interrupt
    from fast_style.video.pipeline import check_target, stylize_video

    with sigterm_as_interrupt():
        check_target(source, output, codec, crf)
        stylizer = Stylizer.load(model[0], engine=engine, device=device, precision=precision, compile=compile)
        result = stylize_video(
            source, output, stylizer, strength=strength, keep_color=keep_color, stroke=stroke, steady=steady,
            batch=batch, start=start, duration=duration, max_size=max_size, fps=fps, codec=codec, crf=crf, mute=mute,
            console=stderr, quiet=quiet,
        )  # fmt: skip
    for warning in result.warnings:
        print(f"fast-style video: {warning}", file=sys.stderr)
    if not quiet:
        stderr.print(f"{result.frames} frames, {result.rate:.1f} frames/s", highlight=False)
        stderr.print(result.timings.table())
    if result.interrupted:
        print(f"fast-style video: interrupted; what was done is in {result.path}", file=sys.stderr)
        raise typer.Exit(130)
    print(result.path)


@app.command()
def webcam(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Name or path; repeatable: keys change it. By default starry_night."),
    ] = None,
    camera: Annotated[int, typer.Option(min=0, help="Its number.")] = 0,
    source: Annotated[
        str | None, typer.Option(metavar="FILE|URL", help="A video or stream in place of a camera.")
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="What the camera is asked for; larger frames are shrunk to fit in it.")
    ] = "640x480",
    strength: Strength = None,
    mirror: Annotated[
        bool | None,
        typer.Option("--mirror/--no-mirror", help="As a mirror shows it: by default a camera, not --source."),
    ] = None,
    keep_color: Annotated[bool, typer.Option("--keep-color", help="Begin with the picture's own colours.")] = False,
    steady: Annotated[bool, typer.Option("--steady", help="Begin with the filter against flicker.")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="No window; Ctrl-C or SIGTERM ends it.")] = False,
    record: Annotated[Path | None, typer.Option(metavar="OUT", help="Record from the first frame on.")] = None,
    codec: Annotated[str | None, typer.Option(help="Of recordings: h264, h265, vp9, av1.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where the keys S and R save frames and recordings.")
    ] = Path(),
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Also as a camera for other programs.")
    ] = False,
    engine: Engine = "auto",
    device: Device = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
) -> None:
    """Stylise a camera live. Press H in the window for the keys."""
    from fast_style.errors import MediaError
    from fast_style.system.signals import sigterm_as_interrupt
    from fast_style.video.media import parse_size
    from fast_style.webcam.loop import report, run
    from fast_style.webcam.show import Show

    if headless and record is None and not virtual_camera:
        raise MediaError("--headless shows nothing: add --record OUT.mp4 or --virtual-camera")
    box = parse_size(size)
    show = Show(
        model or DEFAULT_MODELS, engine=engine, device=device, strength=strength,
        mirror=source is None if mirror is None else mirror, keep_color=keep_color, steady=steady, folder=output,
        record=record, codec=codec,
    )  # fmt: skip
    with sigterm_as_interrupt():
        summary = run(
            camera if source is None else source, show, size=box, headless=headless, virtual_camera=virtual_camera
        )
    if not quiet:
        report(summary, stderr)
    for path in summary.written:
        print(path)


@app.command()
def flicker(
    original: Annotated[Path, typer.Argument(metavar="ORIGINAL", help="The video before it was stylised.")],
    stylized: Annotated[list[Path], typer.Argument(metavar="STYLIZED…", help="Videos made of it.")],
    start: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Where in the original the videos begin.")] = 0,
    max_size: Annotated[int | None, typer.Option(min=16, help="Measure at this longer side.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure how much stylised videos flicker: what changes along the original's optical flow."""
    import json

    from fast_style.video.warping_error import measure_videos, table

    result = measure_videos(original, stylized, start=start, longest=max_size, console=stderr, quiet=quiet)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        stdout.print(table(result))


@app.command()
def web(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Name or path; repeatable. By default every model that has a name."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="The folder to write the page to.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page on this machine; without -o none is kept.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="To serve at; 0: any free one.")] = 8000,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser; with --serve.")] = False,
    cdn: Annotated[
        bool, typer.Option("--cdn", help="The page loads onnxruntime-web from a public server, not from its folder.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Fetch onnxruntime-web from npm (33 MB, once) into the cache, checked.")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Of that package, if not npm's own: http, https or file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Write a static page that runs models in a browser, on the visitor's own camera and photos."""
    from fast_style.errors import WebError
    from fast_style.web import runtime
    from fast_style.web.site import write_site

    if browse and not serve:
        raise WebError("--open: shows a page that is served; add --serve")
    if install:
        folder = runtime.PACKAGE.install(url=url, console=stderr, quiet=quiet)
        if output is None and not serve:
            print(folder)
            return
    if serve:
        from fast_style.web.server import serve_site

        serve_site(model or [], output, cdn=cdn, port=port, browse=browse, console=stderr, quiet=quiet)
    elif output is not None:
        site = write_site(model or [], output, cdn=cdn)
        if not quiet:
            stderr.print(str(site), highlight=False, soft_wrap=True)
        print(output)
    else:
        raise WebError("nothing to do: give -o DIR to write the page, --serve to look at it, or --install")


data_app = typer.Typer(help="Make a compact training set, once: small JPEGs, quick to read.", no_args_is_help=True)
app.add_typer(data_app, name="data")

PhotoSize = Annotated[int, typer.Option(min=32, help="Shorter side in pixels; no photo is enlarged.")]
PhotoQuality = Annotated[int, typer.Option(min=1, max=100, help="Of the JPEGs.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as cores.")]


@data_app.command()
def prepare(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder of photos.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="The folder to write, outside SRC.")],
    size: PhotoSize = 256,
    quality: PhotoQuality = 90,
    jobs: Jobs = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Write every photo below SRC as a small JPEG. Run again, it goes on where it was."""
    from fast_style.datasets.prepare import prepare_folder

    result = prepare_folder(source, target, size=size, quality=quality, jobs=jobs, console=stderr, quiet=quiet)
    if not quiet:
        stderr.print(str(result), highlight=False, soft_wrap=True)
    print(result.folder)


@data_app.command()
def coco(
    target: Annotated[Path, typer.Argument(metavar="DST", help="Gets the photos in a folder named like the split.")],
    split: Annotated[str, typer.Option(help="val2017 (5 000 photos, 0.8 GB) or train2017 (118 287, 19 GB).")],
    size: PhotoSize = 256,
    quality: PhotoQuality = 90,
    jobs: Jobs = None,
    url: Annotated[str | None, typer.Option(help="Of the zip, if not COCO's own: http, https or file.")] = None,
    checksum: Annotated[str | None, typer.Option(metavar="MD5", help="Of the zip, if not COCO's own.")] = None,
    keep_zip: Annotated[bool, typer.Option("--keep-zip", help="Don't remove the zip at the end.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Fetch the photos of COCO 2017 and write them as small JPEGs. Run again, it goes on where it was."""
    from fast_style.datasets.coco import prepare_coco

    result = prepare_coco(
        target, split, size=size, quality=quality, jobs=jobs, url=url, checksum=checksum, keep_zip=keep_zip,
        console=stderr, quiet=quiet,
    )  # fmt: skip
    if not quiet:
        stderr.print(str(result), highlight=False, soft_wrap=True)
    print(result.folder)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CKPT", help="A .ckpt file of a training run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The model folder to write.")],
    full_weights: Annotated[bool, typer.Option("--full-weights", help="Store float32 in place of float16.")] = False,
) -> None:
    """Export the network of a training checkpoint."""
    from fast_style.training.export import export_checkpoint

    files = export_checkpoint(checkpoint, output, name=output.resolve().name, half_weights=not full_weights)
    print(files.folder)


def main() -> None:
    """The console script: a user's mistake is one line on stderr and status 2, never a traceback."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=stderr, show_path=False, show_time=False, markup=False)],
    )
    # Now, because `train` hands its arguments to Hydra in sys.argv.
    words = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    command = " ".join(words[: 2 if words[:1] == ["data"] else 1])
    try:
        app()
    except FastStyleError as error:
        print(f"{f'fast-style {command}'.strip()}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except OSError as error:  # of the system rather than of a file of ours: a full disk, a folder no one may enter
        where = f"{error.filename}: " if error.filename else ""
        print(f"{f'fast-style {command}'.strip()}: {where}{error.strerror or first_line(error)}", file=sys.stderr)
        if not error.filename and sys.stdout is not None:
            # What it could not take is tried once more at the end, and would be an error of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
