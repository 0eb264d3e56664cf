"""The `fast-style` command. Every handler imports what it needs inside, so that `--help` is instant."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from fast_style import __version__
from fast_style.errors import FastStyleError

app = typer.Typer(
    name="fast-style",
    help="Train one small network per style, then stylise any picture in one pass.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

# Answers go to stdout; progress, warnings and errors to stderr.
stderr = Console(stderr=True)


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


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def train(context: typer.Context) -> None:
    """Train one style and export it: a Hydra application, `fast-style train style.image=PATH data.dir=PATH`.

    `fast-style train --help` shows every setting.
    """
    from fast_style.train import run

    run(context.args)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def distill(context: typer.Context) -> None:
    """Make an encoder of your own from a VGG: `fast-style distill photos=DIR teacher.weights=FILE output=FILE`.

    Takes Hydra overrides; conf/distill.yaml and fast_style/config.py (DistillConfig) have all the settings.
    """
    from fast_style.config import compose_distillation
    from fast_style.distill import distill as run

    print(run(compose_distillation(context.args)))


@app.command()
def stylize(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN…", help="Pictures, or folders of pictures.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A file for one picture, else a folder: names are kept."),
    ],
    model: Annotated[str, typer.Option("--model", "-m", help="Name or path of a model.")] = "starry_night",
    engine: Annotated[str, typer.Option(help="onnx, torch or auto.")] = "auto",
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    max_size: Annotated[
        int | None, typer.Option(min=1, help="Shrink larger pictures to this longer side first.")
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Stylise pictures. The result is exactly as large as its picture."""
    from fast_style.stylize import plan, stylize_files

    jobs = plan(inputs, output)
    failures = stylize_files(
        jobs,
        model,
        engine=engine,
        device=device,
        max_size=max_size,
        quality=quality,
        console=stderr,
        quiet=quiet,
    )
    if failures:
        for failure in failures:
            print(f"fast-style stylize: {failure}", file=sys.stderr)
        raise typer.Exit(2 if len(failures) == len(jobs) else 1)


def _shown(folder: Path) -> str:
    """Relative to the current folder where it lies below it."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


@app.command()
def models() -> None:
    """List the models that `--model` knows by name."""
    from rich.table import Table

    from fast_style.artifact import list_models, read_info

    table = Table(box=None)
    for header in ("name", "style", "network", "size", "style loss", "content loss"):
        table.add_column(header, no_wrap=header in ("name", "size"))
    table.add_column("folder", overflow="fold")
    known = list_models()
    if not known:
        stderr.print("no models yet: train one with fast-style train")
        return
    for files in known:
        card = files.card()
        validation = card.get("training", {}).get("validation", {})
        try:
            title = (
                read_info(files.safetensors).style_title
                if files.safetensors
                else card.get("style", {}).get("title", "")
            )
            network = card.get("network", {}).get("name", "")
        except FastStyleError as error:
            title, network = str(error), ""
        figures = [f"{validation[key]:.3f}" if key in validation else "" for key in ("style", "content")]
        table.add_row(files.name, title, network, f"{files.size() / 1e6:.1f} MB", *figures, _shown(files.folder))
    Console().print(table)


@app.command()
def evaluate(
    models: Annotated[list[str], typer.Argument(metavar="MODEL…", help="Names or paths of models.")],
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Photos that the models never saw.")],
    style: Annotated[Path, typer.Option(metavar="IMG", help="The style image.")],
    encoder: Annotated[str, typer.Option(help="Of the reference loss.")] = "embedded",
    weights: Annotated[Path | None, typer.Option(help="Local weights of the encoder.")] = None,
    style_size: Annotated[int, typer.Option(min=32, help="Longer side of the style image.")] = 512,
    count: Annotated[int | None, typer.Option(min=1, help="Photos to use, evenly spread; all by default.")] = None,
    equivalent: Annotated[
        int, typer.Option(min=0, help="Photos on which to count equivalent L-BFGS iterations: minutes for each.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Most equivalent iterations to look for.")] = 200,
    convention: Annotated[
        str | None, typer.Option(help="The models are other people's .onnx files: nchw-255 or nchw-1.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of a table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Measure models on photos they never saw, under one reference loss."""
    import json

    from fast_style.evaluate import evaluate_models, table

    cards = evaluate_models(
        models, photos, style, encoder=encoder, weights=weights, style_size=style_size, count=count,
        equivalent_photos=equivalent, limit=limit, convention=convention, console=stderr, quiet=quiet,
    )  # fmt: skip
    if as_json:
        print(json.dumps(cards, indent=2))
    else:
        Console().print(table(cards))


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A .ckpt file of a training run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The model folder to write.")],
    full_weights: Annotated[bool, typer.Option(help="Store float32 in place of float16.")] = False,
) -> None:
    """Export the network of a training checkpoint."""
    from fast_style.export import export_checkpoint

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
    command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    try:
        app()
    except FastStyleError as error:
        print(f"{f'fast-style {command}'.strip()}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
