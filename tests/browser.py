"""What the tests of the page need: a browser, its camera, onnxruntime-web and axe; each is skipped for, or forced.

With `FAST_STYLE_BROWSER=1` what can be fetched is fetched, and what is missing then is a failure.
"""

from __future__ import annotations

import os
import shutil
import sys
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

COLORS = ((200, 40, 40), (40, 170, 60), (40, 60, 200), (225, 215, 190))
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
    """A clip for Chromium's pretended camera: four fields of `COLORS`, as YUV 4:2:0 of BT.601, limited range."""
    fields = np.empty((height, width, 3))
    for number, color in enumerate(COLORS):
        top, left = number // 2 * height // 2, number % 2 * width // 2
        fields[top : top + height // 2, left : left + width // 2] = color
    red, green, blue = np.moveaxis(fields / 255, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [16 + 219 * luma, 128 + 224 * (blue - luma)[::2, ::2] / 1.772, 128 + 224 * (red - luma)[::2, ::2] / 1.402]
    frame = b"FRAME\n" + b"".join(np.rint(plane).astype(np.uint8).tobytes() for plane in planes)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode() + frame * 30)


def measure(models: list[str], seconds: float = 20.0) -> None:
    """Prints the frames per second that the page itself counts, of a pretended camera of 320×240."""
    import tempfile
    import threading

    from playwright.sync_api import sync_playwright

    from fast_style.web.server import open_server
    from fast_style.web.site import write_site

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        clip = Path(scratch) / "clip.y4m"
        write_camera_clip(clip)
        site = write_site(models, Path(scratch) / "site")
        camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=[*camera, f"--use-file-for-fake-video-capture={clip}"]
        )
        with open_server(site.folder, 0) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for name in site.models:
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{server.server_port}/?engine=wasm&threads=2#{name}")
                page.click("#camera")
                page.wait_for_selector("#speed[data-rate]", timeout=60_000)
                rates = []
                for _ in range(round(seconds)):
                    page.wait_for_timeout(1000)
                    rates.append(float(page.get_attribute("#speed", "data-rate") or 0))
                size = (site.folder / "models" / f"{name}.onnx").stat().st_size
                shape = page.evaluate("[stylized.width, stylized.height]")
                print(
                    f"{name}: {np.median(rates):.1f} frames/s, best {max(rates):.1f}, at {shape[0]}×{shape[1]}, "
                    f"{page.inner_text('#engine-name')}; {size / 1e6:.2f} MB"
                )
                page.close()
            server.shutdown()
        browser.close()


if __name__ == "__main__":
    # python -m tests.browser MODEL…
    measure(sys.argv[1:])
