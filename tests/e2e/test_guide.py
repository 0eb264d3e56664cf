"""The commands of README.md and of the guide are run as they stand there, in a folder that has the files they name.

`COMMANDS` says what is added to each, to make it a matter of seconds, and what it has to leave behind. A command that
is not there fails the test: add it. tests/unit/docs/test_pages.py checks the options and settings of all of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from fast_style.config.entry import compose_training
from fast_style.perceptual.encoders import EMBEDDED_WEIGHTS
from fast_style.system.paths import resource
from tests.clips import write_clip
from tests.conftest import make_photo
from tests.guide import DOCS, PAGES, README, blocks, commands
from tests.warm import Warm

pytest.importorskip("cv2")


@dataclass(frozen=True)
class Run:
    """How a command is run here."""

    more: str = ""
    """Added at its end."""
    makes: str = ""
    """Files that have to be there afterwards."""
    says: str = ""
    """A word in its output."""
    status: int = 0
    before: str = ""
    """A command to run before it."""


class Begins(Run):
    """A training that is ended after its first checkpoint: only its settings differ from those that are run whole."""


class Serves(Run):
    """It is asked for the page whose address it prints, and ended."""


SMALL = (
    "model.width=4 model.blocks=1 data.image_size=64 style.size=64 data.val_count=1 data.batch_size=1 "
    "trainer.max_steps=2 trainer.accelerator=cpu"
)
PICTURES = (
    "photo.jpg", "painting.jpg", "a=b [1].jpg", "other.jpg", "a.jpg", "b.jpg", "wall.jpg", "holiday/day1/beach.jpg",
    "paintings/one.jpg", "van_gogh/one.jpg", "van_gogh/two.jpg", "unseen/1.jpg", "sets/train2017/1.jpg",
    "data/scenes/lake.jpg", "photos/00.jpg", "photos/02.jpg", "photos/more/01.jpg", "photos/more/03.jpg",
)  # fmt: skip
LIMIT = 300
"""Seconds, on a machine that does other things as well."""
TINY = "-m painting"
LOOK = "--iterations 1 --max-size 64"

COMMANDS = {
    "./run train": Run(SMALL, makes="checkpoints/stained_glass/model.onnx checkpoints/stained_glass/preview.jpg"),
    "./run train style.image=painting.jpg data.dir=photos/": Run(
        SMALL, makes="checkpoints/painting/card.md", before="rm -r checkpoints runs"
    ),
    "./run train -m style.image=a.jpg,b.jpg data.dir=photos/": Begins(),
    "./run train style.image=painting.jpg data.dir=photos/ trainer.devices=2": Begins(),
    "./run train style.image=painting.jpg data.dir=photos/ resume=runs/painting": Begins(),
    "./run train experiment=release style=flow data.dir=photos/": Begins("encoder.weights=$VGG16"),
    "./run train style.images=paintings/ data.dir=photos/": Begins(),
    "./run train experiment=painter style.image=van_gogh/ data.dir=photos/": Begins("encoder.weights=$VGG16"),
    "./run train style.image=painting.jpg encoder.weights=own.safetensors": Begins(),
    "./run train 'style.image=\"a=b [1].jpg\"'": Begins(),
    "./run train --help": Run(says="style_weight"),
    "./run distill --help": Run(says="adversaries"),
    "./run train experiment=release --help": Run(says="600"),
    "./run tensorboard --logdir runs": Serves("--port 0"),
    "./run stylize photo.jpg -o painted.jpg": Run(makes="painted.jpg"),
    "./run sheet photo.jpg -o sheet.jpg": Run("-m flow -m painting --size 64", makes="sheet.jpg"),
    "./run stylize photo.jpg -o mine.jpg --model painting": Run(makes="mine.jpg"),
    "./run stylize holiday/ -o painted/ --model wave": Run(makes="painted/day1/beach.jpg"),
    "./run stylize 'photos/**/*.jpg' -o painted/ --format png --skip-existing": Run(makes="painted/more/01.png"),
    "./run stylize - -o - <photo.jpg >painted.jpg": Run(makes="painted.jpg"),
    "./run stylize wall.jpg -o painted.png --memory 2.5GB": Run(makes="painted.png"),
    "./run stylize photo.jpg -o painted.jpg --memory 1GB": Run(makes="painted.jpg"),
    "./run stylize photo.jpg -o painted.jpg --stroke 2": Run(makes="painted.jpg"),
    "./run stylize photo.jpg -o painted.jpg --keep-color": Run(makes="painted.jpg"),
    # Refused before Ray starts, which takes half a minute.
    "./run stylize photos/ -o painted/ --ray": Run("--per-worker 0.5", status=2, says="whole number of threads"),
    "./run models": Run(says="starry_night"),
    "./run video holiday.mp4 painted.mp4": Run(TINY, makes="painted.mp4"),
    "./run video holiday.mp4 steadied.mp4 --deflicker": Run(TINY, makes="steadied.mp4"),
    "./run video holiday.mp4 painted.mp4 --codec vp9": Run(TINY, makes="painted.mp4"),
    "./run flicker holiday.mp4 painted.mp4 steadied.mp4": Run(
        says="steadied.mp4", before="cp holiday.mp4 painted.mp4; cp holiday.mp4 steadied.mp4"
    ),
    # No camera and no display are here: tests/e2e/test_webcam.py has a window.
    "./run webcam --model starry_night --model mosaic": Run(
        "--source holiday.mp4 --headless --record live.mp4", makes="live.mp4"
    ),
    "./run webcam --source holiday.mp4 --headless --record painted.mp4": Run(makes="painted.mp4"),
    "./run webcam --size 320x240": Run("--source holiday.mp4 --headless --record live.mp4", makes="live.mp4"),
    # Fetches 33 MB: tests/unit/web/test_site.py installs from a server of its own.
    "./run web --install": Run("--url http://127.0.0.1:9/none.tgz", status=2, says="http://127.0.0.1:9/none.tgz"),
    "./run web --serve --open": Serves("--port 0 --cdn -m painting"),
    "./run web -m starry_night -m painting -o site/": Run("--cdn", makes="site/index.html site/models/painting.onnx"),
    "./run optimize photo.jpg painting.jpg -o look.png --preview --style-size 512 --style-weight 10": Run(
        LOOK, makes="look.png"
    ),
    "./run data coco sets/ --split train2017 --size 256": Run(
        "--url file://$PWD/coco.zip --checksum $MD5", makes="sets/train2017/1.jpg", before="rm -r sets"
    ),
    "./run data prepare photos/ small/ --size 256": Run(makes="small/00.jpg"),
    "./run data prepare photos/ small/": Run(makes="small/00.jpg"),
    "./run distill photos=photos/ 'styles=[data/styles,paintings/]' output=own.safetensors": Run(
        "teacher.weights=$VGG19 student.widths=[4,4,6] image_size=32 warmup_steps=1 max_steps=2 compile=false "
        "workers=0",
        makes="own.safetensors",
        before="rm own.safetensors",
    ),
    "./run evaluate painting starry_night --photos unseen/ --style painting.jpg": Run(
        "--count 1 --style-size 64", says="checkerboard"
    ),
    "./run similarity painting.jpg other.jpg photo.jpg": Run("--max-size 64", says="style distance"),
    "./run visualize --layer relu3_2 --unit 17 --photos photos/ -o unit.png": Run("--count 2", makes="unit.png"),
    # Without a compiler, which would take half a minute.
    "./run bench": Run(f"--steps 6 --seconds 0 --size 64x64 {TINY} {SMALL}", says="photos/s", before="export CXX=none"),
    './run python -c "import torch; print(torch.__version__, torch.cuda.is_available())"': Run(says=torch.__version__),
}

ONLY_READ = {
    "./run train experiment=release style=wave style.image=painting.jpg data.dir=photos/",
    "./run train experiment=johnson2016 style.image=painting.jpg data.dir=sets/train2017",
    "./run train style.image=painting.jpg data.dir=sets/train2017 data.batch_size=8 trainer.max_steps=10000",
}
"""Trainings that differ from others here in their settings alone, which tests/unit/docs/test_pages.py checks."""

EXCLUDED = {
    "./run docs": "needs an extra; CI does it",
    "./run docs serve": "the same, with a server of MkDocs",
    "./run test": "runs these very tests; CI does it",
    "FAST_STYLE_BROWSER=1 ./run test": "the same, with a browser",
    "PYTHON=/path/to/python3.12 ./run train": "names a Python that is not there; it is ./run train",
}


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"][:10])
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, path)
    return path


@dataclass(frozen=True)
class Place:
    folder: Path
    environment: dict[str, str]

    def start(self, command: str) -> subprocess.Popen[str]:
        """Through a shell, as it stands."""
        return subprocess.Popen(
            ["bash", "-euc", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def checkpoints(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.folder.glob("runs/*/*/last.ckpt")}

    def begin_training(self, command: str) -> None:
        """Ends it by SIGTERM after a checkpoint."""
        before, deadline = self.checkpoints(), time.monotonic() + LIMIT
        process = self.start(f"exec {command} {SMALL} trainer.max_steps=9999 trainer.checkpoint_every=1")
        while self.checkpoints() == before and process.poll() is None:
            assert time.monotonic() < deadline, "no checkpoint"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=LIMIT)
        assert process.returncode == 128 + signal.SIGTERM, said
        assert "interrupted by SIGTERM" in said


@pytest.fixture(scope="module")
def prepared(warm: Warm, vgg16_file: Path, vgg19_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with everything that the guide speaks of."""
    folder = tmp_path_factory.mktemp("guide") / "prepared"
    for number, name in enumerate(PICTURES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_photo(number, 160, 144)).save(folder / name)
    write_clip(folder / "holiday.mp4", count=4)
    with zipfile.ZipFile(folder / "coco.zip", "w") as archive:
        archive.write(folder / "photo.jpg", "train2017/1.jpg")
    shutil.copytree(resource("checkpoints/starry_night"), folder / "checkpoints/painting")
    shutil.copy(EMBEDDED_WEIGHTS, folder / "own.safetensors")
    (folder / "run").write_text(warm.stand_in())
    (folder / "run").chmod(0o755)
    environment = {
        **os.environ, "HOME": str(folder.parent), "COLUMNS": "200", "BROWSER": "true", "VGG16": str(vgg16_file),
        "VGG19": str(vgg19_file), "MD5": hashlib.md5((folder / "coco.zip").read_bytes()).hexdigest(),
    }  # fmt: skip
    place = Place(folder, environment)
    warm.wait()
    place.begin_training("./run train style.image=painting.jpg data.dir=photos/")
    return place


@pytest.fixture
def place(prepared: Place, tmp_path: Path) -> Place:
    """A copy for one command alone."""
    shutil.copytree(prepared.folder, tmp_path / "place")
    return Place(tmp_path / "place", prepared.environment)


def test_every_command_is_known() -> None:
    found, known = set(commands(*PAGES)), {*COMMANDS, *ONLY_READ, *EXCLUDED}
    assert found - known == set(), "in README.md or docs/, but not here"
    assert known - found == set(), "here, but not in README.md or docs/"


@pytest.mark.slow
@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_command_does_what_it_says(place: Place, command: str) -> None:
    run = COMMANDS[command]
    if isinstance(run, Begins):
        place.begin_training(f"{command} {run.more}")
        return
    before = f"{run.before}; " if run.before else ""
    process = place.start(f"{before}{'exec ' if isinstance(run, Serves) else ''}{command} {run.more}")
    if isinstance(run, Serves):
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://\S+:\d+/", line)))
        with urllib.request.urlopen(address, timeout=LIMIT) as page:
            assert b"<html" in page.read().lower()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        return
    said, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == run.status, said
    assert "Traceback" not in said
    assert run.says in said
    for name in run.makes.split():
        assert (place.folder / name).stat().st_size, name


def test_python(place: Place, monkeypatch: pytest.MonkeyPatch, photo: np.ndarray) -> None:
    monkeypatch.chdir(place.folder)
    upload = (place.folder / "photo.jpg").read_bytes()
    names: dict[str, Any] = {"frame": photo, "upload": upload}
    for block in (*blocks(README, "python"), *blocks(DOCS / "python.md", "python")[:2]):
        exec(compile(block, "python.md", "exec"), names)
    assert Image.open("lake.png").size == Image.open("data/scenes/lake.jpg").size


@pytest.mark.slow
def test_training_from_python(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    monkeypatch.setattr(
        "fast_style.training.train.compose_training", lambda given: compose_training([*given, *SMALL.split()])
    )
    made: dict[str, Any] = {}
    exec(compile(blocks(DOCS / "python.md", "python")[2], "python.md", "exec"), made)
    assert (made["result"].model_dir / "model.onnx").is_file()
    photos = torch.rand(2, 3, 33, 40)
    assert made["network"](photos).shape == photos.shape
