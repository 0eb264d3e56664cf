from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.clips import copy_video, read_clip, write_clip, write_tracks

av = pytest.importorskip("av")


def sound_of(path: Path) -> tuple[str, str, int, np.ndarray]:
    """Returns codec, layout, rate, and the samples as float32 `[N]`, from second 0 on, of the first channel."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        frames = [frame for frame in container.decode(track) if (frame.pts or 0) >= 0]
        resampler = av.AudioResampler("fltp", "mono", track.rate)
        samples = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
        context = track.codec_context
        return context.codec.canonical_name, context.layout.name, track.rate, np.concatenate(samples)


@pytest.mark.parametrize(
    ("name", "sound", "target", "codec", "said"),
    [
        ("in.mp4", "aac", "out.webm", "opus", "sound 1 (eng, aac): encoded as Opus, since a .webm file cannot hold"),
        ("in.wmv", "wmav2", "out.mp4", "aac", "sound 1 (eng, wmav2): encoded as AAC, since a .mp4 file cannot hold"),
        ("in.wmv", "wmav2", "out.mkv", "aac", "sound 1 (eng, wmav2): encoded as AAC, since a .mkv file cannot hold"),
        ("in.avi", "pcm_mulaw", "out.mp4", "aac", "sound 1 (pcm_mulaw): encoded as AAC"),
        ("in.mov", "adpcm_ima_qt", "out.mp4", "aac", "sound 1 (eng, adpcm_ima_qt): encoded as AAC"),
        ("in.mkv", "pcm_s24le", "out.ts", "aac", "sound 1 (eng, pcm_s24le): encoded as AAC"),
        ("in.mov", "adpcm_ima_qt", "out.mov", "adpcm_ima_qt", None),
        ("in.avi", "pcm_s16le", "out.mp4", "pcm_s16le", None),
        ("in.mkv", "pcm_s16le", "out.mov", "pcm_s16le", None),
    ],
)
def test_sound_is_copied_where_that_works_and_encoded_elsewhere(
    tmp_path: Path, name: str, sound: str, target: str, codec: str, said: str | None
) -> None:
    video = "msmpeg4v3" if name.endswith(".wmv") else "mpeg4"
    source = write_clip(
        tmp_path / name, count=10, codec=video, options={}, sounds=[sound], silence=0.5, rate=Fraction(10)
    )
    warnings = copy_video(source, tmp_path / target)
    assert len(warnings) == (said is not None)
    assert (said or "") in " ".join(warnings)
    (kind, layout, rate, samples), before = sound_of(tmp_path / target), sound_of(source)[3]
    assert (kind, layout) == (codec, "stereo")
    assert abs(len(samples) / rate - 1.6) < 0.1
    spectrum = np.abs(np.fft.rfft(samples[:rate] * np.hanning(rate)))
    assert abs(int(spectrum.argmax()) - 220) <= 1  # the pitch, which rate or layout would change
    assert np.std(samples) == pytest.approx(np.std(before), rel=0.1)
    assert len(read_clip(tmp_path / target).pictures) == 10


TEXT = "Hello <i>you</i>\n& them"


@pytest.mark.parametrize(
    ("source", "codec", "target", "made"),
    [
        ("in.mkv", "subrip", "out.mkv", "subrip"),
        ("in.mkv", "subrip", "out.mp4", "mov_text"),
        ("in.mkv", "subrip", "out.mov", "mov_text"),
        ("in.mkv", "subrip", "out.webm", "webvtt"),
        ("in.mkv", "webvtt", "out.mp4", "mov_text"),
        ("between.mp4", "mov_text", "out.mkv", "subrip"),
        ("in.mkv", "subrip", "out.ts", None),
    ],
)
def test_text_subtitles_are_converted(tmp_path: Path, source: str, codec: str, target: str, made: str | None) -> None:
    plain = write_clip(tmp_path / "plain.mkv", options={"bf": "0"})
    text = ("subrip" if codec == "mov_text" else codec, [(100, 300, TEXT.encode()), (500, 400, b"Bye")])
    write_tracks(tmp_path / "in.mkv", plain, [text])
    if source != "in.mkv":
        copy_video(tmp_path / "in.mkv", tmp_path / source)
    warnings = copy_video(tmp_path / source, tmp_path / target)
    with av.open(str(tmp_path / target)) as container:
        if made is None:
            assert not container.streams.subtitles
            assert "subtitles 1 (subrip): left out, since a .ts file cannot hold it; a .mkv can" in warnings[0]
            return
        track = container.streams.subtitles[0]
        assert track.codec_context.codec.canonical_name == made
        found = []
        for packet in container.demux(track):
            for event in track.codec_context.decode(packet) if packet.size else []:
                span = [round(1000 * ticks * packet.time_base) for ticks in (packet.pts, packet.duration)]
                found.append((*span, event.dialogue.decode().replace("\\N", "\n")))
        assert r"Hello {\i1}you{" in found[0][2]
        texts = [(*span, re.sub(r"{.*?}", "", text)) for *span, text in found if text]
        assert texts == [(100, 300, "Hello you\n& them"), (500, 400, "Bye")]
    assert warnings == []


def test_times_that_do_not_ascend_are_moved(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mkv", options={"bf": "0"})
    packets = [(time, 24, bytes([0xFF, 0xFB, 0x14, 0xC4]) + bytes(92)) for time in (0, 24, 48, 48, 48, 96, 120)]
    write_tracks(tmp_path / "in.mkv", plain, [("mp3", packets)])
    for suffix in (".mp4", ".ts"):
        (warning,) = copy_video(tmp_path / "in.mkv", tmp_path / f"out{suffix}")
        assert "sound 1 (mp3): 2 packets have a time that does not come after the one before: moved" in warning
        made = read_clip(tmp_path / f"out{suffix}")
        assert len(made.sounds[0]) == len(packets)
        assert sorted(set(made.sound_times[0])) == made.sound_times[0]


def test_tracks_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mkv", options={"bf": "0"})
    source = write_tracks(tmp_path / "in.mkv", plain, [("mp3", [(0, 24, bytes(96))])])
    source.write_bytes(source.read_bytes().replace(b"A_MPEG/L3", b"A_MYSTERY"))
    (warning,) = copy_video(source, tmp_path / "out.mp4")
    assert warning == f"{source}: sound 1 (unknown codec): left out, since its codec is not known here"
    assert len(read_clip(tmp_path / "out.mp4").pictures) == 10


def test_closed_captions_that_are_lost_are_named(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "in.m2v", codec="mpeg2video", options={"g": "1"}, rate=Fraction(25), count=5)
    first_slice = b"\0\0\1\1"
    for text, said in ((b"\x80\x80", False), (b"\xc8\xe9", True)):
        # User data of MPEG-2 before the slices of each frame: one pair of bytes for the first line.
        captions = b"\0\0\1\xb2GA94\3\x41\xff\xfc" + text + b"\xff"
        source = tmp_path / "captions.m2v"
        source.write_bytes(plain.read_bytes().replace(first_slice, captions + first_slice))
        warnings = copy_video(source, tmp_path / "out.mp4")
        assert ("closed captions inside the video are left out" in " ".join(warnings)) == said
