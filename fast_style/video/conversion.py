"""Color conversion between libav's frames and uint8 RGB arrays, by the tags that a file carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np

from fast_style.images.arrays import RGB
from fast_style.video.libraries import av
from fast_style.video.media import BT601, BT709, BT2020, UNSPECIFIED, Frame, StreamFormat
from fast_style.video.tone_mapping import HLG, PQ, Signals, ToneMapper

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LIMITED_RANGE, FULL_RANGE = 1, 2
"""libav's codes for YUV values from 16 to 235, and from 0 to 255."""

_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Codes of swscale for the matrices of H.273."""

_HD_SIDE = 1280
"""Longer side in pixels from which on players take an untagged video for BT.709."""


class _SourceColors(TypedDict, total=False):
    """The arguments that tell a reformatter how to read YUV."""

    src_colorspace: int
    src_color_range: int


@dataclass(frozen=True)
class ColorTags:
    """How the values of a frame stand for colors."""

    matrix: int
    """Coefficients between RGB and YUV, as a code of H.273."""
    full_range: bool
    """Whether YUV values use all of 0 to 255."""
    is_rgb: bool
    """Whether the values are RGB or gray, so that matrix and range do not matter."""
    primaries: int
    """Color primaries, as a code of H.273."""
    transfer: int
    """Transfer characteristic, as a code of H.273."""

    @classmethod
    def of(cls, frame: VideoFrame) -> ColorTags:
        """Returns the tags of a frame; for an untagged one, what players guess from its size."""
        name = frame.format.name
        is_rgb = frame.format.is_rgb or name in ("pal8", "gray")
        matrix = frame.colorspace if frame.colorspace in _SWSCALE_MATRICES else UNSPECIFIED
        if matrix == UNSPECIFIED:
            guess = BT709 if max(frame.width, frame.height) >= _HD_SIDE else BT601
            matrix = BT2020 if frame.color_primaries == BT2020 else guess
        full_range = frame.color_range == FULL_RANGE or name.startswith("yuvj")
        return cls(matrix, full_range, is_rgb, frame.color_primaries, frame.color_trc)

    @property
    def is_hdr(self) -> bool:
        """Whether the frames are made for screens of high dynamic range."""
        return self.transfer in (PQ, HLG)

    def converted(self) -> ColorTags:
        """Returns the tags of the video that is made of the pictures of an `RgbConverter`."""
        if self.is_hdr:
            return ColorTags(BT709, False, False, BT709, BT709)
        return ColorTags(BT709, False, False, self.primaries, self.transfer) if self.is_rgb else self


class RgbConverter:
    """Converts the frames of one stream to RGB arrays of one size and of standard dynamic range.

    Args:
        size: width and height of the result.
        colors: the tags of the stream.
    """

    def __init__(self, size: tuple[int, int], colors: ColorTags) -> None:
        self._size = size
        self._colors: _SourceColors = {}
        self._tone_mapper = ToneMapper(colors.transfer) if colors.is_hdr else None
        if not colors.is_rgb:
            self._colors = {
                "src_colorspace": _SWSCALE_MATRICES[colors.matrix],
                "src_color_range": FULL_RANGE if colors.full_range else LIMITED_RANGE,
            }
        # A reformatter remembers one conversion, so that each kind gets one of its own.
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._alpha_reformatter = av.video.reformatter.VideoReformatter()
        modes = av.video.reformatter.Interpolation
        # Without these two swscale rounds down, by two levels on average.
        exact = modes.ACCURATE_RND | modes.FULL_CHR_H_INT
        self._same_size, self._other_size = int(modes.BILINEAR | exact), int(modes.BICUBIC | exact)

    def __call__(self, frame: VideoFrame) -> RGB:
        """Returns the frame as uint8 RGB `[H, W, 3]`, transparent parts over white."""
        width, height = self._size
        colors, tone_mapper = self._colors, self._tone_mapper
        if frame.format.has_palette or any(component.is_alpha for component in frame.format.components):
            # Before the frame is scaled: otherwise colors that nobody should see come through at the edges.
            frame, colors, tone_mapper = self._over_white(frame), {}, None
        scaled = (frame.width, frame.height) != self._size
        converted = self._reformatter.reformat(
            frame, width, height, "rgb24" if tone_mapper is None else "gbrp16le",
            interpolation=self._other_size if scaled else self._same_size,
            dst_color_range=FULL_RANGE, threads=1, **colors,
        )  # fmt: skip
        array = converted.to_ndarray()
        return cast(RGB, array) if tone_mapper is None else tone_mapper(cast(Signals, array))

    def _over_white(self, frame: VideoFrame) -> VideoFrame:
        """Returns a frame with alpha as an opaque one."""
        rgba = self._alpha_reformatter.reformat(
            frame, format="rgba", interpolation=self._same_size, dst_color_range=FULL_RANGE, threads=1, **self._colors
        ).to_ndarray()
        alpha = rgba[..., 3:].astype(np.uint16)
        rgb = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
        return av.VideoFrame.from_ndarray(rgb.astype(np.uint8), "rgb24")


class YuvConverter:
    """Converts RGB frames to frames of libav that an encoder takes.

    Args:
        stream_format: matrix, range and time base of the result.
        pixel_format: libav's name of the layout of its pixels, such as `yuv420p`.
    """

    def __init__(self, stream_format: StreamFormat, pixel_format: str) -> None:
        self._format = stream_format
        self._pixel_format = pixel_format
        self._reformatter = av.video.reformatter.VideoReformatter()
        modes = av.video.reformatter.Interpolation
        self._rounding = int(modes.BILINEAR | modes.ACCURATE_RND)

    def __call__(self, frame: Frame) -> VideoFrame:
        """Returns the frame with its time and duration."""
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(frame.rgb, "rgb24"),
            format=self._pixel_format, src_color_range=FULL_RANGE,
            dst_colorspace=_SWSCALE_MATRICES.get(self._format.matrix, 1),
            dst_color_range=FULL_RANGE if self._format.full_range else LIMITED_RANGE,
            interpolation=self._rounding, threads=1,
        )  # fmt: skip
        picture.pts, picture.duration, picture.time_base = frame.pts, frame.duration, self._format.time_base
        return picture
