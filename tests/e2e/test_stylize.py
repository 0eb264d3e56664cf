"""`fast-style stylize` with the shipped model, through the installed command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.resources import resource
from tests.conftest import Command, assert_one_line_error, make_photo

pytestmark = pytest.mark.slow

SHIPPED = sorted(path.name for path in resource("checkpoints").iterdir() if (path / "model.onnx").is_file())


def test_a_model_is_shipped() -> None:
    assert "starry_night" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_stylise_the_scene(fast_style: Command, work: Path, name: str) -> None:
    scene = resource("data") / "scenes" / "lake.jpg"
    result = fast_style("stylize", scene, "-o", "out.jpg", "--model", name)
    assert result.returncode == 0, result.stderr
    before, after = np.asarray(Image.open(scene), int), np.asarray(Image.open(work / "out.jpg"), int)
    assert after.shape == before.shape
    assert 15 < np.abs(after - before).mean() < 120  # repainted, and neither black nor white
    assert after.std() > 20


def test_odd_pictures(fast_style: Command, work: Path) -> None:
    rgb = Image.fromarray(make_photo(0, 53, 37))
    pictures = {
        "grey.png": rgb.convert("L"),
        "cmyk.jpg": rgb.convert("CMYK"),
        "palette.png": rgb.convert("P"),
        "alpha.png": rgb.convert("RGBA"),
        "sixteen.png": Image.fromarray(
            (np.arange(53 * 37, dtype=np.uint32) * 33 % 65536).astype(np.uint16).reshape(37, 53)
        ),
        "one.webp": rgb.resize((1, 1)),
    }
    (work / "in" / "deep").mkdir(parents=True)
    for name, picture in pictures.items():
        picture.save(work / "in" / "deep" / name)
    rgb.save(work / "in" / "moving.gif", save_all=True, append_images=[rgb.rotate(180)])
    turned = rgb.getexif()
    turned[0x0112] = 6
    rgb.save(work / "in" / "turned.jpg", exif=turned)
    result = fast_style("stylize", "in", "-o", "out")
    assert result.returncode == 0, result.stderr
    assert "first frame" in result.stderr
    for name, picture in pictures.items():
        with Image.open(work / "out" / "deep" / name) as made:
            assert made.size == picture.size, name
    with Image.open(work / "out" / "turned.jpg") as made:
        assert made.size == (37, 53)


def test_a_bad_picture_does_not_stop_the_others(fast_style: Command, work: Path) -> None:
    (work / "in").mkdir()
    Image.fromarray(make_photo(0)).save(work / "in" / "good.jpg")
    (work / "in" / "bad.jpg").write_bytes(b"not a picture")
    result = fast_style("stylize", "in", "-o", "out", "--quiet")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "bad.jpg" in result.stderr
    assert [path.name for path in (work / "out").iterdir()] == ["good.jpg"]


def test_max_size(fast_style: Command, work: Path) -> None:
    Image.fromarray(make_photo(0, 200, 100)).save(work / "photo.png")
    assert fast_style("stylize", "photo.png", "-o", "out.png", "--max-size", "50").returncode == 0
    assert Image.open(work / "out.png").size == (50, 25)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jpg", "-o", "out.jpg"], ["missing.jpg"]),
        (["photo.jpg", "-o", "out.jpg", "--model", "nothing"], ["nothing", "starry_night"]),
        (["photo.jpg", "-o", "out.jpg", "--model", "photo.jpg"], ["photo.jpg", ".onnx"]),
        (["photo.jpg", "-o", "out.jpg", "--engine", "magic"], ["magic"]),
        (["text.jpg", "-o", "out.jpg"], ["text.jpg"]),
        (["photo.jpg", "-o", "text.jpg/out.jpg"], ["text.jpg"]),
        (["photo.jpg", "-o", "/proc/self/out.jpg"], ["cannot write", "/proc/self/out.jpg"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    fast_style: Command, work: Path, arguments: list[str], words: list[str]
) -> None:
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    (work / "text.jpg").write_text("text")
    before = sorted(path.name for path in work.iterdir())
    assert_one_line_error(fast_style("stylize", *arguments), *words)
    assert sorted(path.name for path in work.iterdir()) == before


def test_the_command_imports_no_torch_for_onnx(work: Path) -> None:
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    code = (
        "import sys; from fast_style.cli import main\n"
        "sys.argv = ['fast-style', 'stylize', 'photo.jpg', '-o', 'out.jpg', '-q']\n"
        "try: main()\nexcept SystemExit as done: assert not done.code, done.code\n"
        "print([name for name in ('torch', 'pytorch_lightning', 'hydra') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert (work / "out.jpg").exists()


def test_real_photos_with_each_engine(fast_style: Command, work: Path, shared: Path) -> None:
    """All 100 validation photos take minutes; ten of them show the same."""
    (work / "val").mkdir()
    photos = sorted((shared / "photos" / "val").glob("*.jpg"))[::10]
    for photo in photos:
        Image.open(photo).save(work / "val" / f"{photo.stem}.png")  # exact, where JPEG would add its own error
    for engine in ("onnx", "torch"):
        result = fast_style("stylize", "val", "-o", engine, "--engine", engine)
        assert result.returncode == 0, result.stderr
    for photo in photos:
        pictures = [
            np.asarray(Image.open(path), int)
            for path in (photo, *(work / engine / f"{photo.stem}.png" for engine in ("onnx", "torch")))
        ]
        assert pictures[0].shape == pictures[1].shape == pictures[2].shape
        assert np.abs(pictures[1] - pictures[2]).max() <= 2


def test_models_are_listed_with_figures(fast_style: Command) -> None:
    result = fast_style("models")
    assert result.returncode == 0
    card = json.loads((resource("checkpoints") / "starry_night" / "card.json").read_text())
    assert "starry_night" in result.stdout
    assert card["style"]["title"] in result.stdout
    assert f"{card['scorecard']['style_share']:.3f}" in result.stdout
