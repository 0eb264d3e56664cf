"""`fast-style stylize` with the shipped models. The installed command starts where streams and imports are tested, and
once for a folder; everything else is done by processes that have imported everything."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.system.paths import resource
from tests.conftest import Command, assert_one_line_error, make_photo

pytestmark = pytest.mark.slow

SHIPPED = sorted(path.name for path in resource("checkpoints").iterdir() if (path / "model.onnx").is_file())


def test_a_model_is_shipped() -> None:
    assert "starry_night" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_stylize_the_scene(warm_style: Command, work: Path, name: str) -> None:
    scene = resource("data") / "scenes" / "lake.jpg"
    result = warm_style("stylize", scene, "-o", "out.jpg", "--model", name)
    assert result.returncode == 0, result.stderr
    before, after = np.asarray(Image.open(scene), int), np.asarray(Image.open(work / "out.jpg"), int)
    assert after.shape == before.shape
    assert 15 < np.abs(after - before).mean() < 120  # repainted, and neither black nor white
    assert after.std() > 20


def test_odd_pictures(fast_style: Command, work: Path) -> None:
    rgb = Image.fromarray(make_photo(0, 53, 37))
    pictures = {
        "gray.png": rgb.convert("L"),
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


def test_transparent_pictures_stay_so(warm_style: Command, work: Path) -> None:
    alpha = np.full((60, 80), 255, np.uint8)
    alpha[10:30, 10:40] = 0
    alpha[40:] = np.linspace(0, 255, 80)
    picture = Image.fromarray(make_photo(0, 80, 60))
    picture.putalpha(Image.fromarray(alpha))
    picture.save(work / "in.png")
    for flags in ([], ["--engine", "torch"], ["--tile", "64"]):
        result = warm_style("stylize", "in.png", "-o", "out.png", *flags)
        assert result.returncode == 0, result.stderr
        with Image.open(work / "out.png") as made:
            assert made.mode == "RGBA"
            assert np.array_equal(np.asarray(made.getchannel("A")), alpha)
            assert np.asarray(made, int)[30:, :, :3].std() > 20
    assert warm_style("stylize", "in.png", "-o", "out.jpg").returncode == 0
    assert Image.open(work / "out.jpg").mode == "RGB"


def test_a_bad_picture_does_not_stop_the_others(warm_style: Command, work: Path) -> None:
    (work / "in").mkdir()
    Image.fromarray(make_photo(0)).save(work / "in" / "good.jpg")
    (work / "in" / "bad.jpg").write_bytes(b"not a picture")
    result = warm_style("stylize", "in", "-o", "out", "--quiet")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "bad.jpg" in result.stderr
    assert [path.name for path in (work / "out").iterdir()] == ["good.jpg"]


def test_max_size(warm_style: Command, work: Path) -> None:
    Image.fromarray(make_photo(0, 200, 100)).save(work / "photo.png")
    assert warm_style("stylize", "photo.png", "-o", "out.png", "--max-size", "50").returncode == 0
    assert Image.open(work / "out.png").size == (50, 25)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jpg", "-o", "out.jpg"], ["missing.jpg"]),
        (["photo.jpg", "-o", "out.jpg", "--model", "xyz"], ["xyz", "starry_night"]),
        (
            ["photo.jpg", "-o", "out.jpg", "--model", "photo.jpg"],
            ["photo.jpg", "fast-style train style.image=photo.jpg"],
        ),
        (["photo.jpg", "-o", "out.jpg", "-m", "wave", "-m", "mosaic"], ["--model: only one at a time", "wave, mosaic"]),
        (["photo.jpg", "-o", "out.jpg", "--engine", "magic"], ["magic"]),
        (["photo.jpg", "-o", "out.jpg", "--strength", "2"], ["--strength 2", "0 to 1.5"]),
        (["photo.jpg", "-o", "out.jpg", "--stroke", "3"], ["--stroke 3", "0.5 to 2"]),
        (["photo.jpg", "-o", "out.jpg", "--tile", "7"], ["--tile 7"]),
        (["photo.jpg", "-o", "out.jpg", "--memory", "lots"], ["--memory lots", "2GB"]),
        (["photo.jpg", "-o", "out", "--format", "doc"], [".doc"]),
        (["photo.jpg", "-o", "photo.jpg"], ["photo.jpg", "over itself"]),
        (["*.png", "-o", "out"], ["*.png", "pattern"]),
        (["-", "-o", "out.png"], ["standard input is empty"]),
        (["photo.jpg", "-o", "out.heic"], ["out.heic", "unknown suffix '.heic'", ".png"]),
        (["text.jpg", "-o", "out.jpg"], ["text.jpg"]),
        (["photo.jpg", "-o", "text.jpg/out.jpg"], ["text.jpg"]),
        (["photo.jpg", "-o", "/proc/self/out.jpg"], ["cannot write", "/proc/self/out.jpg"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    warm_style: Command, work: Path, arguments: list[str], words: list[str]
) -> None:
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    (work / "text.jpg").write_text("text")
    before = sorted(path.name for path in work.iterdir())
    assert_one_line_error(warm_style("stylize", *arguments), *words)
    assert sorted(path.name for path in work.iterdir()) == before


def test_strength_color_and_stroke(warm_style: Command, work: Path) -> None:
    photo = np.array(Image.new("RGB", (96, 64), (30, 160, 60)))
    photo[:, 48:] = make_photo(0, 48, 64)
    Image.fromarray(photo).save(work / "photo.png")
    for name, flags in {
        "plain": [],
        "kept": ["--keep-color"],
        "coarse": ["--stroke", "2"],
        "tiled": ["--tile", "64"],
        "fast": ["--engine", "torch"],
        "one": ["--strength", "1"],
    }.items():
        result = warm_style("stylize", "photo.png", "-o", f"{name}.png", *flags)
        assert result.returncode == 0, result.stderr
    made = {path.stem: np.asarray(Image.open(path), int) for path in work.glob("*.png")}
    assert {picture.shape for picture in made.values()} == {(64, 96, 3)}
    green = made["kept"][:, :40].mean(axis=(0, 1))
    assert green[1] > green[0] + 10
    assert green[1] > green[2] + 10
    assert np.abs(made["tiled"] - made["plain"]).max() <= 2
    assert np.abs(made["fast"] - made["plain"]).mean() < 2
    assert np.array_equal(made["one"], made["plain"])
    assert np.abs(made["coarse"] - made["plain"]).mean() > 2


def test_streams(work: Path) -> None:
    program = Path(sys.executable).with_name("fast-style")
    for kind, flags, expected in (("PNG", [], "PNG"), ("JPEG", ["--format", "webp"], "WEBP")):
        stream = io.BytesIO()
        Image.fromarray(make_photo(0)).save(stream, format=kind)
        command = [program, "stylize", "-", "-o", "-", *flags]
        result = subprocess.run(command, cwd=work, input=stream.getvalue(), capture_output=True, check=True)
        with Image.open(io.BytesIO(result.stdout)) as made:
            assert (made.format, made.size) == (expected, (64, 48))
        assert b"standard output" in result.stderr
    assert not list(work.iterdir())


def test_a_stream_into_a_file_that_is_there(work: Path) -> None:
    program = Path(sys.executable).with_name("fast-style")
    stream = io.BytesIO()
    Image.fromarray(make_photo(0)).save(stream, format="JPEG")
    for flags, words in (([], b"out.jpg"), ([], b"out.jpg"), (["--skip-existing"], b"1 of 1 are there already")):
        command = [program, "stylize", "-", "-o", "out.jpg", *flags]
        result = subprocess.run(command, cwd=work, input=stream.getvalue(), capture_output=True, check=True)
        assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("photo.jpg -o - >/dev/full", "cannot write standard output: No space left"),
        ("photo.jpg -o - >&-", "standard output is closed"),
        ("- -o out.jpg <&-", "standard input is closed"),
        ("- -o out.jpg 0>>photo.jpg", "cannot read standard input"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_streams_that_fail_are_one_line(work: Path, arguments: str, words: str) -> None:
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    program = Path(sys.executable).with_name("fast-style")
    command = ["sh", "-c", f'"$0" stylize {arguments}', str(program)]
    assert_one_line_error(subprocess.run(command, cwd=work, capture_output=True, text=True, check=False), words)


def test_a_pattern_leaves_its_results_alone_and_other_kinds_out(warm_style: Command, work: Path) -> None:
    photo = Image.fromarray(make_photo(0))
    photo.save(work / "a.jpg")
    photo.save(work / "b.jfif", format="JPEG")
    (work / "c.jxl").touch()
    for _ in range(2):
        result = warm_style("stylize", "**/*", "-o", "painted")
        assert result.returncode == 0, result.stderr
        assert "1 .jxl" in result.stderr
    made = [path.relative_to(work).as_posix() for path in sorted(work.rglob("*")) if path.is_file()]
    assert made == ["a.jpg", "b.jfif", "c.jxl", "painted/a.jpg", "painted/b.jfif"]


def test_a_second_run_does_what_is_left(warm_style: Command, work: Path) -> None:
    (work / "in" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "deep/b.png"):
        Image.fromarray(make_photo(0)).save(work / "in" / name)
    assert warm_style("stylize", "in/*.jpg", "-o", "out", "--format", "png").returncode == 0
    before = (work / "out" / "a.png").stat().st_mtime_ns
    result = warm_style("stylize", "in/**/*", "-o", "out", "--format", "png", "--skip-existing")
    assert result.returncode == 0, result.stderr
    assert "1 of 2 are there already" in result.stderr
    assert (work / "out" / "a.png").stat().st_mtime_ns == before
    assert (work / "out" / "deep" / "b.png").exists()
    assert warm_style("stylize", "in", "-o", "out", "--format", "png", "--skip-existing", "-q").stderr == ""


def test_metadata_goes_along(warm_style: Command, work: Path) -> None:
    photo = Image.fromarray(make_photo(0))
    exif = photo.getexif()
    exif[0x0112], exif[0x013B] = 6, "Ann"
    photo.save(work / "photo.jpg", exif=exif, dpi=(300, 300))
    for name, flags in {"kept.jpg": [], "bare.jpg": ["--no-metadata"]}.items():
        assert warm_style("stylize", "photo.jpg", "-o", name, *flags).returncode == 0
    with Image.open(work / "kept.jpg") as kept, Image.open(work / "bare.jpg") as bare:
        assert kept.size == bare.size == (48, 64)
        assert kept.getexif()[0x013B] == "Ann"
        assert kept.getexif().get(0x0112, 1) == 1
        assert kept.info["dpi"] == (300, 300)
        assert not dict(bare.getexif())


def test_a_long_panorama(warm_style: Command, work: Path) -> None:
    Image.fromarray(make_photo(0, 4000, 60)).save(work / "long.png")
    Image.fromarray(make_photo(0, 20_000, 100)).save(work / "longer.jpg")
    Image.fromarray(make_photo(0, 5000, 1)).save(work / "line.png")
    result = warm_style("stylize", "long.png", "line.png", "-o", "out", "--tile", "256")
    assert result.returncode == 0, result.stderr
    assert Image.open(work / "out" / "long.png").size == (4000, 60)
    assert Image.open(work / "out" / "line.png").size == (5000, 1)
    result = warm_style("stylize", "longer.jpg", "-o", "out")
    assert result.returncode == 0, result.stderr
    assert Image.open(work / "out" / "longer.jpg").size == (20_000, 100)


def test_the_command_imports_no_torch_for_onnx(work: Path) -> None:
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    code = (
        "import sys; from fast_style.cli.app import main\n"
        "sys.argv = ['fast-style', 'stylize', 'photo.jpg', '-o', 'out.jpg', '-q']\n"
        "try: main()\nexcept SystemExit as done: assert not done.code, done.code\n"
        "print([name for name in ('torch', 'pytorch_lightning', 'hydra') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert (work / "out.jpg").exists()


def test_real_photos_with_each_engine(warm_style: Command, work: Path, shared: Path) -> None:
    """All 100 validation photos take minutes; ten of them show the same."""
    (work / "val").mkdir()
    photos = sorted((shared / "photos" / "val").glob("*.jpg"))[::10]
    for photo in photos:
        Image.open(photo).save(work / "val" / f"{photo.stem}.png")  # exact, where JPEG would add its own error
    for engine in ("onnx", "torch"):
        result = warm_style("stylize", "val", "-o", engine, "--engine", engine, "--precision", "fp32")
        assert result.returncode == 0, result.stderr
    for photo in photos:
        pictures = [
            np.asarray(Image.open(path), int)
            for path in (photo, *(work / engine / f"{photo.stem}.png" for engine in ("onnx", "torch")))
        ]
        assert pictures[0].shape == pictures[1].shape == pictures[2].shape
        assert np.abs(pictures[1] - pictures[2]).max() <= 2


def test_models_are_listed_with_figures(warm_style: Command) -> None:
    result = warm_style("models")
    assert result.returncode == 0
    card = json.loads((resource("checkpoints") / "starry_night" / "card.json").read_text())
    assert "starry_night" in result.stdout
    assert card["style"]["title"].split()[-1] in result.stdout  # of several words, a narrow terminal breaks them
    assert f"{card['scorecard']['style_share']:.3f}" in result.stdout
