"""`evaluate`, `models`, `optimize`, `similarity`, `visualize` and `bench`.

The installed command starts where warnings and signals are tested, otherwise a process that has imported everything.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fast_style.benchmark import bench, pytorch_examples, workloads
from fast_style.cli.app import app
from fast_style.system.paths import resource
from fast_style.system.results import is_result
from tests.conftest import Command, assert_one_line_error, damage_png, make_photo

pytestmark = pytest.mark.slow


def test_evaluate_measures_a_model(warm_style: Command, tmp_path: Path, style_file: Path) -> None:
    folder = tmp_path / "seen never"
    folder.mkdir()
    for seed in range(2):
        Image.fromarray(make_photo(seed, 160, 144)).save(folder / f"{seed}.png")
    options = ("--photos", folder, "--style", style_file, "--encoder", "random", "--equivalent", 1, "--limit", 2)
    result = warm_style("evaluate", "starry_night", *options, "--json")
    assert result.returncode == 0, result.stderr
    card = json.loads(result.stdout)["starry_night"]
    assert card["photos"] == 2 and card["reference"]["encoder"] == "random"
    for start in ("from_photo", "from_noise"):
        assert 0 <= card["equivalent_iterations"][start]["median"] <= 2
    assert "equivalent L-BFGS iterations" in warm_style("evaluate", "starry_night", *options).stdout


def test_evaluate_mistakes_are_one_line(warm_style: Command, photo_folder: Path, style_file: Path) -> None:
    options = ("--photos", photo_folder, "--style", style_file, "--encoder", "random")
    assert_one_line_error(warm_style("evaluate", "no_such_model", *options), "no model no_such_model")
    assert_one_line_error(warm_style("evaluate", "starry_night", *options), "px or more")
    assert_one_line_error(
        warm_style("evaluate", "starry_night", "--photos", photo_folder, "--style", "nowhere.png"), "nowhere.png"
    )
    assert_one_line_error(warm_style("evaluate", "starry_night", *options, "--convention", "bgr"), "nchw-255")
    assert_one_line_error(
        warm_style("evaluate", "starry_night", *options, "--convention", "nchw-1", "--save"), "--save: ", "--convention"
    )


def test_evaluate_passes_over_bad_photos_and_gives_valid_json(
    fast_style: Command, warm_style: Command, tmp_path: Path, style_file: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    Image.fromarray(np.zeros((300, 400, 3), np.uint8)).save(folder / "black.png")
    Image.fromarray(make_photo(0, 160, 144)).save(folder / "damaged.png")
    damage_png(folder / "damaged.png")
    Image.fromarray(make_photo(1)).save(folder / "small.png")
    given = ("evaluate", "starry_night", "--photos", folder, "--style", style_file, "--max-size", 200)
    result = fast_style(*given, "--json")
    assert result.returncode == 0, result.stderr
    assert "damaged.png is damaged" in result.stderr and "small.png: 64×48 px is too small" in result.stderr
    assert "Warning" not in result.stderr

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    assert json.loads(result.stdout, parse_constant=refuse)["starry_night"]["photos"] == 1
    (folder / "black.png").unlink()
    assert_one_line_error(warm_style(*given), "none of the 2 photos", "damaged.png")


def test_evaluate_names_its_own_options(warm_style: Command, photo_folder: Path, style_file: Path) -> None:
    def given(photos: object = photo_folder, style: object = style_file) -> tuple[object, ...]:
        return ("evaluate", "starry_night", "--photos", photos, "--style", style)

    assert_one_line_error(warm_style(*given(photos=style_file)), f"--photos {style_file}: is not a folder")
    assert_one_line_error(warm_style(*given(style="nowhere.png")), "--style: nowhere.png does not exist")
    assert_one_line_error(warm_style(*given(), "--weights", "none.pth"), "--weights none.pth: no such file")


def test_evaluate_writes_into_the_card(
    warm_style: Command, work: Path, style_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_STYLE_CACHE", str(work.parent / "cache"))
    shutil.copytree(resource("checkpoints") / "starry_night", work / "checkpoints" / "mine")
    folder = work / "seen never"
    folder.mkdir()
    Image.fromarray(make_photo(1, 160, 144)).save(folder / "1.png")
    options = ("--photos", folder, "--style", style_file, "--encoder", "random", "--json")
    result = warm_style("evaluate", "mine", *options, "--save")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)["mine"]
    card = json.loads((work / "checkpoints" / "mine" / "card.json").read_text())
    assert card["scorecard"] == measured
    assert card["name"] == "starry_night"
    assert is_result(work / "checkpoints" / "mine" / "card.json"), "export may replace it"
    text = (work / "checkpoints" / "mine" / "card.md").read_text()
    assert f"| style, share of the photos' own | {measured['style_share']:.3f} |" in text
    assert f"{measured['style_share']:.3f}" in warm_style("models").stdout
    (work / "checkpoints" / "mine" / "card.json").unlink()
    assert_one_line_error(warm_style("evaluate", "mine", *options, "--save"), "card.json", "export the model again")


def test_models_lists_them_for_people_and_programs(warm_style: Command, work: Path) -> None:
    name = "my [final] style"
    shutil.copytree(resource("checkpoints") / "wave", work / "checkpoints" / name)
    result = warm_style("models")
    assert f"in checkpoints: {name}\n" in result.stdout
    assert any(line.startswith(f"{name} ") for line in result.stdout.splitlines())
    rows = {row["name"]: row for row in json.loads(warm_style("models", "--json").stdout)}
    assert rows[name]["style"] == "The Great Wave off Kanagawa"
    assert rows[name]["folder"] == str(work / "checkpoints" / name)
    card = json.loads((work / "checkpoints" / name / "card.json").read_text())
    assert rows[name]["style_left"] == card["scorecard"]["style_share"]
    with Path("/dev/full").open("w") as full:
        refused = subprocess.run(
            [Path(sys.executable).parent / "fast-style", "models"], stdout=full, stderr=-1, text=True
        )
    assert_one_line_error(refused, "No space left on device")


def test_optimize_a_photo(warm_style: Command, work: Path, style_file: Path) -> None:
    Image.fromarray(make_photo(2, 100, 80)).save(work / "photo.png")
    result = warm_style(
        "optimize", "photo.png", style_file, "-o", "out.png", "--iterations", 6, "--save-every", 3,
        "--curve", "loss.csv", "--layer-weight", "relu1_2=0.5", "--pooling", "average", "--style-weight", 20,
        "--start", "noise", "--seed", 3,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout == "out.png\n"
    assert "iteration 6: style" in result.stderr
    for name in ("out.png", "out-0003.png", "out-0006.png"):
        assert Image.open(work / name).size == (100, 80)
    with (work / "loss.csv").open(encoding="utf-8") as file:
        totals = [float(row["total"]) for row in csv.DictReader(file)]
    assert len(totals) == 7
    assert totals == sorted(totals, reverse=True)


def test_a_preview_takes_less_than_a_minute(warm_style: Command, work: Path, style_file: Path) -> None:
    began = time.monotonic()
    scene = resource("data") / "scenes" / "lake.jpg"
    result = warm_style("optimize", scene, style_file, "-o", "preview.jpg", "--preview", "--quiet")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert max(Image.open(work / "preview.jpg").size) == 256
    print(f"{time.monotonic() - began:.0f} s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_optimize_keeps_the_picture_so_far(work: Path, style_file: Path, number: signal.Signals) -> None:
    Image.fromarray(make_photo(2, 100, 80)).save(work / "photo.png")
    program = Path(sys.executable).with_name("fast-style")
    process = subprocess.Popen(
        [
            str(program), "optimize", "photo.png", str(style_file), "-o", "out.png", "--iterations", "100000",
            "--save-every", "1", "--curve", "loss.csv",
        ],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and not (work / "out-0002.png").exists():
        time.sleep(0.02)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert out == ""
    assert errors.startswith("fast-style optimize: interrupted at iteration ")
    assert errors.endswith("; the picture so far is in out.png\n") and errors.count("\n") == 1
    assert Image.open(work / "out.png").size == (100, 80)
    with (work / "loss.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) >= 3


def test_optimize_mistakes_are_one_line(warm_style: Command, work: Path, style_file: Path) -> None:
    Image.fromarray(make_photo(2, 100, 80)).save(work / "photo.png")
    given = ("optimize", "photo.png", style_file, "-o", "out.png", "--iterations", 1)
    assert_one_line_error(warm_style("optimize", "nowhere.png", style_file, "-o", "out.png"), "nowhere.png")
    assert_one_line_error(warm_style("optimize", "photo.png", "nowhere.png", "-o", "out.png"), "nowhere.png")
    assert_one_line_error(warm_style("optimize", "photo.png", style_file, "-o", "out.xyz"), "out.xyz", ".png")
    assert_one_line_error(warm_style(*given, "--start", "middle"), "--start middle", "photo, noise, style")
    assert_one_line_error(warm_style(*given, "--pooling", "median"), "--pooling median", "average")
    assert_one_line_error(
        warm_style(*given, "--layer-weight", "relu9_9=1"), "--layer-weight: relu9_9 is not a style layer"
    )
    assert_one_line_error(warm_style(*given, "--layer-weight", "relu1_2"), "relu1_2")
    assert_one_line_error(warm_style(*given, "--encoder", "vgg11"), "vgg11")
    assert_one_line_error(warm_style(*given, "--weights", "none.pth"), "--weights none.pth: no such file")
    assert_one_line_error(warm_style(*given, "--curve", style_file / "loss.csv"), "--curve: cannot write to")
    assert not (work / "out.png").exists()


def test_similarity_of_pictures(warm_style: Command, work: Path) -> None:
    for seed in range(2):
        Image.fromarray(make_photo(seed, 160, 144)).save(work / f"{seed}.png")
    Image.open(work / "0.png").point(lambda value: value * 0.8).save(work / "darker.png")
    result = warm_style("similarity", "0.png", "1.png", "darker.png", "--json")
    assert result.returncode == 0, result.stderr
    matrices = json.loads(result.stdout)
    content = np.array(matrices["content"])
    assert content.shape == (3, 3)
    assert content[0, 2] < content[0, 1]
    assert "content distance" in warm_style("similarity", "0.png", "1.png").stdout
    assert_one_line_error(warm_style("similarity", "0.png"), "two or more")
    assert_one_line_error(warm_style("similarity", "0.png", "nowhere.png"), "nowhere.png")
    shrunk = warm_style("similarity", "0.png", "1.png", "--max-size", 64, "--json")
    assert json.loads(shrunk.stdout)["style"] != [row[:2] for row in matrices["style"][:2]]
    Image.fromarray(make_photo(0, 5, 5)).save(work / "tiny.png")
    assert_one_line_error(warm_style("similarity", "tiny.png", "1.png"), "tiny.png: 5×5 px", "32 px or more")


def test_visualize_a_unit(warm_style: Command, work: Path, photo_folder: Path) -> None:
    given = ("visualize", "--photos", photo_folder, "-o", "unit.png", "--layer")
    result = warm_style(*given, "relu2_2", "--unit", 17)
    assert result.returncode == 0, result.stderr
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert 1 <= len(lines) <= 9
    activations = [float(line[0]) for line in lines]
    assert activations == sorted(activations, reverse=True)
    assert all(Path(line[1]).is_file() for line in lines)
    assert Image.open(work / "unit.png").width > 128
    assert_one_line_error(warm_style(*given, "relu2_2", "--unit", 4000), "--unit 4000", "units in relu2_2")
    assert_one_line_error(warm_style(*given, "relu9_9", "--unit", 1), "relu9_9", "relu2_2")


def test_visualize_passes_over_what_it_cannot_look_at(warm_style: Command, work: Path) -> None:
    (work / "mixed").mkdir()
    for number, side in enumerate((3, 4, 5)):
        Image.fromarray(make_photo(number, side, side)).save(work / "mixed" / f"{number}.png")
    given = ("visualize", "--photos", "mixed", "--layer", "relu3_4", "--unit", 3, "-o")
    assert_one_line_error(warm_style(*given, "unit.png"), "none of the 3 photos", "0.png: 3×3 px is too small")
    assert_one_line_error(warm_style(*given, "unit.xyz"), "unknown suffix '.xyz'")
    Image.fromarray(make_photo(0)).save(work / "mixed" / "good.png")
    Image.fromarray(make_photo(1)).save(work / "mixed" / "damaged.png")
    damage_png(work / "mixed" / "damaged.png")
    result = warm_style(*given, "unit.png")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("skipped: ") == 4
    assert "mixed/good.png" in result.stdout and "damaged" not in result.stdout


PEER = {
    "transformer_net.py": """
import torch
class TransformerNet(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 3, padding=1)
""",
    "vgg.py": "from torchvision import models\nvgg16 = models.vgg16(weights='a download')\n",
    "neural_style.py": """
import torch, vgg
from torch.optim import Adam
from torchvision import datasets, transforms
from transformer_net import TransformerNet
def train(args):
    data = datasets.ImageFolder(args.dataset, transforms.Compose([transforms.Resize(16), transforms.ToTensor()]))
    model = TransformerNet()
    optimizer = Adam(model.parameters(), args.lr)
    for epoch in range(args.epochs):
        print('never on stdout')
        for x, _ in torch.utils.data.DataLoader(data, args.batch_size):
            optimizer.zero_grad()
            model(x).mean().backward()
            optimizer.step()
""",
}


def test_bench_times_loading_training_and_every_engine(fast_style: Command, warm_style: Command, work: Path) -> None:
    small = ("experiment=smoke", "data.dir=photos", "data.image_size=32", "model.width=4", "model.blocks=1")
    (work / "photos").mkdir()
    for seed in range(2):
        Image.fromarray(make_photo(seed)).save(work / "photos" / f"{seed}.png")
    result = fast_style("bench", *small, "--steps", 6, "--seconds", 0, "--size", "64x48", "--json", "--quiet")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert [row["what"] for row in measured["training"]] == ["with these settings"]
    assert [row["what"] for row in measured["loading"]] == ["1 photo"]
    # A batch is loaded on the way of each step, so alone it is faster.
    assert measured["loading"][0]["photos_per_second"] > measured["training"][0]["photos_per_second"]
    assert measured["training"][0]["photos_per_second"] > 0
    assert [row["what"] for row in measured["stylizing"]] == [
        "starry_night, onnx",
        "starry_night, torch",
        "starry_night, torch, compiled",
    ]
    assert measured["environment"]["cores"] >= 1
    assert_one_line_error(warm_style("bench", "--steps", 0, "--quiet", "--peer", "nowhere"), "--peer nowhere")
    assert_one_line_error(warm_style("bench", "--steps", 3), "--steps 3")
    assert_one_line_error(warm_style("bench", "--steps", 0, "--size", "big"), "--size big", "640x480")


def test_bench_compares_with_pytorch_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without the compiler, which the test above waits for, and with a smaller network and photos."""
    (tmp_path / "peer" / "neural_style").mkdir(parents=True)
    for name, text in PEER.items():
        (tmp_path / "peer" / "neural_style" / name).write_text(text)
    small = ("data.image_size=32", "model.width=4", "model.blocks=1", "style.size=64")
    monkeypatch.setattr(pytorch_examples, "RECIPE", (*pytorch_examples.RECIPE, *small))
    monkeypatch.setattr(workloads, "PHOTOS", 4)
    monkeypatch.delitem(bench.BENCH_ENGINES, "torch, compiled")
    timed = ("--steps", "6", "--seconds", "0", "--size", "64x48")
    peer = ("--peer", str(tmp_path / "peer"))
    result = CliRunner().invoke(app, ["bench", "experiment=smoke", *small, *timed, *peer, "--json"])
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert capfd.readouterr().out == "", "their process wrote to stdout"
    assert [row["what"] for row in measured["training"]] == [
        "with these settings", "the recipe of pytorch/examples", "pytorch/examples",
    ]  # fmt: skip
    assert measured["training"][1]["ratio"] > 0
    assert measured["stylizing"][-1]["what"] == "pytorch/examples, eager"
    assert [row["ratio"] > 0 for row in measured["stylizing"][:-1]] == [True, True]
