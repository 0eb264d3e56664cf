from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fast_style.benchmark import workloads
from fast_style.benchmark.workloads import time_loading, time_stylizing, time_training, write_photos, write_random_vgg16
from fast_style.config.entry import compose_training
from fast_style.perceptual.encoders import build_encoder


def test_photos_are_written_in_a_subfolder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "PHOTOS", 2)
    monkeypatch.setattr(workloads, "PHOTO_SIDE", 40)
    write_photos(tmp_path)
    found = sorted((tmp_path / "photos").iterdir())
    assert [path.name for path in found] == ["000.jpg", "001.jpg"]
    assert Image.open(found[0]).size == (40, 40)


def test_loading_and_training_are_timed(photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["experiment=smoke", "model.width=4", "model.blocks=0", "data.image_size=32", "data.val_count=1"]
    config = compose_training([*small, f"data.dir={photo_folder}"])
    source, loading = time_loading(config, 0)
    assert source == "9 photos"
    assert loading.fastest > 0
    assert time_training(config, 6).times == 3
    assert [path.name for path in tmp_path.iterdir()] == ["photos"], "training wrote something"


def test_stylizing_is_timed(tiny_model: Path) -> None:
    assert time_stylizing(str(tiny_model), {"engine": "onnx"}, (32, 24), 0).times == 3


def test_random_weights_make_an_encoder(tmp_path: Path) -> None:
    write_random_vgg16(tmp_path / "vgg16.safetensors")
    encoder = build_encoder("vgg16", ["relu1_2"], str(tmp_path / "vgg16.safetensors"))
    assert "relu1_2" in encoder.layers
