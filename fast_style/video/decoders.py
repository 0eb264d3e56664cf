"""The decoder of a video stream: libav's own, or one that reads a transparency beside the picture, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fast_style.video.libraries import av

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that read the transparency which WebM keeps beside each picture; libav's own do not."""


def open_decoder(video: VideoStream) -> tuple[VideoCodecContext, str | None]:
    """Returns the decoder of a video stream, and what it does not read of it, if anything."""
    context = video.codec_context
    name = _WITH_ALPHA.get(context.codec.canonical_name)
    tags = {key.lower(): value for key, value in video.metadata.items()}
    if name is None or tags.get("alpha_mode") != "1":
        return context, None
    try:
        decoder = av.CodecContext.create(name, "r")
    except ValueError:
        return context, f"its transparency is left out: this PyAV has no {name}"
    assert isinstance(decoder, av.VideoCodecContext)
    return decoder, None
