"""Temporary names, partial results and discarding are tested with a real writer, in `test_writer`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from fast_style.errors import WriteError
from fast_style.video.media import Frame, StreamFormat
from fast_style.video.writer import VideoWriter
from tests.clips import picture

FORMAT = StreamFormat(64, 48, Fraction(1, 1000), Fraction(10))


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(WriteError, match="not a regular file"):
        VideoWriter(tmp_path / "out.mp4", FORMAT)


def test_a_link_keeps_pointing_at_its_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out.mp4").symlink_to(tmp_path / "real" / "clip.mp4")
    writer = VideoWriter(tmp_path / "out.mp4", FORMAT)
    writer.write(Frame(picture(0), 0, 100))
    assert writer.finish() == tmp_path / "out.mp4"
    assert (tmp_path / "out.mp4").is_symlink()
    assert (tmp_path / "real" / "clip.mp4").is_file()
    writer.discard()
    assert (tmp_path / "real" / "clip.mp4").is_file()
