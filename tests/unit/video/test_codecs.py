from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av")

from fast_style.errors import ConfigError
from fast_style.video.codecs import VIDEO_CODECS, choose_codec, find_codec


@pytest.mark.parametrize(
    ("path", "name", "encoder", "crf"),
    [
        ("out.mp4", None, "libx264", "20"),
        ("OUT.WEBM", None, "libvpx-vp9", "30"),
        ("out.mkv", "H265", "libx265", "23"),
        ("out.mkv", "hevc", "libx265", "23"),
        ("out.mp4", "av1", "libsvtav1", "32"),
        ("out.mkv", "ffv1", "ffv1", None),
    ],
)
def test_codecs_by_suffix_name_and_alias(path: str, name: str | None, encoder: str, crf: str | None) -> None:
    codec, options = choose_codec(Path(path), name, None)
    assert codec.encoder == encoder
    assert options.get("crf") == crf


def test_an_encoder_of_libav_by_its_own_name_is_the_same_codec() -> None:
    for codec in VIDEO_CODECS.values():
        assert find_codec(codec.encoder) is codec


def test_the_quality_that_is_asked_for_replaces_the_codecs_own() -> None:
    codec, options = choose_codec(Path("out.mp4"), None, 7)
    assert options == {**codec.options, "crf": "7"}
    assert "crf" not in codec.options


@pytest.mark.parametrize(
    ("name", "crf", "setting", "words"),
    [
        ("magic", None, "codec", "codec=magic: no such encoder here; use one of av1 h264 h265 hevc vp9"),
        ("aac", None, "codec", "codec=aac: is no encoder for video"),
        ("h264", 52, "crf", "crf=52: must be between 0 and 51 for h264"),
        ("vp9", -1, "crf", "crf=-1: must be between 0 and 63 for vp9"),
        ("ffv1", 3, "crf", "crf=3: ffv1 has no such setting; leave it out"),
    ],
)
def test_mistakes_name_their_setting(name: str, crf: int | None, setting: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_codec(Path("out.mp4"), name, crf)
    assert caught.value.setting == setting
    assert str(caught.value).startswith(words)
