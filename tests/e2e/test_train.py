"""Training through the command, on photos made by code; real photos where they are at hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fast_style.system.paths import resource
from tests.conftest import Command, assert_one_line_error
from tests.runs import QUICK, scalars
from tests.unit.training.test_data import broken_files  # noqa: F401  (a fixture)

pytestmark = pytest.mark.slow

VGG_LAYERS = ("encoder.content_layers=[relu1_1]", "encoder.style_layers=[relu1_1]")


def test_smoke_trains_exports_and_logs(fast_style: Command, warm_style: Command, work: Path) -> None:
    result = fast_style("train", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    model, run = work / "checkpoints" / "smoke", work / "runs" / "smoke" / "1"
    assert "checkpoints/smoke" in result.stdout
    assert "runs/smoke/1" in result.stdout
    assert sorted(path.name for path in model.iterdir()) == [
        "card.json", "card.md", "model.onnx", "model.safetensors", "preview.jpg",
    ]  # fmt: skip
    assert {"last.ckpt", "best.ckpt", "config.yaml"} <= {path.name for path in run.iterdir()}
    logged = scalars(run)
    for tag in (
        "loss/total",
        "loss/total_on_held_out_photos",
        "loss_terms/style",
        "loss_terms_by_layer/style/random3@1",
        "loss_terms_by_layer/content/random3@0.5",
        "validation_by_layer/style/random3@1",
        "optimizer/learning_rate_of_convolutions",
        "run/photos_per_second",
    ):
        assert logged[tag], tag
    pictures = logged.pop("images")
    assert sorted(logged)[:3] == ["loss/total", "loss/total_on_held_out_photos", "loss_terms/checkerboard"]
    assert min(map(len, logged.values())) >= 2, "a chart of one point"
    assert sorted(set(pictures)) == [1, 2], "the style once, the photos after each validation"
    card = json.loads((model / "card.json").read_text())
    assert card["training"]["steps"] == 8
    # The encoder stays outside: weights and their momentum, little more.
    weights = sum(value.numel() * 4 for value in load_file(model / "model.safetensors").values())
    assert (run / "last.ckpt").stat().st_size < 3 * weights + 100_000

    result = warm_style("export", run / "last.ckpt", "-o", "checkpoints/again")
    assert result.returncode == 0, result.stderr
    again = load_file(work / "checkpoints" / "again" / "model.safetensors")
    assert all(again[key].equal(value) for key, value in load_file(model / "model.safetensors").items())

    picture = work / "photo.jpg"
    Image.new("RGB", (51, 37), "orange").save(picture)
    result = warm_style("stylize", picture, "-o", "out.png", "--model", "smoke")
    assert result.returncode == 0, result.stderr
    assert Image.open(work / "out.png").size == (51, 37)
    assert "in checkpoints: again, smoke\n" in warm_style("models").stdout


def test_a_new_model_carries_its_scorecard(warm_style: Command, work: Path) -> None:
    result = warm_style("train", *QUICK, "data.image_size=144", "trainer.max_steps=2")
    assert result.returncode == 0, result.stderr
    assert "measuring the model on 2 held-out photos" in result.stderr
    card = json.loads((work / "checkpoints" / "smoke" / "card.json").read_text())
    measured = card["scorecard"]
    assert measured["photos"] == 2
    assert measured["reference"]["encoder"] == "random"
    assert measured["checkerboard"]["model"] > 0
    assert "sensitivity to shifts of 1, 2, 3, 4 px" in (work / "checkpoints" / "smoke" / "card.md").read_text()
    logged = scalars(work / "runs" / "smoke" / "1")
    assert not any(tag.startswith("scorecard") for tag in logged)


def test_photos_with_broken_files_among_them(
    warm_style: Command, photo_folder: Path, broken_files: list[str], style_file: Path  # noqa: F811
) -> None:  # fmt: skip
    result = warm_style("train", *QUICK, "style.name=null", f"style.image={style_file}", f"data.dir={photo_folder}")
    assert result.returncode == 0, result.stderr
    for name in broken_files:
        assert result.stderr.count(name) == 1, result.stderr
    assert "4 unreadable photos" in result.stderr
    assert "checkpoints/zigzag" in result.stdout


def test_two_processes_train_what_one_does(
    fast_style: Command, warm_style: Command, work: Path, photo_folder: Path
) -> None:
    arguments = [
        *QUICK, f"data.dir={photo_folder}", "trainer.max_steps=10", "trainer.precision=fp32", "trainer.optimizer=adam",
        "trainer.learning_rate=1e-3", "trainer.accelerator=cpu", "export.half_weights=false",
    ]  # fmt: skip
    one = warm_style("train", *arguments, "style.name=one", "data.batch_size=4", "trainer.devices=1")
    assert one.returncode == 0, one.stderr
    two = fast_style("train", *arguments, "style.name=two", "data.batch_size=2", "trainer.devices=2")
    assert two.returncode == 0, two.stderr
    assert [path.name for path in (work / "runs" / "two").iterdir()] == ["1"]
    assert two.stdout.count("model: ") == 1
    a, b = (load_file(work / "checkpoints" / name / "model.safetensors") for name in ("one", "two"))
    # The gradients are summed in another order, and Adam makes a whole step of each one, however small: the few that
    # are rounding errors alone go another way.
    steps = torch.cat([(a[key] - b[key]).abs().flatten() for key in a])
    assert steps.median() < 1e-5
    assert (steps > 3e-4).float().mean() < 0.01
    moved = torch.cat([(a[key] - b).abs().flatten() for key, b in load_initial(work, arguments, warm_style).items()])
    assert moved.median() > 30 * 1e-5


def load_initial(work: Path, arguments: list[str], warm_style: Command) -> dict[str, torch.Tensor]:
    """The weights that training begins with."""
    result = warm_style("train", *arguments, "style.name=none", "trainer.max_steps=1", "trainer.learning_rate=1e-12")
    assert result.returncode == 0, result.stderr
    return load_file(work / "checkpoints" / "none" / "model.safetensors")


def test_a_warm_start_begins_with_a_models_weights(warm_style: Command, work: Path) -> None:
    assert warm_style("train", *QUICK, "style.name=first").returncode == 0
    more = ("style.name=second", "trainer.max_steps=1", "trainer.learning_rate=1e-9", "init_from=first")
    result = warm_style("train", *QUICK, *more)
    assert result.returncode == 0, result.stderr
    first, second = (load_file(work / "checkpoints" / name / "model.safetensors") for name in ("first", "second"))
    coefficients = {key for key in first if key.endswith("strength_coefficients")}
    assert all(first[key].equal(second[key]) for key in first.keys() - coefficients)
    # Another style's strength is not taken over, and one step is too few for one of its own.
    assert any(first[key].any() for key in coefficients if "norm" in key)
    assert first.keys() - second.keys() == coefficients
    assert "no strength" in result.stderr
    card = json.loads((work / "checkpoints" / "second" / "card.json").read_text())
    assert card["network"]["takes_strength"] is False
    assert card["training"]["init_from"] == "first"
    begun = json.loads((work / "checkpoints" / "first" / "card.json").read_text())
    assert card["training"]["steps_before"] == begun["training"]["steps"] > 1
    assert_one_line_error(warm_style("train", *QUICK, "init_from=nowhere"), "no model nowhere")
    assert_one_line_error(warm_style("train", "--style-image", "a.jpg"), "--style-image", "style.image=painting.jpg")
    assert_one_line_error(
        warm_style("train", *QUICK, "model.width=5", "init_from=first"), "init_from=first", "'width': 4", "'width': 5"
    )


def test_a_model_of_the_same_name_is_kept(warm_style: Command, work: Path) -> None:
    shutil.copytree(resource("checkpoints/wave"), work / "checkpoints" / "wave")
    before = {path.name: path.read_bytes() for path in (work / "checkpoints" / "wave").iterdir()}
    result = warm_style("train", *QUICK, "style.name=wave", "trainer.max_steps=1")
    assert result.returncode == 0, result.stderr
    kept = work / "runs" / "wave" / "1" / "replaced"
    assert "replaced: the earlier wave is kept in runs/wave/1/replaced\n" in result.stderr
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert (work / "checkpoints" / "wave" / "model.onnx").read_bytes() != before["model.onnx"]
    assert "replaced" not in warm_style("train", *QUICK, "style.name=new", "trainer.max_steps=1").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["style.image=missing.jpg"], ["fast-style train: style.image", "missing.jpg"]),
        (["style.imgae=a.jpg"], ["fast-style train: style.imgae", "style.image"]),
        (["trainer.max_steps=soon"], ["soon", "max_steps"]),
        (["style=impressionism"], ["impressionism"]),
        (["data.dir=nowhere"], ["nowhere"]),
        (["resume=nowhere"], ["resume=nowhere"]),
        (["encoder=vgg19", *VGG_LAYERS, "encoder.weights=nothing.pth"], ["nothing.pth"]),
        (["model.name=unet"], ["unet", "johnson"]),
        (["style.image=a=b.jpg"], ["a=b.jpg does not exist"]),
        (["model.name=a=b"], ["model.name=a=b: not readable as a setting", "quotes"]),
        (["data.batch_size=0"], ["data.batch_size=0"]),
        (["trainer.accelerator=abacus"], ["trainer.accelerator=abacus", "auto"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    warm_style: Command, work: Path, arguments: list[str], words: list[str]
) -> None:
    result = warm_style("train", "experiment=smoke", *arguments)
    assert_one_line_error(result, *words)
    assert list(work.iterdir()) == [], "a failed start left files behind"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that even root may not write to")
@pytest.mark.parametrize("key", ["output_dir", "runs_dir"])
def test_no_write_permission(warm_style: Command, work: Path, key: str) -> None:
    assert_one_line_error(warm_style("train", *QUICK, f"{key}=/proc/self"), f"{key}: cannot write to /proc")


def test_output_below_a_file_is_one_line(warm_style: Command, work: Path) -> None:
    (work / "file").write_text("x")
    assert_one_line_error(warm_style("train", *QUICK, "output_dir=file"), "output_dir", "file")
    assert_one_line_error(warm_style("train", *QUICK, "runs_dir=file"), "runs_dir", "file")


def test_real_vgg_on_real_photos(warm_style: Command, work: Path, shared: Path) -> None:
    result = warm_style(
        "train", f"style.image={shared}/styles/starry_night.jpg", f"data.dir={shared}/photos/train",
        "encoder=vgg19", f"encoder.weights={shared}/vgg19_to_relu3_4.safetensors", "model.width=8", "model.blocks=1",
        "data.image_size=128", "data.batch_size=2", "data.val_count=4", "trainer.max_steps=60", "trainer.val_every=5",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    curve = scalars(work / "runs" / "starry_night" / "1")["validation/style"]
    assert curve[-1] < 0.7 * curve[0]
    assert b"shared" not in (work / "checkpoints" / "starry_night" / "model.onnx").read_bytes()


def test_the_default_run_needs_nothing(warm_style: Command, work: Path) -> None:
    small = ("model.width=4", "model.blocks=1", "data.image_size=64", "data.val_count=2", "style.size=96")
    result = warm_style("train", *small, "trainer.max_steps=3")
    assert result.returncode == 0, result.stderr
    model = work / "checkpoints" / "stained_glass"
    record = json.loads((model / "card.json").read_text())["training"]
    assert record["encoder"] == "embedded"
    assert record["content"] == "synthetic images"
    with Image.open(model / "preview.jpg") as sample, Image.open(resource("data/scenes/lake.jpg")) as scene:
        assert sample.size == scene.size
    assert "checkpoints/stained_glass/preview.jpg" in result.stdout


def test_a_picture_of_ones_own_keeps_its_name(warm_style: Command, work: Path, style_file: Path) -> None:
    result = warm_style("train", *QUICK[1:4], "trainer.max_steps=1", "data.val_count=1", f"style.image={style_file}")
    assert result.returncode == 0, result.stderr
    card = json.loads((work / "checkpoints" / "zigzag" / "card.json").read_text())
    assert card["style"]["title"] == "Zigzag"
