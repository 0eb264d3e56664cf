from __future__ import annotations

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import ConfigError, ImageError, ModelError, ModelNotFoundError
from fast_style.inference.stylizer import Stylizer
from fast_style.models.networks import build_network
from fast_style.training.export import export_model
from tests.conftest import make_photo


@pytest.fixture(scope="module")
def model(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1)
    return export_model(network, tmp_path_factory.mktemp("models") / "tiny", name="tiny", training={}).folder


@pytest.fixture(scope="module", params=["onnx", "torch"])
def stylizer(model: Path, request: pytest.FixtureRequest) -> Stylizer:
    return Stylizer.load(model, engine=request.param, precision="fp32" if request.param == "torch" else "auto")


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


def test_every_odd_size(stylizer: Stylizer) -> None:
    for height in range(1, 71, 2):
        for width in range(1, 71, 2):
            assert stylizer(np.zeros((height, width, 3), np.uint8)).shape == (height, width, 3)


@pytest.mark.parametrize("size", [(3000, 1), (1, 3000), (20_000, 3)])
def test_a_line_is_what_a_band_of_it_would_be(stylizer: Stylizer, size: tuple[int, int]) -> None:
    """A panorama one pixel high has no height to paint on: it is taken as a band of equal lines."""
    line = make_photo(0, *size)
    result = stylizer(line)
    assert result.shape == line.shape
    height, width = line.shape[:2]
    band = np.pad(line, ((0, max(0, 8 - height)), (0, max(0, 8 - width)), (0, 0)), mode="symmetric")
    assert np.array_equal(result, stylizer(band)[:height, :width])
    assert result.std() > 1


def test_bytes_come_back_as_bytes(stylizer: Stylizer, photo: np.ndarray, tmp_path: Path) -> None:
    for kind in ("PNG", "WEBP", "JPEG"):
        stream = io.BytesIO()
        Image.fromarray(photo).save(stream, format=kind, quality=95)
        made = stylizer(stream.getvalue())
        assert isinstance(made, bytes)
        with Image.open(io.BytesIO(made)) as picture:
            assert (picture.format, picture.size) == (kind, (64, 48))
        path = tmp_path / "photo"
        path.write_bytes(stream.getvalue())
        for given in (path, str(path)):
            opened = stylizer(given)
            assert isinstance(opened, Image.Image)
            assert np.array_equal(np.asarray(opened), stylizer(np.asarray(Image.open(path).convert("RGB"))))
    with pytest.raises(ImageError, match="no image"):
        stylizer(b"not a picture")
    with pytest.raises(ImageError, match=r"missing\.png"):
        stylizer("missing.png")


def see_through(photo: np.ndarray) -> Image.Image:
    """With a hard-edged hole and a soft side."""
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[8:20, 10:30] = 0
    alpha[24:] = np.linspace(0, 255, photo.shape[1])
    picture = Image.fromarray(photo)
    picture.putalpha(Image.fromarray(alpha))
    return picture


def over_white(picture: Image.Image) -> np.ndarray:
    rgba = np.asarray(picture, float)
    # What cannot be seen has the color of the painted white.
    weight = np.where(rgba[..., 3:] == 0, 1, rgba[..., 3:] / 255)
    return rgba[..., :3] * weight + 255 * (1 - weight)


def test_transparent_pictures_stay_so(stylizer: Stylizer, photo: np.ndarray, tmp_path: Path) -> None:
    from fast_style.images.decode import decode_rgb

    given = see_through(photo)
    expected = stylizer(decode_rgb(given))
    given.save(tmp_path / "photo.png")
    data = (tmp_path / "photo.png").read_bytes()
    for made in (stylizer(given), stylizer(tmp_path / "photo.png"), Image.open(io.BytesIO(stylizer(data)))):
        assert made.mode == "RGBA"
        # Over white it is the stylized mixture, as far as colors reach that dark.
        alpha = np.asarray(made.getchannel("A"))
        solid = (alpha == 255) | (alpha == 0)
        assert np.array_equal(over_white(made)[solid], expected[solid])
        reachable = expected >= 255.0 - alpha[..., None]
        assert np.abs(over_white(made) - expected)[reachable].max() < 1.5
        assert np.array_equal(alpha, np.asarray(given.getchannel("A")))
    for mode in ("LA", "PA"):
        changed = given.convert(mode)
        made = stylizer(changed)
        assert made.mode == "RGBA"
        assert np.array_equal(np.asarray(made.getchannel("A")), np.asarray(changed.convert("RGBA").getchannel("A")))
    palette = Image.fromarray(photo).quantize(8)
    assert stylizer(palette).mode == "RGB"
    palette.info["transparency"] = 0
    assert np.array_equal(np.asarray(stylizer(palette).getchannel("A")) == 0, np.asarray(palette) == 0)


def test_streams_are_taken_as_bytes(stylizer: Stylizer, photo: np.ndarray, tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "PNG")  # and stands at its end
    expected = stylizer(stream.getvalue())
    path = tmp_path / "photo.png"
    path.write_bytes(stream.getvalue())
    with path.open("rb") as file:
        for given in (bytearray(stream.getvalue()), stream, file):
            assert stylizer(given) == expected
    path.write_text("text")
    with path.open() as text, pytest.raises(ImageError, match=r"TextIOWrapper: want .*binary mode"):
        stylizer(text)  # type: ignore[call-overload]
    with path.open("rb") as file, pytest.raises(ImageError, match=r"photo\.png is no image"):
        stylizer(file)


def test_copies_are_loaded_anew(model: Path, strength_model: Path, photo: np.ndarray) -> None:
    for made in (
        Stylizer.load(strength_model, engine="onnx"),
        Stylizer.load(strength_model, engine="torch", precision="bf16"),
        Stylizer.load(model, tile=64, memory="4GB"),
    ):
        for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)):
            assert type(again.engine) is type(made.engine)
            assert again.engine.precision == made.engine.precision
            assert (again.tiling, again.info) == (made.tiling, made.info)
            assert np.array_equal(again(photo), made(photo))
            assert pickle.dumps(again) == pickle.dumps(made)
    with pytest.raises(ModelError, match=r"make it with Stylizer\.load"):
        pickle.dumps(Stylizer(made.engine))


@pytest.mark.parametrize("name", ["starry_night", Path("starry_night")])
def test_a_stylizer_of_a_name_points_to_load(name: str | Path) -> None:
    with pytest.raises(ModelError, match=r"use Stylizer\.load\('starry_night'\)"):
        Stylizer(name)  # type: ignore[arg-type]


def test_options_that_are_no_numbers(strength_model: Path, photo: np.ndarray) -> None:
    stylizer = Stylizer.load(strength_model)
    for name in ("strength", "stroke"):
        with pytest.raises(ConfigError, match=rf"{name}='0\.5': must be a number, not a str"):
            stylizer(photo, **{name: "0.5"})  # type: ignore[call-overload]
        assert np.array_equal(stylizer(photo, **{name: np.float32(0.5)}), stylizer(photo, **{name: 0.5}))


def test_a_picture_without_pixels(stylizer: Stylizer) -> None:
    with pytest.raises(ImageError, match=r"no pixels \(0 x 0\)"):
        stylizer(Image.new("RGB", (0, 0)))


def test_threads_share_one(stylizer: Stylizer) -> None:
    pictures = [make_photo(seed, 40 + 3 * seed, 64 - 5 * seed) for seed in range(8)] * 3
    expected = [stylizer(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(stylizer, pictures))
    assert all(np.array_equal(a, b) for a, b in zip(made, expected, strict=True))


def test_kept_colors(stylizer: Stylizer, photo: np.ndarray) -> None:
    from fast_style.images.color import keep_color

    assert np.array_equal(stylizer(photo, keep_color=True), keep_color(photo, stylizer(photo)))
    gray = Image.fromarray(photo).convert("L")
    made = np.asarray(stylizer(gray, keep_color=True)).astype(int)
    assert (made.max(axis=-1) - made.min(axis=-1)).max() <= 1


@pytest.mark.parametrize("stroke", [0.5, 0.8, 1.7, 2])
def test_strokes(stylizer: Stylizer, stroke: float) -> None:
    for size in ((64, 48), (33, 51), (1, 1), (3, 100)):
        assert stylizer(make_photo(0, *size), stroke=stroke).shape == (size[1], size[0], 3)


def test_a_larger_stroke_is_the_preview_enlarged(stylizer: Stylizer) -> None:
    from fast_style.images.arrays import resize_rgb

    photo = make_photo(0, 128, 96)
    preview = stylizer(resize_rgb(photo, 64, 48))
    assert np.array_equal(
        resize_rgb(stylizer(photo, stroke=2), 64, 48), resize_rgb(resize_rgb(preview, 128, 96), 64, 48)
    )
    batch = np.stack([photo, photo[::-1]])
    assert np.abs(stylizer(batch, stroke=2)[1].astype(int) - stylizer(photo[::-1], stroke=2)).max() <= 2


@pytest.mark.parametrize("stroke", [0, -1, 0.49, 2.1, float("nan")])
def test_impossible_strokes(stylizer: Stylizer, photo: np.ndarray, stroke: float) -> None:
    with pytest.raises(ConfigError, match=r"stroke=.*from 0\.5 to 2"):
        stylizer(photo, stroke=stroke)


def test_tiles_are_the_whole(model: Path) -> None:
    photo = make_photo(0, 150, 200)
    whole = Stylizer.load(model)(photo).astype(int)
    tiled = Stylizer.load(model, tile=64)
    assert np.abs(tiled(photo) - whole).max() <= 2
    assert np.abs(tiled(np.stack([photo, photo]))[1] - whole).max() <= 2
    small = photo[:60, :60]
    assert np.array_equal(tiled(small), Stylizer.load(model)(small))
    assert Stylizer.load(model, tile=64)(make_photo(0, 300, 3)).shape == (3, 300, 3)


def test_memory_decides_whether_to_tile(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make_photo(0, 300, 200)
    monkeypatch.setattr("fast_style.inference.stylizer.ALWAYS_WHOLE", 1000)
    monkeypatch.setattr("fast_style.inference.options.used_memory", lambda: 10**9)
    calls: list[int] = []
    in_tiles = Stylizer._in_tiles
    monkeypatch.setattr(Stylizer, "_in_tiles", lambda *given: calls.append(1) or in_tiles(*given))
    whole = Stylizer.load(model, tile="off", memory="1MB")(photo)
    assert np.array_equal(Stylizer.load(model, memory="3GB")(photo), whole)
    assert not calls
    # About 8 MB as a whole, and half as much besides what is in use.
    tight = Stylizer.load(model, memory=10**9 + int(Stylizer.load(model).engine.bytes_per_pixel() * 50_000))
    assert np.abs(tight(photo).astype(int) - whole).max() <= 2
    assert calls
    with pytest.raises(ImageError, match=r"memory=1010kB.*at least \d\.\d GB"):
        Stylizer.load(model, memory="1010kB")(photo)


def test_tiles_need_the_weights(model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "model.onnx"
    alone.write_bytes((model / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match=r"tiles need its model\.safetensors"):
        Stylizer.load(alone, tile=64)(make_photo(0, 100, 80))


def test_both_engines_know_how_much_they_take(model: Path) -> None:
    """As much as the activations of the widest place, and not ten times that."""
    onnx, torch_ = (Stylizer.load(model, engine=engine).engine.bytes_per_pixel() for engine in ("onnx", "torch"))
    assert 30 < onnx < 1000
    assert 30 < torch_ < 1000
    assert 0.2 < onnx / torch_ < 5


def test_engines_say_what_they_are(model: Path) -> None:
    assert Stylizer.load(model, device="cpu").engine.describe() == "ONNX Runtime on the CPU"
    made = Stylizer.load(model, engine="torch", device="cpu", precision="bf16").engine
    assert made.describe() == "torch on the CPU in bfloat16"


def test_bfloat16_looks_the_same(model: Path) -> None:
    photo = make_photo(0, 96, 96)
    exact, fast = (
        Stylizer.load(model, engine="torch", device="cpu", precision=precision)(photo).astype(int)
        for precision in ("fp32", "bf16")
    )
    assert np.abs(exact - fast).mean() < 1.5


@pytest.fixture(scope="module")
def strength_model(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lite network whose strength does something."""
    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, takes_strength=True)
    for key, parameter in network.named_parameters():
        if key.endswith("strength_coefficients"):
            torch.nn.init.normal_(parameter)
    return export_model(network, tmp_path_factory.mktemp("strength") / "strength", name="strength", training={}).folder


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_the_strength(strength_model: Path, photo: np.ndarray, engine: str) -> None:
    stylizer = Stylizer.load(strength_model, engine=engine)
    assert stylizer.has_strength
    assert np.array_equal(stylizer(photo), stylizer(photo, strength=1))
    faint = stylizer(photo, strength=0)
    assert not np.array_equal(faint, stylizer(photo))
    assert np.array_equal(np.asarray(stylizer(Image.fromarray(photo), strength=0)), faint)
    engines = [Stylizer.load(strength_model, engine=engine, precision="fp32") for engine in ("onnx", "torch")]
    results = [engine(photo, strength=0.4).astype(int) for engine in engines]
    assert np.abs(results[0] - results[1]).max() <= 2
    for strength in (-0.1, 1.6, float("nan")):
        with pytest.raises(ConfigError, match=r"strength=.*from 0 to 1\.5"):
            stylizer(photo, strength=strength)


def test_a_strength_that_the_model_does_not_take_is_refused(stylizer: Stylizer, photo: np.ndarray) -> None:
    assert not stylizer.has_strength
    assert np.array_equal(stylizer(photo, strength=1), stylizer(photo))
    with pytest.raises(ConfigError, match="takes no strength"):
        stylizer(photo, strength=0.5)


def test_unknown_engines_devices_and_models(model: Path) -> None:
    with pytest.raises(ConfigError, match="engine=tensorrt"):
        Stylizer.load(model, engine="tensorrt")
    with pytest.raises(ConfigError, match="device=tpu"):
        Stylizer.load(model, device="tpu")
    with pytest.raises(ConfigError, match="precision=int4"):
        Stylizer.load(model, precision="int4")
    for arguments in ({"precision": "bf16"}, {"compile": True}):
        with pytest.raises(ConfigError, match="use engine=torch"):
            Stylizer.load(model, engine="onnx", **arguments)  # type: ignore[arg-type]
    for arguments in ({"tile": "many"}, {"tile": 8}, {"memory": "a lot"}):
        with pytest.raises(ConfigError, match=next(iter(arguments))):
            Stylizer.load(model, **arguments)  # type: ignore[arg-type]
    with pytest.raises(ModelNotFoundError, match="no model nothing"):
        Stylizer.load("nothing")
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        Stylizer.load(model / "model.onnx", engine="torch")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_a_missing_gpu_is_one_clear_error(model: Path, engine: str) -> None:
    with pytest.raises(ConfigError, match="device=cuda"):
        Stylizer.load(model, engine=engine, device="cuda")


def test_damaged_files_are_refused(model: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.safetensors"):
        path = tmp_path / name
        path.write_bytes((model / name).read_bytes()[:200])
        with pytest.raises(ModelError, match="not readable"):
            Stylizer.load(path)


def test_weights_of_another_network_are_refused(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from fast_style.models.artifact import read_info

    path = tmp_path / "model.safetensors"
    state = load_file(model / "model.safetensors")
    state.pop("encode.0.conv.weight")
    save_file(state, path, metadata=read_info(model / "model.safetensors").to_metadata())
    with pytest.raises(ModelError, match="do not fit"):
        Stylizer.load(path)
