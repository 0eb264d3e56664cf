from __future__ import annotations

import multiprocessing
import os
import re
import signal
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors import safe_open

from fast_style.config.entry import compose_distillation
from fast_style.config.schema import DistillConfig
from fast_style.distillation.distill import StudentGuard, distill
from fast_style.distillation.module import Distiller
from fast_style.errors import ConfigError, DataError, EncoderError, TrainingError
from fast_style.perceptual.encoders import EMBEDDED_WEIGHTS, Embedded, build_encoder
from fast_style.training.crops import Batch
from fast_style.training.interruption import Interrupted


@pytest.fixture
def config(vgg16_file: Path, photo_folder: Path, style_file: Path, tmp_path: Path) -> DistillConfig:
    return compose_distillation(
        [
            "teacher.name=vgg16",
            f"teacher.weights={vgg16_file}",
            "teacher.layers=[relu1_2,relu2_1]",
            "teacher.content_layer=relu2_1",
            "student.widths=[6,8]",
            f"photos={photo_folder}",
            f"styles=[{style_file}]",
            "image_size=32",
            "replay=6",
            "warmup_steps=12",
            "max_steps=24",
            "checkpoint_every=8",
            "compile=false",
            "precision=fp32",
            "workers=0",
            "quiet=true",
            f"output={tmp_path / 'made' / 'small.safetensors'}",
            f"runs_dir={tmp_path / 'runs'}",
        ]
    )


def relative_errors(student: Embedded, config: DistillConfig, photos: torch.Tensor) -> list[float]:
    teacher = build_encoder(config.teacher.name, config.teacher.layers, config.teacher.weights)
    wanted, found = teacher(photos, config.teacher.layers), student(photos, config.teacher.layers)
    errors = []
    for layer in config.teacher.layers:
        target = wanted[layer] / wanted[layer].square().mean().sqrt()
        errors.append(float((found[layer] - target).square().mean()))
    return errors


@pytest.fixture
def smooth_photos() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 3, 5, 5, generator=generator)
    return torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)


def test_a_student_learns_its_teachers_features(config: DistillConfig, smooth_photos: torch.Tensor) -> None:
    config.teacher.layers, config.teacher.content_layer, config.student.widths = ["relu1_2"], "relu1_2", [24]
    config.max_steps, config.warmup_steps = 160, 120
    student = Embedded.load(distill(config))
    assert student.layers == ("relu1_2",)
    assert student(torch.rand(1, 3, 32, 24), ["relu1_2"])["relu1_2"].shape == (1, 64, 32, 24)
    # 1 is what a student gets that answers nothing at all.
    assert max(relative_errors(student, config, smooth_photos)) < 0.2


def test_it_continues_from_a_checkpoint_and_from_a_student(config: DistillConfig, tmp_path: Path) -> None:
    config.max_steps = 14
    first = distill(config)
    run = tmp_path / "runs" / "distill" / "1"
    assert (run / "last.ckpt").is_file()
    assert any(file.name.startswith("events.") for file in run.iterdir())
    config.resume, config.max_steps = str(run), 16
    distill(config)
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == 16
    config.resume, config.max_steps, config.learning_rate = None, 1, 1e-9
    config.student.start = str(first)
    config.output = str(tmp_path / "again.safetensors")
    before, after = Embedded.load(first).state_dict(), Embedded.load(distill(config)).state_dict()
    for key, value in before.items():
        assert torch.allclose(value, after[key], atol=1e-3), key


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_continue(
    config: DistillConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    step = Distiller.training_step

    def interrupted(self: Distiller, batch: Batch, batch_idx: int) -> torch.Tensor:
        if batch_idx == 4:
            os.kill(os.getpid(), number)
        return step(self, batch, batch_idx)

    config.quiet = False
    with monkeypatch.context() as patch:
        patch.setattr(Distiller, "training_step", interrupted)
        with pytest.raises(Interrupted) as caught:
            distill(config)
    assert caught.value.number == number
    run = tmp_path / "runs" / "distill" / "1"
    assert f"{signal.Signals(number).name} at step 5, saved; continue with resume={run}\n" in capsys.readouterr().err
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == 5
    assert not Path(config.output).exists()
    config.resume, config.max_steps = str(run), 6
    assert distill(config).is_file()


def test_ctrl_c_leaves_the_loaders_at_work(config: DistillConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal it reaches them too."""
    step = Distiller.training_step

    def interrupted(self: Distiller, batch: Batch, batch_idx: int) -> torch.Tensor:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGINT)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Distiller, "training_step", interrupted)
    config.workers, config.max_steps = 1, 12
    assert distill(config).is_file()


def test_a_student_that_diverges_is_never_written(config: DistillConfig, tmp_path: Path) -> None:
    config.learning_rate, config.max_steps, config.checkpoint_every = 1e30, 9, 4
    with pytest.raises(
        TrainingError, match=r"^step 4: the student's weights are no longer finite; start again with a learning_rate"
    ):
        distill(config)
    assert not Path(config.output).exists()
    assert not list(tmp_path.rglob("*.ckpt"))
    config.max_steps = 1  # too few to show in float32
    with pytest.raises(EncoderError, match=r"small\.safetensors: not written, .* not finite in float16"):
        distill(config)
    assert not Path(config.output).exists()


def test_a_student_that_diverges_later_can_continue(config: DistillConfig, tmp_path: Path) -> None:
    config.max_steps = 3
    distill(config)
    run = tmp_path / "runs" / "distill" / "1"
    config.resume, config.learning_rate, config.max_steps = str(run), 1e30, 14
    with pytest.raises(TrainingError, match=rf"continue with resume={run} and a learning_rate below 1e\+30, or prec"):
        distill(config)
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == 3


def test_the_guard_keeps_no_copy_of_the_student(config: DistillConfig, tmp_path: Path) -> None:
    config.max_steps = 1
    distill(config)
    callbacks = torch.load(tmp_path / "runs" / "distill" / "1" / "last.ckpt", weights_only=True)["callbacks"]
    assert not any("Guard" in name for name in callbacks)
    assert not hasattr(StudentGuard(config), "_good_states")


def test_checkpoints_of_something_else_are_refused(config: DistillConfig, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    config.resume = str(path)
    for content in (b"", b"no checkpoint", {"global_step": 3}, [1]):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(ConfigError, match=r"last\.ckpt: not a checkpoint of a training run \(.*\)"):
            distill(config)
    torch.save({"global_step": 3, "state_dict": {"network.weight": torch.zeros(3)}}, path)
    with pytest.raises(ConfigError, match=r"last\.ckpt: is a checkpoint of something else; .*student\.widths"):
        distill(config)
    config.resume, config.max_steps = None, 1
    distill(config)
    config.resume, config.student.widths = str(tmp_path / "runs"), [6, 9]
    with pytest.raises(ConfigError, match=r"last\.ckpt: is a checkpoint of something else"):
        distill(config)


def test_a_computer_that_cannot(config: DistillConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors name the settings of a distillation, which have no section."""

    def refuse(_: object) -> object:
        raise RuntimeError("no g++")

    config.accelerator = "abacus"
    with pytest.raises(ConfigError, match=r"^accelerator=abacus: .*; auto takes what there is$"):
        distill(config)
    config.accelerator, config.precision = "cpu", "fp16"
    with pytest.raises(ConfigError, match=r"^precision=fp16: needs a CUDA GPU; use bf16"):
        distill(config)
    config.precision, config.compile = "fp32", True
    monkeypatch.setattr("torch.compile", refuse)
    with pytest.raises(ConfigError, match=r"^compile=True: .*\(no g\+\+\); install .* use compile=False$"):
        distill(config)


def test_photos_that_vanish_are_one_line(config: DistillConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Distiller.training_step

    def vanish(self: Distiller, batch: Batch, batch_idx: int) -> torch.Tensor:
        for path in Path(config.photos).rglob("*.jpg"):
            path.unlink()
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Distiller, "training_step", vanish)
    config.workers, config.max_steps = 1, 100
    with pytest.raises(DataError, match=r"^step \d+: none of the 10 photos can be read any more[^\n]*$"):
        distill(config)


def test_the_file_names_its_teacher(config: DistillConfig) -> None:
    config.max_steps = 1
    with safe_open(distill(config), "pt") as file:
        assert '"source": "vgg16"' in file.metadata()["fast_style.encoder"]
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118


def test_weights_that_end_too_early_name_the_teacher(config: DistillConfig, tmp_path: Path) -> None:
    path = tmp_path / "short.pth"
    torch.save({}, path)
    config.teacher.weights = str(path)
    remedy = r"choose layers that it reaches \(teacher\.layers, teacher\.content_layer\) or a file with more"
    with pytest.raises(EncoderError, match=rf"^teacher\.weights={re.escape(str(path))}: vgg16 needs .*; {remedy}$"):
        distill(config)


def test_without_a_network_it_asks_for_a_file_by_its_own_setting(
    config: DistillConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", fail)
    config.teacher.weights = None
    with pytest.raises(EncoderError, match=r"^teacher\.name=vgg16: cannot .* a local file: teacher\.weights=FILE\.pth"):
        distill(config)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["photos=nowhere"], "nowhere: no such folder"),
        (["student.widths=[6]"], "relu2_1 needs 2 numbers"),
        (["teacher.name=random", "teacher.layers=[random3]"], "only vgg16 and vgg19"),
        (["styles=[]"], "styles=[]"),
        (["student.start=nowhere.safetensors"], "student.start=nowhere.safetensors: no such file"),
        (["teacher.weights=nowhere.pth"], "teacher.weights=nowhere.pth: no such file"),
        ([f"student.start={EMBEDDED_WEIGHTS}"], "embedded.safetensors has no layer relu2_1"),
        (["output=/"], "output=/: is a folder"),
        ([f"output={__file__}"], f"output={__file__}: exists already, and is no encoder of fast-style distill"),
        (["resume=nowhere"], "resume=nowhere: no checkpoint there"),
    ],
)
def test_mistakes(config: DistillConfig, overrides: list[str], words: str) -> None:
    from fast_style.errors import FastStyleError

    for override in overrides:
        key, value = override.split("=")
        place: object = config
        *sections, last = key.split(".")
        for section in sections:
            place = getattr(place, section)
        setattr(
            place,
            last,
            value.strip("[]").split(",") if value.startswith("[") and value != "[]" else [] if value == "[]" else value,
        )
    with pytest.raises(FastStyleError) as caught:
        distill(config)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "precision=foo",
        "synthetic_every=0",
        "image_size=24",
        "image_size=50",
        "adversaries=0",
        "shortest_life=0",
        "longest_life=39",
        "new_pictures=0",
        "old_pictures=0",
        "clean_pictures=0",
        "replay=0",
        "gram_weight=-1",
        "gram_weight=nan",
        "gram_weight=inf",
        "learning_rate=0",
        "learning_rate=inf",
        "learning_rate=nan",
        "warmup_steps=-1",
        "max_steps=0",
        "checkpoint_every=0",
        "workers=-1",
        "seed=-1",
        "seed=99999999999999999999",
        "student.widths=[8,0]",
        "teacher.layers=[]",
        "teacher.content_layer=relu1_1",
    ],
)
def test_impossible_values_name_their_key(override: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{re.escape(override.split('=')[0])}="):
        compose_distillation(["photos=x", override])


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"teacher\.wieghts: no such setting; did you mean teacher\.weights\?"):
        compose_distillation(["photos=x", "teacher.wieghts=y"])
