"""PyAV and OpenCV, each loaded when it is first used.

Commands that read no video start without them, an error names the package that is missing, and on macOS, where both
may not share a process, each process loads only the one that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fast_style.system.optional import require


class LazyModule:
    """A module of an optional extra that is imported at the first access to one of its names.

    Args:
        name: the module.
        extra: the extra of fast_style that installs it.

    Raises:
        MissingPackageError: at the first access, where the module is not installed or does not load.
    """

    def __init__(self, name: str, extra: str) -> None:
        self._name = name
        self._extra = extra

    def __getattr__(self, attribute: str) -> object:
        value: object = getattr(require(self._name, self._extra), attribute)
        setattr(self, attribute, value)  # the next access does not come here
        return value


if TYPE_CHECKING:
    import av as av
    import av.buffer
    import av.codec.codec
    import av.codec.context
    import av.container.core
    import av.container.input
    import av.container.output
    import av.error
    import av.filter
    import av.rational
    import av.sidedata.sidedata
    import av.stream
    import av.subtitles.stream
    import av.video.reformatter
    import cv2 as cv2
else:
    av = LazyModule("av", "video")
    cv2 = LazyModule("cv2", "video")
