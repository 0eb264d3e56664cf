"""EXIF blocks in which every field has the type that the standard gives it (CIPA DC-008, Exif 2.32, section 4.6).

Pillow guesses types from values, and keeps pointers to what it does not copy.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

Fields = Mapping[int, Any]
"""Values of a directory by their tags, as Pillow reads them."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, SRATIONAL: 8}

EXIF_POINTER, GPS_POINTER = 0x8769, 0x8825
IPTC_TAG = 33723
WIDTH, HEIGHT = 0xA002, 0xA003
DESCRIPTION, ARTIST, COPYRIGHT, KEYWORDS = 0x010E, 0x013B, 0x8298, 0x9C9E

# About the picture, and not about how a file stores it: description, camera, software, date, artist, copyright, and
# the fields that Windows writes.
PICTURE_TYPES = dict.fromkeys((DESCRIPTION, 0x010F, 0x0110, 0x0131, 0x0132, ARTIST, COPYRIGHT), ASCII)
PICTURE_TYPES |= dict.fromkeys(range(0x9C9B, 0x9CA0), BYTE)
_RESOLUTION_TYPES = {0x011A: RATIONAL, 0x011B: RATIONAL, 0x0128: SHORT, 0x0213: SHORT}
# Not the notes of the camera's maker, whose offsets hold in the photo's own file alone.
EXIF_TYPES = {
    **dict.fromkeys((0x829A, 0x829D, 0x9102, 0x9202, 0x9205, 0x9206, 0x920A, 0x9401, 0x9403, 0x9404), RATIONAL),
    **dict.fromkeys((0xA20B, 0xA20E, 0xA20F, 0xA215, 0xA404, 0xA432, 0xA500), RATIONAL),
    **dict.fromkeys((0x9201, 0x9203, 0x9204, 0x9400, 0x9402, 0x9405), SRATIONAL),
    **dict.fromkeys((0x8822, 0x8827, 0x8830, 0x9207, 0x9208, 0x9209, 0x9214, 0xA001, 0xA210, 0xA214, 0xA217), SHORT),
    **dict.fromkeys((0xA401, 0xA402, 0xA403, 0xA405, 0xA406, 0xA407, 0xA408, 0xA409, 0xA40A, 0xA40C), SHORT),
    **dict.fromkeys((0xA460, 0xA461), SHORT),
    **dict.fromkeys((0x8831, 0x8832, 0x8833, 0x8834, 0x8835, WIDTH, HEIGHT), LONG),
    **dict.fromkeys((0x8824, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292, 0xA420), ASCII),
    **dict.fromkeys((0xA430, 0xA431, 0xA433, 0xA434, 0xA435), ASCII),
    **dict.fromkeys((0x8828, 0x9000, 0x9101, 0x9286, 0xA000, 0xA20C, 0xA300, 0xA301, 0xA302), UNDEFINED),
}
_NOT_IN_TIFF = frozenset({0x9101, 0x9102, WIDTH, HEIGHT})
"""Fields about compressed pictures, section 4.6.8."""
GPS_TYPES = {
    **dict.fromkeys((0x00, 0x05), BYTE),
    **dict.fromkeys((0x01, 0x03, 0x08, 0x09, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x13, 0x15, 0x17, 0x19, 0x1D), ASCII),
    **dict.fromkeys((0x02, 0x04, 0x06, 0x07, 0x0B, 0x0D, 0x0F, 0x11, 0x14, 0x16, 0x18, 0x1A, 0x1F), RATIONAL),
    **dict.fromkeys((0x1B, 0x1C), UNDEFINED),
    0x1E: SHORT,
}
_COUNTS = {0x00: 4, 0x02: 3, 0x04: 3, 0x07: 3, 0x1D: 11}
"""Numbers of values of fields of GPS that have several."""


class Field(NamedTuple):
    """A value as it is stored."""

    kind: int
    content: bytes
    """Big-endian."""

    @property
    def number(self) -> int:
        """Number of values."""
        return len(self.content) // _SIZES[self.kind]


class Exif(NamedTuple):
    """The fields of a picture."""

    picture: Fields
    exif: Fields
    gps: Fields

    @classmethod
    def read(cls, source: Image.Exif) -> Exif:
        """Takes from what Pillow read the fields that can go along with another picture."""
        picture = {tag: source[tag] for tag in PICTURE_TYPES if tag in source}
        inner: list[Fields] = []
        for pointer, types in ((EXIF_POINTER, EXIF_TYPES), (GPS_POINTER, GPS_TYPES)):
            found: Fields = {}
            with suppress(Exception):  # a damaged block does not take the others with it
                found = {tag: value for tag, value in source.get_ifd(pointer).items() if tag in types}
            inner.append(found)
        return cls(picture, *inner)

    @classmethod
    def parse(cls, block: bytes) -> Exif:
        """Reads a block that `block` made."""
        source = Image.Exif()
        source.load(block)
        return cls.read(source)

    def sized(self, width: int, height: int) -> Exif:
        """Returns the fields for a picture of this size."""
        return self._replace(exif={**self.exif, WIDTH: width, HEIGHT: height})

    def __bool__(self) -> bool:
        return any(self)

    def block(self, dpi: tuple[float, float] | None) -> bytes:
        """Returns the fields as a block, with those that a block may not lack.

        Args:
            dpi: Horizontal and vertical resolution; None for the standard's own of 72.
        """
        x, y = dpi or (72, 72)
        main = {**self.picture, 0x011A: x, 0x011B: y, 0x0128: 2, 0x0213: 1}
        types = PICTURE_TYPES | _RESOLUTION_TYPES
        inner = {EXIF_POINTER: self.exif_directory(), GPS_POINTER: _directory(self.gps, GPS_TYPES)}
        pointers = {tag: 0 for tag, directory in inner.items() if directory}
        length = len(_encoded({**_directory(main, types), **{tag: _long(0) for tag in pointers}}, 8))
        content = b""
        for tag in pointers:
            pointers[tag] = 8 + length + len(content)
            content += _encoded(inner[tag], pointers[tag])
        head = _encoded({**_directory(main, types), **{tag: _long(at) for tag, at in pointers.items()}}, 8)
        return b"Exif\0\0MM\0*\0\0\0\x08" + head + content

    def exif_directory(self) -> dict[int, Field]:
        """Returns the inner directory, for a picture in sRGB."""
        needed = {0x9000: b"0232", 0x9101: b"\1\2\3\0", 0xA000: b"0100"}
        return _directory({**needed, **self.exif, 0xA001: 1}, EXIF_TYPES)


def finish_tiff(file: BinaryIO, fields: Exif) -> None:
    """Puts the inner directories at the end of a TIFF whose first directory has pointers for them.

    IPTC, which Pillow writes as bytes, gets the type that it has by custom, of whole numbers of four.

    Args:
        file: The file, open for reading and writing.
        fields: The fields.
    """
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    file.seek(4)
    (start,) = struct.unpack(f"{order}I", file.read(4))
    file.seek(start)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        file.seek(entry)
        tag, _, length = struct.unpack(f"{order}HHI", file.read(8))
        if tag == IPTC_TAG:
            file.seek(entry + 2)
            file.write(struct.pack(f"{order}HI", LONG, length // 4))
        elif tag in {EXIF_POINTER, GPS_POINTER}:
            directory = _directory(fields.gps, GPS_TYPES)
            if tag == EXIF_POINTER:
                directory = {tag: each for tag, each in fields.exif_directory().items() if tag not in _NOT_IN_TIFF}
            end = file.seek(0, 2)
            file.write(bytes(end % 2))
            file.write(_encoded(directory, end + end % 2, order))
            file.seek(entry + 8)
            file.write(struct.pack(f"{order}I", end + end % 2))


def _directory(fields: Fields, types: Mapping[int, int]) -> dict[int, Field]:
    """Returns fields as they are stored; what does not fit its type is left out."""
    result: dict[int, Field] = {}
    for tag, value in fields.items():
        with suppress(ValueError, TypeError, OverflowError, struct.error, ZeroDivisionError):
            field = Field(types[tag], _content(value, types[tag]))
            if field.content and (types is not GPS_TYPES or field.number == _COUNTS.get(tag, field.number)):
                result[tag] = field
    if types is GPS_TYPES and result:
        result[0x00] = Field(BYTE, b"\2\3\0\0")  # whose fields these are, whatever the file said
    return result


def _content(value: Any, kind: int) -> bytes:
    if kind == ASCII:
        # Pillow reads bytes as Latin-1, whatever they were.
        text = value if isinstance(value, bytes) else _latin(str(value))
        return text.rstrip(b"\0") + b"\0" if text.strip(b"\0 ") else b""
    if kind in {BYTE, UNDEFINED}:
        if isinstance(value, str):
            return _latin(value)
        return value if isinstance(value, bytes) else bytes(value if isinstance(value, tuple) else (value,))
    values = value if isinstance(value, tuple) else (value,)
    if kind in {SHORT, LONG}:
        return struct.pack(f">{len(values)}{'H' if kind == SHORT else 'I'}", *map(int, values))
    code = "I" if kind == RATIONAL else "i"
    return b"".join(struct.pack(f">2{code}", *_ratio(each)) for each in values)


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _ratio(value: Any) -> tuple[int, int]:
    numerator, denominator = getattr(value, "numerator", None), getattr(value, "denominator", None)
    if isinstance(numerator, int) and isinstance(denominator, int) and max(abs(numerator), abs(denominator)) < 1 << 31:
        return numerator, denominator
    found = Fraction(float(value)).limit_denominator(1 << 16)
    return found.numerator, found.denominator


def _long(value: int) -> Field:
    return Field(LONG, value.to_bytes(4))


def _encoded(directory: Mapping[int, Field], start: int, order: str = ">") -> bytes:
    """Returns a directory that begins at `start`, with its values behind it."""
    entries, values = b"", b""
    place = start + 6 + 12 * len(directory)
    for tag, (kind, content) in sorted(directory.items()):
        width = 4 if kind in {RATIONAL, SRATIONAL} else _SIZES[kind]
        stored = (
            content
            if order == ">"
            else b"".join(content[at : at + width][::-1] for at in range(0, len(content), width))
        )
        entries += struct.pack(f"{order}HHI", tag, kind, Field(kind, content).number)
        if len(stored) <= 4:
            entries += stored.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", place + len(values))
            values += stored + bytes(len(stored) % 2)
    return struct.pack(f"{order}H", len(directory)) + entries + bytes(4) + values
