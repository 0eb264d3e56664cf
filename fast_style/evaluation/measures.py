"""Measures of a stylized picture that need not know how it was made. The scorecard consists of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.images.arrays import RGB
from fast_style.perceptual.encoders import Encoder

PATCH = 64
"""Side of the windows of `spectrum` in pixels."""
PERIOD = 4
"""The factor that networks upsample by in all, in pixels: patterns that upsampling leaves repeat at this period."""
NOTHING = 1e-20
"""An energy that is added above and below a fraction bar, so that two energies of 0, such as those of a black picture,
are equal. It is far below what a single pixel has, and above the rounding errors of a flat picture."""

Spectrum = npt.NDArray[np.float64]
"""Power by frequency, `[64, 64]`, zero frequency first."""


def luminance(pictures: RGB) -> npt.NDArray[np.float64]:
    """Returns the Rec. 601 luma of uint8 RGB `[..., 3]`, in [0, 1]."""
    luma: npt.NDArray[np.float64] = pictures @ np.array([0.299, 0.587, 0.114]) / 255
    return luma


def spectrum(picture: RGB) -> Spectrum:
    """Returns the mean power spectrum of half-overlapping Hann windows (Welch 1967).

    Args:
        picture: uint8 RGB `[H, W, 3]`, sides at least 64.
    """
    mean: Spectrum = _windowed_power(luminance(picture)).mean(0)
    return mean


def flat_spectrum(picture: RGB, photo: RGB) -> Spectrum:
    """Returns the mean power spectrum of a picture where its photo is flattest.

    A pattern that disappears in a busy picture is seen on a wall or in the sky.

    Args:
        picture: uint8 RGB `[H, W, 3]`, sides at least 64.
        photo: the photo it was made from, of the same shape; the tenth of the windows in which it varies least counts.
    """
    variances = _patches(luminance(photo)).var((-2, -1))  # [windows]
    flattest = np.argsort(variances)[: -(-len(variances) // 10)]
    mean: Spectrum = _windowed_power(luminance(picture))[flattest].mean(0)
    return mean


def _patches(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns half-overlapping windows of `[H, W]`: `[windows, 64, 64]`."""
    windows = np.lib.stride_tricks.sliding_window_view(luma, (PATCH, PATCH))[:: PATCH // 2, :: PATCH // 2]
    patches: npt.NDArray[np.float64] = windows.reshape(-1, PATCH, PATCH)
    return patches


def _windowed_power(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the power spectrum of every window of `[H, W]`: `[windows, 64, 64]`."""
    window = np.hanning(PATCH + 1)[:-1]
    patches = _patches(luma)
    patches = patches - patches.mean((-2, -1), keepdims=True)
    power: npt.NDArray[np.float64] = np.abs(np.fft.fft2(patches * window[:, None] * window[None, :])) ** 2
    return power


def checkerboard_energy(power: Spectrum) -> float:
    """Measures how far the power at the upsampling period stands out of its surroundings.

    Args:
        power: a result of `spectrum`, or better a mean of several: single spectra are noisy.

    Returns:
        Geometric mean, over the frequencies of period 4 and 2 along both axes and both diagonals, of the power
        there by the mean power three to five steps beside it: 1 where nothing stands out. Finite for flat pictures,
        too.
    """
    return float(np.exp(np.mean(np.log(list(_ratios(power).values())))))


def grid_energy(power: Spectrum, period: int) -> float:
    """Measures how far the power at a period stands out of its surroundings.

    Args:
        power: the mean of several results of `flat_spectrum`.
        period: 4 or 2, in pixels.

    Returns:
        Mean, over the frequencies of this period, of the power there by the mean power three to five steps beside it:
        1 where nothing stands out. Unlike the geometric mean of `checkerboard_energy` it shows a pattern that has a
        single one of these frequencies.
    """
    # A frequency with two even coordinates has a period of 2 pixels along each axis that it changes on.
    ratios = _ratios(power).items()
    chosen = [ratio for (fy, fx), ratio in ratios if (fy % 2 == fx % 2 == 0) == (period == PERIOD // 2)]
    return float(np.mean(chosen))


def _ratios(power: Spectrum) -> dict[tuple[int, int], float]:
    """Returns the power at each frequency of the upsampling by that of its surroundings.

    Frequencies are in units of one oscillation in `PERIOD` pixels, down and to the right.
    """
    step = PATCH // PERIOD
    ratios = {}
    # One half of the plane: the other is its mirror image.
    for fy in range(PERIOD // 2 + 1):
        for fx in range(PERIOD):
            if (fy, fx) == (0, 0) or (fy in (0, PERIOD // 2) and fx > PERIOD // 2):
                continue
            y, x = fy * step, fx * step
            around = np.mean([power[(y + dy) % PATCH, (x + dx) % PATCH] for dy, dx in _surroundings(fy, fx)])
            ratios[fy, fx] = float((power[y, x] + NOTHING) / (around + NOTHING))
    return ratios


def plain_pictures(side: int = 256) -> list[RGB]:
    """Returns pictures without any detail, uint8 RGB `[side, side, 3]`: three plain ones and three gradients.

    A network that paints a pattern on these makes it up.
    """
    ramp = np.linspace(40, 215, side)
    down, across = np.repeat(ramp[:, None], side, 1), np.repeat(ramp[None], side, 0)
    plain = [np.full((side, side), level) for level in (60.0, 128.0, 200.0)]
    grays = [*plain, down, across, (down + across) / 2]
    return [np.repeat(np.rint(gray)[..., None], 3, 2).astype(np.uint8) for gray in grays]


def _surroundings(fy: int, fx: int) -> list[tuple[int, int]]:
    """Returns the offsets of the frequencies that (`fy`, `fx`), in units of the step, is compared with."""
    offsets: list[tuple[int, int]] = []
    for d in (3, 4, 5):
        # Photos have bright axes: a frequency on one is compared along it.
        if fy == 0:
            offsets += [(0, d), (0, -d)]
        elif fx == 0:
            offsets += [(d, 0), (-d, 0)]
        else:
            offsets += [(d, d), (d, -d), (-d, d), (-d, -d)]
    return offsets


def border_energy(picture: Tensor, encoder: Encoder, layer: str, *, ring: int = 16) -> float:
    """Compares the feature energy in a ring along the border with the energy inside it.

    Args:
        picture: float RGB in [0, 1], `[1, 3, H, W]`, sides above four times `ring`.
        encoder: the encoder whose features are taken.
        layer: a tap of the encoder.
        ring: width of the ring in pixels.

    Returns:
        The ratio of the mean energies: 1 where the border is no different.
    """
    margin = 32
    # Mirrored outward first: otherwise the encoder's own zero padding would be measured.
    padded = F.pad(picture, (margin,) * 4, mode="reflect")
    with torch.no_grad():
        energy = encoder(padded, [layer])[layer].float().square().mean(1)[0]  # [h, w]
    scale = padded.shape[-1] / energy.shape[-1]
    cut, width = round(margin / scale), round(ring / scale)
    energy = energy[cut:-cut, cut:-cut]
    inside = torch.zeros_like(energy, dtype=torch.bool)
    inside[width:-width, width:-width] = True
    return float((energy[~inside].mean() + NOTHING) / (energy[inside].mean() + NOTHING))


def shift_sensitivity(stylize: Callable[[RGB], RGB], photo: RGB, shift: int) -> float:
    """Measures how much a picture changes when its photo is shifted, beyond the shift itself.

    Args:
        stylize: the model, uint8 RGB `[H, W, 3]` to the same shape.
        photo: uint8 RGB `[H, W, 3]`.
        shift: pixels down and to the right.

    Returns:
        Root mean square difference where both pictures overlap, in units of 1/255.
    """
    still, moved = stylize(photo[shift:, shift:]), stylize(photo[:-shift, :-shift])
    return difference(still[:-shift, :-shift], moved[shift:, shift:])


def noise_sensitivity(stylize: Callable[[RGB], RGB], photo: RGB, sigma: float = 2.0) -> float:
    """Measures how much a picture changes when noise is added to its photo.

    Args:
        stylize: the model, uint8 RGB `[H, W, 3]` to the same shape.
        photo: uint8 RGB `[H, W, 3]`.
        sigma: standard deviation of the noise, in units of 1/255.

    Returns:
        Root mean square difference, in units of 1/255.
    """
    noise = np.random.default_rng(0).normal(0, sigma, photo.shape)
    noisy = np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
    return difference(stylize(photo), stylize(noisy))


def difference(first: RGB, second: RGB) -> float:
    """Returns the root mean square difference of two pictures, in units of 1/255."""
    return float(np.sqrt(np.mean((first.astype(np.float64) - second) ** 2)))


def clipping(picture: RGB) -> float:
    """Returns the share of a picture's values that are 0 or 255."""
    return float(np.mean((picture == 0) | (picture == 255)))


def perceptual_distance(first: Tensor, second: Tensor, encoder: Encoder, layers: Sequence[str]) -> float:
    """Measures the distance of features scaled to unit length at each place, as a mean over layers.

    This is LPIPS (Zhang et al. 2018, arXiv 1801.03924, equation 1), but with this encoder and without learned weights
    for the channels.

    Args:
        first: float RGB in [0, 1], `[1, 3, H, W]`.
        second: another picture of the same shape.
        encoder: the encoder whose features are taken.
        layers: taps of the encoder.

    Returns:
        0 for equal pictures; at most 2 where features are never negative.
    """
    with torch.no_grad():
        first_features, second_features = encoder(first, layers), encoder(second, layers)
    distances = []
    for layer in layers:
        a, b = (F.normalize(features[layer].float(), dim=1) for features in (first_features, second_features))
        distances.append(float((a - b).square().sum(1).mean()))
    return float(np.mean(distances))
