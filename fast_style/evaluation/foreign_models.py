"""Models of other projects: `.onnx` files with a convention of their own for input and output."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fast_style.errors import ConfigError, ModelError, ModelNotFoundError, reason_of
from fast_style.evaluation.photos import Stylize
from fast_style.images.arrays import RGB
from fast_style.inference.onnx_engine import open_session
from fast_style.system.paths import check_no_url

CONVENTIONS = {"nchw-255": 255, "nchw-1": 1}
"""The value of white in float RGB `[1, 3, H, W]`, by the name of the convention."""


def load_foreign(path: Path, convention: str) -> Stylize:
    """Loads the `.onnx` model of another project.

    Args:
        path: a file with one input and one output.
        convention: `nchw-255`: float RGB `[1, 3, H, W]` in [0, 255], in and out (pytorch/examples), or
            `nchw-1`: the same in [0, 1].

    Returns:
        The model; it raises a ModelError where it fails on a photo or gives another size.

    Raises:
        ConfigError: unknown convention.
        ModelNotFoundError: no such file.
        ModelError: an unreadable file.
    """
    if convention not in CONVENTIONS:
        raise ConfigError(f"must be one of {', '.join(CONVENTIONS)}", setting="convention", value=convention)
    if not path.is_file():
        check_no_url(path, ModelNotFoundError)
        raise ModelNotFoundError(f"{path}: no such file", remedy="give the path of an .onnx model")
    session = open_session(path, ["CPUExecutionProvider"])
    name, white = session.get_inputs()[0].name, CONVENTIONS[convention]

    def stylize(photo: RGB) -> RGB:
        given = np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32) * np.float32(white / 255)
        try:
            result = session.run(None, {name: given})[0][0].transpose(1, 2, 0)
        except Exception as error:  # ONNX Runtime raises types of its own, and a result may have any type and shape
            raise ModelError(f"{path}: cannot stylize as {convention} ({reason_of(error)})") from error
        picture: RGB = np.clip(np.rint(result * (255 / white)), 0, 255).astype(np.uint8)
        # Other people's networks round sizes up to a multiple of four.
        picture = picture[: photo.shape[0], : photo.shape[1]]
        if picture.shape != photo.shape:
            raise ModelError(f"{path}: {photo.shape[1]}×{photo.shape[0]} became {picture.shape[1]}×{picture.shape[0]}")
        return picture

    return stylize
