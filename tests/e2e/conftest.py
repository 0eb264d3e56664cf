"""Fixtures of the tests of the page: models, a site, its server and a browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import find_browser, find_runtime, lacking, write_camera_clip
from tests.e2e.page import WAIT, Visit, expect, run_command, sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright


@pytest.fixture(scope="session")
def models(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two tiny untrained networks: one without a strength, one with a strength that does something."""
    import torch

    from fast_style.models.networks import build_network
    from fast_style.training.export import export_model

    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    plain = build_network("johnson", width=4, blocks=1)
    adjustable = build_network("lite", width=8, blocks=1, takes_strength=True)
    for key, parameter in adjustable.named_parameters():
        if key.endswith("strength_coefficients"):
            torch.nn.init.normal_(parameter, std=0.3)
    return {
        name: export_model(network, folder / name, name=name, training={}, style_title=title).folder
        for name, network, title in (("plain", plain, "Plain"), ("adjustable", adjustable, "With a strength"))
    }


@pytest.fixture(scope="session")
def site(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    find_runtime()
    folder = tmp_path_factory.mktemp("web") / "site"
    run_command("web", "-m", models["plain"], "-m", models["adjustable"], "-o", folder)
    return folder


@pytest.fixture(scope="session")
def address(models: dict[str, Path]) -> Iterator[str]:
    """The address of `fast-style web --serve`, which writes a site of its own."""
    find_runtime()
    program = Path(sys.executable).with_name("fast-style")
    server = subprocess.Popen(
        [str(program), "web", "-m", models["plain"], "-m", models["adjustable"], "--serve", "--port", "0", "--quiet"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.terminate()
    assert server.wait(30) == 0


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if sync_playwright is None:
        lacking("playwright is not installed (pip install playwright)")
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera that shows `COLORS`; pages have to ask for it."""
    clip = tmp_path_factory.mktemp("camera") / "clip.y4m"
    write_camera_clip(clip)
    browser = playwright.chromium.launch(
        executable_path=find_browser(),
        args=[
            "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}",
            # A name that is no secure origin, though it is this machine.
            "--host-resolver-rules=MAP plain.test 127.0.0.1",
        ],
    )  # fmt: skip
    yield browser
    browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, accept_downloads=True)
    context.grant_permissions(["camera"])
    visit = Visit(context)
    yield visit
    context.close()
    assert visit.complaints == []
