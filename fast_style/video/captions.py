"""Closed captions, which lie inside the frames of a video and are lost when it is encoded anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fast_style.video.side_data import accept_unnamed_side_data

if TYPE_CHECKING:
    from av.buffer import Buffer
    from av.video.frame import VideoFrame


def has_captions(frame: VideoFrame) -> bool:
    """Returns whether a frame brings text of closed captions (CTA-708), rather than padding alone."""
    accept_unnamed_side_data()
    data = cast("Buffer | None", frame.side_data.get("A53_CC"))
    if data is None:
        return False
    content = bytes(data)
    # Each three bytes are a flag, of which bit 2 says that the others count, and two bytes of odd parity.
    triples = zip(content[::3], content[1::3], content[2::3], strict=False)
    return any(flag & 4 and (first & 0x7F or second & 0x7F) for flag, first, second in triples)
