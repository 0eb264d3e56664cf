from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from fast_style.config import DistillConfig, compose_distillation
from fast_style.distill import Contents, Styles, damage, distill, load_paintings, shadow
from fast_style.encoders import Embedded, build_encoder
from fast_style.errors import ConfigError, DataError
from fast_style.module import half_cosine
from tests.unit.test_encoders import vgg16_features, vgg16_file  # noqa: F401  (fixtures)


@pytest.fixture
def config(vgg16_file: Path, photo_folder: Path, style_file: Path, tmp_path: Path) -> DistillConfig:  # noqa: F811
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


def test_it_goes_on_from_a_checkpoint_and_from_a_student(config: DistillConfig, tmp_path: Path) -> None:
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


def test_the_shadow_follows_without_gradients() -> None:
    student = Embedded(["relu1_1"], [4], {"relu1_1": 64}, source="vgg16")
    student.requires_grad_(True)
    twin = shadow(student, compiled=False)
    with torch.no_grad():
        student.heads["relu1_1"].weight.add_(1)
    assert torch.equal(twin.heads["relu1_1"].weight, student.heads["relu1_1"].weight)
    assert not any(p.requires_grad for p in twin.parameters())


def test_the_file_says_what_it_was_learnt_from(config: DistillConfig) -> None:
    config.max_steps = 1
    with safe_open(distill(config), "pt") as file:
        assert '"source": "vgg16"' in file.metadata()["fast_style.encoder"]
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118


def test_damage_keeps_range_and_follows_its_generator() -> None:
    images = torch.rand(24, 3, 32, 32)
    damaged = damage(images, torch.Generator().manual_seed(3))
    assert damaged.min() >= 0 and damaged.max() <= 1
    assert torch.equal(damaged, damage(images, torch.Generator().manual_seed(3)))
    changed = [not torch.equal(a, b) for a, b in zip(images, damaged, strict=True)]
    assert any(changed) and not all(changed)


def test_styles_are_crops_with_and_without_their_colours() -> None:
    red = torch.zeros(3, 48, 40, dtype=torch.uint8)
    red[0] = 255
    draw = Styles([red], 32, seed=0)
    crops = [draw() for _ in range(20)]
    assert all(crop.shape == (1, 3, 32, 32) for crop in crops)
    colours = {tuple(crop.mean((0, 2, 3)).round().int().tolist()) for crop in crops}
    assert (1, 0, 0) in colours and len(colours) > 2


def test_contents_take_turns() -> None:
    contents = Contents([f"photo {i}" for i in range(8)], [f"synthetic {i}" for i in range(8)], 4)  # type: ignore[arg-type]
    assert [str(contents[i]).split()[0] for i in range(8)] == [*["photo"] * 3, "synthetic"] * 2


def test_the_cosine_falls_from_one_to_zero() -> None:
    assert [half_cosine(x) for x in (0, 0.5, 1, 2)] == pytest.approx([1, 0.5, 0, 0])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["photos=nowhere"], "nowhere: no such folder"),
        (["student.widths=[6]"], "relu2_1 needs 2 numbers"),
        (["teacher.name=random", "teacher.layers=[random3]"], "only vgg16 and vgg19"),
        (["styles=[]"], "styles=[]"),
        (["student.start=nowhere.safetensors"], "nowhere.safetensors: no such file"),
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


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"teacher\.wieghts: no such setting; did you mean teacher\.weights\?"):
        compose_distillation(["photos=x", "teacher.wieghts=y"])


def test_an_empty_folder_of_styles(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        load_paintings([str(tmp_path)])
