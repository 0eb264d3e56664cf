from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import ImageError, ModelError
from fast_style.export import export_model
from fast_style.networks import build_network
from fast_style.stylizer import Stylizer
from tests.conftest import make_photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1)
    return export_model(network, tmp_path_factory.mktemp("models") / "tiny", name="tiny", training={}).folder


@pytest.fixture(scope="module", params=["onnx", "torch"])
def stylizer(model: Path, request: pytest.FixtureRequest) -> Stylizer:
    return Stylizer.load(model, engine=request.param)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3), (8, 8), (9, 17), (33, 50), (5, 200)])
def test_the_result_is_exactly_as_large(stylizer: Stylizer, size: tuple[int, int]) -> None:
    result = stylizer(make_photo(0, *size))
    assert result.shape == (size[1], size[0], 3)
    assert result.dtype == np.uint8


def test_small_pictures_are_padded_by_their_own_pixels(stylizer: Stylizer) -> None:
    tiny = make_photo(0, 4, 4)
    mirrored = np.pad(tiny, ((0, 4), (0, 4), (0, 0)), mode="symmetric")
    assert np.array_equal(stylizer(tiny), stylizer(mirrored)[:4, :4])


def test_batches_equal_their_pictures(stylizer: Stylizer) -> None:
    batch = np.stack([make_photo(seed, 40, 32) for seed in range(3)])
    one_by_one = np.stack([stylizer(picture) for picture in batch])
    assert np.abs(stylizer(batch).astype(int) - one_by_one).max() <= 1


def test_the_same_kind_comes_back(stylizer: Stylizer, photo: np.ndarray) -> None:
    before = photo.copy()
    array = stylizer(photo)
    assert np.array_equal(photo, before)
    picture = stylizer(Image.fromarray(photo))
    assert isinstance(picture, Image.Image)
    assert np.array_equal(np.asarray(picture), array)
    assert stylizer(Image.new("L", (20, 10))).size == (20, 10)
    # A view that is not contiguous, as a flipped or BGR frame is.
    assert np.array_equal(stylizer(photo[:, ::-1]), stylizer(np.ascontiguousarray(photo[:, ::-1])))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_wrong_arrays_are_named(stylizer: Stylizer, wrong: np.ndarray) -> None:
    with pytest.raises(ImageError, match="uint8 RGB"):
        stylizer(wrong)


def test_wrong_types_are_named(stylizer: Stylizer) -> None:
    with pytest.raises(ImageError, match="list"):
        stylizer([[0, 0, 0]])  # type: ignore[type-var]


@pytest.fixture(scope="module")
def dial_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lite network whose dial does something."""
    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, dial=True)
    for key, parameter in network.named_parameters():
        if key.endswith("slopes"):
            torch.nn.init.normal_(parameter)
    return export_model(network, tmp_path_factory.mktemp("dial") / "dial", name="dial", training={}).folder


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_the_dial(dial_model: Path, photo: np.ndarray, engine: str) -> None:
    stylizer = Stylizer.load(dial_model, engine=engine)
    assert stylizer.has_strength
    assert np.array_equal(stylizer(photo), stylizer(photo, strength=1))
    faint = stylizer(photo, strength=0)
    assert not np.array_equal(faint, stylizer(photo))
    assert np.array_equal(np.asarray(stylizer(Image.fromarray(photo), strength=0)), faint)
    assert np.abs(Stylizer.load(dial_model, engine="onnx")(photo, strength=0.4).astype(int)
                  - Stylizer.load(dial_model, engine="torch")(photo, strength=0.4)).max() <= 2  # fmt: skip
    for strength in (-0.1, 1.6, float("nan")):
        with pytest.raises(ModelError, match=r"strength=.*from 0 to 1\.5"):
            stylizer(photo, strength=strength)


def test_a_strength_without_a_dial_is_refused(stylizer: Stylizer, photo: np.ndarray) -> None:
    assert not stylizer.has_strength
    assert np.array_equal(stylizer(photo, strength=1), stylizer(photo))
    with pytest.raises(ModelError, match="no dial"):
        stylizer(photo, strength=0.5)


def test_unknown_engines_devices_and_models(model: Path) -> None:
    with pytest.raises(ModelError, match="engine=tensorrt"):
        Stylizer.load(model, engine="tensorrt")
    with pytest.raises(ModelError, match="device=tpu"):
        Stylizer.load(model, device="tpu")
    with pytest.raises(ModelError, match="no model nothing"):
        Stylizer.load("nothing")
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        Stylizer.load(model / "model.onnx", engine="torch")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_a_missing_gpu_is_one_clear_error(model: Path, engine: str) -> None:
    with pytest.raises(ModelError, match="device=cuda"):
        Stylizer.load(model, engine=engine, device="cuda")


def test_damaged_files_are_refused(model: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.safetensors"):
        path = tmp_path / name
        path.write_bytes((model / name).read_bytes()[:200])
        with pytest.raises(ModelError, match="not readable"):
            Stylizer.load(path)


def test_weights_of_another_network_are_refused(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from fast_style.artifact import read_info

    path = tmp_path / "model.safetensors"
    state = load_file(model / "model.safetensors")
    state.pop("encode.0.conv.weight")
    save_file(state, path, metadata=read_info(model / "model.safetensors").to_metadata())
    with pytest.raises(ModelError, match="do not fit"):
        Stylizer.load(path)


@pytest.mark.parametrize(
    "code",
    [
        "import fast_style; fast_style.__version__",
        "from fast_style.cli import app",
        "import numpy; from fast_style import Stylizer;Stylizer.load('{model}')(numpy.zeros((16, 16, 3), 'uint8'))",
    ],
)
def test_the_light_path_imports_nothing_heavy(model: Path, code: str) -> None:
    check = "; import sys; print([m for m in ('torch', 'pytorch_lightning', 'hydra') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code.format(model=model) + check], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
