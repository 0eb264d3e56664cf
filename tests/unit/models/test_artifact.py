from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fast_style.errors import ModelError, ModelNotFoundError
from fast_style.models.artifact import SCHEMA_VERSION, ModelInfo, find_model, list_models, read_info

INFO = ModelInfo("zig", "johnson", {"width": 4, "blocks": 1}, "Zig — zag", "no one", 8, {"steps": 3})


def write(path: Path, metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"a": np.zeros(2, np.float32)}, path, metadata=INFO.to_metadata() if metadata is None else metadata)
    return path


def test_metadata_round_trip(tmp_path: Path) -> None:
    assert read_info(write(tmp_path / "model.safetensors")) == INFO


def test_every_field_is_json_in_a_key_of_its_own() -> None:
    metadata = INFO.to_metadata()
    assert json.loads(metadata["network_arguments"]) == {"width": 4, "blocks": 1}
    assert json.loads(metadata["schema_version"]) == SCHEMA_VERSION


def test_a_newer_minor_version_is_read_and_a_newer_major_refused(tmp_path: Path) -> None:
    newer = {**INFO.to_metadata(), "schema_version": '"1.7"', "new_key": "1"}
    assert read_info(write(tmp_path / "a.safetensors", newer)).schema_version == "1.7"
    with pytest.raises(ModelError, match=r"schema 2\.0.*update fast_style"):
        read_info(write(tmp_path / "b.safetensors", {**INFO.to_metadata(), "schema_version": '"2.0"'}))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"schema_version": "x"},
        {"schema_version": '"1.0"'},
        {"schema_version": "1"},
        {**INFO.to_metadata(), "training": "[" * 100_000},
    ],
)
def test_foreign_metadata_is_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="export it again"):
        read_info(write(tmp_path / "a.safetensors", metadata))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 3),
        ("style_title", None),
        ("minimum_side", "8"),
        ("minimum_side", 0),
        ("minimum_side", 10**9),
        ("network_arguments", []),
        ("inputs", None),
        ("inputs", {"strength": {}}),
        ("inputs", {"strength": 1}),
    ],
)
def test_metadata_of_a_wrong_type_is_refused(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ModelError, match=rf"a\.safetensors: damaged metadata \({key}="):
        read_info(write(tmp_path / "a.safetensors", {**INFO.to_metadata(), key: json.dumps(value)}))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(ModelNotFoundError):
        read_info(path)
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="not readable"):
        read_info(path)


def test_models_are_found_by_name_folder_and_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "checkpoints" / "zig" / "model.safetensors")
    assert find_model("zig").safetensors == path
    assert find_model("checkpoints/zig").safetensors == Path("checkpoints/zig/model.safetensors")
    assert find_model(path).onnx is None
    assert "zig" in [files.name for files in list_models()]
    for wanted, message in (
        ("nowhere", "no model nowhere; give a path or a name: .*zig"),
        ("zigg", r"no model zigg; did you mean zig\?"),
        ("starynight", r"no model starynight; did you mean starry_night\?"),
        ("my art.jpg", "my art.jpg: a style image is not a model yet; .* train style.image='my art.jpg'"),
        ("runs/zig/last.ckpt", "not a model yet; make one: fast-style export runs/zig/last.ckpt -o checkpoints/NAME"),
        ("https://example.com/zig", "https://example.com/zig: URLs are not read here"),
    ):
        with pytest.raises(ModelNotFoundError, match=f"^{message}|{message}$"):
            find_model(wanted)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "last.ckpt").write_bytes(b"x")
    with pytest.raises(ModelNotFoundError, match=r"export runs/last\.ckpt -o"):
        find_model("runs")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ModelError, match=r"safetensors or \.onnx"):
        find_model("notes.txt")
