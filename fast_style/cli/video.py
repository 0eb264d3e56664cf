"""`fast-style video`: stylizes a video."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import complain, note, print_json, stderr
from fast_style.cli.options import (
    DEFAULT_MODELS,
    Device,
    Engine,
    JsonReport,
    KeepColor,
    ModelName,
    Overwrite,
    Parents,
    Precision,
    Quiet,
    Strength,
    Stroke,
    Style,
)
from fast_style.errors import ConfigError

Source = Annotated[
    str,
    typer.Argument(
        metavar="IN", help="A video, an animated picture, a folder of pictures, or a pattern: frames/%05d.png."
    ),
]
Target = Annotated[
    Path | None,
    typer.Argument(metavar="OUT", help="A video, an animated .gif, .webp or .apng, a folder, or a pattern."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="OUT, written as an option.")]
Deflicker = Annotated[
    bool,
    typer.Option(
        "--deflicker",
        "--steady",
        help="Filter out flicker; moving things leave no ghosts. --steady is its old name.",
    ),
]
Start = Annotated[
    str, typer.Option(metavar="TIME", help="Time after the first frame to start at: 90, 1:30 or 00:01:30.5.")
]
Duration = Annotated[
    str | None, typer.Option(metavar="TIME", help="Length to stylize, written likewise; by default to the end.")
]
Deinterlace = Annotated[
    bool,
    typer.Option(
        "--deinterlace/--no-deinterlace", help="Make whole frames of interlaced ones, which are combed otherwise."
    ),
]
MaxSize = Annotated[int | None, typer.Option(min=1, help="Shrink larger frames to this longer side in pixels first.")]
Fps = Annotated[float, typer.Option(min=0.01, help="Frame rate of a folder of pictures; a video brings its own.")]
Codec = Annotated[
    str | None,
    typer.Option(help="Codec: h264 (default), h265, vp9 (default of .webm), av1, or the name of a libav encoder."),
]
Crf = Annotated[int | None, typer.Option(help="Constant quality of the codec; lower is better and larger.")]
Mute = Annotated[bool, typer.Option("--mute", help="Leave out sound and subtitles.")]
Batch = Annotated[
    int | None, typer.Option(min=1, help="Frames to stylize at once; by default 1 on a CPU, otherwise 4.")
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile the network with torch first; pays off for long videos.")
]


def video(
    source: Source,
    target: Target = None,
    output: Output = None,
    model: ModelName = DEFAULT_MODELS,
    style: Style = None,
    strength: Strength = None,
    keep_color: KeepColor = False,
    stroke: Stroke = 1.0,
    deflicker: Deflicker = False,
    start: Start = "0",
    duration: Duration = None,
    max_size: MaxSize = None,
    deinterlace: Deinterlace = True,
    fps: Fps = 25,
    codec: Codec = None,
    crf: Crf = None,
    mute: Mute = False,
    batch: Batch = None,
    engine: Engine = "auto",
    device: Device = "auto",
    precision: Precision = "auto",
    compile: Compile = False,  # noqa: A002  # the name of the option
    overwrite: Overwrite = None,
    parents: Parents = False,
    as_json: JsonReport = False,
    quiet: Quiet = False,
) -> None:
    """Stylize a video. Frame times, orientation, color matrix and range, pixel aspect and sound are kept."""
    from fast_style.inference.stylizer import Stylizer
    from fast_style.system.results import ResultPolicy
    from fast_style.system.signals import sigterm_as_interrupt
    from fast_style.system.wording import counted
    from fast_style.video.endpoints import check_place, check_target, results_of
    from fast_style.video.media import parse_seconds
    from fast_style.video.stylization import VideoOptions, stylize_video

    options = VideoOptions(
        style=style, strength=strength, keep_color=keep_color, stroke=stroke, deflicker=deflicker, batch=batch,
        start=parse_seconds(start, "start"),
        duration=None if duration is None else parse_seconds(duration, "duration"),
        max_size=max_size, deinterlace=deinterlace, fps=fps, codec=codec, crf=crf, mute=mute,
    )  # fmt: skip
    policy = ResultPolicy(overwrite, parents=parents)
    written = _target(target, output)
    check_target(source, written, codec, crf)
    check_place(written, policy)
    began = time.perf_counter()
    with sigterm_as_interrupt(), policy.guard(lambda: results_of(written)):
        stylizer = Stylizer.load(model[0], engine=engine, device=device, precision=precision, compile=compile)
        loading = time.perf_counter() - began
        result = stylize_video(source, written, stylizer, options, console=stderr, quiet=quiet)
    for warning in result.warnings:
        complain("video", warning)
    how = "; ".join(result.engines)
    note(f"{counted(result.frames, 'frame')}, {result.rate:.1f} frames/s ({how})", quiet=quiet)
    if not quiet:
        stderr.print(result.timings.table())
    if as_json:
        print_json(
            {
                "result": str(result.path), "width": result.width, "height": result.height, "frames": result.frames,
                "frames_per_second": result.rate, "model": stylizer.info.name, "device": stylizer.engine.device,
                "engines": result.engines, "seconds": time.perf_counter() - began,
                "stages": {"load": loading, **result.timings.totals()}, "warnings": result.warnings,
                "interrupted": result.interrupted,
            }
        )  # fmt: skip
    if result.interrupted:
        complain("video", f"interrupted; what was done is in {result.path}")
        raise typer.Exit(130)
    if not as_json:
        print(result.path)


def _target(argument: Path | None, option: Path | None) -> Path:
    """Returns where the result goes, which is given behind the source or with an option."""
    if argument is not None and option is not None:
        raise ConfigError("the result has two names", setting="output", value=option, remedy=f"leave out {argument}")
    found = argument or option
    if found is None:
        raise ConfigError(
            "the name of the result is missing", remedy="write it behind the source: fast-style video IN OUT"
        )
    return found
