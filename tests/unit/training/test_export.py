from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from fast_style.errors import ConfigError, ModelError
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import MODEL_FILES, ModelFiles, read_info
from fast_style.models.networks import Johnson, build_network
from fast_style.training.export import back_up_model, check_parity, export_model
from tests.conftest import ROOT, make_photo


@pytest.fixture(scope="module")
def network() -> Johnson:
    torch.manual_seed(0)
    made = build_network("johnson", width=4, blocks=1)
    assert isinstance(made, Johnson)
    return made.to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def exported(network: Johnson, traces: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    files = export_model(
        network, tmp_path_factory.mktemp("checkpoints") / "zigzag",
        name="zigzag", training={"steps": 5, "validation": {"style": 0.25}}, style_title="Zig — zag",
    )  # fmt: skip
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    return files


def test_the_folder_holds_model_card_and_preview(exported: ModelFiles) -> None:
    names = sorted(path.name for path in exported.folder.iterdir())
    assert names == ["card.json", "card.md", "model.onnx", "model.safetensors", "preview.jpg"] == sorted(MODEL_FILES)
    card = json.loads((exported.folder / "card.json").read_text())
    assert card["training"] == {"steps": 5, "validation": {"style": 0.25}}
    assert card["engines_differ_by_at_most"]["value"] <= 2
    assert card["files"]["model.onnx"] == (exported.folder / "model.onnx").stat().st_size
    umask = os.umask(0)
    os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in exported.folder.iterdir()} == {0o666 & ~umask}


def test_both_files_carry_the_same_metadata(exported: ModelFiles) -> None:
    info = read_info(exported.folder / "model.safetensors")
    assert info == Stylizer.load(exported.folder / "model.onnx").info
    assert (info.name, info.style_title, info.network) == ("zigzag", "Zig — zag", "johnson")
    assert info.network_arguments == {
        "width": 4,
        "blocks": 1,
        "takes_strength": False,
        "styles": 1,
        "upsampling": "nearest",
    }


def test_onnx_is_one_file_with_free_sizes(exported: ModelFiles) -> None:
    model = onnx.load(exported.folder / "model.onnx", load_external_data=False)
    assert all(not tensor.external_data for tensor in model.graph.initializer)
    (given,), (made,) = model.graph.input, model.graph.output
    for value, name in ((given, "image"), (made, "stylized")):
        assert value.name == name
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        axes = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        assert axes == ["N", "H", "W", 3]
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [20]
    assert "InstanceNormalization" in {node.op_type for node in model.graph.node}


def test_no_local_path_is_inside_the_files(exported: ModelFiles) -> None:
    for path in exported.folder.iterdir():
        content = path.read_bytes()
        for trace in (str(ROOT), str(Path.home()), "site-packages", "networks.py"):
            assert trace.encode() not in content, f"{trace} in {path.name}"


def test_weights_are_stored_in_float16(exported: ModelFiles, network: Johnson) -> None:
    state = load_file(exported.folder / "model.safetensors")
    assert {value.dtype for value in state.values()} == {torch.float16}
    weights = onnx.load(exported.folder / "model.onnx").graph.initializer
    types = {weight.data_type for weight in weights if weight.dims}
    assert onnx.TensorProto.FLOAT16 in types
    assert not types & {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE}
    # The exporter adds up some weights of an upsampling in advance, which leaves 16 for 9.
    stored = sum(len(weight.raw_data) for weight in weights)
    assert stored < 2 * sum(p.numel() for p in network.parameters()) * 16 / 9


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 21, 50), (2, 64, 64)])
def test_engines_agree_at_any_batch_and_size(exported: ModelFiles, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    a, b = (Stylizer.load(exported.folder, engine=engine, precision="fp32")(image) for engine in ("torch", "onnx"))
    assert a.shape == b.shape == image.shape
    assert np.abs(a.astype(int) - b.astype(int)).max() <= 2


def test_disagreeing_engines_are_refused(exported: ModelFiles, tmp_path: Path) -> None:
    for path in exported.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.manual_seed(1)
    other = export_model(build_network("johnson", width=4, blocks=1), tmp_path / "other", name="other", training={})
    (tmp_path / "model.safetensors").write_bytes((other.folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="differ by"):
        check_parity(tmp_path)


def test_a_failed_export_leaves_the_earlier_model(
    exported: ModelFiles, network: Johnson, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in exported.folder.iterdir()}

    def fail(*_: object) -> int:
        raise ModelError("engines differ")

    monkeypatch.setattr("fast_style.training.export.check_parity", fail)
    with pytest.raises(ModelError):
        export_model(network, exported.folder, name="zigzag", training={})
    assert {path.name: path.read_bytes() for path in exported.folder.iterdir()} == before


def test_an_earlier_model_is_kept(exported: ModelFiles, tmp_path: Path) -> None:
    model, run = tmp_path / "model", tmp_path / "run"
    shutil.copytree(exported.folder, model)
    run.mkdir()
    (model / "notes.txt").write_text("a file of one's own, which no export touches")
    (model / "empty").mkdir()
    for name in ("replaced", "replaced-2", "replaced-3"):
        assert back_up_model(model, run) == run / name
    before = {path.name: path.read_bytes() for path in exported.folder.iterdir()}
    assert {path.name: path.read_bytes() for path in (run / "replaced-3").iterdir()} == before
    assert {path.name: path.read_bytes() for path in exported.folder.iterdir()} == before


@pytest.mark.parametrize("made", [False, True])
def test_no_earlier_model(tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "preview.jpg").touch()
    assert back_up_model(tmp_path / "model", tmp_path / "run") is None
    assert not (tmp_path / "run").exists()


def test_half_a_copy_of_an_earlier_model_is_none(
    exported: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copy2

    def fill_up(source: Path, target: Path) -> None:
        if source.name == "preview.jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(source, target)

    monkeypatch.setattr("shutil.copy2", fill_up)
    with pytest.raises(OSError, match="No space left"):
        back_up_model(exported.folder, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_several_styles(tmp_path: Path) -> None:
    """Both engines, and tiles, paint each style and any blend."""
    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, styles=3, takes_strength=True, upsampling="linear")
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    styles = ["wave", "monet", "ink_wash"]
    files = export_model(network, tmp_path / "paintings", name="paintings", training={}, styles=styles)
    picture = make_photo(0, 99, 77)
    by_onnx, by_torch, in_tiles = (
        Stylizer.load(files.folder, engine=engine, precision="fp32", tile=tile)
        for engine, tile in (("onnx", "auto"), ("torch", "auto"), ("onnx", 64))
    )
    assert by_onnx.styles == styles
    assert by_onnx.info.styles[2] == {"name": "ink_wash", "title": "Ink wash"}
    painted = {}
    for style in (None, "wave", "monet", "wave:3,ink_wash:1"):
        painted[style] = by_onnx(picture, strength=0.7, style=style).astype(int)
        for other in (by_torch, in_tiles):
            assert abs(other(picture, strength=0.7, style=style) - painted[style]).max() <= 2
    assert (painted[None] == painted["wave"]).all()
    assert abs(painted["monet"] - painted["wave"]).mean() > 5
    with pytest.raises(ConfigError, match=r"^style=manet: paintings has no style manet; it has wave, monet, ink_wash$"):
        by_onnx(picture, style="manet")
