"""`fast-style video` and `fast-style flicker` on clips made here.

The installed command starts where signals, streams of pictures and imports are tested, otherwise a process that has
imported everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import picture, read_clip, write_clip
from tests.conftest import Command, assert_one_line_error, make_photo

pytest.importorskip("cv2")
pytestmark = pytest.mark.slow


def test_the_sample_keeps_its_times_and_its_sound(
    warm_style: Command, work: Path, shared: Path, tiny_model: Path
) -> None:
    source = shared / "video" / "cockatoo.mp4"
    result = warm_style("video", source, "out.mp4", "-m", tiny_model, "--max-size", "128")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "out.mp4"
    assert "280 frames" in result.stderr
    assert all(stage in result.stderr for stage in ("decode", "stylize", "encode", "share"))
    before, after = read_clip(source), read_clip(work / "out.mp4")
    assert len(after.pictures) == 280
    assert after.times == before.times
    assert after.sounds == before.sounds
    assert after.sound_times == before.sound_times
    assert after.stream["size"] == (128, 72)


CLIPS = {
    "variable rate": {"times": [Fraction(n, 1000) for n in (0, 100, 150, 400, 417, 1000, 2003)]},
    "odd size": {"size": (67, 51), "pixels": "yuv444p"},
    "without sound": {},
    "two sounds": {"count": 20, "sounds": ["aac", "libmp3lame"]},
    "ten bits": {"pixels": "yuv420p10le", "matrix": 1},
    "one frame": {"count": 1},
    "long pixels": {"aspect": Fraction(4, 3)},
    "late": {"times": [Fraction(n, 10) for n in range(5, 12)], "sounds": ["aac"]},
    "full range": {"full_range": True},
}


@pytest.mark.parametrize("name", CLIPS)
def test_clips_of_all_kinds(warm_style: Command, work: Path, tiny_model: Path, name: str) -> None:
    source = write_clip(work / "in.mp4", **CLIPS[name])  # type: ignore[arg-type]
    result = warm_style("video", "in.mp4", "out.mp4", "--model", tiny_model)
    assert result.returncode == 0, result.stderr
    before, after = read_clip(source), read_clip(work / "out.mp4")
    assert after.times == before.times
    assert after.sounds == before.sounds
    assert after.sound_times == before.sound_times
    assert after.languages == before.languages
    for key in ("size", "matrix", "range"):
        assert after.stream[key] == before.stream[key], key
    assert (after.stream["aspect"] or 1) == (before.stream["aspect"] or 1)
    assert after.stream["codec"] == "h264"
    changed = [np.abs(a.astype(int) - b).mean() for a, b in zip(after.pictures, before.pictures, strict=True)]
    assert min(changed) > 5


def test_a_rotated_clip_becomes_upright(warm_style: Command, work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", rotation=90)
    assert warm_style("video", "in.mp4", "out.mp4", "-m", tiny_model, "--strength", "0").returncode == 0
    after = read_clip(work / "out.mp4")
    assert after.stream["size"] == (48, 64)
    assert after.stream["rotation"] == 0


def test_subtitles_stay_where_they_can(warm_style: Command, work: Path, tiny_model: Path) -> None:
    import av

    write_clip(work / "plain.mkv", options={"bf": "0"})  # Matroska keeps no decoding times: none are needed so
    (work / "text.srt").write_text("1\n00:00:00,100 --> 00:00:00,800\nHello\n")
    with (
        av.open(work / "plain.mkv") as video,
        av.open(work / "text.srt") as text,
        av.open(work / "in.mkv", "w") as out,
    ):
        streams = (video.streams.video[0], text.streams.subtitles[0])
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in streams]
        for container, copy in zip((video, text), copies, strict=True):
            for packet in container.demux():
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
    assert warm_style("video", "in.mkv", "out.mkv", "-m", tiny_model).returncode == 0
    with av.open(work / "out.mkv") as container:
        packets = [bytes(packet) for packet in container.demux(subtitles=0) if packet.dts is not None]
    assert packets == [b"Hello"]
    result = warm_style("video", "in.mkv", "out.ts", "-m", tiny_model)
    assert result.returncode == 0
    assert "subtitles 1 (subrip): left out, since a .ts file cannot hold it; a .mkv can" in result.stderr


def test_a_truncated_clip_is_done_as_far_as_it_goes(warm_style: Command, work: Path, tiny_model: Path) -> None:
    whole = write_clip(
        work / "whole.mp4", count=60, container_options={"movflags": "+faststart"}, options={"crf": "1", "g": "5"}
    )
    data = whole.read_bytes()
    (work / "in.mp4").write_bytes(data[: len(data) * 6 // 10])
    result = warm_style("video", "in.mp4", "out.mp4", "-m", tiny_model, "--quiet")
    assert result.returncode == 0, result.stderr
    assert "cut short" in result.stderr
    after = read_clip(work / "out.mp4")
    assert 10 < len(after.pictures) < 60
    assert after.times == read_clip(whole).times[: len(after.times)]


def test_gif_and_pictures(fast_style: Command, work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=6, sounds=["aac"])
    assert fast_style("video", "in.mp4", "out.gif", "-m", tiny_model).returncode == 0
    with Image.open(work / "out.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (6, (64, 48), 100)
    result = fast_style("video", "out.gif", "frames/%03d.png", "-m", tiny_model)
    assert result.stdout.strip() == "frames/%03d.png"
    names = sorted(path.name for path in (work / "frames").iterdir())
    assert names == [f"{number:03d}.png" for number in range(1, 7)]
    assert Image.open(work / "frames" / "001.png").size == (64, 48)
    for target in ("again.mp4", "again"):
        result = fast_style("video", "frames", target, "-m", tiny_model, "--fps", "8")
        assert result.returncode == 0, result.stderr
    assert read_clip(work / "again.mp4").times == [125_000 * number for number in range(6)]
    assert len(list((work / "again").iterdir())) == 6


def test_parts_sizes_codecs_and_the_flicker_filter(warm_style: Command, work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=20, sounds=["aac"])
    result = warm_style(
        "video", "in.mp4", "out.webm", "-m", tiny_model, "--start", "0.5", "--duration", "1", "--max-size", "32",
        "--mute", "--steady", "--batch", "3", "--strength", "0.5", "--crf", "20",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "deflicker" in result.stderr
    after = read_clip(work / "out.webm")
    assert after.times == [100_000 * number for number in range(10)]
    assert after.stream["size"] == (32, 24)
    assert after.sounds == []


def test_ctrl_c_keeps_what_was_done(work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=1500, size=(320, 240), sounds=["aac"], options={"preset": "ultrafast"})
    (work / "out.mp4").write_text("an earlier result")
    program = Path(sys.executable).with_name("fast-style")
    process = subprocess.Popen(
        [str(program), "video", "in.mp4", "out.mp4", "-m", str(tiny_model), "--batch", "1", "--quiet", "--overwrite"],
        cwd=work, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        partial = [path for path in work.glob(".fast-style-*") if path.stat().st_size > 300_000]
        if partial or process.poll() is not None:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.count("\n") == 1
    assert "out.partial.mp4" in errors
    assert sorted(path.name for path in work.iterdir()) == ["in.mp4", "out.mp4", "out.partial.mp4"]
    assert (work / "out.mp4").read_text() == "an earlier result"
    done = read_clip(work / "out.partial.mp4")
    assert 0 < len(done.pictures) < 1500
    assert done.times == [100_000 * number for number in range(len(done.times))]
    assert done.sounds[0]


def test_ctrl_c_keeps_pictures_in_the_current_folder(work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=1500, size=(320, 240), options={"preset": "ultrafast"})
    program = Path(sys.executable).with_name("fast-style")
    process = subprocess.Popen(
        [str(program), "video", "in.mp4", "f%03d.png", "-m", str(tiny_model), "--quiet"],
        cwd=work, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and len(list(work.glob(".fast-style-*/*.png"))) < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.count("\n") == 1
    assert "partial/f%03d.png" in errors
    assert sorted(path.name for path in work.iterdir()) == ["in.mp4", "partial"]
    names = sorted(path.name for path in (work / "partial").iterdir())
    assert names == [f"f{number:03d}.png" for number in range(1, len(names) + 1)]
    assert 5 <= len(names) < 1500


def test_names_with_colons_and_frames_of_an_earlier_run(warm_style: Command, work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=3).rename(work / "12:30.mp4")
    assert warm_style("video", "12:30.mp4", "12:31.mp4", "-m", tiny_model).returncode == 0
    assert len(read_clip(work / "./12:31.mp4").pictures) == 3
    assert warm_style("video", "12:30.mp4", "out", "-m", tiny_model).returncode == 0
    result = warm_style("video", "12:30.mp4", "out", "-m", tiny_model, "--duration", "0.2", "--quiet")
    assert result.returncode == 0
    assert "one picture of an earlier run left there, as 00003.png" in result.stderr


def _no_track_but_sound(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.mp4", "out.mp4"], ["missing.mp4", "no such file"]),
        (["text.mp4", "out.mp4"], ["text.mp4", "no video"]),
        (["notes.txt", "out.mp4"], ["notes.txt", "text"]),
        (["empty.mp4", "out.mp4"], ["empty.mp4", "empty"]),
        (["sound.m4a", "out.mp4"], ["sound.m4a", "no moving picture"]),
        (["photo.png", "out.mp4"], ["photo.png", "stylize"]),
        (["in.mp4", "out.xyz"], ["out.xyz", ".mp4"]),
        (["in.mp4", "out.png"], ["out%05d.png"]),
        (["in.mp4", "in.mp4"], ["in.mp4", "the same"]),
        (["photos", "photos/%03d.png"], ["photos/%03d.png", "the same"]),
        (["photos/%d.png", "photos/%03d.png"], ["photos/%03d.png", "the same"]),
        (["in.mp4", "-"], ["-", "stdout"]),
        (["in.mp4", f"{'a' * 300}.mp4"], ["too long"]),
        ([f"{'a' * 300}.mp4", "out.mp4"], ["too long"]),
        (["in.mp4", "text.mp4/out.mp4"], ["text.mp4", "folder"]),
        (["in.mp4", "out.mp4", "--codec", "magic"], ["magic", "h264"]),
        (["in.mp4", "out.mp4", "--start", "1:xx"], ["--start 1:xx", "00:01:30.5"]),
        (["in.mp4", "out.gif", "--crf", "3"], ["--crf 3"]),
        (["in.mp4", "out.mp4", "--strength", "7"], ["7"]),
        (["in.mp4", "out.mp4", "--start", "50"], ["--start 50"]),
        (["in.mp4", "out.mp4", "--start", "inf"], ["--start inf"]),
        (["in.mp4", "out.mp4", "--duration", "inf"], ["--duration inf"]),
        (["photos", "out.mp4", "--fps", "inf"], ["--fps inf"]),
        (["in.mp4", "out.mp4", "--model", "nothing"], ["nothing"]),
        (["in.mp4", "out.mp4", "--model", "wave", "-m", "mosaic"], ["--model: only one at a time", "wave, mosaic"]),
        (["empty", "out.mp4"], ["empty", "no pictures"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    warm_style: Command, work: Path, tiny_model: Path, arguments: list[str], words: list[str]
) -> None:
    write_clip(work / "in.mp4", count=2)
    (work / "text.mp4").write_text("this is text\n" * 100)
    (work / "notes.txt").write_text("this is text\n" * 100)
    (work / "empty.mp4").touch()
    (work / "empty").mkdir()
    _no_track_but_sound(work / "sound.m4a")
    Image.fromarray(picture(0)).save(work / "photo.png")
    (work / "photos").mkdir()
    Image.fromarray(picture(0)).save(work / "photos" / "001.png")
    before = {path.name: path.stat().st_mtime_ns for path in work.iterdir()}
    model = [] if "--model" in arguments else ["--model", tiny_model]
    assert_one_line_error(warm_style("video", *arguments, *model), *words)
    assert {path.name: path.stat().st_mtime_ns for path in work.iterdir()} == before


def test_flicker(warm_style: Command, work: Path) -> None:
    frames = [np.repeat(np.repeat(picture(n, 80, 60), 2, 0), 2, 1) for n in range(4)]
    for name, noise in (("original", 0), ("calm", 4), ("restless", 40)):
        (work / name).mkdir()
        for number, frame in enumerate(frames):
            grain = np.random.default_rng(number).normal(0, noise, frame.shape)
            Image.fromarray(np.clip(frame + grain, 0, 255).astype(np.uint8)).save(work / name / f"{number}.png")
    names = []
    for name in ("original", "calm", "restless"):
        _encode(sorted((work / name).iterdir()), work / f"{name}.mp4")
        names.append(f"{name}.mp4")
    result = warm_style("flicker", *names, "--json")
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    calm, restless = (row["warping_error"] for row in measured["stylized"])
    assert measured["pairs"] == 3
    assert measured["original"]["warping_error"] < calm < restless / 4
    result = warm_style("flicker", *names)
    assert "restless.mp4" in result.stdout
    write_clip(work / "other.mp4", count=2)
    assert_one_line_error(warm_style("flicker", "original.mp4", "other.mp4"), "other.mp4", "64x48", "160x120")


def test_flicker_of_a_later_part(warm_style: Command, work: Path) -> None:
    wide = make_photo(0, 240, 120)
    for name in ("original", "painted"):
        (work / name).mkdir()
    for number in range(12):
        left = 6 * min(number, 12 - number)  # the second half moves the other way: the first doesn't fit it
        frame = wide[:, left : left + 160]
        Image.fromarray(frame).save(work / "original" / f"{number:02}.png")
        if number >= 6:
            Image.fromarray(255 - frame).save(work / "painted" / f"{number:02}.png")
    _encode(sorted((work / "original").iterdir()), work / "original.mp4")
    _encode(sorted((work / "painted").iterdir()), work / "part [1].mp4")

    def measured(*options: str) -> float:
        result = warm_style("flicker", "original.mp4", "part [1].mp4", "--json", *options)
        assert result.returncode == 0, result.stderr
        figures = json.loads(result.stdout)
        assert figures["pairs"] == 5
        return figures["stylized"][0]["warping_error"]

    assert measured("--start", "0.6") < measured() / 4
    assert "part [1].mp4" in warm_style("flicker", "original.mp4", "part [1].mp4", "--start", "0.6").stdout


def _encode(pictures: list[Path], target: Path) -> None:
    import av

    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "3"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for path in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(Image.open(path))))
        container.mux(stream.encode(None))


def test_a_missing_package_is_named_with_its_remedy(work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=2)
    code = (
        "import sys; sys.modules['av'] = None; from fast_style.cli.app import main\n"
        f"sys.argv = ['fast-style', 'video', 'in.mp4', 'out.mp4', '-m', {str(tiny_model)!r}]\n"
        "main()"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=False)
    assert_one_line_error(result, "PyAV", "pip install 'fast-style[video]'")


def test_the_command_imports_no_torch_for_onnx(work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=2)
    code = (
        "import sys; from fast_style.cli.app import main\n"
        f"sys.argv = ['fast-style', 'video', 'in.mp4', 'out.mp4', '-q', '-m', {str(tiny_model)!r}]\n"
        "try: main()\nexcept SystemExit as done: assert not done.code, done.code\n"
        "print([name for name in ('torch', 'pytorch_lightning', 'hydra', 'cv2') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
