from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.video.reader import VideoReader
from tests.clips import copy_video, picture, pixel_error, read_clip, write_clip


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6])
def test_colors_are_read_and_written_by_their_tags(tmp_path: Path, matrix: int, full_range: bool) -> None:
    source = write_clip(tmp_path / "in.mp4", count=3, matrix=matrix, full_range=full_range)
    reader = VideoReader(source)
    for number, frame in enumerate(reader):
        assert pixel_error(frame.rgb, picture(number)) <= 3
    copy_video(source, tmp_path / "out.mp4", crf=5)
    made = read_clip(tmp_path / "out.mp4")
    assert made.stream["matrix"] == matrix
    assert made.stream["range"] == (2 if full_range else 1)
    for number, rgb in enumerate(made.pictures):
        assert pixel_error(rgb, picture(number)) <= 3


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), 6), ((1280, 64), 1)])
def test_untagged_video_is_read_as_players_do(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    import av

    tagged = write_clip(tmp_path / "tagged.mkv", count=1, size=size, matrix=matrix, codec="ffv1", options={})
    with av.open(str(tagged)) as before, av.open(str(tmp_path / "in.mkv"), "w") as after:
        stream = after.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in before.decode(video=0):
            frame.colorspace = frame.color_range = 2
            frame.color_range = 0
            after.mux(stream.encode(frame))
        after.mux(stream.encode(None))
    (frame,) = VideoReader(tmp_path / "in.mkv")
    assert pixel_error(frame.rgb, picture(0, *size)) <= 3


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("in.apng", "apng", "rgba"),
        ("in.mov", "qtrle", "argb"),
        ("in.mov", "prores_ks", "yuva444p10le"),
        ("in.mkv", "ffv1", "yuva420p"),
        ("in.webm", "libvpx-vp9", "yuva420p"),
        ("in.webm", "libvpx", "yuva420p"),
    ],
)
def test_what_is_transparent_lies_on_white(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    import av

    given = np.zeros((48, 64, 4), np.uint8)
    given[..., 1] = 255  # a green that nobody is to see
    given[8:32, :32] = (200, 30, 30, 255)
    given[32:, :32] = (30, 30, 200, 128)
    with av.open(str(tmp_path / name), "w") as container:
        options = {"crf": "4", "b": "2M", "auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if name.endswith(".webm"):
            stream.metadata["alpha_mode"] = "1"
        frame = av.VideoFrame.from_ndarray(given, "rgba").reformat(format=pixels, dst_colorspace=5, dst_color_range=1)
        for time in range(2):
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for max_side in (None, 32):
        read, _ = VideoReader(tmp_path / name, max_side=max_side)
        scale = 64 // read.rgb.shape[1]
        for y, x, color in ((20, 50, (255, 255, 255)), (20, 16, (200, 30, 30)), (40, 16, (142, 142, 227))):
            assert np.abs(read.rgb[y // scale, x // scale].astype(int) - color).max() <= 3
        if pixels != "yuva420p":  # which shares colors among four pixels
            edge = read.rgb[20 // scale].astype(int)
            assert (edge[:, 1] - edge[:, 2]).max() <= 3


def test_hdr_becomes_standard_dynamic_range(tmp_path: Path) -> None:
    import av

    # PQ signals of 0, 50 and 1000 cd/m², and those that both PQ and HLG show paper white with.
    levels = {16: (0, 0.4403, 0.5807, 0.7518), 18: (0, 0.4403, 0.75, 1)}
    shown = {}
    for transfer, signals in levels.items():
        source = tmp_path / f"{transfer}.mp4"
        with av.open(str(source), "w") as container:
            stream = container.add_stream("libx264", rate=10, options={"crf": "0"})
            stream.width, stream.height, stream.pix_fmt = 64, 16, "yuv420p10le"
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, transfer, 1
            gray = np.full((24, 64), 512, np.uint16)
            gray[:16] = np.repeat(np.round(64 + 876 * np.array(signals)), 16)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, "yuv420p10le")))
            container.mux(stream.encode(None))
        copy_video(source, tmp_path / "out.mp4", crf=5)
        with av.open(str(tmp_path / "out.mp4")) as made:
            context = made.streams.video[0].codec_context
            assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
            assert context.color_range == 1
        (picture,) = VideoReader(source)
        shown[transfer] = [picture.rgb[8, x].astype(int) for x in (8, 24, 40, 56)]
        assert all(np.ptp(color) <= 2 for color in shown[transfer])
    for (black, dark, paper, peak), (black_hlg, _, paper_hlg, peak_hlg) in [(shown[16], shown[18])]:
        assert (black[0], peak[0]) == (black_hlg[0], peak_hlg[0]) == (0, 255)
        assert abs(dark[0] - 255 * (50 / 203) ** (1 / 2.4)) <= 2
        assert 200 < paper[0] < 240
        assert abs(paper[0] - paper_hlg[0]) <= 3
