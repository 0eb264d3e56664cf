"""Photograph the browser page: ``python docs/pictures/screenshots.py`` writes `page.jpg` beside this file.

It needs Chromium, playwright (``pip install playwright``) and onnxruntime-web (``fast-style web --install``).
"""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Browser, sync_playwright

from fast_style.web.server import PageServer
from fast_style.web.site import write_site

MODELS = ["starry_night", "the_scream", "wave", "mosaic", "flow", "woodcut"]
HEIGHT, GAP = 600, 20
"""Height of each screenshot in the picture and the space around them, in pixels."""
DEVICES = {"desktop": (1280, 800), "phone": (390, 844)}
"""Width and height of the windows in CSS pixels."""


def photograph(browser: Browser, address: str, size: tuple[int, int]) -> Image.Image:
    """Returns what a window of this size shows once the first sample is painted."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector("#style-0")
    page.click("#samples")
    page.click("#samples-list button >> nth=0")
    page.wait_for_selector('#picture[data-painted="starry_night"]:not([aria-busy])')
    page.wait_for_timeout(8_000)  # the thumbnails are painted one after the other, after the picture
    shot = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    return shot.convert("RGB")


def main() -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_site(MODELS, Path(folder))
        browser = playwright.chromium.launch(executable_path=program)
        with PageServer(Path(folder), 0) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            address = f"http://127.0.0.1:{server.server_port}/"
            shots = [photograph(browser, address, size) for size in DEVICES.values()]
            server.shutdown()
            thread.join()
        browser.close()
    scaled = [shot.resize((shot.width * HEIGHT // shot.height, HEIGHT), Image.Resampling.LANCZOS) for shot in shots]
    sheet = Image.new("RGB", (sum(each.width + GAP for each in scaled) + GAP, HEIGHT + 2 * GAP), "#d8d8d8")
    left = GAP
    for each in scaled:
        sheet.paste(ImageOps.expand(each, 1, "#888").crop((0, 0, each.width + 2, HEIGHT + 2)), (left - 1, GAP - 1))
        left += each.width + GAP
    path = Path(__file__).with_name("page.jpg")
    sheet.save(path, quality=82, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
