"""The page in a real browser, written and served by the installed command; nothing but this machine is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from fast_style.inference.stylizer import Stylizer
from tests.browser import COLORS, find_axe, find_browser, find_runtime
from tests.conftest import Command, assert_one_line_error, make_photo
from tests.e2e.page import CLOSE, Visit, by_command, canvases, choose, difference, expect, hand_over, painted, png

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = pytest.mark.slow


def test_the_page_shows_a_scene_before_anything_is_fetched(visit: Visit, address: str) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    page = visit.open(address)
    expect(page.locator("#title")).to_have_text("Plain")
    page.wait_for_load_state("networkidle")
    pictures = canvases(page)
    assert pictures["original"].std() > 20
    assert difference(pictures["original"], pictures["stylized"]) > 30
    assert all(url.startswith(address) for url in asked)
    assert not any(".onnx" in url or "/ort/" in url for url in asked)
    assert page.locator("#inert").is_hidden()
    assert page.evaluate("crossOriginIsolated")
    assert "threads" in (page.text_content("#engine-name") or "") or page.evaluate("navigator.hardwareConcurrency") == 1


def test_the_camera_is_painted_as_by_the_command(
    visit: Visit, address: str, models: dict[str, Path], tmp_path: Path
) -> None:
    page = visit.open(address)
    page.click("#camera")
    pictures = painted(page, "plain")
    # Mirrored, as every camera that looks at its user is.
    for number, color in enumerate(COLORS):
        height, width = pictures["original"].shape[:2]
        y, x = (1 + 2 * (number // 2)) * height // 4, (3 - 2 * (number % 2)) * width // 4
        assert np.abs(pictures["original"][y, x].astype(int) - color).max() <= 4
    assert difference(pictures["stylized"], by_command(pictures["original"], models["plain"], tmp_path)) <= CLOSE
    expect(page.locator("#speed")).to_contain_text("frames a second")
    page.click("#mirror")
    for _ in range(100):
        page.wait_for_timeout(100)
        corner = canvases(page)["original"][height // 4, width // 4].astype(int)
        if np.abs(corner - COLORS[0]).max() <= 4:
            break
    else:
        pytest.fail(f"still mirrored: {corner}")
    # Stopped, the last frame stays, and is painted once more.
    page.click("#camera")
    expect(page.locator("#speed")).to_contain_text("Painted in")
    assert page.locator("video").count() == 0


def test_a_camera_quicker_than_the_scene(visit: Visit, address: str) -> None:
    held: list[Any] = []
    visit.context.route("**/scene.jpg", lambda route: held.append(route))
    page = visit.open(address)
    page.click("#camera")
    painted(page, "plain")
    held[0].continue_()
    expect(page.locator("#speed")).to_contain_text("frames a second")
    assert page.locator("#camera").get_attribute("aria-pressed") == "true"


def test_the_sample_video_is_painted_as_by_the_command(
    visit: Visit, address: str, models: dict[str, Path], shared: Path, tmp_path: Path
) -> None:
    page = visit.open(address)
    page.set_input_files("#file", shared / "video" / "cockatoo.mp4")
    for _ in range(3):
        pictures = painted(page, "plain")
        assert pictures["original"].shape == (180, 320, 3)
        assert pictures["original"].std() > 20
        assert difference(pictures["stylized"], by_command(pictures["original"], models["plain"], tmp_path)) <= CLOSE


def test_a_video_is_stopped_and_painted_once_more(visit: Visit, address: str, tmp_path: Path) -> None:
    from tests.clips import write_clip  # skips where there is no PyAV

    write_clip(tmp_path / "clip.mp4", count=20, size=(640, 480))
    page = visit.open(address)
    page.set_input_files("#file", tmp_path / "clip.mp4")
    assert painted(page, "plain")["stylized"].shape == (240, 320, 3)
    expect(page.locator("#camera")).to_have_text("Stop")
    expect(page.locator("#camera-options")).to_be_hidden()
    page.click("#camera")
    expect(page.locator("#speed")).to_contain_text("Painted in")
    expect(page.locator("#camera")).to_have_text("Camera")
    assert painted(page, "plain")["stylized"].shape == (480, 640, 3)
    assert page.locator("video").count() == 0


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_photos_are_painted_as_by_the_command(
    visit: Visit, address: str, models: dict[str, Path], tmp_path: Path, event: str
) -> None:
    page = visit.open(address)
    photo = make_photo(1, 201, 117)
    hand_over(page, event, png(photo))
    pictures = painted(page, "plain")
    assert np.array_equal(pictures["original"], photo)
    assert difference(pictures["stylized"], by_command(photo, models["plain"], tmp_path)) <= CLOSE
    assert page.locator("#record").is_disabled()


def test_odd_photos(visit: Visit, address: str, models: dict[str, Path]) -> None:
    """Smaller than the network takes, transparent, and larger than the size that was chosen."""
    page = visit.open(f"{address}#adjustable")
    stylizer = Stylizer.load(models["adjustable"], engine="onnx")
    tiny = make_photo(2, 5, 3)
    half = make_photo(3, 40, 30)
    alpha = np.zeros((30, 40), np.uint8)
    alpha[:, 20:] = 255
    clear = Image.fromarray(np.dstack([half, alpha]))
    half[:, :20] = 255
    for photo, expected in ((tiny, tiny), (clear, half)):
        hand_over(page, "drop", png(photo))
        expect(page.locator("#stylized")).to_have_attribute("width", str(expected.shape[1]))
        pictures = painted(page, "adjustable")
        assert np.array_equal(pictures["original"], expected)
        assert difference(pictures["stylized"], stylizer(expected)) <= CLOSE
    page.focus("#size")
    page.keyboard.press("Home")
    expect(page.locator("#size-value")).to_have_text("40 px")
    expect(page.locator("#size-most")).to_have_text("all there is")
    hand_over(page, "drop", png(make_photo(4, 500, 400)))
    expect(page.locator("#stylized")).to_have_attribute("width", "320")
    pictures = painted(page, "adjustable")
    assert pictures["stylized"].shape == (256, 320, 3)
    assert difference(pictures["stylized"], stylizer(pictures["original"])) <= CLOSE


def test_what_is_no_picture_is_told(visit: Visit, address: str) -> None:
    page = visit.open(address)
    hand_over(page, "drop", b"text", "notes.txt", "text/plain")
    expect(page.locator("#notice")).to_contain_text("notes.txt can’t be read as a picture")
    page.click("#notice button")
    expect(page.locator("#notice")).to_be_empty()
    hand_over(page, "drop", b"text", "clip.mp4", "video/mp4")
    expect(page.locator("#notice")).to_contain_text("clip.mp4 can’t be read")
    assert page.locator("video").count() == 0
    expect(page.locator("#title")).to_have_text("Plain")


def test_styles_and_the_strength_with_the_keyboard(visit: Visit, address: str, models: dict[str, Path]) -> None:
    page = visit.open(address)
    photo = make_photo(5, 90, 70)
    hand_over(page, "drop", png(photo))
    first = painted(page, "plain")["stylized"]
    assert page.locator("#strength").is_disabled()
    page.focus("#style-0")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#title")).to_have_text("With a strength")
    second = painted(page, "adjustable")["stylized"]
    stylizer = Stylizer.load(models["adjustable"], engine="onnx")
    assert difference(second, stylizer(photo)) <= CLOSE
    assert difference(first, second) > 20
    assert page.url.endswith("#adjustable")
    page.focus("#strength")
    for key, strength in (("Home", 0.0), ("End", 1.5), ("ArrowLeft", 1.45)):
        page.keyboard.press(key)
        expect(page.locator("#strength-value")).to_have_text(f"{strength * 100:.0f} %")
        picture = painted(page, "adjustable")["stylized"]
        assert difference(picture, stylizer(photo, strength=strength)) <= CLOSE
    assert difference(stylizer(photo, strength=0.0), second) > 20
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    painted(page, "plain")
    assert page.locator("#strength").is_disabled()


def test_the_keyboard_reaches_everything_in_order(visit: Visit, address: str) -> None:
    page = visit.open(f"{address}#adjustable")
    reached = []
    expect(page.locator("#save")).to_be_enabled()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == [
        "split", "choose", "camera", "samples", "surprise", "style-1", "strength", "size", "save", "copy", "about", "",
    ]  # fmt: skip
    page.focus("#split")
    page.keyboard.press("Home")
    assert page.locator("#picture").evaluate("e => e.style.getPropertyValue('--split')") == "0%"
    page.focus("#about")
    page.keyboard.press("Enter")
    expect(page.locator("#engine-why")).to_be_visible()


def test_a_link_names_a_style(visit: Visit, address: str) -> None:
    page = visit.open(f"{address}#adjustable")
    expect(page.locator("#title")).to_have_text("With a strength")
    expect(page.locator("#style-1")).to_be_checked()


def test_save_gives_the_picture(visit: Visit, address: str, tmp_path: Path) -> None:
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(6, 80, 60)))
    shown = painted(page, "plain")["stylized"]
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename.startswith("plain-20")
    assert download.value.suggested_filename.endswith(".png")
    download.value.save_as(tmp_path / "saved.png")
    assert np.array_equal(np.array(Image.open(tmp_path / "saved.png").convert("RGB")), shown)


def test_record_gives_a_clip_that_plays(visit: Visit, address: str, tmp_path: Path) -> None:
    page = visit.open(address)
    page.click("#camera")
    size = painted(page, "plain")["stylized"].shape
    page.click("#record")
    expect(page.locator("#record")).to_have_attribute("aria-pressed", "true")
    assert page.locator("#size").is_disabled()
    expect(page.locator("#record span")).to_have_text("0:02")
    with page.expect_download() as download:
        page.click("#record")
    suffix = Path(download.value.suggested_filename).suffix
    assert suffix in (".mp4", ".webm")
    download.value.save_as(tmp_path / f"clip{suffix}")
    assert page.locator("#size").is_enabled()
    # The page itself plays videos.
    page.set_input_files("#file", tmp_path / f"clip{suffix}")
    expect(page.locator("#camera-options")).to_be_hidden()
    assert painted(page, "plain")["stylized"].shape == size


def test_a_recorded_video_keeps_its_sound(visit: Visit, address: str, tmp_path: Path) -> None:
    from tests.clips import av, write_clip  # skips where there is no PyAV

    write_clip(tmp_path / "clip.mp4", count=20, sounds=("aac",))
    page = visit.open(address)
    for number in range(2):
        page.set_input_files("#file", tmp_path / "clip.mp4")
        painted(page, "plain")
        page.click("#record")
        expect(page.locator("#record span")).to_have_text("0:03")  # the video has begun anew
        with page.expect_download() as download:
            page.click("#record")
        path = tmp_path / f"{number}{Path(download.value.suggested_filename).suffix}"
        download.value.save_as(path)
        with av.open(str(path)) as clip:
            sound = np.concatenate([frame.to_ndarray().ravel() for frame in clip.decode(audio=0)])
        assert all(part.std() > 0.1 for part in np.array_split(sound, 5))
    expect(page.locator("#notice")).to_be_empty()


def test_a_browser_that_records_no_sound_says_so(visit: Visit, address: str, tmp_path: Path) -> None:
    from tests.clips import write_clip  # skips where there is no PyAV

    write_clip(tmp_path / "clip.mp4", sounds=("aac",))
    visit.page.add_init_script("delete HTMLMediaElement.prototype.captureStream")
    page = visit.open(address)
    page.set_input_files("#file", tmp_path / "clip.mp4")
    painted(page, "plain")
    page.click("#record")
    expect(page.locator("#notice")).to_contain_text("without their sound")
    expect(page.locator("#record span")).to_have_text("0:01")
    with page.expect_download():
        page.click("#record")


def test_a_blocked_camera_is_explained(visit: Visit, address: str) -> None:
    visit.context.clear_permissions()
    page = visit.open(address)
    page.click("#camera")
    expect(page.locator("#notice")).to_contain_text("The camera is blocked for this page")
    hand_over(page, "drop", png(make_photo(7)))
    painted(page, "plain")


def test_no_camera_is_explained(playwright: Playwright, address: str) -> None:
    browser = playwright.chromium.launch(executable_path=find_browser(), args=["--use-fake-ui-for-media-stream"])
    visit = Visit(browser.new_context())
    page = visit.open(address)
    page.click("#camera")
    expect(page.locator("#notice")).to_contain_text("No camera was found")
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"
    browser.close()
    assert visit.complaints == []


def test_an_insecure_origin_is_explained_and_paints(visit: Visit, address: str, models: dict[str, Path]) -> None:
    page = visit.open(address.replace("127.0.0.1", "plain.test"))
    assert not page.evaluate("isSecureContext")
    page.click("#camera")
    expect(page.locator("#notice")).to_contain_text("plain http")
    expect(page.locator("#engine-name")).to_have_text("WebAssembly, one thread")
    assert "plain http" in page.locator("#engine-why").text_content()
    photo = make_photo(8)
    hand_over(page, "drop", png(photo))
    assert difference(painted(page, "plain")["stylized"], Stylizer.load(models["plain"], engine="onnx")(photo)) <= CLOSE
    visit.complaints = [text for text in visit.complaints if "Cross-Origin-Opener-Policy" not in text]


@pytest.mark.parametrize("host", ["127.0.0.1", "plain.test"])
def test_a_damaged_model_is_not_run(visit: Visit, address: str, site: Path, host: str) -> None:
    damaged = bytearray((site / "models" / "plain.onnx").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    visit.context.route("**/plain.onnx*", lambda route: route.fulfill(body=bytes(damaged), status=200))
    page = visit.open(address.replace("127.0.0.1", host))
    hand_over(page, "drop", png(make_photo(9)))
    expect(page.locator("#notice")).to_contain_text("isn’t the file that the site names")
    assert page.locator("#picture").get_attribute("data-painted") is None
    # The browser, which looks at the checksum in the place of insecure pages, says so in the console.
    assert (visit.complaints == []) == (host == "127.0.0.1")
    visit.complaints = []
    visit.context.unroute_all()
    page.check("#style-1", force=True)
    painted(page, "adjustable")


def test_a_lost_connection_is_told_and_tried_again(visit: Visit, address: str) -> None:
    visit.context.route("**/plain.onnx*", lambda route: route.abort())
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(9)))
    expect(page.locator("#notice")).to_contain_text("Plain can’t be fetched")
    visit.context.unroute_all()
    hand_over(page, "drop", png(make_photo(9)))
    painted(page, "plain")
    expect(page.locator("#notice")).to_be_empty()
    visit.complaints.clear()  # the browser's own word on the lost request


def test_a_style_that_failed_is_tried_again_by_a_click(visit: Visit, address: str) -> None:
    """Nothing was painted yet, so it stays chosen, and no change is told of it."""
    visit.context.route("**/plain.onnx*", lambda route: route.abort())
    page = visit.open(address)
    photo = make_photo(9)
    hand_over(page, "drop", png(photo))
    expect(page.locator("#notice")).to_contain_text("Plain can’t be fetched")
    expect(page.locator("#save")).to_be_disabled()
    assert np.array_equal(canvases(page)["stylized"], photo)
    visit.context.unroute_all()
    choose(page, 0)
    painted(page, "plain")
    expect(page.locator("#notice")).to_be_empty()
    expect(page.locator("#save")).to_be_enabled()
    visit.complaints.clear()  # the browser's own word on the lost request


def test_after_a_failure_the_page_names_what_it_shows(visit: Visit, address: str) -> None:
    visit.context.route("**/plain.onnx*", lambda route: route.abort())
    page = visit.open(f"{address}#adjustable")
    hand_over(page, "drop", png(make_photo(9)))
    painted(page, "adjustable")
    page.focus("#strength")
    page.keyboard.press("Home")
    shown = painted(page, "adjustable")["stylized"]
    for _ in range(2):  # a second click tries again
        choose(page, 0)
        expect(page.locator("#notice")).to_contain_text("Plain can’t be fetched")
        expect(page.locator("#title")).to_have_text("With a strength")
        expect(page.locator("#style-1")).to_be_checked()
        expect(page.locator("#strength-value")).to_have_text("0 %")
        assert page.url.endswith("#adjustable")
        page.click("#notice button")
    assert np.array_equal(canvases(page)["stylized"], shown)
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename.startswith("adjustable-")
    visit.context.unroute_all()
    choose(page, 0)
    painted(page, "plain")
    expect(page.locator("#title")).to_have_text("Plain")
    visit.complaints.clear()


def test_a_style_still_on_its_way_names_no_file(visit: Visit, address: str) -> None:
    held: list[Any] = []
    visit.context.route("**/plain.onnx*", lambda route: held.append(route))
    page = visit.open(f"{address}#adjustable")
    hand_over(page, "drop", png(make_photo(9)))
    painted(page, "adjustable")
    choose(page, 0)
    page.wait_for_selector("#picture[aria-busy]")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename.startswith("adjustable-")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    painted(page, "plain")


def test_a_failed_style_ends_no_other_choice(visit: Visit, address: str) -> None:
    """Chosen while the first was on its way: the camera goes on with it."""
    held: list[Any] = []
    visit.context.route("**/plain.onnx*", lambda route: held.append(route))
    page = visit.open(address)
    page.click("#camera")
    expect(page.locator("#camera span")).to_have_text("Stop")
    while not held:
        page.wait_for_timeout(50)
    choose(page, 1)
    held[0].abort()
    painted(page, "adjustable")
    expect(page.locator("#title")).to_have_text("With a strength")
    expect(page.locator("#camera span")).to_have_text("Stop")
    visit.complaints.clear()


def test_a_scene_that_is_not_there_is_told_and_tried_again(visit: Visit, address: str) -> None:
    visit.context.route("**/previews/adjustable.jpg", lambda route: route.abort())
    page = visit.open(address)
    expect(page.locator("#save")).to_be_enabled()
    choose(page, 1)
    expect(page.locator("#notice")).to_contain_text("With a strength can’t be shown")
    expect(page.locator("#title")).to_have_text("Plain")
    visit.context.unroute_all()
    choose(page, 1)
    expect(page.locator("#title")).to_have_text("With a strength")
    expect(page.locator("#notice")).to_be_empty()
    visit.complaints.clear()


def test_files_are_named_by_the_visitor_s_clock(browser: Browser, address: str) -> None:
    zone = timezone(timedelta(hours=14))
    context = browser.new_context(timezone_id="Pacific/Kiritimati", accept_downloads=True)
    page = Visit(context).open(address)
    before = datetime.now(zone)
    with page.expect_download() as download:
        page.click("#save")
    told = datetime.strptime(download.value.suggested_filename, "plain-%Y-%m-%d-%H%M%S.png").replace(tzinfo=zone)
    assert before - timedelta(seconds=2) < told <= datetime.now(zone)
    context.close()


def test_progress_is_shown_and_what_was_fetched_is_kept(visit: Visit, address: str) -> None:
    visit.page.add_init_script(
        """window.told = [];
        document.addEventListener("DOMContentLoaded", () => {
          const text = document.getElementById("loading-text");
          new MutationObserver(() => told.push([text.textContent, document.getElementById("progress").value]))
            .observe(text, { childList: true });
        });"""
    )
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(10)))
    painted(page, "plain")
    told = page.evaluate("told")
    assert any(text == "Downloading the painter (14 MB, once)" for text, _ in told)
    assert any(text.startswith("Downloading Plain (") for text, _ in told)
    assert page.locator("#loading").is_hidden()
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.open(address)
    hand_over(page, "drop", png(make_photo(10)))
    painted(page, "plain")
    assert not any(".onnx" in url or "/ort/" in url for url in asked)


def test_painting_leaves_the_page_awake(visit: Visit, address: str) -> None:
    page = visit.open(address)
    hand_over(page, "drop", png(make_photo(11, 80, 60)))
    painted(page, "plain")
    page.focus("#size")
    page.keyboard.press("End")
    hand_over(page, "drop", png(make_photo(12, 1280, 1280)))
    page.wait_for_selector("#picture[aria-busy]")
    frames = page.evaluate(
        """async () => {
          let frames = 0;
          while (document.getElementById("picture").hasAttribute("aria-busy")) {
            await new Promise(requestAnimationFrame);
            frames++;
          }
          return frames;
        }"""
    )
    assert frames > 3
    assert canvases(page)["stylized"].shape == (1280, 1280, 3)


@pytest.fixture
def bare_address(site: Path) -> Iterator[str]:
    """The site on a web server that sends no headers of its own, as many hosts do."""

    class Quiet(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_host_without_headers_gives_one_thread(visit: Visit, bare_address: str) -> None:
    page = visit.open(bare_address)
    expect(page.locator("#engine-name")).to_have_text("WebAssembly, one thread")
    assert "headers" in page.locator("#engine-why").text_content()
    hand_over(page, "drop", png(make_photo(13)))
    painted(page, "plain")


def test_the_runtime_from_a_public_server(
    visit: Visit, warm_style: Command, work: Path, models: dict[str, Path]
) -> None:
    """Without onnxruntime-web at hand; the public server is one that this test plays."""
    from fast_style.web import runtime
    from fast_style.web.server import open_server

    result = warm_style("web", "-m", models["plain"], "-o", "site", "--cdn")
    assert result.returncode == 0, result.stderr
    assert not (work / "site" / "ort").exists()
    manifest = json.loads((work / "site" / "site.json").read_text())
    assert manifest["engines"]["wasm"]["binary"]["url"].startswith(
        "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/"
    )
    folder = find_runtime()
    asked = []

    def answer(route: Any) -> None:
        asked.append(name := route.request.url.rsplit("/", 1)[-1])
        headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
        route.fulfill(body=(folder / name).read_bytes(), headers=headers)

    visit.context.route(f"{runtime.CDN}**", answer)
    with open_server(work / "site", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = visit.open(f"http://127.0.0.1:{server.server_port}/")
        hand_over(page, "drop", png(make_photo(14)))
        painted(page, "plain")
        server.shutdown()
        thread.join()
    assert sorted(asked) == ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "ort.wasm.min.mjs"]


def test_webgpu_paints_the_same_and_an_imitated_one_is_passed_over(
    playwright: Playwright, address: str, models: dict[str, Path]
) -> None:
    browser = playwright.chromium.launch(
        executable_path=find_browser(), args=["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    )
    visit = Visit(browser.new_context())
    page = visit.open(address)
    if not page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)"):
        browser.close()
        pytest.skip("this Chromium has no WebGPU, not even an imitated one")
    expect(page.locator("#engine-name")).to_contain_text("WebAssembly")
    assert "imitated" in (page.locator("#engine-why").text_content() or "")
    page = visit.open(f"{address}?engine=webgpu")
    expect(page.locator("#engine-name")).to_have_text("WebGPU")
    photo = make_photo(15, 32, 32)
    hand_over(page, "drop", png(photo))
    picture = painted(page, "plain")["stylized"]
    expect(page.locator("#engine-name")).to_have_text("WebGPU")  # it did not give up
    assert difference(picture, Stylizer.load(models["plain"], engine="onnx")(photo)) <= CLOSE
    browser.close()
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_axe_finds_nothing(browser: Browser, address: str, scheme: Any, size: tuple[int, int]) -> None:
    axe = find_axe()
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    visit = Visit(context)
    page = visit.open(address)
    page.click("#camera")  # is blocked: the message is looked at, too
    expect(page.locator("#notice")).not_to_be_empty()
    page.click("#about")
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run()")
    told = [f"{v['id']}: {v['help']}: {[n['html'] for n in v['nodes']]}" for v in found["violations"]]
    assert told == []
    assert len(found["passes"]) > 20
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing to push sideways
    context.close()
    assert visit.complaints == []


def test_writing_a_page_imports_no_torch(work: Path, models: dict[str, Path]) -> None:
    code = (
        "import sys; from fast_style.cli.app import main\n"
        f"sys.argv = ['fast-style', 'web', '-m', {str(models['plain'])!r}, '-o', 'site', '--cdn', '-q']\n"
        "try: main()\nexcept SystemExit as done: assert not done.code, done.code\n"
        "print([name for name in ('torch', 'pytorch_lightning', 'hydra', 'onnx') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["site", "[]"]


def test_mistakes_are_one_line_and_status_2(warm_style: Command, work: Path, models: dict[str, Path]) -> None:
    (work / "full").mkdir()
    (work / "full" / "thesis.tex").touch()
    before = sorted(path.name for path in work.rglob("*"))
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as taken:
        for arguments, words in (
            ((), ["--output DIR", "--serve", "--install"]),
            (("-o", "site", "-m", "xyz"), ["no model xyz", "starry_night"]),
            (("-o", "site", "-m", models["plain"]), ["onnxruntime-web 1.30.0", "fast-style web --install", "--cdn"]),
            (("-o", "full", "-m", models["plain"], "--cdn"), ["full", "other files"]),
            (("-o", "full/thesis.tex", "-m", models["plain"], "--cdn"), ["thesis.tex", "is a file"]),
            (("-o", "/proc/site", "-m", models["plain"], "--cdn"), ["/proc/site", "cannot be written"]),
            (("-o", "site", "--open", "-m", models["plain"], "--cdn"), ["--open", "--serve"]),
            (("--serve", "--cdn", "--port", taken.server_port), [str(taken.server_port), "taken"]),
            (("--install", "--url", "file:///nowhere.tgz"), ["nowhere.tgz", "No such file"]),
            (("--install", "--url", "ftp://x/y.tgz"), ["--url ftp://x/y.tgz"]),
        ):
            assert_one_line_error(warm_style("web", *arguments), *words)
    assert sorted(path.name for path in work.rglob("*")) == before
