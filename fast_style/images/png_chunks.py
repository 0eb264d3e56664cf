"""Chunks of PNG files that Pillow stumbles over, although the pixels are whole."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_TEXT = 1 << 20
"""Most bytes of a text or color profile, unpacked, that Pillow takes."""
MOST_TEXT = 1 << 26
"""Most bytes of all texts that Pillow takes."""

_LENGTHS = {b"pHYs": 9, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
"""Chunks of one length only."""
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}


class Unread(NamedTuple):
    """A chunk that is left out."""

    start: int
    end: int
    reason: str
    """`a text of 2 MB`, `a damaged pHYs chunk`."""


def bad_chunks(file: BinaryIO) -> list[Unread]:
    """Finds the ancillary chunks without which a PNG is read, and with which it is not.

    Those are damaged, or hold a text or a color profile beyond what Pillow unpacks.
    """
    found: list[Unread] = []
    position, texts = len(SIGNATURE), 0
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IEND":
            return found
        length, kind = struct.unpack(">I4s", header)
        end = position + 12 + length
        if kind[0] & 0x20:  # ancillary
            content = file.read(length)
            size = _unpacked_size(kind, content) if kind in _TEXTS else 0
            texts += min(size, LARGEST_TEXT) if kind != b"iCCP" else 0
            name = kind.decode("latin-1") if kind.isalnum() else repr(kind)
            if len(content) < length or file.read(4) != struct.pack(">I", zlib.crc32(kind + content)):
                found.append(Unread(position, end, f"a damaged {name} chunk"))
            elif size > LARGEST_TEXT or texts > MOST_TEXT:
                what = "color profile" if kind == b"iCCP" else "text"
                found.append(Unread(position, end, f"a {what} of more than {LARGEST_TEXT >> 20} MB"))
            elif length != _LENGTHS.get(kind, length) or (kind == b"acTL" and not any(content[:4])):
                found.append(Unread(position, end, f"a damaged {name} chunk"))
        position = end


def without(file: BinaryIO, chunks: list[Unread]) -> bytes:
    """Returns the content of a PNG without some of its chunks."""
    file.seek(0)
    content = file.read()
    starts = [0, *(chunk.end for chunk in chunks)]
    ends = [*(chunk.start for chunk in chunks), len(content)]
    return b"".join(content[start:end] for start, end in zip(starts, ends, strict=True))


def scale_transparent_gray(image: Image.Image, header: bytes) -> None:
    """Scales the transparent level of a gray PNG of 2 or 4 bits to 8, as Pillow does with the pixels.

    Args:
        image: The opened PNG; its `info` is changed.
        header: The first bytes of the file.
    """
    depth, key = header[24], image.info.get("transparency")
    if image.mode == "L" and isinstance(key, int) and depth < 8:
        image.info["transparency"] = key * 255 // (2**depth - 1)


def has_deep_transparent_color(image: Image.Image, header: bytes) -> bool:
    """Returns whether a PNG has colors of 16 bits and one of them transparent: Pillow forgets half of its bits."""
    return image.mode == "RGB" and header[24] == 16 and isinstance(image.info.get("transparency"), tuple)


def with_deep_transparent_color(source: str | Path | BinaryIO) -> Image.Image:
    """Decodes such a PNG to mode RGBA."""
    halves = []
    for raw_mode in ("RGB;16B", "RGB;16L"):  # the upper bytes, and the lower ones, as which they stand in big endian
        if not isinstance(source, str | Path):
            source.seek(0)
        with Image.open(source, formats=["PNG"]) as image:
            key = image.info["transparency"]
            image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
            image.load()
            halves.append(np.asarray(image))
    upper, lower = halves
    deep = upper.astype(np.uint16) << 8 | lower
    alpha = np.where((deep == np.array(key, np.uint16)).all(axis=-1), 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([upper, alpha]))


def _unpacked_size(kind: bytes, content: bytes) -> int:
    """Returns the bytes of a text or color profile, or something beyond `LARGEST_TEXT`."""
    rest = content.partition(b"\0")[2]
    if kind == b"tEXt":
        return len(rest)
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        if not packed:
            return len(rest)
    else:
        rest = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(rest, LARGEST_TEXT + 1))
    except zlib.error:
        return 0  # which Pillow passes over
