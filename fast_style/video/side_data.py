"""What libav attaches to frames beside the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fast_style.video.libraries import av

if TYPE_CHECKING:
    from enum import Enum


def accept_unnamed_side_data() -> None:
    """Lets PyAV list side data that libav knows and PyAV has no name for.

    Otherwise it raises a ValueError for all of a frame's side data: for EXIF in a JPEG frame, for example.
    """
    kinds = av.sidedata.sidedata.Type
    if "_missing_" not in vars(kinds):
        kinds._missing_ = classmethod(_name_side_data)  # type: ignore[method-assign, assignment]


def _name_side_data(kinds: type[Enum], value: object) -> Enum:
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNNAMED_{value}", value
    return kind
