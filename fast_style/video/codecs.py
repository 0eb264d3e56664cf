"""The video codecs that files are written with. A new codec is one entry of `VIDEO_CODECS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fast_style.errors import ConfigError
from fast_style.video.libraries import av


@dataclass(frozen=True)
class VideoCodec:
    """A video codec: which encoder of libav writes it, and with which options.

    The options are fast enough to keep up with a network that runs on the same processor.
    """

    encoder: str
    """Name of libav's encoder."""
    crf: int | None = None
    """Constant quality by default; lower is better and larger. None leaves it to the encoder."""
    max_crf: int = 63
    """The largest constant quality that the encoder takes."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the encoder."""
    odd_sizes: bool = False
    """Whether 4:2:0 frames may have an odd width or height."""
    quicktime_tag: str | None = None
    """The codec's tag in .mp4 and .mov files, where libav's own is not what QuickTime asks for."""
    aliases: tuple[str, ...] = ()
    """Other names for the codec."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of the files for which this codec is the default."""


VIDEO_CODECS = {
    "h264": VideoCodec("libx264", 20, max_crf=51, options={"preset": "veryfast"}),
    "h265": VideoCodec(
        "libx265",
        23,
        max_crf=51,
        options={"preset": "veryfast", "x265-params": "log-level=error"},
        quicktime_tag="hvc1",
        aliases=("hevc",),
    ),
    "vp9": VideoCodec(
        "libvpx-vp9",
        30,
        options={"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "b": "0"},
        odd_sizes=True,
        suffixes=(".webm",),
    ),
    "av1": VideoCodec("libsvtav1", 32, options={"preset": "10"}, odd_sizes=True),
}
"""The codecs that can be asked for by name. Others go by the name of their encoder in libav."""

DEFAULT_CODEC = "h264"
"""The codec of files whose suffix has no default of its own."""

_HARDWARE = (1 << 18) | (1 << 19)
"""libav's flags `AV_CODEC_CAP_HARDWARE` and `AV_CODEC_CAP_HYBRID`."""

# Prefixes of libav's other encoders that take 4:2:0 frames of odd sizes.
_ODD_SIZES = ("libvpx", "libaom", "ffv1", "mpeg4", "mjpeg")


def find_codec(name: str) -> VideoCodec:
    """Returns the codec of this name or alias, or else one that stands for libav's encoder of this name."""
    for key, codec in VIDEO_CODECS.items():
        if name.lower() in (key, *codec.aliases) or name == codec.encoder:
            return codec
    return VideoCodec(name, odd_sizes=name.startswith(_ODD_SIZES))


def choose_codec(path: Path, name: str | None, crf: int | None) -> tuple[VideoCodec, dict[str, str]]:
    """Chooses the codec of a video file.

    Args:
        path: the file to be written; its suffix decides where `name` is None.
        name: a key or alias of `VIDEO_CODECS`, or the name of an encoder of libav.
        crf: constant quality, or None for the codec's own.

    Returns:
        The codec, and the options to run its encoder with.

    Raises:
        ConfigError: there is no such codec, or it does not take this `crf`.
    """
    suffix = path.suffix.lower()
    name = name or next((key for key, codec in VIDEO_CODECS.items() if suffix in codec.suffixes), DEFAULT_CODEC)
    codec = find_codec(name)
    takes_crf = _takes_crf(codec.encoder, name)
    if crf is not None and not takes_crf:
        raise ConfigError(f"{name} has no such setting", setting="crf", value=crf, remedy="leave it out")
    if crf is not None and not 0 <= crf <= codec.max_crf:
        raise ConfigError(
            f"must be between 0 and {codec.max_crf} for {name}; lower is better and larger", setting="crf", value=crf
        )
    quality = codec.crf if crf is None else crf
    options = dict(codec.options)
    if takes_crf and quality is not None:
        options["crf"] = str(quality)
    return codec, options


def is_hardware(encoder: str) -> bool:
    """Returns whether one of libav's encoders needs a device: a graphics card or a chip of its own."""
    return bool(av.codec.Codec(encoder, "w").capabilities & _HARDWARE)


def _takes_crf(encoder: str, name: str) -> bool:
    """Returns whether this libav has the encoder with an option for constant quality.

    Raises:
        ConfigError: it has no such encoder, or the encoder is not one for video.
    """
    known = sorted(alias for key, codec in VIDEO_CODECS.items() for alias in (key, *codec.aliases))
    remedy = f"use one of {' '.join(known)}, or the name of a video encoder of libav"
    try:
        found = av.codec.Codec(encoder, "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise ConfigError("no such encoder here", setting="codec", value=name, remedy=remedy) from error
    if found.type != "video":
        raise ConfigError("is no encoder for video", setting="codec", value=name, remedy=remedy)
    return any(option.name == "crf" for option in found.create().supported_options.private)
