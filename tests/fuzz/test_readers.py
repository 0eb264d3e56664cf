"""Readers of files, given small valid files with bytes changed: they read, or raise the error of one line.

Never anything else, never for longer than `LONGEST` seconds of work, never with more memory than `MOST_MEMORY`.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import resource
import signal
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, features

from fast_style.errors import FastStyleError
from fast_style.images.decode import check_readable, load_picture
from fast_style.images.encode import encode_rgb
from tests.conftest import ROOT, make_photo

LONGEST = 20
LONGEST_WAIT = 300
"""Seconds on the clock: a machine that does other things as well takes longer for the same work."""
MOST_MEMORY = 1 << 30
MODEL = ROOT / "checkpoints" / "wave"

Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    """What is done to a file, one after the other: how, where from 0 to 1, and with what."""
    how = st.sampled_from(["overwrite", "overwrite", "number", "insert", "delete", "cut", "repeat"])
    extreme = st.sampled_from([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    one = st.tuples(how, st.floats(0, 1), st.binary(min_size=1, max_size=8) | extreme.map(lambda n: n.to_bytes(4)))
    return draw(st.lists(one, min_size=1, max_size=6))


def changed(content: bytes, steps: list[tuple[str, float, bytes]], *, header: int | None = None) -> bytes:
    """Returns a file with the changes; with `header`, within that many bytes from its beginning or its end."""
    for how, place, data in steps:
        if header is None or len(content) <= 2 * header:
            at = int(place * len(content))
        else:
            at = int(place * 2 * header)
            at = at if at < header else len(content) - 2 * header + at
        if how == "overwrite":
            content = content[:at] + data + content[at + len(data) :]
        elif how == "number":
            content = content[:at] + data.rjust(4, b"\0")[-4:][:: -1 if len(data) % 2 else 1] + content[at + 4 :]
        elif how == "insert":
            content = content[:at] + data + content[at:]
        elif how == "delete":
            content = content[:at] + content[at + 8 * len(data) :]
        elif how == "repeat":
            content = content[:at] + content[max(0, at - 64) : at] * len(data) + content[at:]
        else:
            content = content[:at]
    return content


@contextmanager
def bounded(*, whole: bool = False) -> Iterator[None]:
    """Ends what takes too long, and fails what takes too much memory; only the package's own errors pass.

    Args:
        whole: Whether the file is unchanged, so that no error passes.
    """

    def late(number: int, _: object) -> None:
        limit = LONGEST_WAIT if number == signal.SIGALRM else LONGEST
        raise TimeoutError(f"longer than {limit} s")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    earlier = {number: signal.signal(number, late) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    except FastStyleError as error:
        if whole or "\n" in str(error) or isinstance(error.__cause__, TimeoutError):
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in earlier.items():
            signal.signal(number, handler)
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < MOST_MEMORY


def saved(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    alpha = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (24, 32))
    image = Image.fromarray(make_photo(0, 32, 24))
    if options.pop("alpha", False):
        image.putalpha(Image.fromarray(alpha))
    if options.get("save_all"):
        options["append_images"] = [Image.fromarray(make_photo(1, 32, 24))]
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Acme", 6
    exif.get_ifd(0x8769)[0x829A] = 0.5
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    iptc = b"\x1c\x02\x78\0\x06A lake"
    resource_ = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    return saved("JPEG", exif=exif, extra=b"\xff\xed" + struct.pack(">H", len(resource_) + 2) + resource_)


@functools.cache
def pictures() -> dict[str, bytes]:
    """A small file of each kind that is read."""
    deep = make_photo(0, 32, 24) / np.float32(255)
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, np.moveaxis(deep, -1, 0), photometric="rgb", planarconfig="separate", compression=8)
    files = {
        "jpeg": with_metadata(),
        "progressive jpeg": saved("JPEG", progressive=True),
        "png": saved("PNG", alpha=True),
        "palette png": encode_palette("PNG"),
        "animated png": saved("PNG", save_all=True),
        "tiff": saved("TIFF"),
        "lzw tiff": saved("TIFF", compression="tiff_lzw"),
        "deep tiff": tiff.getvalue(),
        "webp": saved("WEBP", alpha=True),
        "gif": encode_palette("GIF"),
        "animated gif": saved("GIF", save_all=True),
        "bmp": saved("BMP"),
        "ppm": saved("PPM"),
    }
    if features.check("avif"):
        files["avif"] = saved("AVIF")
    if features.check("jpg_2000"):
        files["jp2"] = saved("JPEG2000", alpha=True)
    return files


def encode_palette(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(make_photo(0, 32, 24)).quantize(16).save(stream, kind, transparency=3)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", sorted(pictures()))
@given(steps=changes())
@example(steps=[])
def test_pictures(tmp_path: Path, kind: str, steps: list[tuple[str, float, bytes]]) -> None:
    content = changed(pictures()[kind], steps)
    path = tmp_path / "a"
    path.write_bytes(content)
    with bounded(whole=not steps):
        picture = load_picture(content, partial=True)
        for result in ("JPEG", "TIFF", "PNG"):
            encode_rgb(picture.rgb[:8, :8], result, metadata=picture.metadata)
    with bounded(whole=not steps):
        load_picture(path, max_side=8)
    with bounded(whole=not steps):
        check_readable(path)


@functools.cache
def clip(suffix: str, folder: Path) -> bytes:
    from tests.clips import write_clip

    return write_clip(folder / f"whole{suffix}", count=4, size=(32, 24)).read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@given(steps=changes())
@example(steps=[])
def test_videos(tmp_path_factory: pytest.TempPathFactory, suffix: str, steps: list[tuple[str, float, bytes]]) -> None:
    pytest.importorskip("av")
    from fast_style.video.reader import VideoReader

    folder = tmp_path_factory.getbasetemp()
    path = folder / f"changed{suffix}"
    path.write_bytes(changed(clip(suffix, folder), steps))
    with bounded(whole=not steps):
        reader = VideoReader(str(path))
        try:
            for number, _ in enumerate(reader):
                if number > 20:
                    break
        finally:
            reader.close()


@given(steps=changes())
@example(steps=[])
def test_onnx_models(tmp_path: Path, steps: list[tuple[str, float, bytes]]) -> None:
    from fast_style.inference.stylizer import Stylizer

    path = tmp_path / "model.onnx"
    path.write_bytes(changed((MODEL / "model.onnx").read_bytes(), steps, header=4096))
    with bounded(whole=not steps):
        Stylizer.load(path)(make_photo(0, 16, 16))


@given(steps=changes())
@example(steps=[])
def test_safetensors_models(tmp_path: Path, steps: list[tuple[str, float, bytes]]) -> None:
    pytest.importorskip("torch")
    from fast_style.inference.stylizer import Stylizer

    path = tmp_path / "model.safetensors"
    path.write_bytes(changed((MODEL / "model.safetensors").read_bytes(), steps, header=2048))
    with bounded(whole=not steps):
        Stylizer.load(path, device="cpu", precision="fp32")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


NUMBERS = ("style_left", "content", "iterations_from_photo", "iterations_from_noise")


@given(steps=changes(), replaced=st.lists(st.tuples(st.integers(0, 100), _JSON), max_size=4))
@example(steps=[], replaced=[])
def test_cards(tmp_path: Path, steps: list[tuple[str, float, bytes]], replaced: list[tuple[int, object]]) -> None:
    from fast_style.models.artifact import ModelFiles
    from fast_style.models.card import check_card, summary, write_card

    whole = (MODEL / "card.json").read_bytes()
    (tmp_path / "model.onnx").touch()
    model = ModelFiles("tiny", onnx=tmp_path / "model.onnx")
    scorecard = ModelFiles("whole", onnx=MODEL / "model.onnx").card()["scorecard"]
    valid = json.loads(whole)
    for number, value in replaced:
        _replace(valid, number, value)
    for content in (changed(whole, steps), json.dumps(valid).encode()):
        (tmp_path / "card.json").write_bytes(content)
        with bounded(whole=not steps and not replaced):
            line = summary(model)
            assert all(f"{line[name]:g}" for name in NUMBERS if line[name] is not None)  # type: ignore[literal-required]
        with bounded(whole=not steps and not replaced):
            write_card(tmp_path, check_card(model) | {"scorecard": scorecard})


def _replace(node: object, number: int, value: object) -> int:
    """Puts a value in the place of the entry with this number, in the order of the file; returns what is left of it."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        if number == 0:
            node[key] = value  # type: ignore[index]
            return -1
        number = _replace(node[key], number - 1, value)  # type: ignore[index]
        if number < 0:
            return number
    return number


@functools.cache
def checkpoint() -> bytes:
    import torch

    stream = io.BytesIO()
    state = {"network.weight": torch.zeros(3, 3), "network.bias": torch.zeros(3)}
    content = {"state_dict": state, "global_step": 3, "hyper_parameters": {"model": {"name": "lite"}}, "epoch": 0}
    torch.save(content, stream)
    return stream.getvalue()


@given(steps=changes())
@example(steps=[])
def test_checkpoints(tmp_path: Path, steps: list[tuple[str, float, bytes]]) -> None:
    pytest.importorskip("pytorch_lightning")
    from fast_style.training.checkpoints import read_checkpoint

    path = tmp_path / "last.ckpt"
    path.write_bytes(changed(checkpoint(), steps))
    with bounded(whole=not steps):
        read_checkpoint(path)
