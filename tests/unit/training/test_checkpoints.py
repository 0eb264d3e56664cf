from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from fast_style.errors import ConfigError, NotFoundError, TrainingError
from fast_style.training.checkpoints import AtomicCheckpointIO, BestCheckpoint, read_checkpoint


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "last.ckpt"
    checkpoint = {"global_step": 3, "state_dict": {"weight": torch.arange(100_000)}}
    writer = AtomicCheckpointIO()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # bytes of a file, in place of a full disk
        with pytest.raises(
            TrainingError, match=r"^step 3: cannot write to .* \(File too large\); there is no checkpoint"
        ):
            writer.save_checkpoint(checkpoint, path)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.save_checkpoint(checkpoint, path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(TrainingError, match=r"the last whole checkpoint is untouched: .* resume="):
            writer.save_checkpoint({**checkpoint, "global_step": 6}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert writer.load_checkpoint(path, weights_only=True)["global_step"] == 3
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"], "half a checkpoint was left behind"


def test_a_checkpoint_is_never_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill at this very moment leaves: the former checkpoint, and all that is new beside it, on its disk."""
    seen: list[tuple[int, list[Path]]] = []
    write = Path.write_bytes

    def killed(path: Path, content: Any) -> int:
        written = write(path, bytes(content)[: len(content) // 2])
        seen.append((torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"], list(tmp_path.iterdir())))
        raise KeyboardInterrupt(written)

    writer = AtomicCheckpointIO()
    writer.save_checkpoint({"global_step": 1}, tmp_path / "last.ckpt")
    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        writer.save_checkpoint({"global_step": 2}, tmp_path / "last.ckpt")
    assert [(step, len(files)) for step, files in seen] == [(1, 2)]


def test_the_best_checkpoint_is_the_last_of_equals(tmp_path: Path) -> None:
    """While a strength is learned, every validation gives the same."""
    best = BestCheckpoint(dirpath=tmp_path, monitor="val/total")
    best.best_model_score, best.best_k_models = torch.tensor(0.5), {"a": torch.tensor(0.5)}
    best.kth_best_model_path = "a"
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    found = [best.check_monitor_top_k(trainer, torch.tensor(value)) for value in (0.4, 0.5, 0.500001, 0.51)]
    assert found == [True, True, True, False]


@pytest.mark.parametrize("hyper_parameters", [{}, {"network": "lite"}])
def test_a_checkpoint_is_read(tmp_path: Path, hyper_parameters: dict[str, str]) -> None:
    path = tmp_path / "last.ckpt"
    weights = {"network.weight": torch.ones(2)}
    torch.save({"state_dict": weights, "global_step": 3, "hyper_parameters": hyper_parameters}, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.path, checkpoint.step, checkpoint.hyper_parameters) == (path, 3, hyper_parameters)
    assert torch.equal(checkpoint.state_dict["network.weight"], weights["network.weight"])


def test_an_old_checkpoint_is_read_under_new_names(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    arguments = {"width": 4, "dial": True}
    hyper_parameters = {"network": "lite", "network_arguments": arguments, "dial_share": 0.2}
    weights = {"network.photo.slopes": torch.ones(3, 1)}
    torch.save({"state_dict": weights, "global_step": 3, "hyper_parameters": hyper_parameters}, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint.hyper_parameters == {
        "network": "lite", "network_arguments": {"width": 4, "takes_strength": True}, "strength_share": 0.2,
    }  # fmt: skip
    assert list(checkpoint.state_dict) == ["network.photo.strength_coefficients"]


def test_what_is_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with pytest.raises(NotFoundError, match=r"^resume=.*last\.ckpt: no such checkpoint; give the path"):
        read_checkpoint(path, setting="resume")
    torch.save({"state_dict": {}, "global_step": 3, "hyper_parameters": {"network": "lite"}}, path)
    for content in (path.read_bytes()[:200], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"last\.ckpt: not a checkpoint of a training run \(\w+\); give another"):
            read_checkpoint(path)
    for other in ({"weights": 1}, [1], {"state_dict": 3, "global_step": 1}):
        torch.save(other, path)
        with pytest.raises(ConfigError, match="it holds something else"):
            read_checkpoint(path)
