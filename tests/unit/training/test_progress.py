"""What a user gives a training run to call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning import Callback

from fast_style.errors import ConfigError
from fast_style.training.progress import TrainingProgress, user_callbacks
from tests.unit.training.helpers import Poisoned, fit


def test_a_function_is_told_of_every_step(module: Poisoned, tmp_path: Path) -> None:
    told: list[TrainingProgress] = []
    fit(module, tmp_path, *user_callbacks([Callback()], told.append), steps=3)
    assert [(progress.step, progress.max_steps) for progress in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(progress.metrics["train/total"] > 0 for progress in told)


@pytest.mark.parametrize(
    ("callbacks", "progress", "words"),
    [
        ([Callback], None, None),
        ([print], None, r"callbacks: builtins\.builtin_function_or_method is no callback; .*progress=FUNCTION"),
        (Callback(), None, r"callbacks=<.*>: must be a list; put it in brackets"),
        ([], 7, "progress=7: must be a function"),
    ],
)
def test_what_cannot_be_called_is_named(callbacks: Any, progress: Any, words: str | None) -> None:
    with pytest.raises(ConfigError, match=words or "is no callback"):
        user_callbacks(callbacks, progress)
