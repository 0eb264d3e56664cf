"""`fast-style webcam`: stylizes a camera live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import stderr
from fast_style.cli.options import DEFAULT_MODELS, Device, Engine, Overwrite, Parents, Strength, choice

Model = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME",
        help="Name or path of a model; repeatable, and keys switch between them. By default starry_night.",
    ),
]  # fmt: skip
Camera = Annotated[int, typer.Option(min=0, help="Camera index.")]
Source = Annotated[str | None, typer.Option(metavar="FILE|URL", help="A video or stream to use instead of a camera.")]
Size = Annotated[
    str,
    typer.Option(
        metavar="WxH", help="Size to request from the camera; frames that are larger are shrunk to fit into it."
    ),
]
Mirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror",
        help="Flip the picture as a mirror does; by default on for a camera and off for --source.",
    ),
]
KeepColor = Annotated[bool, typer.Option("--keep-color", help="Start with the original's own colors.")]
Deflicker = Annotated[
    bool,
    typer.Option("--deflicker", "--steady", help="Start with the filter against flicker. --steady is its old name."),
]
Headless = Annotated[bool, typer.Option("--headless", help="Open no window; Ctrl-C or SIGTERM ends the program.")]
Record = Annotated[Path | None, typer.Option(metavar="OUT", help="Record to this file from the first frame on.")]
Codec = Annotated[str | None, choice("Codec of recordings.", ("h264", "h265", "vp9", "av1"))]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="Folder to which the keys S and R save frames and recordings."),
]
VirtualCamera = Annotated[
    bool, typer.Option("--virtual-camera", help="Also show the result as a camera to other programs.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no summary.")]


def webcam(
    model: Model = None,
    camera: Camera = 0,
    source: Source = None,
    size: Size = "640x480",
    strength: Strength = None,
    mirror: Mirror = None,
    keep_color: KeepColor = False,
    deflicker: Deflicker = False,
    headless: Headless = False,
    record: Record = None,
    codec: Codec = None,
    output: Output = Path(),
    virtual_camera: VirtualCamera = False,
    overwrite: Overwrite = None,
    parents: Parents = False,
    engine: Engine = "auto",
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Stylize a camera live. Press H in the window for the keys."""
    from fast_style.system.results import ResultPolicy
    from fast_style.system.signals import sigterm_as_interrupt
    from fast_style.video.media import parse_size
    from fast_style.webcam.loop import print_summary, run_webcam
    from fast_style.webcam.options import WebcamOptions

    options = WebcamOptions(
        engine=engine, device=device, size=parse_size(size), strength=strength,
        mirror=source is None if mirror is None else mirror, keep_color=keep_color, deflicker=deflicker, folder=output,
        record=record, codec=codec, headless=headless, virtual_camera=virtual_camera,
    )  # fmt: skip
    policy = ResultPolicy(overwrite, parents=parents)
    policy.check_folder(output)
    if record is not None:
        policy.check_file(record)
    with sigterm_as_interrupt(), policy.guard(lambda: [] if record is None else [record]):
        summary = run_webcam(camera if source is None else source, model or DEFAULT_MODELS, options)
    if not quiet:
        print_summary(summary, stderr)
    for path in summary.written:
        print(path)
