"""The newest wish comes first: what was asked for earlier neither replaces it nor keeps it waiting."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from fast_style.inference.stylizer import Stylizer
from tests.conftest import make_photo
from tests.e2e.page import CLOSE, Visit, canvases, choose, difference, expect, hand_over, painted, png, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

SLOW_DECODING = """
  const decode = window.createImageBitmap;
  window.createImageBitmap = async (source, ...rest) => {
    const bitmap = await decode(source, ...rest);
    if (source.name?.startsWith("slow")) await new Promise((resolve) => setTimeout(resolve, 1500));
    return bitmap;
  };
"""
"""Photos called slow take as long as a hundred megapixels do."""


def by_tiles(page: Page) -> None:
    """Makes the page paint by tiles, as it does where one piece would take long, and each tile slowly."""
    page.add_init_script(
        """const Plain = window.Worker;
        window.Worker = class extends Plain {
          postMessage(message, ...rest) {
            if (message.type === "paint") message = { ...message, model: { ...message.model, bytes: 1e12 } };
            super.postMessage(message, ...rest);
          }
        };"""
    )


def test_an_older_slower_photo_replaces_no_newer_one(visit: Visit, address: str) -> None:
    visit.page.add_init_script(SLOW_DECODING)
    page = visit.open(address)
    newer = make_photo(2, 60, 40)
    hand_over(page, "drop", png(make_photo(1, 90, 90)), "slow.png")
    expect(page.locator("#loading-text")).to_have_text("Opening slow.png …")
    hand_over(page, "drop", png(newer), "quick.png")
    expect(page.locator("#stylized")).to_have_attribute("width", "60")
    page.wait_for_timeout(1600)
    assert np.array_equal(painted(page, "plain")["original"], newer)
    assert page.locator("#loading").is_hidden()
    # A file that can't be read comes too late to be told of, too.
    hand_over(page, "drop", png(make_photo(1, 90, 90)), "slow.png")
    page.click("#cancel")  # and opening one can be stopped
    page.wait_for_timeout(1600)
    assert np.array_equal(canvases(page)["original"], newer)


def test_an_older_slower_camera_replaces_no_newer_photo(visit: Visit, address: str) -> None:
    visit.page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.streams = [];
        navigator.mediaDevices.getUserMedia = async (...all) => {
          const stream = await ask(...all);
          streams.push(stream);
          await new Promise((resolve) => setTimeout(resolve, 1000));
          return stream;
        };"""
    )
    page = visit.open(address)
    page.click("#camera")
    photo = make_photo(3, 60, 40)
    hand_over(page, "drop", png(photo))
    painted(page, "plain")
    wait_until(page, "streams.length && streams[0].getTracks().every((track) => track.readyState === 'ended')")
    page.wait_for_timeout(200)
    assert np.array_equal(painted(page, "plain")["original"], photo)
    assert page.locator("#camera span").text_content() == "Camera"
    assert page.locator("video").count() == 0


def test_pictures_by_tiles_are_those_of_one_piece(visit: Visit, address: str, models: dict[str, Path]) -> None:
    by_tiles(visit.page)
    page = visit.open(f"{address}#adjustable")
    page.focus("#size")
    page.keyboard.press("End")
    photo = make_photo(4, 701, 333)
    page.evaluate(
        """window.told = new Set();
        new MutationObserver(() => told.add(document.getElementById("loading-text").textContent))
          .observe(document.getElementById("loading-text"), { childList: true, characterData: true, subtree: true })"""
    )
    hand_over(page, "drop", png(photo))
    for name in ("adjustable", "plain"):
        if name == "plain":
            choose(page, 0)
        expected = Stylizer.load(models[name], engine="onnx")(photo)
        assert difference(painted(page, name)["stylized"], expected) <= CLOSE
    assert any("With a strength, " in text and text.endswith(" %") for text in page.evaluate("[...told]"))


def test_a_slow_painting_is_stopped_and_a_newer_style_interrupts_it(visit: Visit, address: str) -> None:
    by_tiles(visit.page)
    page = visit.open(f"{address}#adjustable")
    page.focus("#size")
    page.keyboard.press("End")
    photo = make_photo(5, 1280, 1280)
    hand_over(page, "drop", png(photo))
    expect(page.locator("#loading-text")).to_have_text(re.compile(r", \d+ %$"))
    expect(page.locator("#title")).to_have_text("Your photo")  # no name of a style before its picture
    page.click("#cancel")
    expect(page.locator("#notice")).to_contain_text("Stopped.")
    expect(page.locator("#loading")).to_be_hidden()
    assert page.locator("#picture").get_attribute("data-painted") is None
    assert page.locator("#save").is_disabled()
    choose(page, 1)  # the same style, once more
    expect(page.locator("#loading-text")).to_have_text(re.compile(r"strength, \d+ %$"))
    began = time.monotonic()
    choose(page, 0)
    expect(page.locator("#loading-text")).to_have_text(re.compile("(Downloading|Painting) Plain"))
    assert time.monotonic() - began < 5  # the whole takes much longer; a busy machine needs its time
    painted(page, "plain")


def test_saving_at_full_size(visit: Visit, address: str, models: dict[str, Path], tmp_path: Path) -> None:
    page = visit.open(address)
    photo = make_photo(6, 700, 500)
    alpha = np.full((500, 700), 255, np.uint8)
    alpha[:, :300] = 128
    hand_over(page, "drop", png(Image.fromarray(np.dstack([photo, alpha]))))
    painted(page, "plain")
    assert canvases(page)["stylized"].shape == (457, 640, 3)
    expect(page.locator("#save")).to_have_text("Save 700×500")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "saved.png")
    saved = np.array(Image.open(tmp_path / "saved.png"))
    assert saved.shape == (500, 700, 4)
    assert np.array_equal(saved[..., 3], alpha)
    over_white = np.where(alpha[..., None] == 255, photo, np.rint(photo * (128 / 255) + 127)).astype(np.uint8)
    expected = Stylizer.load(models["plain"], engine="onnx")(over_white)
    assert difference(saved[:, 320:, :3], expected[:, 320:]) <= CLOSE + 2  # half-transparent pixels are rounded


def test_files_of_no_picture_and_pictures_of_other_pages_are_refused_in_words(visit: Visit, address: str) -> None:
    page = visit.open(address)
    drag = """([type, text]) => {
      const transfer = new DataTransfer();
      transfer.setData(type, text);
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }"""
    page.evaluate(drag, ["text/uri-list", "https://example.org/cat.jpg"])
    expect(page.locator("#notice")).to_contain_text("picture on another page")
    page.evaluate(drag, ["text/plain", "words"])
    expect(page.locator("#notice")).to_contain_text("no picture in what was dropped")


def test_copying_and_sharing(visit: Visit, address: str) -> None:
    visit.context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    visit.page.add_init_script(
        """navigator.canShare = () => true;
        navigator.share = async ({ files }) => (window.shared = [files[0].name, files[0].size]);"""
    )
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(7, 60, 40)))
    shown = painted(page, "plain")["stylized"]
    page.click("#share")
    wait_until(page, "window.shared")
    name, size = page.evaluate("shared")
    assert name.startswith("plain-")
    assert size > 100
    page.click("#copy")
    expect(page.locator("#notice")).to_contain_text("Copied")
    copied: Any = page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          const bitmap = await createImageBitmap(await item.getType("image/png"));
          const copy = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
          copy.drawImage(bitmap, 0, 0);
          return [...copy.getImageData(0, 0, bitmap.width, bitmap.height).data];
        }"""
    )
    assert np.array_equal(np.array(copied, np.uint8).reshape(40, 60, 4)[..., :3], shown)
