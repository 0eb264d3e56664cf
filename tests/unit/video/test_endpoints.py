from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import ConfigError, FastStyleError, MediaError, MediaNotFoundError
from fast_style.video.animation_writer import GifWriter
from fast_style.video.endpoints import check_target, open_sink, open_source
from fast_style.video.reader import VideoReader
from fast_style.video.sequence import SequenceReader, SequenceWriter
from fast_style.video.writer import VideoWriter
from tests.clips import write_clip


@pytest.mark.parametrize("fps", [0, 1e12, np.inf, np.nan])
def test_rates_that_no_video_has(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ConfigError, match="fps="):
        open_source(str(tmp_path), fps=fps)


@pytest.mark.parametrize(("source", "target"), [("-", "out.mp4"), ("in.mp4", "-"), ("in.mp4", "a" * 300 + ".mp4")])
def test_names_that_no_result_can_have(source: str, target: str) -> None:
    with pytest.raises(MediaError, match=r"stdin|too long"):
        check_target(source, Path(target), None, None)


@pytest.mark.parametrize(
    ("target", "codec", "crf", "message"),
    [
        ("out.gif", "h264", None, "codec=h264: is for video files, and out.gif is none; leave it out"),
        ("out.webp", "vp9", None, "codec=vp9: is for video files, and out.webp is none; leave it out"),
        ("frames", None, 20, "crf=20: is for video files, and frames is none; leave it out"),
        ("out.xyz", None, None, "cannot write out.xyz: unknown suffix '.xyz'; use .m4v"),
        ("out.png", None, None, "out.png: is one picture; for one per frame write out%05d.png, for an animated"),
        ("in.mp4", None, None, "in.mp4: IN and OUT are the same; give the result another name"),
    ],
)
def test_mistakes_are_found_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, codec: str | None, crf: int | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", count=1)
    with pytest.raises(FastStyleError) as caught:
        check_target("in.mp4", Path(target), codec, crf)
    assert str(caught.value).startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_names_decide_what_is_read_and_written(tmp_path: Path) -> None:
    source = open_source(str(write_clip(tmp_path / "in.mp4", count=1)))
    assert isinstance(source, VideoReader)
    for name, kind in (("out.mp4", VideoWriter), ("out.gif", GifWriter), ("out", SequenceWriter)):
        sink = open_sink(tmp_path / name, source, codec=None, crf=None, mute=False)
        assert isinstance(sink, kind)
        sink.discard()
    sink = open_sink(tmp_path / "frames", source, codec=None, crf=None, mute=False)
    for frame in source:
        sink.write(frame)
    assert isinstance(open_source(str(sink.finish())), SequenceReader)


@pytest.mark.parametrize("name", ["missing.mp4", "missing"])
def test_a_missing_source_is_a_file_that_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaNotFoundError):
        open_source(str(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        open_source(str(tmp_path / name))
