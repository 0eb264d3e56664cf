"""How the live camera is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WebcamOptions:
    """How a camera is captured, stylized, shown and recorded."""

    engine: str = "auto"
    """What runs the models: `onnx`, `torch` or `auto`."""
    device: str = "auto"
    """Where they run: `cpu`, `cuda` and so on, or `auto`."""
    size: tuple[int, int] = (640, 480)
    """Width and height in pixels that a camera is asked for; larger frames are scaled to fit into it."""
    strength: float | None = None
    """Strength to begin with; None for each model's own."""
    mirror: bool = False
    """Begins with the picture flipped as a mirror does."""
    keep_color: bool = False
    """Begins with the original's own colors."""
    deflicker: bool = False
    """Begins with the filter against flicker."""
    folder: Path = Path()
    """Where saved frames and recordings go."""
    record: Path | None = None
    """A recording that starts with the first frame."""
    codec: str | None = None
    """The codec of recordings, a key of `VIDEO_CODECS`."""
    headless: bool = False
    """Opens no window."""
    virtual_camera: bool = False
    """Also shows the result as a camera to other programs."""
