from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.errors import ConfigError
from fast_style.system.files import check_writable
from fast_style.training.run_dir import read_checkpoint
from fast_style.training.session import check_compiler, count_devices, is_leader, lightning_precision


@pytest.mark.parametrize(
    "wanted", [{"accelerator": "abacus"}, {"accelerator": "cpu", "devices": 0}, {"devices": "abc"}]
)
def test_devices_that_are_not_there(wanted: dict[str, str | int]) -> None:
    assert count_devices("cpu", 2, 3) == 6
    with pytest.raises(ConfigError, match=r"^accelerator=.* devices=.*: .*; auto takes what there is"):
        count_devices(**({"accelerator": "auto", "devices": "auto", "num_nodes": 1} | wanted), section="")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accelerator", "metal", "precision"),
    [("auto", False, "bf16-mixed"), ("auto", True, "32-true"), ("cpu", True, "bf16-mixed"), ("mps", True, "32-true")],
)
def test_auto_precision_is_of_the_device_that_auto_takes(
    monkeypatch: pytest.MonkeyPatch, accelerator: str, metal: bool, precision: str
) -> None:
    """On an Apple chip the CPU has bfloat16 and Metal, which Lightning prefers, has not."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: metal)
    monkeypatch.setattr("fast_style.training.session.cpu_computes_bf16", lambda: True)
    assert lightning_precision("auto", accelerator) == precision


@pytest.mark.parametrize(("node", "leads"), [(None, True), ("0", True), ("1", False)])
def test_one_machine_of_several_leads(monkeypatch: pytest.MonkeyPatch, node: str | None, leads: bool) -> None:
    if node is None:
        monkeypatch.delenv("NODE_RANK", raising=False)
    else:
        monkeypatch.setenv("NODE_RANK", node)
    assert is_leader() is leads


def test_without_a_compiler_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> object:
        raise RuntimeError("no g++\nand more")

    monkeypatch.setattr("torch.compile", refuse)
    with pytest.raises(ConfigError, match=r"trainer.compile=true: .*\(no g\+\+\).*apt-get install"):
        check_compiler("cpu")
    with pytest.raises(ConfigError, match=r"^compile=true: .* or give compile=false"):
        check_compiler("cpu", section="")


def test_what_is_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with pytest.raises(ConfigError, match="no such checkpoint"):
        read_checkpoint(path)
    torch.save({"state_dict": {}, "global_step": 3, "hyper_parameters": {"network": "lite"}}, path)
    assert read_checkpoint(path)["global_step"] == 3
    for content in (path.read_bytes()[:200], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"last\.ckpt: not a checkpoint of fast-style train \("):
            read_checkpoint(path)
    torch.save({"weights": 1}, path)
    with pytest.raises(ConfigError, match="something else"):
        read_checkpoint(path)


def test_a_name_too_long_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="output_dir: cannot write"):
        check_writable(tmp_path / ("a" * 300), "output_dir")
