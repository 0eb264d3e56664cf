"""A checkpoint that version 1.0 wrote, when the strength was called a dial, is exported and continued.

`version_1_0.ckpt` holds four steps of `fast-style train experiment=smoke model.width=2 model.blocks=0`; the folder in
it is relative.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.checkpoints import read_checkpoint
from fast_style.training.crops import Batch, EndlessSampler, SyntheticCrops, collate
from fast_style.training.divergence import DivergenceGuard
from fast_style.training.export import network_of
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.session import Session, SessionSettings, plan_session
from fast_style.training.warm_start import check_same_run


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "1").mkdir()
    return Path(shutil.copy(Path(__file__).with_name("version_1_0.ckpt"), tmp_path / "1" / "last.ckpt"))


def test_its_weights_and_hyperparameters_have_new_names(checkpoint: Path) -> None:
    old = torch.load(checkpoint, weights_only=True)
    assert "dial_share" in old["hyper_parameters"]
    assert any(key.endswith("slopes") for key in old["state_dict"])
    found = read_checkpoint(checkpoint)
    assert found.step == 4
    assert Hyperparameters(**found.hyper_parameters).network_arguments["takes_strength"] is True
    assert not any("slopes" in key for key in found.state_dict)


def test_its_network_is_exported(checkpoint: Path) -> None:
    network, learning_rate = network_of(read_checkpoint(checkpoint))
    assert network.takes_strength
    assert learning_rate == pytest.approx(0.005)
    photo = torch.rand(1, 3, 32, 32)
    assert not torch.equal(network(photo, torch.zeros(1)), network(photo, torch.ones(1)))


def test_its_run_continues(checkpoint: Path, small_loss: PerceptualLoss) -> None:
    hyperparameters = Hyperparameters(**read_checkpoint(checkpoint).hyper_parameters)
    check_same_run(checkpoint, hyperparameters, "smoke")
    settings = SessionSettings(
        runs=checkpoint.parent.parent, resume=str(checkpoint), max_steps=6, checkpoint_every=2, accelerator="cpu",
        precision="fp32", compile=False, quiet=True, memory_settings={},
    )  # fmt: skip
    module = StyleModule(hyperparameters, small_loss)
    guard = DivergenceGuard()
    session = Session(plan_session(settings), guard)
    loader: DataLoader[Batch] = DataLoader(
        SyntheticCrops(32, seed=0), batch_size=2, sampler=EndlessSampler(8), collate_fn=collate  # type: ignore[arg-type]
    )  # fmt: skip
    session.fit(module, loader)
    continued = read_checkpoint(checkpoint)
    assert continued.step == 6
    assert torch.load(checkpoint, weights_only=True)["hyper_parameters"]["strength_share"] == 0.2
    # The optimizer's state and the guard's history go on where the old run left them.
    assert len(guard.state_dict()["losses"]) == 6
    assert {len(state) for state in (continued.state_dict, module.state_dict())} == {len(module.state_dict())}
