from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fast_style.errors import ModelError
from fast_style.evaluate import count_equivalent_iterations, load_foreign, scorecard, spread, table
from fast_style.losses import PerceptualLoss
from tests.conftest import make_photo

PHOTOS = [make_photo(seed, 160, 144) for seed in range(3)]


def test_the_scorecard_of_doing_nothing(small_loss: PerceptualLoss) -> None:
    done: list[None] = []
    card = scorecard(lambda picture: picture, PHOTOS, small_loss, advance=lambda: done.append(None))
    assert len(done) == card["photos"] == 3
    assert card["terms"]["content"]["mean"] == 0
    assert card["style_share"] == 1
    assert card["perceptual_distance"] == 0
    assert card["flicker"] == {**{f"shift_{s}": 0 for s in (1, 2, 3, 4)}, "noise": pytest.approx(2, abs=0.1)}
    for measure in ("checkerboard", "border", "clipping"):
        assert card[measure]["model"] == card[measure]["photo"]


def test_the_scorecard_tells_a_worse_model(small_loss: PerceptualLoss) -> None:
    grid = np.zeros((144, 160, 1), np.int64)
    grid[::4, ::4] = 40

    def checkered(picture: np.ndarray) -> np.ndarray:
        return np.clip(picture + grid[: picture.shape[0], : picture.shape[1]], 0, 255).astype(np.uint8)

    clean = scorecard(lambda picture: picture, PHOTOS, small_loss)
    bad = scorecard(checkered, PHOTOS, small_loss)
    assert bad["checkerboard"]["model"] > 2 * bad["checkerboard"]["photo"]
    assert bad["flicker"]["shift_1"] > 5 > bad["flicker"]["shift_4"]
    assert bad["terms"]["content"]["mean"] > 0 < bad["perceptual_distance"]
    cells = [str(cell) for column in table({"clean": clean, "bad": bad}).columns for cell in column.cells]
    assert f"{bad['terms']['total']['mean']:.4f}" in cells


def test_equivalent_iterations_of_several_models(small_loss: PerceptualLoss) -> None:
    noise = np.random.default_rng(0).integers(0, 256, PHOTOS[0].shape, dtype=np.uint8)
    models = (lambda picture: picture, lambda picture: np.zeros_like(picture), lambda picture: noise)
    nothing, black, noisy = count_equivalent_iterations(models, PHOTOS[:2], small_loss, limit=5)
    assert nothing["from_photo"]["median"] == 0
    assert black["from_photo"]["median"] == 0  # worse than the photo itself
    assert noisy["photos"] == 2
    assert noisy["from_noise"]["median"] <= 1  # noise is this loss's style
    assert nothing["from_noise"]["upper_quartile"] <= 5


def test_the_scorecard_of_a_dial(small_loss: PerceptualLoss) -> None:
    def darker(picture: np.ndarray, strength: float) -> np.ndarray:
        return np.rint(picture * (1 - 0.2 * strength)).astype(np.uint8)

    card = scorecard(lambda picture: darker(picture, 1), PHOTOS, small_loss, dial=darker)
    assert list(card["dial"]) == ["0", "0.5", "1", "1.5"]
    assert card["dial"]["0"] == {"style_share": 1, "content": 0, "change": 0}
    assert card["dial"]["1"]["content"] == pytest.approx(card["terms"]["content"]["mean"])
    assert card["dial"]["1.5"]["change"] == pytest.approx(1.5 * card["dial"]["1"]["change"], rel=0.05)
    plain = scorecard(lambda picture: picture, PHOTOS, small_loss)
    rows = table({"plain": plain, "dial": card}).row_count
    assert rows == table({"dial": card}).row_count > table({"plain": plain}).row_count


def test_spread_is_even_and_never_too_many() -> None:
    assert spread(100, 5) == {0, 24, 49, 74, 99}
    assert spread(3, 5) == {0, 1, 2}
    assert spread(3, 0) == set()


def foreign(path: Path, factor: float, *, cut: int = 0) -> Path:
    """An ONNX model that multiplies its `[1, 3, H, W]` input, and loses `cut` rows."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["all"])]
    constants = [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])]
    for name, value in (("from", 0), ("to", -cut or 2**31), ("axis", 2)):
        constants.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    nodes.append(helper.make_node("Slice", ["all", "from", "to", "axis"], ["y"]))
    shape = [1, 3, "H", "W"]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "h", "W"])],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("convention", ["nchw-255", "nchw-1"])
def test_foreign_models_get_their_range(tmp_path: Path, photo: np.ndarray, convention: str) -> None:
    same = load_foreign(foreign(tmp_path / "same.onnx", 1), convention)
    assert np.array_equal(same(photo), photo)
    half = load_foreign(foreign(tmp_path / "half.onnx", 0.5), convention)
    assert np.abs(half(photo) - photo / 2).max() <= 0.5


def test_foreign_models_that_will_not_do(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(ModelError, match="must be one of nchw-255, nchw-1"):
        load_foreign(tmp_path / "x.onnx", "bgr")
    with pytest.raises(ModelError, match="no such file"):
        load_foreign(tmp_path / "x.onnx", "nchw-1")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="not readable"):
        load_foreign(tmp_path / "text.onnx", "nchw-1")
    with pytest.raises(ModelError, match="64×48 became 64×47"):
        load_foreign(foreign(tmp_path / "short.onnx", 1, cut=1), "nchw-1")(photo)
