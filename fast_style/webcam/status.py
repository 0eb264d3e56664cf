"""What the overlay says about the live picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """What is written over the live picture."""

    style: str
    """Title of the style."""
    position: str
    """Number of the style among all, as `2 / 3`; empty where there is only one."""
    rate: float
    """Frames per second."""
    milliseconds: float
    """Latency, from the camera to the screen."""
    strength: float | None
    """Strength of the style, or None if the model has no such setting."""
    strength_range: tuple[float, float] = (0.0, 1.0)
    """Smallest and largest strength."""
    marks: tuple[str, ...] = ()
    """Names of what is switched on."""
    recording: float | None = None
    """Length of the recording in seconds, or None if there is none."""
    message: str = ""
    """Shown for a moment."""
    help: bool = False
    """Whether the keys are shown."""
    split: bool = False
    """Whether the left half shows the original."""
