"""What the tests of the page do there: visits, files handed over, and the pictures that are shown."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:  # the fixture `playwright` tells
    expect = sync_playwright = None

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

CLOSE = 3  # of 255
WAIT = 60_000  # ms


def run_command(*arguments: object) -> str:
    program = Path(sys.executable).with_name("fast-style")
    done = subprocess.run(
        [str(program), *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Visit:
    """A page in a context of its own, and what went wrong there."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.context = context
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, address: str) -> Page:
        self.page.goto(address)
        expect(self.page.locator("#engine-name")).not_to_have_text("Looking at this device")
        expect(self.page.locator("#style-0")).to_be_attached()
        return self.page


def canvases(page: Page) -> dict[str, np.ndarray]:
    """The two pictures that are shown, read in one go: uint8 RGB `[H, W, 3]`."""
    read = page.evaluate(
        """() => Object.fromEntries(["original", "stylized"].map((id) => {
          const canvas = document.getElementById(id);
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
          copy.drawImage(canvas, 0, 0);
          const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
          return [id, [canvas.height, canvas.width, btoa(text)]];
        }))"""
    )
    pictures = {}
    for name, (height, width, text) in read.items():
        rgba = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        assert (rgba[..., 3] == 255).all()
        pictures[name] = rgba[..., :3]
    return pictures


def painted(page: Page, model: str) -> dict[str, np.ndarray]:
    """The pictures, once there is a painting by `model` and nothing is still to be painted."""
    page.wait_for_selector(f'#picture[data-painted="{model}"]:not([aria-busy])')
    return canvases(page)


def difference(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


def by_command(picture: np.ndarray, model: Path, folder: Path) -> np.ndarray:
    """What `fast-style stylize` makes of a picture, with ONNX Runtime."""
    Image.fromarray(picture).save(folder / "frame.png")
    run_command("stylize", folder / "frame.png", "-o", folder / "out.png", "-m", model, "--engine", "onnx", "-q")
    return np.array(Image.open(folder / "out.png"))


def png(picture: Image.Image | np.ndarray) -> bytes:
    stream = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(stream, "PNG")
    return stream.getvalue()


def hand_over(page: Page, event: str, content: bytes, name: str = "photo.png", kind: str = "image/png") -> None:
    """Drops or pastes a file, as the browser tells the page of it."""
    page.evaluate(
        """([event, text, name, type]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type }));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(event === "paste"
            ? new ClipboardEvent(event, { ...options, clipboardData: transfer })
            : new DragEvent(event, { ...options, dataTransfer: transfer }));
        }""",
        [event, base64.b64encode(content).decode(), name, kind],
    )


def wait_until(page: Page, expression: str) -> None:
    """Waits until a JavaScript expression is true; Playwright's own way is one that the page's policy forbids."""
    for _ in range(WAIT // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {expression}")


def choose(page: Page, index: int) -> None:
    """A visitor's click on a style, also on one that is chosen already."""
    page.click(f"#style-{index}", force=True)  # the picture of another lies over its button
