from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from fast_style.errors import ConfigError, WriteError
from fast_style.video.media import Frame, StreamFormat
from fast_style.video.writer import VideoWriter
from tests.clips import copy_video, picture, pixel_error, read_clip, write_clip


def test_nothing_has_the_final_name_before_the_end(tmp_path: Path) -> None:
    stream_format = StreamFormat(64, 48, Fraction(1, 90_000), Fraction(10))
    target = tmp_path / "out" / "clip.mp4"
    for how in ("discard", "partial", "finish"):
        writer = VideoWriter(target, stream_format)
        for number in range(5):
            writer.write(Frame(picture(number), 9000 * number, 9000))
        assert not target.exists()
        if how == "discard":
            writer.discard()
            assert list(target.parent.iterdir()) == []
            continue
        path = writer.finish(partial=how == "partial")
        assert path.name == ("clip.partial.mp4" if how == "partial" else "clip.mp4")
        assert len(read_clip(path).pictures) == 5
        path.unlink()
        assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("codec", "suffix", "name"), [("h265", ".mp4", "hevc"), ("vp9", ".webm", "vp9"), (None, ".webm", "vp9")]
)
@pytest.mark.parametrize("size", [(64, 48), (67, 49)])
def test_codecs_and_odd_sizes(
    tmp_path: Path, codec: str | None, suffix: str, name: str, size: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    writer = VideoWriter(
        tmp_path / f"out{suffix}", StreamFormat(*size, Fraction(1, 1000), Fraction(10)), codec=codec, crf=8
    )
    for number in range(3):
        writer.write(Frame(picture(number, *size), 100 * number, 100))
    made = read_clip(writer.finish())
    assert made.stream["codec"] in (name, f"lib{name}", "libvpx-vp9")
    assert made.stream["size"] == size
    assert made.times == [0, 100_000, 200_000]
    assert pixel_error(made.pictures[1], picture(1, *size)) < 8
    assert "x265" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "kind", "words"),
    [
        ("out.mp4", {"codec": "magic"}, ConfigError, "codec=magic"),
        ("out.mp4", {"codec": "aac"}, ConfigError, "codec=aac"),
        ("out.mp4", {"crf": 99}, ConfigError, "crf=99"),
        ("out.mov", {"codec": "prores_ks", "crf": 10}, ConfigError, "crf=10"),
        (
            "out.mp4",
            {"codec": "h264_nvenc"},
            ConfigError,
            "codec=h264_nvenc: its hardware or driver .*; use codec=h264",
        ),
        ("out.ts", {"codec": "vp9"}, ConfigError, "codec=libvpx-vp9: a .ts file cannot hold it"),
        ("out.webm", {"codec": "h264"}, ConfigError, "codec=libx264: a .webm file cannot hold it"),
        ("in.mp4/out.mp4", {}, WriteError, "cannot write.*check its folder"),
    ],
)
def test_what_cannot_be_written_is_named(
    tmp_path: Path, name: str, options: dict[str, object], kind: type[Exception], words: str
) -> None:
    (tmp_path / "in.mp4").write_text("text")
    with pytest.raises(kind, match=words):
        VideoWriter(tmp_path / name, StreamFormat(64, 48, Fraction(1, 10), Fraction(10)), **options)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_frames_of_one_time_are_one_and_the_others_are_counted(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", StreamFormat(64, 48, Fraction(1, 1000), Fraction(10)))
    kept = [writer.write(Frame(picture(time), time, 100)) for time in (0, 100, 100, 200, 150)]
    assert kept == [True, True, False, True, False]
    assert read_clip(writer.finish()).times == [0, 100_000, 200_000]
    assert [warning.split(": ")[1] for warning in writer.warnings] == [
        "2 frames are left out, shown too soon after the one before or not after it"
    ]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_title_and_chapters_are_kept(tmp_path: Path, suffix: str) -> None:
    import av

    plain, source, target = (tmp_path / f"{name}{suffix}" for name in ("plain", "in", "out"))
    write_clip(plain, count=10, options={"bf": "0"})
    with av.open(str(plain)) as before, av.open(str(source), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0], opaque=True)
        after.metadata["title"] = "Parrots"
        millisecond = Fraction(1, 1000)
        after.set_chapters([
            {"id": 1, "start": 0, "end": 400, "time_base": millisecond, "metadata": {"title": "One"}},
            {"id": 2, "start": 400, "end": 1000, "time_base": millisecond, "metadata": {"title": "Two"}},
        ])  # fmt: skip
        for packet in before.demux():
            if packet.size:
                packet.stream = stream
                after.mux(packet)
    copy_video(source, target)
    with av.open(str(target)) as made:
        assert made.metadata["title"] == "Parrots"
        found = [(c["metadata"]["title"], c["start"] * c["time_base"]) for c in made.chapters()]
        assert found == [("One", 0), ("Two", Fraction(2, 5))]
