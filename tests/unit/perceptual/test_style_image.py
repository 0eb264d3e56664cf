from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fast_style.errors import ImageError, ImageNotFoundError
from fast_style.images.decode import load_rgb
from fast_style.perceptual.objective import objective_config
from fast_style.perceptual.style_image import least_max_side, load_style
from tests.conftest import make_photo


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (64, 64), (97, 33), (1000, 61), (32, 32)])
def test_the_least_side_is_the_least(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(make_photo(0, width, height)).save(path)
    side = least_max_side(path)
    assert min(load_rgb(path, max_side=side).shape[:2]) == 32
    assert min(load_rgb(path, max_side=side - 1).shape[:2]) == 31


def test_a_style_that_is_too_small_in_itself_or_at_its_size(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    config = objective_config(path, encoder="random", weights=None, style_size=32)
    with pytest.raises(
        ImageError, match=r"^style.size=32: .*style.png is too small at 32×21 px; want style.size=48 or more"
    ):
        load_style(config)
    Image.fromarray(make_photo(1, 60, 31)).save(path)
    with pytest.raises(
        ImageError, match=r"^style.image: .*style.png: 60×31 px is too small; want sides of 32 px or more"
    ):
        load_style(config)


def test_errors_name_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    small = objective_config(path, encoder="random", weights=None, style_size=32)
    with pytest.raises(ImageError) as too_small:
        load_style(small)
    assert (too_small.value.setting, too_small.value.suggestions) == ("style.size", {"style.size": 48})
    missing = objective_config(Path("none.png"), encoder="random", weights=None, style_size=32)
    with pytest.raises(ImageNotFoundError, match=r"none\.png does not exist") as not_found:
        load_style(missing)
    assert not_found.value.setting == "style.image"


def test_a_style_has_its_longer_side_at_the_size_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    style = load_style(objective_config(path, encoder="random", weights=None, style_size=60))
    assert style.shape == (1, 3, 40, 60)
    assert 0 <= float(style.min()) < float(style.max()) <= 1
