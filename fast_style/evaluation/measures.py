"""What can be measured of a stylised picture without knowing how it was made. The scorecard is made of these."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.perceptual.encoders import Encoder

PATCH = 64
"""Side of the windows of `spectrum`, in pixels."""
PERIOD = 4
"""What networks upsample by, in all, in pixels: patterns that they leave repeat at this period."""
NOTHING = 1e-20
"""Added above and below a fraction bar: two energies that are both 0, as those of a black picture, are equal. It is far
below what a single pixel has, and above the rounding errors of a flat picture."""


def luminance(pictures: np.ndarray) -> np.ndarray:
    """Rec. 601 luma of uint8 RGB `[..., 3]`, float64 in [0, 1]."""
    return pictures @ np.array([0.299, 0.587, 0.114]) / 255


def spectrum(picture: np.ndarray) -> np.ndarray:
    """Mean power spectrum of half-overlapping Hann windows (Welch 1967).

    Args:
        picture: uint8 RGB `[H, W, 3]`, sides at least 64.

    Returns:
        `[64, 64]`, zero frequency first.
    """
    luma = luminance(picture)
    window = np.hanning(PATCH + 1)[:-1]
    patches = np.lib.stride_tricks.sliding_window_view(luma, (PATCH, PATCH))[:: PATCH // 2, :: PATCH // 2]
    patches = patches - patches.mean((-2, -1), keepdims=True)
    power = np.abs(np.fft.fft2(patches * window[:, None] * window[None, :])) ** 2
    return power.mean((0, 1))


def checkerboard_energy(power: np.ndarray) -> float:
    """How far the power at the upsampling period stands out of its surroundings: 1 where it does not.

    Args:
        power: of `spectrum`, or a mean of several: single spectra are noisy.

    Returns:
        Geometric mean, over the frequencies of period 4 and 2 along both axes and both diagonals, of the power
        there by the mean power three to five steps beside it; finite for flat pictures, too.
    """
    step = PATCH // PERIOD
    ratios = []
    # One half of the plane: the other is its mirror image.
    for fy in range(PERIOD // 2 + 1):
        for fx in range(PERIOD):
            if (fy, fx) == (0, 0) or (fy in (0, PERIOD // 2) and fx > PERIOD // 2):
                continue
            y, x = fy * step, fx * step
            around = []
            for d in (3, 4, 5):
                # Photos have bright axes: what lies on one is compared along it.
                offsets = [(0, d), (0, -d)] if fy == 0 else [(d, 0), (-d, 0)] if fx == 0 else [
                    (d, d), (d, -d), (-d, d), (-d, -d),
                ]  # fmt: skip
                around += [power[(y + dy) % PATCH, (x + dx) % PATCH] for dy, dx in offsets]
            ratios.append((power[y, x] + NOTHING) / (np.mean(around) + NOTHING))
    return float(np.exp(np.mean(np.log(ratios))))


def border_energy(picture: Tensor, encoder: Encoder, layer: str, *, ring: int = 16) -> float:
    """Feature energy in a ring along the border by that inside it: 1 where the border is no different.

    Args:
        picture: float RGB in [0, 1], `[1, 3, H, W]`, sides above four times `ring`.
        encoder, layer: whose features.
        ring: its width in pixels.
    """
    margin = 32
    # Mirrored outwards first: otherwise the encoder's own zero padding would be what is measured.
    padded = F.pad(picture, (margin,) * 4, mode="reflect")
    with torch.no_grad():
        energy = encoder(padded, [layer])[layer].float().square().mean(1)[0]
    scale = padded.shape[-1] / energy.shape[-1]
    cut, width = round(margin / scale), round(ring / scale)
    energy = energy[cut:-cut, cut:-cut]
    inside = torch.zeros_like(energy, dtype=torch.bool)
    inside[width:-width, width:-width] = True
    return float((energy[~inside].mean() + NOTHING) / (energy[inside].mean() + NOTHING))


def flicker(stylize: Callable[[np.ndarray], np.ndarray], photo: np.ndarray, shift: int) -> float:
    """How much a picture changes when its photo is shifted, beyond the shift itself.

    Args:
        stylize: uint8 RGB `[H, W, 3]` to the same.
        photo: uint8 RGB `[H, W, 3]`.
        shift: in pixels, down and to the right.

    Returns:
        Root mean square difference where both overlap, of 255.
    """
    still, moved = stylize(photo[shift:, shift:]), stylize(photo[:-shift, :-shift])
    return difference(still[:-shift, :-shift], moved[shift:, shift:])


def noise_flicker(stylize: Callable[[np.ndarray], np.ndarray], photo: np.ndarray, sigma: float = 2.0) -> float:
    """How much a picture changes when noise of `sigma` of 255 is added to its photo.

    Returns:
        Root mean square difference, of 255.
    """
    noise = np.random.default_rng(0).normal(0, sigma, photo.shape)
    noisy = np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
    return difference(stylize(photo), stylize(noisy))


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square difference of two uint8 pictures, of 255."""
    return float(np.sqrt(np.mean((first.astype(np.float64) - second) ** 2)))


def clipping(picture: np.ndarray) -> float:
    """Share of a picture's values at 0 or 255."""
    return float(np.mean((picture == 0) | (picture == 255)))


def perceptual_distance(first: Tensor, second: Tensor, encoder: Encoder, layers: list[str]) -> float:
    """Distance of features scaled to unit length at each place, mean over layers: as LPIPS (Zhang et al. 2018,
    arXiv 1801.03924, equation 1), but with this encoder and without learnt weights per channel.

    Args:
        first, second: float RGB in [0, 1], `[1, 3, H, W]`.

    Returns:
        0 for equal pictures; at most 2 where features are never negative.
    """
    with torch.no_grad():
        ours, theirs = encoder(first, layers), encoder(second, layers)
    distances = []
    for layer in layers:
        a, b = (F.normalize(features[layer].float(), dim=1) for features in (ours, theirs))
        distances.append(float((a - b).square().sum(1).mean()))
    return float(np.mean(distances))
