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
    """List the models that `--model` knows by name, with what was measured of them.

    Style left: the style term, as a share of the untouched photos'. Iterations: of L-BFGS, begun at the photo and
    at noise, that the model equals.
    """
    from rich.table import Table

    from fast_style.artifact import list_models, read_info

    table = Table(box=None)
    for header in ("name", "style", "network", "size", "style left", "content", "iterations"):
        table.add_column(header, no_wrap=header in ("name", "size", "iterations"))
    table.add_column("folder", overflow="fold")
    known = list_models()
    if not known:
        stderr.print("no models yet: train one with fast-style train")
        return
    for files in known:
        card = files.card()
        measured = card.get("scorecard", {})
        try:
            title = (
                read_info(files.safetensors).style_title
                if files.safetensors
                else card.get("style", {}).get("title", "")
            )
            network = card.get("network", {}).get("name", "")
        except FastStyleError as error:
            title, network = str(error), ""
        figures = [
            f"{measured['style_share']:.3f}" if measured else "",
            f"{measured['terms']['content']['mean']:.3f}" if measured else "",
            "{from_photo[median]:.0f}, {from_noise[median]:.0f}".format(**measured["equivalent_iterations"])
            if "equivalent_iterations" in measured
            else "",
        ]
        table.add_row(files.name, title, network, f"{files.size() / 1e6:.1f} MB", *figures, _shown(files.folder))
    Console().print(table)


EncoderName = Annotated[str, typer.Option(help="embedded, vgg16, vgg19 or random.")]
Weights = Annotated[Path | None, typer.Option(help="Local weights of the encoder.")]
StyleSize = Annotated[int, typer.Option(min=32, help="Longer side of the style image: the size of the brush.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


@app.command()
def optimize(
    content: Annotated[Path, typer.Argument(help="The photo.")],
    style: Annotated[Path, typer.Argument(help="The style image.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="The same picture, small and in a minute: try a style before training it.")
    ] = False,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="At each level; 300 by default, 60 for a preview.")
    ] = None,
    max_size: Annotated[int, typer.Option(min=32, help="Shrink a larger photo to this longer side first.")] = 512,
    style_size: StyleSize = 512,
    content_weight: Annotated[float | None, typer.Option(min=0)] = None,
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
    quiet: Quiet = False,
) -> None:
    """Optimise the pixels of one picture (Gatys et al. 2015): slow, and what networks are measured against."""
    from fast_style.objective import objective_config
    from fast_style.optimize import ITERATIONS, PREVIEW_ITERATIONS, optimize_file

    weighted = {"content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight}
    config = objective_config(
        style, encoder=encoder, weights=weights, style_size=style_size,
        overrides=[
            f"encoder.pooling={pooling}", f"seed={seed}",
            *(f"loss.{key}={value}" for key, value in weighted.items() if value is not None),
            *(f"+loss.layer_weights.{entry}" for entry in layer_weight or ()),
        ],
    )  # fmt: skip
    result = optimize_file(
        content, config, output, iterations=iterations or (PREVIEW_ITERATIONS if preview else ITERATIONS),
        max_size=max_size, preview=preview, start=start, method=method, levels=levels, save_every=save_every,
        curve=curve, quality=quality, console=stderr, quiet=quiet,
    )  # fmt: skip
    if not quiet:
        figures = ", ".join(f"{name} {result.terms[name]:.3f}" for name in ("style", "content", "total"))
        stderr.print(f"iteration {result.iteration}: {figures}", highlight=False)
    print(output)


@app.command()
def similarity(
    images: Annotated[list[Path], typer.Argument(metavar="IMG…", help="Two or more pictures.")],
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    size: StyleSize = 512,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of tables.")] = False,
) -> None:
    """Print how far pictures are from one another in style and in content."""
    import json

    from fast_style.objective import build_objective_encoder, objective_config
    from fast_style.similarity import compare, tables

    config = objective_config(images[0], encoder=encoder, weights=weights, style_size=size)
    loss = config.loss
    result = compare(
        images, build_objective_encoder(config), content_layers=loss.content_layers,
        style_layers=loss.style_layers, scales=loss.scales, size=size,
    )  # fmt: skip
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        for table in tables(result):
            Console().print(table)


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
    from fast_style.visualize import visualize_unit

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
    count: Annotated[int | None, typer.Option(min=1, help="Photos to use, evenly spread; all by default.")] = None,
    equivalent: Annotated[
        int, typer.Option(min=0, help="Photos on which to count equivalent L-BFGS iterations: minutes for each.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Most equivalent iterations to look for.")] = 200,
    convention: Annotated[
        str | None, typer.Option(help="The models are other people's .onnx files: nchw-255 or nchw-1.")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Write the scorecard into the model's card.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure models on photos they never saw, under one reference loss."""
    import json

    from fast_style.evaluate import evaluate_models, table

    cards = evaluate_models(
        models, photos, style, encoder=encoder, weights=weights, style_size=style_size, count=count,
        equivalent_photos=equivalent, limit=limit, convention=convention, save=save, console=stderr,
        quiet=quiet,
    )  # fmt: skip
    if as_json:
        print(json.dumps(cards, indent=2))
    else:
        Console().print(table(cards))


@app.command()
def bench(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[OVERRIDES]", help="Settings of the training, as of `train`.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="To stylise with; repeatable.")] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="WxH", help="Of pictures; repeatable.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Of training, at least 6; 0: no training.")] = 12,
    seconds: Annotated[float, typer.Option(min=0, help="About how long to stylise for each figure.")] = 3.0,
    peer: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A checkout of pytorch/examples, to time beside.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of tables.")] = False,
    quiet: Quiet = False,
) -> None:
    """Time training and stylising on this machine."""
    import json

    from fast_style.bench import SIZES, parse_size, tables
    from fast_style.bench import bench as run

    result = run(
        models=model or ["starry_night"], sizes=[parse_size(text) for text in size] if size else SIZES,
        steps=steps, seconds=seconds, overrides=overrides or [], peer=peer,
        note=lambda text: None if quiet else stderr.print(text, highlight=False),
    )  # fmt: skip
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for table in tables(result):
        Console().print(table)
    print(", ".join(f"{key} {value}" for key, value in result["machine"].items() if value is not None))


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
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
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
    from fast_style.prepare import prepare_folder

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
    from fast_style.coco import prepare_coco

    result = prepare_coco(
        target, split, size=size, quality=quality, jobs=jobs, url=url, checksum=checksum, keep_zip=keep_zip,
        console=stderr, quiet=quiet,
    )  # fmt: skip
    if not quiet:
        stderr.print(str(result), highlight=False, soft_wrap=True)
    print(result.folder)


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
    words = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    command = " ".join(words[: 2 if words[:1] == ["data"] else 1])
    try:
        app()
    except FastStyleError as error:
        print(f"{f'fast-style {command}'.strip()}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
