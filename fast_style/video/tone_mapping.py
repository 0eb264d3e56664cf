"""Tone mapping: HDR video (PQ and HLG, ITU-R BT.2100) for the screens and files of standard dynamic range."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from fast_style.images.arrays import RGB

PQ, HLG = 16, 18
"""Codes of H.273 for the transfer characteristics of HDR."""

_PEAK = 1000.0
"""Luminance in cd/m² of the brightest white that most HDR video is made for."""
_WHITE = 203.0
"""Luminance in cd/m² of a white sheet of paper in HDR video (ITU-R BT.2408), which becomes the brightest white."""
_GAMMA = 2.4
"""Exponent of screens of standard dynamic range (ITU-R BT.1886)."""

_LEVELS = 1 << 16
_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
"""From linear RGB with the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087)."""
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)

Signals = npt.NDArray[np.uint16]
"""HDR signals, `[H, W, 3]`, of which 65535 is the largest."""
_Floats = npt.NDArray[np.float64]


def _pq_to_luminance(signal: _Floats) -> _Floats:
    """Returns cd/m² for PQ signals in [0, 1] (SMPTE ST 2084)."""
    root = signal ** (32 / 2523)
    light: _Floats = 10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)
    return light


def _luminance_to_pq(luminance: _Floats) -> _Floats:
    """Returns PQ signals for cd/m²."""
    power = (luminance / 10000) ** (1305 / 8192)
    signal: _Floats = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)
    return signal


def _hlg_to_scene(signal: _Floats) -> _Floats:
    """Returns scene light in [0, 1] for HLG signals in [0, 1] (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return cast(_Floats, np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12))


def _compress(luminance: _Floats) -> _Floats:
    """Returns cd/m² up to white for such up to the peak, by the curve of ITU-R BT.2390, section 5.4.1."""
    peak, white = (float(_luminance_to_pq(np.array(value))) for value in (_PEAK, _WHITE))
    signal, limit = np.minimum(_luminance_to_pq(luminance) / peak, 1), white / peak
    knee = 1.5 * limit - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * limit
    return _pq_to_luminance(np.where(signal < knee, signal, spline) * peak)


class ToneMapper:
    """Maps HDR pictures to standard dynamic range, with the primaries of BT.709.

    Below about 90 cd/m² nothing changes; what is brighter is compressed, up to the peak at 1000 cd/m². The hue stays.

    Args:
        transfer: `PQ` or `HLG`.
    """

    def __init__(self, transfer: int) -> None:
        signal = np.arange(_LEVELS) / (_LEVELS - 1)
        self._is_hlg = transfer == HLG
        light = _hlg_to_scene(signal) if self._is_hlg else _pq_to_luminance(signal) / _PEAK
        self._linear = np.minimum(light, 1).astype(np.float32)
        # Indexed by the root of the luminance, which spends the entries where eyes tell levels apart.
        luminance = _PEAK * signal**2
        ratio = _compress(luminance)[1:] / (_WHITE * luminance[1:] / _PEAK)
        self._gain = np.concatenate([ratio[:1], ratio]).astype(np.float32)
        self._display = np.round(255 * (signal**2) ** (1 / _GAMMA)).astype(np.uint8)

    def __call__(self, picture: Signals) -> RGB:
        """Returns the picture as uint8 RGB `[H, W, 3]`."""
        light = self._linear[picture]
        if self._is_hlg:  # the system gamma of a screen of 1000 cd/m²
            light *= (np.maximum(light @ _LUMA, 1e-9) ** np.float32(0.2))[..., None]
        light *= self._gain[_index(light.max(axis=-1))][..., None]
        display: RGB = self._display[_index(light @ _TO_BT709.T)]
        return display


def _index(light: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Returns the entry of a table that is indexed by the root of the light in [0, 1]."""
    return (np.sqrt(np.clip(light, 0, 1)) * (_LEVELS - 1) + 0.5).astype(np.uint16)
