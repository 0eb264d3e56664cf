"""The kinds of pictures that a Stylizer takes: each becomes RGB pixels, and what is painted becomes that kind again."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from fast_style.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Paint: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
"""Stylizes a batch, uint8 RGB `[N, H, W, 3]`, and returns the same shape."""

CHANNELS = (1, 3, 4)
"""Gray, RGB and RGBA."""
OVERSHOOT = 0.25
"""How far a float tensor may exceed [0, 1], as resampling with a Lanczos filter does; it is clamped."""


def repaint(picture: object, paint: Paint) -> Any:
    """Stylizes any kind of picture that `Stylizer.__call__` takes, and returns what that says.

    Raises:
        ImageError: the picture is of another type, dtype or shape, has no pixels, or is an unreadable file.
    """
    if isinstance(picture, np.ndarray):
        return _repaint_array(picture, paint)
    if is_tensor(picture):
        return _repaint_tensor(picture, paint)
    if isinstance(picture, list | tuple):
        if any(isinstance(item, list | tuple) for item in picture):
            raise ImageError(
                "cannot stylize a list inside a list: want a list of pictures",
                remedy="give pixels as an array, numpy.array(pixels, numpy.uint8)",
            )
        return [repaint(item, paint) for item in picture]
    # An open file is an iterator, too, of lines.
    if isinstance(picture, Iterator) and not hasattr(picture, "read"):
        return (repaint(item, paint) for item in picture)
    return _repaint_image(picture, paint)


def is_tensor(picture: object) -> TypeGuard[Tensor]:
    """Returns whether this is a torch tensor, without importing torch: where there is one, torch is imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _repaint_array(array: npt.NDArray[Any], paint: Paint) -> npt.NDArray[np.uint8]:
    """Stylizes gray `[H, W]`, or gray, RGB or RGBA `[H, W, C]` or `[N, H, W, C]`; gray becomes RGB."""
    from fast_style.images.arrays import Cutout

    gray = array.ndim == 2
    if array.dtype != np.uint8 or not (gray or (array.ndim in (3, 4) and array.shape[-1] in CHANNELS)):
        raise ImageError(
            f"cannot stylize {array.dtype} {list(array.shape)}: want uint8 RGB, RGBA or gray, [H, W, 3], [H, W, 4] or "
            "[H, W], or a batch [N, H, W, C]",
            remedy="bring levels from 0 to 255 with numpy.rint and astype(numpy.uint8)" if array.dtype != np.uint8
            else None,
        )  # fmt: skip
    if 0 in array.shape:
        raise ImageError(f"cannot stylize uint8 {list(array.shape)}: it has no pixels")
    pixels = array[..., None] if gray else array
    batch = pixels if pixels.ndim == 4 else pixels[None]
    if batch.shape[-1] == 4:
        cutouts = [Cutout(np.ascontiguousarray(each[..., :3]), np.ascontiguousarray(each[..., 3])) for each in batch]
        painted = paint(np.stack([cutout.over_white() for cutout in cutouts]))
        made = [np.dstack(cutout.repainted(each)) for cutout, each in zip(cutouts, painted, strict=True)]
        result = np.stack(made)
    else:
        result = paint(np.repeat(batch, 3, axis=-1) if batch.shape[-1] == 1 else batch)
    return result if pixels.ndim == 4 else result[0]


def _repaint_tensor(picture: Tensor, paint: Paint) -> Tensor:
    """Stylizes uint8 `[H, W, C]`, or float in [0, 1], `[C, H, W]`; or a batch of either. No gradient passes."""
    import torch

    from fast_style.images.tensors import to_pixels

    if picture.dtype == torch.uint8:
        if picture.ndim in (3, 4) and picture.shape[-1] not in CHANNELS and picture.shape[-3] in CHANNELS:
            raise ImageError(
                f"cannot stylize a uint8 tensor {list(picture.shape)}: want [H, W, C]",
                remedy="move the channels to the end, or give floats in [0, 1], as [C, H, W]",
            )
        return torch.from_numpy(_repaint_array(picture.detach().cpu().numpy(), paint)).to(picture.device)
    shape = list(picture.shape)
    what = f"cannot stylize a tensor {str(picture.dtype).removeprefix('torch.')} {shape}"
    if not picture.is_floating_point() or picture.ndim not in (3, 4) or shape[-3] not in CHANNELS or 0 in shape:
        raise ImageError(f"{what}: want float in [0, 1], [C, H, W] or [N, C, H, W] with 1, 3 or 4 channels, or uint8")
    low, high = (float(value) for value in picture.detach().float().aminmax())
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):  # nor NaN
        raise ImageError(f"{what} of values from {low:g} to {high:g}: want values in [0, 1]")
    pixels = to_pixels(picture if picture.ndim == 4 else picture[None])  # [N, H, W, C]
    painted = torch.from_numpy(_repaint_array(pixels, paint)).permute(0, 3, 1, 2).contiguous()
    result = (painted.float() / 255).to(picture)
    return result if picture.ndim == 4 else result[0]


def _repaint_image(picture: object, paint: Paint) -> Image | bytes:
    """Stylizes a PIL image, an image file's bytes, an open file, or a path."""
    from PIL import Image

    from fast_style.images.arrays import make_image
    from fast_style.images.decode import decode_picture, load_picture
    from fast_style.images.encode import encode_rgb

    if isinstance(picture, Image.Image | str) or hasattr(picture, "__fspath__"):
        source: Any = picture
        decoded = decode_picture(source) if isinstance(source, Image.Image) else load_picture(source, partial=True)
        return make_image(*decoded.repainted(paint(decoded.rgb[None])[0]))
    if isinstance(picture, bytearray | memoryview):
        picture = bytes(picture)
    if isinstance(picture, bytes) or (hasattr(picture, "read") and not isinstance(picture, io.TextIOBase)):
        source = picture
        decoded = load_picture(source, partial=True)
        kind = decoded.metadata.format
        painted, alpha = decoded.repainted(paint(decoded.rgb[None])[0], kind)
        return encode_rgb(painted, kind, metadata=decoded.metadata, alpha=alpha)
    raise ImageError(
        f"cannot stylize a {type(picture).__name__}: want an array, a tensor, a PIL image, a path, an image file's "
        "bytes or the file opened in binary mode, or a list or an iterator of these"
    )
