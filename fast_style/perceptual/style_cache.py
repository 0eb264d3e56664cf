"""Gram matrices of style images, computed once for each style, size and encoder, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from torch import Tensor

from fast_style.errors import FastStyleError
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.losses import style_grams, term_key
from fast_style.system.files import atomic_write
from fast_style.system.paths import cache_folder

log = logging.getLogger("fast_style")

FORMAT = "1"
"""Version of the stored files; another version makes them all be computed anew."""


def cached_style_grams(
    encoder: Encoder, style_image: Tensor, layers: Sequence[str], scales: Sequence[float]
) -> dict[str, Tensor]:
    """Returns `style_grams`, from the cache if they were computed before.

    A cache that cannot be read or written is not used.

    Args:
        encoder: feature extractor.
        style_image: float RGB in [0, 1], `[1, 3, H, W]`, at the size it is compared at.
        layers: taps of the encoder.
        scales: sizes relative to the image.

    Returns:
        Matrices `[1, C, C]` by `term_key`.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    digest = hashlib.sha256(f"{FORMAT} {encoder.fingerprint()} {tuple(style_image.shape)}".encode())
    digest.update(style_image.detach().float().cpu().contiguous().numpy().tobytes())
    wanted = [term_key(layer, scale) for layer in layers for scale in scales]
    digest.update(" ".join(sorted(wanted)).encode())
    path = cache_folder() / "grams" / f"{digest.hexdigest()}.safetensors"
    try:
        found = load_file(path)
        if set(found) == set(wanted):
            return {name: value.to(style_image.device) for name, value in found.items()}
    except (OSError, SafetensorError):
        pass
    grams = style_grams(encoder, style_image, layers, scales)
    try:
        with atomic_write(path) as temporary:
            save_file({name: value.cpu().contiguous() for name, value in grams.items()}, temporary)
    except FastStyleError as error:
        log.debug("no cache of style features: %s", error)
    return grams
