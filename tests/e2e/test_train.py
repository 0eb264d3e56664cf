"""Training through the installed command, on photos made by code; real photos where they are at hand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fast_style.system.paths import resource
from tests.conftest import Command, assert_one_line_error
from tests.unit.training.test_data import broken_files  # noqa: F401  (a fixture)

pytestmark = pytest.mark.slow

# A run of seconds: the smoke experiment, smaller still.
QUICK = (
    "experiment=smoke", "model.width=4", "model.blocks=1", "data.image_size=32", "encoder.scales=[1.0]",
    "trainer.max_steps=8", "trainer.val_every=4", "trainer.checkpoint_every=2", "trainer.log_every=1",
)  # fmt: skip


VGG_LAYERS = ("encoder.content_layers=[relu1_1]", "encoder.style_layers=[relu1_1]")


def scalars(run: Path) -> dict[str, list[float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"images": 0})
    events.Reload()
    found = {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    found["images"] = [len(events.Images(tag)) for tag in events.Tags()["images"]]
    return found


def test_smoke_trains_exports_and_logs(fast_style: Command, work: Path) -> None:
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
        "train/total",
        "train/style/random3@1",
        "train/content/random3@0.5",
        "val/total",
        "lr-MuonAdam/pg1",
        "photos_per_second",
    ):
        assert logged[tag], tag
    assert logged["images"][0] >= 2
    card = json.loads((model / "card.json").read_text())
    assert card["training"]["steps"] == 8
    # The encoder stays outside: weights and their momentum, little more.
    weights = sum(value.numel() * 4 for value in load_file(model / "model.safetensors").values())
    assert (run / "last.ckpt").stat().st_size < 3 * weights + 100_000

    result = fast_style("export", run / "last.ckpt", "-o", "checkpoints/again")
    assert result.returncode == 0, result.stderr
    again = load_file(work / "checkpoints" / "again" / "model.safetensors")
    assert all(again[key].equal(value) for key, value in load_file(model / "model.safetensors").items())

    picture = work / "photo.jpg"
    Image.new("RGB", (51, 37), "orange").save(picture)
    result = fast_style("stylize", picture, "-o", "out.png", "--model", "smoke")
    assert result.returncode == 0, result.stderr
    assert Image.open(work / "out.png").size == (51, 37)
    assert "in checkpoints: again, smoke\n" in fast_style("models").stdout


def test_a_new_model_carries_its_scorecard(fast_style: Command, work: Path) -> None:
    result = fast_style("train", *QUICK, "data.image_size=144", "trainer.max_steps=2")
    assert result.returncode == 0, result.stderr
    assert "measuring the model on 2 held-out photos" in result.stderr
    card = json.loads((work / "checkpoints" / "smoke" / "card.json").read_text())
    measured = card["scorecard"]
    assert measured["photos"] == 2
    assert measured["reference"]["encoder"] == "random"
    assert measured["checkerboard"]["model"] > 0
    assert "sensitivity to shifts of 1, 2, 3, 4 px" in (work / "checkpoints" / "smoke" / "card.md").read_text()
    logged = scalars(work / "runs" / "smoke" / "1")
    assert logged["hp/total"] and logged["hp/style_share"] == [pytest.approx(measured["style_share"])]


def test_photos_with_broken_files_among_them(
    fast_style: Command, photo_folder: Path, broken_files: list[str], style_file: Path  # noqa: F811
) -> None:  # fmt: skip
    result = fast_style("train", *QUICK, "style.name=null", f"style.image={style_file}", f"data.dir={photo_folder}")
    assert result.returncode == 0, result.stderr
    for name in broken_files:
        assert result.stderr.count(name) == 1, result.stderr
    assert "4 unreadable photos" in result.stderr
    assert "checkpoints/zigzag" in result.stdout


def test_two_processes_train_what_one_does(fast_style: Command, work: Path, photo_folder: Path) -> None:
    arguments = [
        *QUICK, f"data.dir={photo_folder}", "trainer.max_steps=10", "trainer.precision=fp32", "trainer.optimizer=adam",
        "trainer.learning_rate=1e-3", "trainer.accelerator=cpu", "export.half_weights=false",
    ]  # fmt: skip
    one = fast_style("train", *arguments, "style.name=one", "data.batch_size=4", "trainer.devices=1")
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
    moved = torch.cat([(a[key] - b).abs().flatten() for key, b in load_initial(work, arguments, fast_style).items()])
    assert moved.median() > 30 * 1e-5


def load_initial(work: Path, arguments: list[str], fast_style: Command) -> dict[str, torch.Tensor]:
    """The weights that training begins with."""
    result = fast_style("train", *arguments, "style.name=none", "trainer.max_steps=1", "trainer.learning_rate=1e-12")
    assert result.returncode == 0, result.stderr
    return load_file(work / "checkpoints" / "none" / "model.safetensors")


def test_a_requeued_slurm_job_goes_on(work: Path, photo_folder: Path, tmp_path: Path) -> None:
    """SIGUSR1 saves and requeues; started again as the same job, the run goes on in its own folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "scontrol").write_text('#!/bin/sh\necho "$@" >> "$0.calls"\n')
    (programs / "scontrol").chmod(0o755)
    environment = {
        **os.environ, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", "SLURM_JOB_ID": "71",
        "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
        "SLURM_JOB_NODELIST": "localhost",
    }  # fmt: skip
    command = [
        str(Path(sys.executable).with_name("fast-style")), "train", *QUICK, f"data.dir={photo_folder}",
        "trainer.max_steps=400", "trainer.val_every=400", "style.name=queued",
    ]  # fmt: skip
    run = work / "runs" / "queued" / "1"
    with subprocess.Popen(command, cwd=work, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (run / "last.ckpt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGUSR1)
        _, said = process.communicate(timeout=120)
    assert "interrupted by SIGUSR1" in said
    assert (programs / "scontrol.calls").read_text().split() == ["requeue", "71"]
    again = subprocess.run(
        command, cwd=work, env={**environment, "SLURM_RESTART_COUNT": "1"}, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "resuming queued" in again.stderr
    assert [path.name for path in (work / "runs" / "queued").iterdir()] == ["1"]
    card = json.loads((work / "checkpoints" / "queued" / "card.json").read_text())
    assert card["training"]["steps"] == 400


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_resumed(fast_style: Command, work: Path, photo_folder: Path, how: signal.Signals) -> None:
    arguments = [*QUICK, f"data.dir={photo_folder}", "trainer.max_steps=150"]
    whole = fast_style("train", *arguments, "style.name=whole")
    assert whole.returncode == 0, whole.stderr
    program = Path(sys.executable).with_name("fast-style")
    with subprocess.Popen(
        [program, "train", *arguments, "style.name=killed"],
        cwd=work,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        checkpoint = work / "runs" / "killed" / "1" / "last.ckpt"
        deadline = time.monotonic() + 120
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, how)
        _, said = process.communicate(timeout=120)
    assert checkpoint.exists()
    if how is not signal.SIGKILL:
        assert process.returncode == 128 + how
        assert f"interrupted by {how.name} at step" in said
        assert "resume=runs/killed/1" in said
        assert "Traceback" not in said
    assert not (work / "checkpoints" / "killed").exists()
    resumed = fast_style("train", *arguments, "style.name=killed", "resume=runs/killed")
    assert resumed.returncode == 0, resumed.stderr
    assert not (work / "runs" / "killed" / "2").exists()
    a, b = (load_file(work / "checkpoints" / name / "model.safetensors") for name in ("whole", "killed"))
    assert all(a[key].equal(b[key]) for key in a), "the resumed run ended elsewhere than the uninterrupted one"


def wait_for(path: Path, process: subprocess.Popen[str], *, newer_than: int = 0) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and path.stat().st_mtime_ns > newer_than:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def started(work: Path, *arguments: str) -> subprocess.Popen[str]:
    """`fast-style train` in the background."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("fast-style")), "train", *arguments],
        cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def test_killed_again_and_again_with_loader_processes(fast_style: Command, work: Path, photo_folder: Path) -> None:
    arguments = [
        *QUICK, f"data.dir={photo_folder}", "data.workers=2", "model.name=lite", "loss.stability_weight=10",
        "trainer.max_steps=60", "trainer.val_every=30", "trainer.checkpoint_every=3",
    ]  # fmt: skip
    checkpoint = work / "runs" / "killed" / "1" / "last.ckpt"
    written, steps = 0, []
    for kill, pause in enumerate((0.0, 0.08)):
        resume = ["resume=runs/killed"] if kill else []
        with started(work, *arguments, "style.name=killed", *resume) as process:
            wait_for(checkpoint, process, newer_than=written)
            time.sleep(pause)
            process.kill()
        written = checkpoint.stat().st_mtime_ns
        steps.append(torch.load(checkpoint, weights_only=True)["global_step"])
    assert steps == sorted(set(steps)) and steps[-1] < 60, steps
    # The last one with another number of processes: that does not matter either.
    last = fast_style("train", *arguments, "style.name=killed", "resume=runs/killed", "data.workers=0")
    assert last.returncode == 0, last.stderr
    whole = fast_style("train", *arguments, "style.name=whole")
    assert whole.returncode == 0, whole.stderr
    a, b = (torch.load(work / "runs" / name / "1" / "last.ckpt", weights_only=True) for name in ("whole", "killed"))
    assert a["global_step"] == b["global_step"] == 60
    assert all(a["state_dict"][key].equal(value) for key, value in b["state_dict"].items())


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_fills_up(fast_style: Command, work: Path, photo_folder: Path) -> None:
    import resource as limits

    arguments = [*QUICK, f"data.dir={photo_folder}", "trainer.max_steps=200", "trainer.val_every=200"]
    checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
    with started(work, *arguments, "quiet=true") as process:
        wait_for(checkpoint, process)
        # No file may grow beyond this: as on a full disk, whatever is written next fails.
        limits.prlimit(process.pid, limits.RLIMIT_FSIZE, (1000, 1000))
        _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert "cannot write to runs/smoke/1 (File too large)" in said
    assert "continue with resume=runs/smoke/1" in said
    step = torch.load(checkpoint, weights_only=True)["global_step"]
    assert 0 < step < 200
    resumed = fast_style("train", *arguments, "resume=runs/smoke/1")
    assert resumed.returncode == 0, resumed.stderr
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 200


@pytest.mark.parametrize("workers", [0, 2])
def test_photos_that_vanish(work: Path, photo_folder: Path, workers: int) -> None:
    arguments = [*QUICK, f"data.dir={photo_folder}", "trainer.max_steps=100000", "trainer.val_every=100000"]
    checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
    with started(work, *arguments, f"data.workers={workers}", "quiet=true") as process:
        wait_for(checkpoint, process)
        photo_folder.rename(photo_folder.with_name("elsewhere"))
        _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert "none of the 8 photos can be read any more" in said
    assert "continue with resume=runs/smoke/1" in said
    assert torch.load(checkpoint, weights_only=True)["global_step"] >= 2


def test_only_the_same_training_goes_on(fast_style: Command, work: Path) -> None:
    assert fast_style("train", *QUICK, "style.name=one").returncode == 0
    run = work / "runs" / "one" / "1"
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    resume = ("trainer.max_steps=10", "resume=runs/one")
    assert_one_line_error(
        fast_style("train", *QUICK, *resume, "style.name=two"),
        "is a training run of one, and not of two",
        "style.image=",
    )
    assert_one_line_error(
        fast_style("train", *QUICK, *resume, "style.name=one", "model=johnson"), "of lite", "of johnson"
    )
    (work / "cut.ckpt").write_bytes(before["last.ckpt"][:5000])
    assert_one_line_error(fast_style("train", *QUICK, "resume=cut.ckpt"), "cut.ckpt: not a checkpoint")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert not (work / "checkpoints" / "two").exists()


def test_an_earlier_checkpoint_is_exported_without_its_strength(fast_style: Command, work: Path) -> None:
    """The last steps learn it; the settings come from the run's folder."""
    early = ("trainer.checkpoint_every=1", "style.title=Zig", "seed=3", "quiet=true")
    with started(work, *QUICK, *early, "trainer.max_steps=2000") as process:
        checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
        wait_for(checkpoint, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
    result = fast_style("export", checkpoint, "-o", "early")
    assert result.returncode == 0, result.stderr
    assert "no strength" in result.stderr
    card = json.loads((work / "early" / "card.json").read_text())
    assert card["network"]["takes_strength"] is False
    assert card["style"]["title"] == "Zig"
    assert (card["training"]["seed"], card["training"]["encoder"]) == (3, "random")


def test_a_warm_start_begins_with_a_models_weights(fast_style: Command, work: Path) -> None:
    assert fast_style("train", *QUICK, "style.name=first").returncode == 0
    more = ("style.name=second", "trainer.max_steps=1", "trainer.learning_rate=1e-9", "init_from=first")
    result = fast_style("train", *QUICK, *more)
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
    assert_one_line_error(fast_style("train", *QUICK, "init_from=nowhere"), "no model nowhere")
    assert_one_line_error(fast_style("train", "--style-image", "a.jpg"), "--style-image", "style.image=painting.jpg")
    assert_one_line_error(
        fast_style("train", *QUICK, "model.width=5", "init_from=first"), "init_from=first", "'width': 4", "'width': 5"
    )


def test_a_sweep_trains_one_model_per_style(fast_style: Command, work: Path, style_file: Path) -> None:
    other = style_file.with_name("other.png")
    other.write_bytes(style_file.read_bytes())
    result = fast_style("train", *QUICK, "style.name=null", "-m", f"style.image={style_file},{other}")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (work / "checkpoints").iterdir()) == ["other", "zigzag"]
    assert (work / "runs" / "other" / "1").is_dir()
    assert (work / "runs" / "zigzag" / "1").is_dir()


def test_a_sweep_of_settings_keeps_every_model(fast_style: Command, work: Path) -> None:
    result = fast_style("train", *QUICK, "-m", "loss.style_weight=5,50", "trainer.max_steps=2")
    assert result.returncode == 0, result.stderr
    models = {path.name: json.loads((path / "card.json").read_text()) for path in (work / "checkpoints").iterdir()}
    assert {name: card["training"]["style_weight"] for name, card in models.items()} == {
        "smoke-style_weight-5.0": 5, "smoke-style_weight-50.0": 50,
    }  # fmt: skip


def test_a_sweep_goes_on_after_a_job_that_fails(fast_style: Command, work: Path, style_file: Path) -> None:
    result = fast_style("train", *QUICK, "style.name=a", "-m", "init_from=nowhere,null", "trainer.max_steps=2")
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("fast-style train: no model nowhere") == 1
    assert "Traceback" not in result.stderr
    assert (work / "checkpoints" / "a-init_from-None" / "model.onnx").is_file()


def test_a_sweep_that_can_not_be_trains_nothing(warm_style: Command, work: Path, style_file: Path) -> None:
    small = style_file.with_name("small.png")
    Image.new("RGB", (9, 9)).save(small)
    for other, words in (
        ("missing.jpg", "style.image: missing.jpg does not exist"),
        (small, "small.png: 9×9 px is too small"),
        (Path("elsewhere", style_file.name), "zigzag: two jobs of the sweep would write this model"),
    ):
        result = warm_style("train", *QUICK, "style.name=null", "-m", f"style.image={style_file},{other}")
        assert_one_line_error(result, "fast-style train: style.", words)
    assert list(work.iterdir()) == []


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
        (["style.title=a=b"], ["style.title=a=b: not readable as a setting", "quotes"]),
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


def test_real_vgg_on_real_photos(fast_style: Command, work: Path, shared: Path) -> None:
    result = fast_style(
        "train", f"style.image={shared}/styles/starry_night.jpg", f"data.dir={shared}/photos/train",
        "encoder=vgg19", f"encoder.weights={shared}/vgg19_to_relu3_4.safetensors", "model.width=8", "model.blocks=1",
        "data.image_size=128", "data.batch_size=2", "data.val_count=4", "trainer.max_steps=60", "trainer.val_every=5",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    curve = scalars(work / "runs" / "starry_night" / "1")["val/style"]
    assert curve[-1] < 0.7 * curve[0]
    assert b"shared" not in (work / "checkpoints" / "starry_night" / "model.onnx").read_bytes()


def test_the_default_run_needs_nothing(fast_style: Command, work: Path) -> None:
    small = ("model.width=4", "model.blocks=1", "data.image_size=64", "data.val_count=2", "style.size=96")
    result = fast_style("train", *small, "trainer.max_steps=3")
    assert result.returncode == 0, result.stderr
    model = work / "checkpoints" / "stained_glass"
    record = json.loads((model / "card.json").read_text())["training"]
    assert record["encoder"] == "embedded"
    assert record["content"] == "synthetic images"
    with Image.open(model / "preview.jpg") as sample, Image.open(resource("data/scenes/lake.jpg")) as scene:
        assert sample.size == scene.size
    assert "checkpoints/stained_glass/preview.jpg" in result.stdout


def test_a_picture_of_ones_own_keeps_its_name(fast_style: Command, work: Path, style_file: Path) -> None:
    result = fast_style("train", *QUICK[1:4], "trainer.max_steps=1", "data.val_count=1", f"style.image={style_file}")
    assert result.returncode == 0, result.stderr
    card = json.loads((work / "checkpoints" / "zigzag" / "card.json").read_text())
    assert card["style"]["title"] == "Zigzag"


def test_distill_makes_an_encoder_that_trains(
    fast_style: Command,
    work: Path,
    photo_folder: Path,
    style_file: Path,
    vgg16_file: Path,
) -> None:
    result = fast_style(
        "distill", "teacher.name=vgg16", f"teacher.weights={vgg16_file}", "teacher.layers=[relu1_2,relu2_1]",
        "teacher.content_layer=relu2_1", "student.widths=[4,6]", f"photos={photo_folder}", f"styles=[{style_file}]",
        "image_size=32", "warmup_steps=2", "max_steps=4", "compile=false", "workers=0", "output=own.safetensors",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "own.safetensors"
    assert "Warning" not in result.stderr and "warn" not in result.stderr
    layers = ("encoder.content_layers=[relu2_1]", "encoder.style_layers=[relu1_2,relu2_1]")
    trained = fast_style("train", *QUICK[:4], "encoder=embedded", "encoder.weights=own.safetensors", *layers)
    assert trained.returncode == 0, trained.stderr


def test_distill_mistakes_are_one_line(warm_style: Command, work: Path, photo_folder: Path) -> None:
    assert_one_line_error(warm_style("distill"), "photos: no value given; add photos=PATH")
    assert_one_line_error(warm_style("distill", f"photos={photo_folder}", "photo=x"), "photo: no such setting")
    assert_one_line_error(
        warm_style("distill", f"photos={photo_folder}", "teacher.weights=nowhere.pth"), "nowhere.pth: no such file"
    )
    assert list(work.iterdir()) == []
