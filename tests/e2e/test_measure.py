"""`evaluate`, `optimize`, `similarity` and `visualize` through the installed command."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.resources import resource
from tests.conftest import Command, assert_one_line_error, make_photo

pytestmark = pytest.mark.slow


def test_evaluate_measures_a_model(fast_style: Command, tmp_path: Path, style_file: Path) -> None:
    folder = tmp_path / "seen never"
    folder.mkdir()
    for seed in range(2):
        Image.fromarray(make_photo(seed, 160, 144)).save(folder / f"{seed}.png")
    options = ("--photos", folder, "--style", style_file, "--encoder", "random", "--equivalent", 1, "--limit", 2)
    result = fast_style("evaluate", "starry_night", *options, "--json")
    assert result.returncode == 0, result.stderr
    card = json.loads(result.stdout)["starry_night"]
    assert card["photos"] == 2 and card["reference"]["encoder"] == "random"
    for start in ("from_photo", "from_noise"):
        assert 0 <= card["equivalent_iterations"][start]["median"] <= 2
    assert "equivalent L-BFGS iterations" in fast_style("evaluate", "starry_night", *options).stdout


def test_evaluate_mistakes_are_one_line(fast_style: Command, photo_folder: Path, style_file: Path) -> None:
    options = ("--photos", photo_folder, "--style", style_file, "--encoder", "random")
    assert_one_line_error(fast_style("evaluate", "no_such_model", *options), "no model no_such_model")
    assert_one_line_error(fast_style("evaluate", "starry_night", *options), "px or more")
    assert_one_line_error(
        fast_style("evaluate", "starry_night", "--photos", photo_folder, "--style", "nowhere.png"), "nowhere.png"
    )
    assert_one_line_error(fast_style("evaluate", "starry_night", *options, "--convention", "bgr"), "nchw-255")
    assert_one_line_error(
        fast_style("evaluate", "starry_night", *options, "--convention", "nchw-1", "--save"), "--save", "--json"
    )


def test_evaluate_writes_into_the_card(fast_style: Command, work: Path, style_file: Path) -> None:
    shutil.copytree(resource("checkpoints") / "starry_night", work / "checkpoints" / "mine")
    folder = work / "seen never"
    folder.mkdir()
    Image.fromarray(make_photo(1, 160, 144)).save(folder / "1.png")
    options = ("--photos", folder, "--style", style_file, "--encoder", "random", "--json")
    result = fast_style("evaluate", "mine", *options, "--save")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)["mine"]
    card = json.loads((work / "checkpoints" / "mine" / "card.json").read_text())
    assert card["scorecard"] == measured
    assert card["name"] == "starry_night"
    text = (work / "checkpoints" / "mine" / "card.md").read_text()
    assert f"| style, share of the photos' own | {measured['style_share']:.3f} |" in text
    assert f"{measured['style_share']:.3f}" in fast_style("models").stdout
    (work / "checkpoints" / "mine" / "card.json").unlink()
    assert_one_line_error(fast_style("evaluate", "mine", *options, "--save"), "card.json", "export the model again")


def test_models_lists_them_for_people_and_programs(fast_style: Command, work: Path) -> None:
    name = "my [final] style"
    shutil.copytree(resource("checkpoints") / "wave", work / "checkpoints" / name)
    result = fast_style("models")
    assert f"in checkpoints: {name}\n" in result.stdout
    assert any(line.startswith(f"{name} ") for line in result.stdout.splitlines())
    rows = {row["name"]: row for row in json.loads(fast_style("models", "--json").stdout)}
    assert rows[name]["style"] == "The Great Wave off Kanagawa"
    assert rows[name]["folder"] == str(work / "checkpoints" / name)
    card = json.loads((work / "checkpoints" / name / "card.json").read_text())
    assert rows[name]["style_left"] == card["scorecard"]["style_share"]
    with Path("/dev/full").open("w") as full:
        refused = subprocess.run(
            [Path(sys.executable).parent / "fast-style", "models"], stdout=full, stderr=-1, text=True
        )
    assert_one_line_error(refused, "No space left on device")


def test_optimize_a_photo(fast_style: Command, work: Path, style_file: Path) -> None:
    Image.fromarray(make_photo(2, 100, 80)).save(work / "photo.png")
    result = fast_style(
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


def test_a_preview_takes_less_than_a_minute(fast_style: Command, work: Path, style_file: Path) -> None:
    began = time.monotonic()
    scene = resource("data") / "scenes" / "lake.jpg"
    result = fast_style("optimize", scene, style_file, "-o", "preview.jpg", "--preview", "--quiet")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert max(Image.open(work / "preview.jpg").size) == 256
    print(f"{time.monotonic() - began:.0f} s")


def test_optimize_mistakes_are_one_line(fast_style: Command, work: Path, style_file: Path) -> None:
    Image.fromarray(make_photo(2, 100, 80)).save(work / "photo.png")
    given = ("optimize", "photo.png", style_file, "-o", "out.png", "--iterations", 1)
    assert_one_line_error(fast_style("optimize", "nowhere.png", style_file, "-o", "out.png"), "nowhere.png")
    assert_one_line_error(fast_style("optimize", "photo.png", "nowhere.png", "-o", "out.png"), "nowhere.png")
    assert_one_line_error(fast_style("optimize", "photo.png", style_file, "-o", "out.xyz"), "out.xyz", ".png")
    assert_one_line_error(fast_style(*given, "--start", "middle"), "--start middle", "photo, noise, style")
    assert_one_line_error(fast_style(*given, "--pooling", "median"), "encoder.pooling=median", "average")
    assert_one_line_error(fast_style(*given, "--layer-weight", "relu9_9=1"), "relu9_9 is no style layer")
    assert_one_line_error(fast_style(*given, "--layer-weight", "relu1_2"), "relu1_2")
    assert_one_line_error(fast_style(*given, "--encoder", "vgg11"), "vgg11")
    assert not (work / "out.png").exists()


def test_similarity_of_pictures(fast_style: Command, work: Path) -> None:
    for seed in range(2):
        Image.fromarray(make_photo(seed, 160, 144)).save(work / f"{seed}.png")
    Image.open(work / "0.png").point(lambda value: value * 0.8).save(work / "darker.png")
    result = fast_style("similarity", "0.png", "1.png", "darker.png", "--json")
    assert result.returncode == 0, result.stderr
    matrices = json.loads(result.stdout)
    content = np.array(matrices["content"])
    assert content.shape == (3, 3)
    assert content[0, 2] < content[0, 1]
    assert "content distance" in fast_style("similarity", "0.png", "1.png").stdout
    assert_one_line_error(fast_style("similarity", "0.png"), "two or more")
    assert_one_line_error(fast_style("similarity", "0.png", "nowhere.png"), "nowhere.png")


def test_visualize_a_unit(fast_style: Command, work: Path, photo_folder: Path) -> None:
    given = ("visualize", "--photos", photo_folder, "-o", "unit.png", "--layer")
    result = fast_style(*given, "relu2_2", "--unit", 17)
    assert result.returncode == 0, result.stderr
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert 1 <= len(lines) <= 9
    activations = [float(line[0]) for line in lines]
    assert activations == sorted(activations, reverse=True)
    assert all(Path(line[1]).is_file() for line in lines)
    assert Image.open(work / "unit.png").width > 128
    assert_one_line_error(fast_style(*given, "relu2_2", "--unit", 4000), "--unit 4000", "units in relu2_2")
    assert_one_line_error(fast_style(*given, "relu9_9", "--unit", 1), "relu9_9", "relu2_2")


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


def test_bench_times_us_and_a_peer(fast_style: Command, work: Path) -> None:
    (work / "peer" / "neural_style").mkdir(parents=True)
    for name, text in PEER.items():
        (work / "peer" / "neural_style" / name).write_text(text)
    small = ("experiment=smoke", "data.dir=photos", "data.image_size=32", "model.width=4", "model.blocks=1")
    (work / "photos").mkdir()
    for seed in range(2):
        Image.fromarray(make_photo(seed)).save(work / "photos" / f"{seed}.png")
    result = fast_style("bench", *small, "--steps", 6, "--seconds", 0, "--size", "64x48", "--json", "--quiet")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert [row["what"] for row in measured["training"]] == ["with these settings"]
    assert [row["what"] for row in measured["loading"]] == ["1 photos"]
    # A batch is loaded on the way of each step, so alone it is faster.
    assert measured["loading"][0]["photos_per_second"] > measured["training"][0]["photos_per_second"]
    assert measured["training"][0]["photos_per_second"] > 0
    assert [row["what"] for row in measured["stylising"]] == [
        "starry_night, onnx",
        "starry_night, torch",
        "starry_night, torch, compiled",
    ]
    assert measured["machine"]["cores"] >= 1

    timed = ("--steps", 6, "--seconds", 0, "--size", "64x48")
    result = fast_style("bench", *small, *timed, "--peer", "peer", "--json")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert [row["what"] for row in measured["training"]][1:] == ["the peer's recipe", "pytorch/examples"]
    assert measured["training"][1]["ratio"] > 0
    assert measured["stylising"][-1]["what"] == "pytorch/examples, eager"
    assert all(row["ratio"] > 0 for row in measured["stylising"][:-1])
    assert_one_line_error(fast_style("bench", "--steps", 0, "--quiet", "--peer", "nowhere"), "--peer nowhere")
    assert_one_line_error(fast_style("bench", "--steps", 3), "--steps 3")
    assert_one_line_error(fast_style("bench", "--steps", 0, "--size", "big"), "--size big", "640x480")
