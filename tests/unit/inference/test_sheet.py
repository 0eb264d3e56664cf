"""The contact sheet; `fast-style sheet` is run by tests/e2e/test_guide.py."""

from __future__ import annotations

import numpy as np
import pytest

from fast_style.errors import ConfigError, ModelNotFoundError
from fast_style.inference import sheet
from fast_style.inference.sheet import BACKGROUND, SheetOptions, style_sheet
from fast_style.inference.stylizer import Stylizer
from tests.conftest import make_photo


def test_the_photo_and_every_style_have_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, done = make_photo(0, 160, 120), list[float]()
    made = style_sheet(photo, ["flow", "wave"], SheetOptions(80, columns=2, strength=0.5), done.append)
    text, gap = 12, sheet.GAP
    assert made.shape == (2 * (60 + 2 * text + gap) + gap, 2 * (80 + gap) + gap, 3)
    assert done == [0.5, 1]
    cells = [
        made[top : top + 60, left : left + 80] for top in (gap, 2 * gap + 60 + 2 * text) for left in (gap, 2 * gap + 80)
    ]
    wave = Stylizer.load("wave")(cells[0], strength=0.5)
    assert (cells[2] == wave).all()
    assert (cells[3] == BACKGROUND).all()
    labels = made[gap + 60 : gap + 60 + 2 * text]
    assert (labels != BACKGROUND).any(), "each picture has its name below it"


def test_a_long_name_is_cut_off() -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(12)
    assert sheet._shortened("wave", font, 100) == "wave"
    short = sheet._shortened("a_very_long_name_of_a_painting", font, 100)
    assert short.endswith("…")
    assert font.getlength(short) <= 100


@pytest.mark.parametrize(("arguments", "setting"), [({"size": 10}, "size"), ({"columns": 0}, "columns")])
def test_values_out_of_range(arguments: dict[str, int], setting: str) -> None:
    with pytest.raises(ConfigError, match=f"^{setting}="):
        SheetOptions(**arguments)


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(ModelNotFoundError, match="no model nowhere"):
        style_sheet(np.zeros((64, 64, 3), np.uint8), ["nowhere"])
