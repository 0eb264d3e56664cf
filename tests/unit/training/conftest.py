"""Fixtures for the tests of training."""

from __future__ import annotations

import pytest
import torch

from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.module import Hyperparameters
from tests.unit.training.helpers import Poisoned


@pytest.fixture
def module(small_loss: PerceptualLoss) -> Poisoned:
    torch.manual_seed(0)
    hyperparameters = Hyperparameters(
        "johnson", {"width": 4, "blocks": 1, "takes_strength": True}, schedule="constant", max_steps=100,
        strength_share=0.2,
    )  # fmt: skip
    return Poisoned(hyperparameters, small_loss)
