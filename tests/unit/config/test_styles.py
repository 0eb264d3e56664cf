"""The style images that the project paints itself: each has a program, a picture and settings of its own."""

from __future__ import annotations

import re

import yaml
from PIL import Image

from fast_style.system.paths import resource

STYLES = resource("data") / "styles"


def test_every_painting_has_its_program_and_its_settings() -> None:
    painted = {path.stem for path in STYLES.glob("*.jpg")}
    programs = re.findall(r'^    "(\w+)": (\w+)\.paint,$', (STYLES / "draw.py").read_text(), re.MULTILINE)
    assert programs
    assert all(name == module for name, module in programs)
    assert {name for name, _ in programs} == painted
    settings = {}
    for path in (resource("conf") / "style").glob("*.yaml"):
        values = yaml.safe_load(path.read_text())
        if values["image"] and values["image"].startswith("data/styles/"):
            settings[path.stem] = values
    assert set(settings) == painted
    for name, values in settings.items():
        assert values["image"] == f"data/styles/{name}.jpg"
        assert values["title"]
        assert values["credit"] == "painted by this project's own program, CC0"
        with Image.open(STYLES / f"{name}.jpg") as picture:
            assert picture.size == (1024, 1024)
