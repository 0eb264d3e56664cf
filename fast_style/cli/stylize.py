"""`fast-style stylize`: stylizes pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fast_style.cli.consoles import complain, note, print_json, stderr
from fast_style.cli.options import (
    DEFAULT_MODELS,
    Device,
    Engine,
    ImageQuality,
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
from fast_style.cli.ray import PerWorker, Ray
from fast_style.cli.rendering import context_spelling
from fast_style.errors import UNSET, ConfigError, Spelling

if TYPE_CHECKING:
    from fast_style.inference.batch import BatchOptions, BatchReport, PictureResult
    from fast_style.inference.plan import PictureJob
    from fast_style.inference.stylizer import Stylizer

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="IN…",
        help="Pictures, folders of pictures, quoted patterns, or - for stdin. OUT may stand behind a single one.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="OUT",
        help="File for a single picture, in a folder that exists; - for stdout; otherwise a folder.",
    ),
]  # fmt: skip
MaxSize = Annotated[int | None, typer.Option(min=1, help="Shrink larger pictures to this longer side in pixels first.")]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="SUFFIX",
        help="Format for folders and stdout: png, jpg, webp and so on; by default each picture's own.",
    ),
]
Metadata = Annotated[
    bool,
    typer.Option(
        "--metadata/--no-metadata", help="Keep the camera, date, place, author and resolution of each picture."
    ),
]
SkipExisting = Annotated[bool, typer.Option("--skip-existing", help="Skip pictures that are already stylized.")]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile the network first; pays off for many pictures of one size.")
]
Tile = Annotated[
    str,
    typer.Option(
        metavar="auto|off|SIDE",
        help="Work in tiles: auto does so when memory is short, off never, a number is the tiles' side in pixels.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Most memory to use, such as 2GB; by default half of what is free."),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Threads that read and write pictures; by default one per core.")]


def stylize(
    context: typer.Context,
    inputs: Inputs,
    output: Output = None,
    model: ModelName = DEFAULT_MODELS,
    style: Style = None,
    strength: Strength = None,
    keep_color: KeepColor = False,
    stroke: Stroke = 1.0,
    max_size: MaxSize = None,
    format: Format = None,  # noqa: A002  # the name of the option
    quality: ImageQuality = 95,
    metadata: Metadata = True,
    skip_existing: SkipExisting = False,
    overwrite: Overwrite = None,
    parents: Parents = False,
    engine: Engine = "auto",
    device: Device = "auto",
    precision: Precision = "auto",
    compile: Compile = False,  # noqa: A002  # the name of the option
    tile: Tile = "auto",
    memory: Memory = None,
    jobs: Jobs = None,
    ray: Ray = None,
    per_worker: PerWorker = None,
    as_json: JsonReport = False,
    quiet: Quiet = False,
) -> None:
    """Stylize pictures. Each result is exactly as large as its original."""
    from fast_style.inference.batch import BatchOptions, stylize_files
    from fast_style.inference.options import StylizeOptions
    from fast_style.inference.plan import STREAM, check_place, plan_jobs, split_output, unfinished
    from fast_style.inference.stylizer import Stylizer
    from fast_style.system.hardware import usable_cores
    from fast_style.system.results import ResultPolicy
    from fast_style.system.signals import sigterm_as_interrupt

    if per_worker is not None and ray is None:
        raise ConfigError(
            "is for the workers of a cluster", setting="per_worker", value=per_worker,
            remedy="use it with {ray}", suggestions={"ray": UNSET},
        )  # fmt: skip
    suffix = f".{format.lstrip('.')}" if format is not None else None
    policy = ResultPolicy(overwrite, parents=parents)
    sources, target = (inputs, output) if output is not None else split_output(inputs, replaces=bool(overwrite))
    planned = plan_jobs(sources, target, suffix)
    check_place(planned, target, policy)
    wanted = unfinished(planned) if skip_existing else planned
    if len(wanted) < len(planned):
        note(f"{len(planned) - len(wanted)} of {len(planned)} are there already", quiet=quiet)
    if as_json and STREAM in (job.target for job in planned):
        raise ConfigError(
            "standard output takes the picture",
            setting="as_json",
            remedy="give a file as {output}",
            suggestions={"output": "OUT"},
        )
    if not wanted:
        if as_json:
            print_json({"model": model[0], "results": [], "failures": [], "skipped": len(planned)})
        return
    options = BatchOptions(
        StylizeOptions(strength, keep_color, stroke, style), max_size=max_size, quality=quality, format=suffix,
        metadata=metadata, threads=jobs or usable_cores(), partial=len(planned) == 1,
    )  # fmt: skip
    arguments: dict[str, Any] = {
        "engine": engine, "device": device, "precision": precision, "compile": compile, "tile": tile, "memory": memory,
    }  # fmt: skip
    spell = context_spelling(context)
    results = [job.target for job in wanted if job.target != STREAM]
    if ray is not None:
        results.append(_failures_file(wanted))
    began = time.perf_counter()
    with sigterm_as_interrupt(), policy.guard(lambda: results):
        stylizer = Stylizer.load(model[0], **arguments)
        loading = time.perf_counter() - began
        if ray is None:
            report = stylize_files(wanted, stylizer, options, console=stderr, quiet=quiet)
        else:
            report = _on_ray(
                wanted,
                model[0],
                stylizer,
                options,
                ray,
                1 if per_worker is None else per_worker,
                arguments,
                spell,
                quiet,
            )
    for failure in report.failures:
        complain("stylize", failure.render(spell))
    if as_json:
        print_json(
            {
                "model": stylizer.info.name, "device": stylizer.engine.device, "engines": report.engines,
                "seconds": time.perf_counter() - began, "stages": {"load": loading, **report.timings.totals()},
                "results": [_as_json(result) for result in report.results],
                "failures": [
                    {"source": str(failure.source), "error": failure.error.render(spell)} for failure in report.failures
                ],
                "skipped": len(planned) - len(wanted),
            }
        )  # fmt: skip
    if report.failures:
        raise typer.Exit(2 if len(report.failures) == len(wanted) else 1)


def _failures_file(jobs: Sequence[PictureJob]) -> Path:
    from fast_style.inference.ray.pool import check_on_ray, failures_file
    from fast_style.system.optional import require_extra

    require_extra("ray")
    check_on_ray(jobs)
    return failures_file(jobs)


def _on_ray(
    jobs: Sequence[PictureJob],
    model: str,
    stylizer: Stylizer,
    options: BatchOptions,
    address: str,
    per_worker: float,
    arguments: dict[str, Any],
    spell: Spelling,
    quiet: bool,
) -> BatchReport:
    """Stylizes files on a cluster, and writes down beside the results which ones failed."""
    from fast_style.inference.batch import check_options
    from fast_style.inference.ray.pool import failures_file, stylize_files_on_ray, write_failures
    from fast_style.inference.ray.workers import Loading, SentModel, Share

    check_options(stylizer, options)
    loading = Loading(SentModel.of(model), arguments, Share.parse(per_worker, arguments["device"]))
    report = stylize_files_on_ray(
        jobs, loading, options, address=address, title=stylizer.info.style_title, console=stderr, quiet=quiet
    )
    write_failures(failures_file(jobs), report.failures, spell)
    return report


def _as_json(result: PictureResult) -> dict[str, object]:
    return {
        "source": str(result.source), "result": str(result.target), "width": result.width, "height": result.height,
        "seconds": result.seconds,
    }  # fmt: skip
