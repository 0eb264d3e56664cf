"""Visits: without a connection, after an update, with a video; on large and small screens, in light and dark."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fast_style.web.server import open_server
from fast_style.web.site import write_site
from tests.browser import find_axe, find_runtime
from tests.conftest import make_photo
from tests.e2e.page import Visit, choose, expect, hand_over, painted, png, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture
def own_site(models: dict[str, Path], tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A site that may be changed, and its address."""
    find_runtime()
    write_site([str(models["plain"])], tmp_path / "site")
    with open_server(tmp_path / "site", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield tmp_path / "site", f"http://127.0.0.1:{server.server_port}/?offline"
        server.shutdown()
        thread.join()


def test_the_page_works_offline_and_is_updated_whole(
    visit: Visit, own_site: tuple[Path, str], models: dict[str, Path]
) -> None:
    folder, address = own_site
    page = visit.open(address)
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    hand_over(page, "drop", png(make_photo(1, 60, 40)))
    painted(page, "plain")
    visit.context.set_offline(True)
    page = visit.open(address)
    expect(page.locator("#save")).to_be_enabled()  # the scene is there, and
    hand_over(page, "drop", png(make_photo(2, 60, 40)))
    painted(page, "plain")  # so are the painter and the model
    visit.context.set_offline(False)
    # A new edition has another style, and is seen as a whole or not at all.
    write_site([str(models["adjustable"])], folder)
    page = visit.open(address)
    expect(page.locator("#update")).to_be_visible()
    assert page.locator(".style").first.text_content() == "Plain"
    with page.expect_navigation():
        page.click("#update button")
    expect(page.locator(".style").first).to_have_text("With a strength")
    names = page.evaluate("caches.keys()")
    assert sum(name.startswith("fast-style page") for name in names) == 1
    visit.complaints = [text for text in visit.complaints if "Failed to load resource" not in text]


def test_a_shared_address_keeps_nothing_for_the_next_program(visit: Visit, address: str) -> None:
    page = visit.open(address)
    expect(page.locator("#save")).to_be_enabled()
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    manifest = page.evaluate("fetch('app.webmanifest').then((response) => response.json())")
    assert manifest["display"] == "standalone"
    assert manifest["icons"]


def test_a_video_is_paused_sought_and_played(visit: Visit, address: str, tmp_path: Path) -> None:
    from tests.clips import write_clip  # skips where there is no PyAV

    write_clip(tmp_path / "clip.mp4", count=60, size=(96, 64))
    page = visit.open(address)
    assert page.locator("#player").is_hidden()
    page.set_input_files("#file", tmp_path / "clip.mp4")
    painted(page, "plain")
    expect(page.locator("#record")).to_be_enabled()
    page.focus("#play")
    page.keyboard.press("Enter")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    page.evaluate("document.querySelector('video').currentTime = 0")
    page.focus("#seek")
    before = page.evaluate("document.querySelector('video').currentTime")
    for _ in range(3):
        page.keyboard.press("PageUp")
    wait_until(page, f"document.querySelector('video').currentTime > {before}")
    assert page.evaluate("document.querySelector('video').paused")
    choose(page, 1)  # a paused video is painted all the same
    painted(page, "adjustable")
    page.click("#play")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    wait_until(page, "!document.querySelector('video').paused")
    for width, height in ((390, 844), (320, 568)):
        page.set_viewport_size({"width": width, "height": height})
        for name in ("seek", "strength", "save", "record"):
            assert page.evaluate(f"{name}.getBoundingClientRect().bottom") <= height, (width, name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_tags_say_what_lies_under_them(visit: Visit, address: str) -> None:
    page = visit.open(address)
    expect(page.locator("#save")).to_be_enabled()
    expect(page.locator(".tag.after")).to_be_visible()
    page.focus("#split")
    page.keyboard.press("End")
    expect(page.locator(".tag.after")).to_be_hidden()
    page.keyboard.press("Home")
    expect(page.locator(".tag.before")).to_be_hidden()
    visit.context.route("**/plain.onnx*", lambda route: route.abort())
    hand_over(page, "drop", png(make_photo(3, 60, 40)))
    expect(page.locator("#notice")).to_contain_text("can’t be fetched")
    assert page.locator(".tag:visible").count() == 0  # nothing is painted
    visit.complaints.clear()


def test_a_finished_painting_is_announced(visit: Visit, address: str) -> None:
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(4, 60, 40)))
    painted(page, "plain")
    expect(page.locator("#announcer")).to_contain_text("Plain is painted, in ")
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"


def test_styles_are_shown_on_the_visitor_s_photo(visit: Visit, address: str) -> None:
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(5, 60, 40)))
    painted(page, "plain")
    wait_until(page, "document.querySelectorAll('.style[data-previewed] img[src^=data]').length === 2")
    page.click("#samples")
    page.click(".sample >> nth=1")
    painted(page, "plain")
    expect(page.locator("#save")).to_have_text("Save 640×480")


@pytest.fixture(scope="module")
def thirty(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site of thirty styles, whose pictures are all the same."""
    folder = tmp_path_factory.mktemp("thirty")
    find_runtime()
    write_site([str(models["plain"])], folder)
    manifest = json.loads((folder / "site.json").read_text(encoding="utf-8"))
    (entry,) = manifest["models"]
    manifest["models"] = [
        {**entry, "name": f"style-{n}", "title": f"Style {n} by somebody", "painting": f"style-{n}"} for n in range(28)
    ] + [{**entry, "name": f"both-{n}", "title": "Both", "painting": "both", "network": f"{n}"} for n in range(2)]
    # By a network that paints this already: chosen by links alone.
    manifest["models"].append({**manifest["models"][-1], "name": "both-2", "bytes": entry["bytes"] + 1})
    (folder / "site.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "site.json.gz").unlink()
    with open_server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/#both-1"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_in_sight_on_every_screen(browser: Browser, thirty: str, scheme: Any) -> None:
    """With a message, too, and for a photo that is as tall as wide, and smaller than the smallest size."""
    axe = find_axe().read_text()
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    visit = Visit(context)
    page = visit.open(thirty)
    hand_over(page, "drop", png(make_photo(1, 256, 256)))
    painted(page, "both-1")
    hand_over(page, "drop", b"text", "notes.txt", "text/plain")
    expect(page.locator("#notice")).to_contain_text("notes.txt")
    page.evaluate(axe)
    for width, height in ((1440, 900), (1024, 768), (390, 844), (844, 390), (320, 568)):
        page.set_viewport_size({"width": width, "height": height})
        # The chosen style is in sight, and it is to be seen that there are more.
        expect(page.locator(".style :checked + label img")).to_be_in_viewport()
        for name in ("choose", "camera", "strength", "size", "save", "finer", "all-styles", "notice"):
            bottom = page.evaluate("(id) => document.getElementById(id).getBoundingClientRect().bottom", name)
            assert bottom <= height, (width, height, name, bottom)
        assert page.locator("#finer").is_checked()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.click("#all-styles")
        found = page.evaluate("axe.run()")
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
        page.click("#all-styles")
    # Chosen from the whole list, far below the picture, a style is seen at once.
    page.click("#all-styles")
    choose(page, 27)
    painted(page, "style-27")
    expect(page.locator("#picture")).to_be_in_viewport(ratio=1)
    expect(page.locator(".style :checked + label img")).to_be_in_viewport()
    context.close()
    assert visit.complaints == []
