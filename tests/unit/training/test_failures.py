from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from fast_style.errors import ConfigError, DataError, TrainingError
from fast_style.training.failures import (
    explain_failed_writes,
    explain_missing_photos,
    explain_out_of_memory,
    is_out_of_memory,
)


def test_being_out_of_memory_is_told_from_other_errors() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes"))


def test_out_of_memory_names_what_takes_less() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with (
        pytest.raises(TrainingError, match=r"step 0: out of memory .*; use less than image_size=256"),
        explain_out_of_memory(trainer, {"image_size": 256}),
    ):
        torch.empty(2**62, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory(trainer, {"image_size": 256}):
        raise RuntimeError("shapes")


def test_our_own_errors_pass(tmp_path: Path) -> None:
    """ConfigError is a ValueError, TrainingError a RuntimeError: none of them is explained a second time."""
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    lost = TrainingError("cannot allocate memory for sorrow")
    with pytest.raises(TrainingError) as caught, explain_out_of_memory(trainer, {}):
        raise lost
    assert caught.value is lost
    with pytest.raises(ConfigError, match=r"^no$"), explain_failed_writes(tmp_path, trainer):
        raise ConfigError("no")


@pytest.mark.parametrize("saved", [False, True])
def test_missing_photos_say_how_to_continue(tmp_path: Path, saved: bool) -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    if saved:
        (tmp_path / "last.ckpt").touch()
    with pytest.raises(DataError) as caught, explain_missing_photos(tmp_path, trainer):
        raise DataError("Traceback\n  somewhere\nfast_style.errors.DataError: no photos")
    remedy = f"; put it back and continue with resume={tmp_path}" if saved else ""
    assert str(caught.value) == f"step 0: no photos{remedy}"


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with (
        pytest.raises(TrainingError, match=r"^step 0: cannot write to .* \(full\); there is no checkpoint yet"),
        explain_failed_writes(tmp_path, trainer),
    ):
        raise OSError("full")
