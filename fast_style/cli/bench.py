"""`fast-style bench`: times loading, training and stylizing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import note, print_json, stdout
from fast_style.cli.options import DEFAULT_MODELS, NoBar
from fast_style.system.optional import require_extra

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE…", help="Settings of the training run, as `train` takes them."),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME",
        help="Name or path of a model to stylize with; repeatable. By default starry_night.",
    ),
]  # fmt: skip
Size = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WxH",
        help="Size of the pictures; repeatable. By default 256x256, 640x480, 1280x720 and 1920x1080.",
    ),
]
Steps = Annotated[int, typer.Option(min=0, help="Number of training steps, at least 6; 0 leaves training out.")]
Seconds = Annotated[float, typer.Option(min=0, help="Seconds, roughly, to load or stylize for each figure.")]
Peer = Annotated[Path | None, typer.Option(metavar="DIR", help="A checkout of pytorch/examples to time side by side.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def bench(
    overrides: Overrides = None,
    model: Model = None,
    size: Size = None,
    steps: Steps = 12,
    seconds: Seconds = 3.0,
    peer: Peer = None,
    as_json: AsJson = False,
    quiet: NoBar = False,
) -> None:
    """Time loading, training and stylizing on this machine."""
    require_extra("train")
    from fast_style.benchmark.bench import SIZES, BenchOptions
    from fast_style.benchmark.bench import bench as run
    from fast_style.benchmark.result import tables
    from fast_style.video.media import parse_size

    options = BenchOptions(
        models=model or DEFAULT_MODELS, sizes=[parse_size(text) for text in size] if size else SIZES,
        steps=steps, seconds=seconds, overrides=overrides or [], pytorch_examples=peer,
    )  # fmt: skip
    result = run(options, note=lambda text: note(text, quiet=quiet))
    if as_json:
        print_json(result.to_json())
        return
    for table in tables(result):
        stdout.print(table)
    print(result.environment)
