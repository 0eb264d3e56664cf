"""The duration of the last frame of an animation, which libav's writers of WebP and PNG guess."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def set_last_duration(path: Path, milliseconds: int) -> None:
    """Writes for how long the last frame of an animated WebP or PNG is shown.

    The layouts are those of the WebP container specification (chunk `ANMF`) and of APNG 1.0 (chunk `fcTL`).

    Args:
        path: the complete file.
        milliseconds: from 1 to 65535.
    """
    with path.open("rb+") as file:
        is_png = file.read(4) == b"\x89PNG"
        position, last = (8, -1) if is_png else (12, -1)
        while True:
            file.seek(position)
            head = file.read(8)
            if len(head) < 8:
                break
            size, kind = struct.unpack(">I4s", head) if is_png else struct.unpack("<4sI", head)[::-1]
            if kind in (b"fcTL", b"ANMF"):
                last = position
            position += 8 + size + (4 if is_png else size % 2)
        if last < 0:
            return
        if is_png:
            file.seek(last + 4)
            chunk = bytearray(file.read(4 + 26))
            chunk[24:28] = struct.pack(">HH", milliseconds, 1000)
            file.seek(last + 4)
            file.write(chunk + struct.pack(">I", zlib.crc32(chunk)))
        else:
            file.seek(last + 8 + 12)
            file.write(milliseconds.to_bytes(3, "little"))
