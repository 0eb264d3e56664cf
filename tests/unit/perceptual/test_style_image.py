from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from fast_style.config.entry import compose_training
from fast_style.errors import ConfigError, DataError, ImageError, ImageNotFoundError
from fast_style.images.decode import load_rgb
from fast_style.perceptual import style_image
from fast_style.perceptual.objective import objective_config
from fast_style.perceptual.style_image import least_max_side, load_style, load_styles
from tests.conftest import damage_png, make_photo


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


def test_a_folder_of_styles(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "paintings"
    (folder / "more").mkdir(parents=True)
    for name, width in (("b.png", 200), ("a.jpg", 80), ("more/c.png", 90)):
        Image.fromarray(make_photo(1, width, 80)).save(folder / name)
    (folder / "broken.png").write_bytes(b"nothing")
    config = compose_training([f"style.images={folder}", "style.size=100"])
    styles = load_styles(config)
    assert [style.name for style in styles] == ["a", "b", "c"]
    assert [tuple(style.paintings[0].shape[2:]) for style in styles] == [(80, 80), (40, 100), (80, 90)]
    assert "broken.png" in caplog.text


def test_a_style_of_several_paintings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder and a pattern; what is broken, too small or of another kind is left out, the first two by name."""
    folder = tmp_path / "van gogh"
    folder.mkdir()
    for number, (name, width, height) in enumerate([("b.png", 200, 100), ("a.jpg", 100, 80), ("c.png", 300, 31)]):
        Image.fromarray(make_photo(number, width, height)).save(folder / name)
    (folder / "header.png").write_bytes(b"nothing")
    Image.fromarray(make_photo(3, 150, 150)).save(folder / "middle.png")
    damage_png(folder / "middle.png")
    (folder / "notes.txt").write_text("six paintings")
    for given, names in (
        (folder, ["header.png", "c.png", "middle.png"]),
        (folder / "*", ["header.png", "c.png", "middle.png"]),
        (folder / "[ab].*", []),
    ):
        caplog.clear()
        (style,) = load_styles(compose_training([f"style.image={given}", "style.size=100"]))
        assert [tuple(painting.shape) for painting in style.paintings] == [(1, 3, 80, 100), (1, 3, 50, 100)]
        assert style.name == "van gogh"
        left_out = [message for message in caplog.messages if message.startswith("left out of the style: ")]
        assert len(left_out) == len(names) and all(each in " ".join(left_out) for each in names), caplog.messages


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([(90, 60)], "holds a single painting that can be used, .*0.png: the style is that one's"),
        ([(200, 90), (99, 90)], "1.png is at most 99 px long, others are 200: .* or use style.size=99"),
        ([(200, 90), (100, 90)], None),
    ],
)
def test_few_or_uneven_paintings_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sizes: list[tuple[int, int]], words: str | None
) -> None:
    for number, (width, height) in enumerate(sizes):
        Image.fromarray(make_photo(number, width, height)).save(tmp_path / f"{number}.png")
    load_styles(compose_training([f"style.image={tmp_path}", "style.size=200"]))
    assert not caplog.messages if words is None else re.search(words, caplog.messages[0])


def test_sets_of_paintings_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(given: object) -> None:
        load_styles(compose_training([f"style.image={given}", "style.size=100"]))

    with pytest.raises(DataError, match=r"^style\.image: .*: it holds no images; give a folder of JPEG"):
        load(tmp_path)
    with pytest.raises(ImageNotFoundError, match=r"^style\.image=.*\*\.jpg: no image matches this pattern; check the"):
        load(tmp_path / "*.jpg")
    with pytest.raises(ImageNotFoundError, match=r"^style\.image: .*nowhere does not exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "header.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"its only image is not readable \(.*header.png"):
        load(tmp_path)
    Image.fromarray(make_photo(0, 90, 20)).save(tmp_path / "flat.png")
    with pytest.raises(DataError, match=r"^style\.image=.*: not one of its 1 images can be used \(.*"):
        load(tmp_path)

    def vanish(path: Path, *, setting: str) -> tuple[list[Path], list[str]]:
        return [path / "was here.png"], []

    monkeypatch.setattr(style_image, "readable_photos", vanish)
    with pytest.raises(DataError, match=r"not one of its 1 images can be used \(.*was here\.png does not exist"):
        load(tmp_path)


def test_folders_of_styles_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it holds no images"):
        load_styles(compose_training([f"style.images={tmp_path}"]))
    for name in ("a.png", "a.jpg"):
        Image.fromarray(make_photo(1, 80, 60)).save(tmp_path / name)
    with pytest.raises(ConfigError, match=r"^style\.images=.*a\.jpg and .*a\.png have one name; rename one of them"):
        load_styles(compose_training([f"style.images={tmp_path}"]))
    for overrides in (["style=custom", "style.image=null"], ["style.image=a.png", f"style.images={tmp_path}"]):
        with pytest.raises(
            ConfigError, match=r"^style: needs either one image or a folder of them; give style\.image or style\.images"
        ):
            compose_training(overrides)
