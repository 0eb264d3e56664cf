from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from fast_style.errors import ConfigError, DataError, ImageError, ModelError, ModelNotFoundError
from fast_style.evaluation.equivalent_iterations import count_equivalent_iterations
from fast_style.evaluation.evaluate import table
from fast_style.evaluation.foreign_models import load_foreign
from fast_style.evaluation.photos import PhotoFiles, on_device, spread
from fast_style.evaluation.scorecard import scorecard
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from tests.conftest import make_photo
from tests.unit.evaluation.test_visualize import damage

PHOTOS = [make_photo(seed, 160, 144) for seed in range(3)]


def test_the_scorecard_of_doing_nothing(small_loss: PerceptualLoss) -> None:
    done: list[None] = []
    card = scorecard(lambda picture: picture, PHOTOS, small_loss, advance=lambda: done.append(None))
    assert len(done) == card["photos"] == 3
    assert card["terms"]["content"]["mean"] == 0
    assert card["style_share"] == 1
    assert card["perceptual_distance"] == 0
    assert card["sensitivity"] == {**{f"shift_{s}": 0 for s in (1, 2, 3, 4)}, "noise": pytest.approx(2, abs=0.1)}
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
    assert bad["sensitivity"]["shift_1"] > 5 > bad["sensitivity"]["shift_4"]
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


def test_the_scorecard_of_a_strength(small_loss: PerceptualLoss) -> None:
    def darker(picture: np.ndarray, strength: float) -> np.ndarray:
        return np.rint(picture * (1 - 0.2 * strength)).astype(np.uint8)

    card = scorecard(lambda picture: darker(picture, 1), PHOTOS, small_loss, stylize_at=darker)
    assert list(card["strength"]) == ["0", "0.5", "1", "1.5"]
    assert card["strength"]["0"] == {"style_share": 1, "content": 0, "change": 0}
    assert card["strength"]["1"]["content"] == pytest.approx(card["terms"]["content"]["mean"])
    assert card["strength"]["1.5"]["change"] == pytest.approx(1.5 * card["strength"]["1"]["change"], rel=0.05)
    plain = scorecard(lambda picture: picture, PHOTOS, small_loss)
    rows = table({"plain": plain, "strength": card}).row_count
    assert rows == table({"strength": card}).row_count > table({"plain": plain}).row_count


def test_a_black_photo_has_finite_figures(small_loss: PerceptualLoss) -> None:
    black = np.zeros((144, 160, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = scorecard(lambda picture: picture, [black], small_loss, stylize_at=lambda picture, strength: picture)
    json.dumps(card, allow_nan=False)
    assert card["checkerboard"] == {"model": 1, "photo": 1}
    # A flat gray leaves rounding errors, which are no checkerboard either.
    assert scorecard(lambda picture: picture + 99, [black], small_loss)["checkerboard"]["model"] == pytest.approx(1)


def test_the_style_image_among_the_photos_has_nothing_left_to_share(small_loss: PerceptualLoss) -> None:
    layers = list(small_loss.settings.style_layers)
    grams = style_grams(small_loss.encoder, on_device(PHOTOS[0], small_loss), layers, [1])
    own = PerceptualLoss(small_loss.encoder, grams, small_loss.settings)
    card = scorecard(lambda picture: 255 - picture, PHOTOS[:1], own, stylize_at=lambda picture, strength: 255 - picture)
    assert card["terms"]["style"]["photo"] == 0 < card["terms"]["style"]["mean"]
    assert card["style_share"] == card["strength"]["0.5"]["style_share"] == 1
    among = scorecard(lambda picture: picture, PHOTOS, own, stylize_at=lambda picture, strength: picture)
    assert among["strength"]["1.5"]["style_share"] == 1


def test_photos_are_read_in_turn_and_shrunk(tmp_path: Path, small_loss: PerceptualLoss) -> None:
    for number, photo in enumerate(PHOTOS):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.iterdir())
    photos = PhotoFiles(paths, 1024)
    assert all(np.array_equal(read, photo) for read, photo in zip(photos, PHOTOS, strict=True))
    from_disk = scorecard(lambda picture: picture, photos, small_loss)
    assert from_disk == scorecard(lambda picture: picture, PHOTOS, small_loss)
    Image.fromarray(make_photo(0, 800, 600)).save(tmp_path / "large.png")
    assert PhotoFiles([tmp_path / "large.png"], 200)[0].shape == (150, 200, 3)


def test_photos_that_cannot_be_measured_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sizes = {"good": (160, 144), "damaged": (160, 144), "small": (200, 135), "panorama": (1000, 140)}
    paths = [tmp_path / f"{name}.png" for name in sizes]
    for path in paths:
        Image.fromarray(make_photo(0, *sizes[path.stem])).save(path)
    damage(tmp_path / "damaged.png")
    done: list[None] = []
    assert PhotoFiles(paths, 500).measurable(lambda: done.append(None)).paths == [tmp_path / "good.png"]
    assert len(done) == 4
    damaged, small, panorama = caplog.messages
    assert damaged.startswith(f"skipped: {tmp_path / 'damaged.png'} is damaged")
    assert small.endswith("small.png: 200×135 px is too small; want sides of 136 px or more")
    assert panorama.startswith("skipped: max_size=500: ")
    assert panorama.endswith("panorama.png is too small at 500×70 px; want max_size=968 or more")
    assert PhotoFiles(paths[3:], 968)[0].shape == (136, 968, 3)
    with pytest.raises(ImageError, match="max_size=968 or more"):
        PhotoFiles(paths[3:], 967)[0]
    with pytest.raises(DataError, match=r"none of the 2 photos can be measured \(.*small.png: 200×135 px is too small"):
        PhotoFiles(paths[2:], 500).measurable()


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


def classifier(path: Path) -> Path:
    """An ONNX model whose result is `[1, N]`: no picture."""
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "N"])],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


@pytest.mark.parametrize("convention", ["nchw-255", "nchw-1"])
def test_foreign_models_get_their_range(tmp_path: Path, photo: np.ndarray, convention: str) -> None:
    same = load_foreign(foreign(tmp_path / "same.onnx", 1), convention)
    assert np.array_equal(same(photo), photo)
    half = load_foreign(foreign(tmp_path / "half.onnx", 0.5), convention)
    assert np.abs(half(photo) - photo / 2).max() <= 0.5


def test_foreign_models_that_will_not_do(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="must be one of nchw-255, nchw-1"):
        load_foreign(tmp_path / "x.onnx", "bgr")
    with pytest.raises(ModelNotFoundError, match="no such file"):
        load_foreign(tmp_path / "x.onnx", "nchw-1")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="not readable"):
        load_foreign(tmp_path / "text.onnx", "nchw-1")
    with pytest.raises(ModelError, match="64×48 became 64×47"):
        load_foreign(foreign(tmp_path / "short.onnx", 1, cut=1), "nchw-1")(photo)
    with pytest.raises(ModelError, match=r"flat\.onnx: cannot stylize as nchw-255 \(axes"):
        load_foreign(classifier(tmp_path / "flat.onnx"), "nchw-255")(photo)
