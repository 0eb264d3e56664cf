"""What Pillow leaves unread in the boxes of AVIF and JPEG 2000: the crop of one, the order of channels of the other.

Both are made of boxes (ISO/IEC 14496-12, section 4.2, and 15444-1, annex I.4): length, type, content.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

LARGEST_HEADER = 1 << 22
"""Most bytes of a box that is read: those with a header in them are far smaller."""

_COLOR, _ALPHA, _MULTIPLIED_ALPHA = 0, 1, 2


def crop_of_avif(file: BinaryIO, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Returns the part of an AVIF that is to be seen, before it is turned: left, top, right, bottom; None for all.

    Raises:
        ValueError: The crop lies outside of the picture.
        struct.error: The file is damaged.
    """
    meta = next((content for kind, content in _file_boxes(file) if kind == b"meta"), b"")[4:]
    inner = dict(_boxes(meta))
    properties = dict(_boxes(inner.get(b"iprp", b"")))
    described = list(_boxes(properties.get(b"ipco", b"")))
    for index in _associated(properties.get(b"ipma", b""), _primary_item(inner.get(b"pitm", b""))):
        if 0 < index <= len(described) and described[index - 1][0] == b"clap":
            numbers = struct.unpack(">IIIIiIiI", described[index - 1][1][:32])
            if not all(numbers[1::2]):
                raise ValueError("a crop of no size")
            wide, high, right, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
            # Section 12.1.4.1: the offsets are those of the crop's center from the picture's.
            left, top = Fraction(width - wide, 2) + right, Fraction(height - high, 2) + down
            box = (round(left), round(top), round(left + wide), round(top + high))
            if not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
                raise ValueError("a crop outside of the picture")
            return None if box == (0, 0, width, height) else box
    return None


def palette_of_jp2(file: BinaryIO, channels: int) -> bytes | None:
    """Returns the colors of a JPEG 2000's palette, all of them: Pillow leaves out those that occur twice.

    Args:
        file: The file.
        channels: Number of channels of a color.

    Returns:
        The levels, color by color; None where there is no palette of 8 bits with as many channels.

    Raises:
        ValueError: The file has channels that are not read.
        struct.error: The file is damaged.
        IndexError: The palette is cut off.
    """
    header = _header_of_jp2(file)
    palette = header.get(b"pclr")
    if palette is None:
        return None
    entries, columns = struct.unpack_from(">HB", palette)
    start = 3 + columns
    if columns != channels or max(palette[3:start], default=255) > 7:  # one less than the bits
        return None
    order = _channel_order(header.get(b"cdef"), columns) or range(columns)
    return bytes(
        palette[entry + column] for entry in range(start, start + entries * columns, columns) for column in order
    )


def channels_of_jp2(file: BinaryIO, count: int) -> list[int] | None:
    """Returns which stored channel of a JPEG 2000 is the first, second and so on, alpha last; None for their order.

    Args:
        file: The file; one that is a bare codestream has no such box.
        count: Number of channels.

    Raises:
        ValueError: The file has channels that are not read.
        struct.error: The file is damaged.
    """
    header = _header_of_jp2(file)
    # The order is then that of the palette's columns.
    return None if b"pclr" in header else _channel_order(header.get(b"cdef"), count)


def _header_of_jp2(file: BinaryIO) -> dict[bytes, bytes]:
    return dict(_boxes(next((content for kind, content in _file_boxes(file) if kind == b"jp2h"), b"")))


def _channel_order(definition: bytes | None, count: int) -> list[int] | None:
    """Returns what `channels_of_jp2` does, of the content of a channel definition box."""
    if definition is None:
        return None
    (entries,) = struct.unpack_from(">H", definition)
    order: dict[int, int] = {}
    for channel, kind, place in struct.iter_unpack(">HHH", definition[2 : 2 + 6 * entries]):
        if kind == _COLOR and 0 < place < 0xFFFF:
            order[place - 1] = channel
        elif kind in {_ALPHA, _MULTIPLIED_ALPHA} and place == 0:
            order[count - 1] = channel
    if not order:
        return None
    for place in range(count):
        order.setdefault(place, place)
    channels = [order[place] for place in range(count)]
    if sorted(channels) != list(range(count)):
        raise ValueError("channels in an order that is not read")
    return None if channels == list(range(count)) else channels


def _file_boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yields type and content of the outer boxes of a file; those of large ones are empty."""
    position = 0
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header)
        start = 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            start = 16
        if length < start:  # 0 stands for the rest of the file, which holds no header
            return
        yield kind, file.read(length - start) if length <= LARGEST_HEADER else b""
        position += length


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        if length < 8:
            return
        yield kind, content[position + 8 : position + length]
        position += length


def _primary_item(content: bytes) -> int:
    if not content:
        return 1
    return int(struct.unpack_from(">I" if content[0] else ">H", content, 4)[0])


def _associated(content: bytes, item: int) -> list[int]:
    """Returns the numbers, from 1, of the properties that an ItemPropertyAssociationBox gives to an item."""
    if not content:
        return []
    large_items, large_indexes = content[0] >= 1, content[3] & 1
    (count,) = struct.unpack_from(">I", content, 4)
    position = 8
    for _ in range(count):
        (found,) = struct.unpack_from(">I" if large_items else ">H", content, position)
        position += 4 if large_items else 2
        number = content[position]
        position += 1
        kind = f">{number}{'H' if large_indexes else 'B'}"
        if found == item:
            indexes = struct.unpack_from(kind, content, position)
            return [index & (0x7FFF if large_indexes else 0x7F) for index in indexes]
        position += struct.calcsize(kind)
    return []
