"""`fast-style data`: makes a compact training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.commands import Command
from fast_style.cli.consoles import note, stderr
from fast_style.cli.options import Parents, Quiet, choice

app = typer.Typer(help="Make a compact training set, once: small JPEGs that are quick to read.", no_args_is_help=True)

PhotoSize = Annotated[
    int, typer.Option(min=32, help="Shorter side of the photos to write in pixels; no photo is enlarged.")
]
PhotoQuality = Annotated[int, typer.Option(min=1, max=100, help="Quality of the JPEGs, 1 to 100.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes to use; by default one per core.")]


@app.command(cls=Command)
def prepare(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder of photos.")],
    target: Annotated[
        Path,
        typer.Argument(metavar="DST", help="The folder to write, outside of SRC: new, empty, or of an earlier run."),
    ],
    size: PhotoSize = 256,
    quality: PhotoQuality = 90,
    jobs: Jobs = None,
    parents: Parents = False,
    quiet: Quiet = False,
) -> None:
    """Write every photo below SRC as a small JPEG. When run again, it continues where it stopped."""
    from fast_style.datasets.jpegs import PrepareOptions
    from fast_style.datasets.prepare import prepare_folder
    from fast_style.system.results import ResultPolicy

    ResultPolicy(parents=parents).check_folder(target)

    result = prepare_folder(source, target, PrepareOptions(size, quality, jobs), console=stderr, quiet=quiet)
    note(str(result), quiet=quiet)
    print(result.folder)


@app.command(cls=Command)
def coco(
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="The folder to write into; the photos get a subfolder named SPLIT.")
    ],
    split: Annotated[
        str,
        choice(
            "Part of COCO: val2017 is 5 000 photos, 0.8 GB; train2017 is 118 287 photos, 19 GB.",
            ("val2017", "train2017"),
        ),
    ],
    size: PhotoSize = 256,
    quality: PhotoQuality = 90,
    jobs: Jobs = None,
    url: Annotated[
        str | None, typer.Option(help="Address of the zip, if not COCO's own: an http, https or file URL.")
    ] = None,
    checksum: Annotated[
        str | None, typer.Option(metavar="MD5", help="Checksum of the zip, if it is not COCO's own.")
    ] = None,
    keep_zip: Annotated[bool, typer.Option("--keep-zip", help="Keep the zip at the end.")] = False,
    parents: Parents = False,
    quiet: Quiet = False,
) -> None:
    """Fetch the photos of COCO 2017 and write them as small JPEGs. When run again, it continues where it stopped."""
    from fast_style.datasets.coco import prepare_coco
    from fast_style.datasets.jpegs import PrepareOptions
    from fast_style.system.results import ResultPolicy

    ResultPolicy(parents=parents).check_folder(target)
    result = prepare_coco(
        target, split, PrepareOptions(size, quality, jobs), url=url, checksum=checksum, keep_zip=keep_zip,
        console=stderr, quiet=quiet,
    )  # fmt: skip
    note(str(result), quiet=quiet)
    print(result.folder)
