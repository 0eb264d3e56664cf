"""The Distiller; its training step runs in test_distill.py."""

from __future__ import annotations

import pytest
import torch

from fast_style.config.schema import DistillConfig
from fast_style.distillation.module import Distiller, share_weights
from fast_style.perceptual.encoders import Embedded, RandomFilters


@pytest.fixture
def distiller() -> Distiller:
    config = DistillConfig(warmup_steps=100, max_steps=300, replay=3, old_pictures=2, compile=False)
    config.teacher.layers = ["relu1_1"]
    student = Embedded(["relu1_1"], [4], {"relu1_1": 64}, source="vgg16")
    return Distiller(config, student, RandomFilters(["random3"]), lambda: torch.rand(1, 3, 8, 8))


def test_shared_weights_follow_without_gradients() -> None:
    student = Embedded(["relu1_1"], [4], {"relu1_1": 64}, source="vgg16")
    student.requires_grad_(True)
    twin = share_weights(student, compiled=False)
    with torch.no_grad():
        student.heads["relu1_1"].weight.add_(1)
    assert torch.equal(twin.heads["relu1_1"].weight, student.heads["relu1_1"].weight)
    assert not any(p.requires_grad for p in twin.parameters())


def test_the_rate_falls_in_two_cosines(distiller: Distiller) -> None:
    rates = [distiller._relative_rate(step) for step in range(301)]
    assert rates[0] == pytest.approx(1 / 30, rel=0.01)
    assert rates[100] == pytest.approx(0.1)
    assert rates[300] == pytest.approx(0)
    assert rates[40:] == sorted(rates[40:], reverse=True)


def test_old_pictures_are_remembered(distiller: Distiller) -> None:
    for value in (0.0, 0.2, 0.4, 0.6):
        remembered = distiller._remember(torch.full((1, 3, 4, 4), value))
        assert remembered.shape == (2, 3, 4, 4)
    assert len(distiller.replay) == 3
    assert any(picture.max() == 153 for picture in distiller.replay)


def test_the_teacher_is_not_stored(distiller: Distiller) -> None:
    assert not any("filters" in key or "teacher" in key for key in distiller.state_dict())
    assert "unit_relu1_1" in distiller.state_dict()
