"""IPTC records of a picture (IIM 4.2): caption, keywords, copyright and so on, as JPEG and TIFF hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

from fast_style.images.exif import ARTIST, COPYRIGHT, DESCRIPTION, IPTC_TAG, KEYWORDS

_RESOURCE = 0x0404
_MARKER = 0x1C
_APPLICATION_RECORD = 2
_KEYWORD = 25
_EXIF_TAGS = {120: DESCRIPTION, 80: ARTIST, 116: COPYRIGHT}
"""Datasets of the application record, and the fields of EXIF that hold the same."""


def iptc_of(image: Image.Image) -> bytes:
    """Returns the whole records in the IPTC block of a JPEG or TIFF; empty where there is none."""
    block: object = None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # Not `get`: Photoshop calls the bytes numbers.
        block = image.tag_v2._tagdata.get(IPTC_TAG)
    else:
        photoshop = image.info.get("photoshop")
        block = photoshop.get(_RESOURCE) if isinstance(photoshop, dict) else None
    if not isinstance(block, bytes):
        return b""
    return b"".join(
        struct.pack(">BBBH", _MARKER, record, number, len(value)) + value for record, number, value in _records(block)
    )


def as_exif(block: bytes) -> dict[int, bytes]:
    """Returns the caption, author, copyright and keywords as fields of EXIF, for formats that have no IPTC."""
    fields: dict[int, bytes] = {}
    keywords: list[bytes] = []
    for record, number, value in _records(block):
        if record == _APPLICATION_RECORD and number in _EXIF_TAGS and value:
            fields.setdefault(_EXIF_TAGS[number], value)
        elif record == _APPLICATION_RECORD and number == _KEYWORD and value:
            keywords.append(value)
    if keywords:
        fields[KEYWORDS] = (_text(b";".join(keywords)) + "\0").encode("utf-16-le")
    return fields


def jpeg_segment(block: bytes) -> bytes:
    """Returns an IPTC block as the APP13 segment of a JPEG."""
    resource = (
        b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", _RESOURCE, 0, len(block)) + block + bytes(len(block) % 2)
    )
    return b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource


def _records(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yields record, dataset and value; ends where the block is damaged, and passes over values above 32 kB."""
    position = 0
    while position + 5 <= len(block) and block[position] == _MARKER:
        record, number, length = struct.unpack_from(">BBH", block, position + 1)
        position += 5
        if length & 0x8000:  # of a longer value it is the length of its length
            size = length & 0x7FFF
            position += size + int.from_bytes(block[position : position + size])
            continue
        if position + length > len(block):
            return
        yield record, number, block[position : position + length]
        position += length


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
