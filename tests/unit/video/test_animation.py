from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import ConfigError
from fast_style.video.animation import AnimationReader, is_animation
from fast_style.video.endpoints import holds_alpha, open_sink, open_source

TIMES = [100, 250, 400]


def drawing(number: int) -> np.ndarray:
    """RGBA `[24, 32, 4]`: an opaque red square that moves, a blue bar that is half transparent, nothing elsewhere."""
    rgba = np.zeros((24, 32, 4), np.uint8)
    rgba[2:10, 4 * number : 4 * number + 8] = (200, 30, 30, 255)
    rgba[14:20, 4:28] = (30, 30, 200, 128)
    return rgba


def write_animation(path: Path, times: list[int], **options: object) -> Path:
    pictures = [Image.fromarray(drawing(number)) for number in range(len(times))]
    kind = "PNG" if path.suffix in (".apng", ".png") else None
    pictures[0].save(
        path, kind, save_all=True, append_images=pictures[1:], duration=times, disposal=2, **{"loop": 0, **options}
    )
    return path


def contents(path: Path) -> tuple[list[int], list[np.ndarray], object]:
    """Returns for how many milliseconds each frame is shown, the frames as RGBA, and the number of repetitions."""
    times, pictures = [], []
    with Image.open(path) as image:
        loop = image.info.get("loop")
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            times.append(round(image.info["duration"]))
            pictures.append(np.asarray(image.convert("RGBA")).astype(int))
    return times, pictures, loop


@pytest.mark.parametrize("target", ["out.webp", "out.apng", "out.gif"])
@pytest.mark.parametrize("name", ["in.webp", "in.apng", "in.gif"])
def test_transparency_times_and_repetitions_are_kept(tmp_path: Path, name: str, target: str) -> None:
    source = write_animation(tmp_path / name, TIMES, **({"lossless": True} if name == "in.webp" else {}))
    assert is_animation(source)
    given = contents(source)
    reader = open_source(str(source), alpha=holds_alpha(tmp_path / target))
    assert isinstance(reader, AnimationReader)
    assert reader.seconds == 0.75
    sink = open_sink(tmp_path / target, reader, codec=None, crf=None, mute=False)
    assert all(sink.write(frame) for frame in reader)
    times, pictures, loop = contents(sink.finish())
    assert (times, loop) == (TIMES, 0)
    assert [*reader.warnings, *sink.warnings] == []
    for before, after in zip(given[1], pictures, strict=True):
        if target == "out.gif":  # which knows no half transparency
            before[..., 3] = 255 * (before[..., 3] >= 128)
        assert np.array_equal(before[..., 3], after[..., 3])
        shown = (before[..., 3:] * np.abs(before - after)[..., :3]).max(axis=-1) / 255
        assert np.percentile(shown, 80) <= 6  # at edges four pixels of WebP share their colors


def test_an_animation_becomes_a_video_over_white_and_back(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "in.png", TIMES)
    reader = open_source(str(source))
    frames = list(reader)
    assert [frame.pts * reader.format.time_base * 1000 for frame in frames] == [0, 100, 350]
    assert all(frame.alpha is None for frame in frames)
    assert frames[1].rgb[23, 0].tolist() == [255, 255, 255]
    assert frames[1].rgb[16, 8].tolist() == [142, 142, 227]
    sink = open_sink(tmp_path / "out.mp4", reader, codec=None, crf=1, mute=False)
    for frame in frames:
        sink.write(frame)
    again = open_source(str(sink.finish()))
    animated = open_sink(tmp_path / "out.webp", again, codec=None, crf=None, mute=False)
    for frame in again:
        animated.write(frame)
    assert contents(animated.finish())[0] == TIMES


@pytest.mark.parametrize(
    ("times", "shown"),
    [([0, 0, 100], [100]), ([0, 0, 0], [100, 100, 100]), ([50, 0, 70], [50, 70]), ([80, 0], [80, 100])],
)
def test_frames_that_are_shown_for_no_time_are_a_part_of_the_next(
    tmp_path: Path, times: list[int], shown: list[int]
) -> None:
    reader = AnimationReader(write_animation(tmp_path / "in.gif", times))
    frames = list(reader)
    assert [frame.duration * reader.format.time_base * 1000 for frame in frames] == shown
    with Image.open(tmp_path / "in.gif") as image:
        image.seek(len(times) - 1)
        over_white = Image.new("RGBA", image.size, "white")
        over_white.alpha_composite(image.convert("RGBA"))
    assert np.array_equal(frames[-1].rgb, np.asarray(over_white.convert("RGB")))


def test_parts_sizes_and_damage(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "in.gif", TIMES)
    reader = AnimationReader(source, start=0.3, duration=0.2, max_side=16)
    assert [(f.pts, f.duration) for f in reader] == [(0, 4500), (4500, 13500)]
    assert (reader.format.width, reader.format.height, reader.seconds) == (16, 12, 0.2)
    with pytest.raises(ConfigError, match="start=3"):
        AnimationReader(source, start=3)
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    first, *others = [Image.fromarray(picture) for picture in noise]
    first.save(tmp_path / "long.webp", save_all=True, append_images=others, duration=100, lossless=True)
    data = (tmp_path / "long.webp").read_bytes()
    assert not is_animation(write_animation(tmp_path / "still.webp", [100]))
    (tmp_path / "text.gif").write_bytes(data[:3])
    assert not is_animation(tmp_path / "text.gif")
    assert not is_animation(tmp_path)
    animated = tmp_path / "cut.gif"
    first.save(animated, save_all=True, append_images=others, duration=100)
    animated.write_bytes(animated.read_bytes()[: animated.stat().st_size * 6 // 10])
    cut = AnimationReader(animated)
    assert 1 <= len(list(cut)) <= 2 or cut.warnings


def test_an_animation_that_is_shown_twice_stays_so(tmp_path: Path) -> None:
    for suffix in (".webp", ".apng"):
        reader = open_source(str(write_animation(tmp_path / f"in{suffix}", TIMES, loop=2)))
        assert reader.format.plays == 2
        sink = open_sink(tmp_path / f"out{suffix}", reader, codec=None, crf=None, mute=False)
        for frame in reader:
            sink.write(frame)
        assert contents(sink.finish())[2] == 2
