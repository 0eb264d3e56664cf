"""What the tests of the page need: a browser, its camera, onnxruntime-web and axe; each is skipped for, or forced.

With `FAST_STYLE_BROWSER=1` what can be fetched is fetched, and what is missing then is a failure.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from rich.console import Console

from fast_style.errors import FastStyleError
from fast_style.web import runtime
from fast_style.web.npm import NpmFile, NpmPackage

FORCED = os.environ.get("FAST_STYLE_BROWSER") == "1"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

AXE = NpmPackage(
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    (NpmFile("axe.min.js", 653780, "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"),),
)

COLOURS = ((200, 40, 40), (40, 170, 60), (40, 60, 200), (225, 215, 190))
"""Of the camera's picture: upper left, upper right, lower left, lower right."""


def lacking(what: str) -> NoReturn:
    if FORCED:
        pytest.fail(f"FAST_STYLE_BROWSER=1, but {what}")
    pytest.skip(what)


def find_browser() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return found or lacking("there is no Chromium (apt-get install chromium)")


def find_package(package: NpmPackage, remedy: str) -> Path:
    try:
        if FORCED:
            return package.install(console=Console(stderr=True), quiet=True)
        return package.check_installed()
    except FastStyleError as error:
        lacking(f"{error} ({remedy})")


def find_runtime() -> Path:
    return find_package(runtime.PACKAGE, "fast-style web --install")


def find_axe() -> Path:
    return find_package(AXE, "FAST_STYLE_BROWSER=1 fetches it") / "axe.min.js"


def write_camera_clip(path: Path, width: int = 320, height: int = 240) -> None:
    """A clip for Chromium's pretended camera: four fields of `COLOURS`, as YUV 4:2:0 of BT.601, limited range."""
    fields = np.empty((height, width, 3))
    for number, colour in enumerate(COLOURS):
        top, left = number // 2 * height // 2, number % 2 * width // 2
        fields[top : top + height // 2, left : left + width // 2] = colour
    red, green, blue = np.moveaxis(fields / 255, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [16 + 219 * luma, 128 + 224 * (blue - luma)[::2, ::2] / 1.772, 128 + 224 * (red - luma)[::2, ::2] / 1.402]
    frame = b"FRAME\n" + b"".join(np.rint(plane).astype(np.uint8).tobytes() for plane in planes)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F20:1 Ip A1:1 C420jpeg\n".encode() + frame * 20)
