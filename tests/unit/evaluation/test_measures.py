from __future__ import annotations

import numpy as np
import pytest
import torch

from fast_style.evaluation.measures import (
    border_energy,
    checkerboard_energy,
    clipping,
    flat_spectrum,
    grid_energy,
    luminance,
    noise_sensitivity,
    perceptual_distance,
    plain_pictures,
    shift_sensitivity,
    spectrum,
)
from fast_style.perceptual.encoders import RandomFilters
from fast_style.training.synthetic import dead_leaves


def clean_pictures() -> list[np.ndarray]:
    return [dead_leaves(np.random.default_rng(seed), 192) for seed in range(24)]


def mean_spectrum(pictures: list[np.ndarray]) -> np.ndarray:
    return np.mean([spectrum(picture) for picture in pictures], axis=0)


def test_luminance_closed_form() -> None:
    assert luminance(np.array([255, 255, 255], np.uint8)) == pytest.approx(1)
    assert luminance(np.array([0, 255, 0], np.uint8)) == pytest.approx(0.587)


def test_the_spectrum_of_a_wave_has_its_power_at_its_frequency() -> None:
    x = np.arange(128)
    wave = np.rint(128 + 100 * np.cos(2 * np.pi * x / 8)).astype(np.uint8)
    picture = np.broadcast_to(wave[None, :, None], (128, 128, 3)).copy()
    power = spectrum(picture)
    assert np.unravel_index(power.argmax(), power.shape) in [(0, 8), (0, 56)]


@pytest.mark.parametrize(("tile", "period"), [([[1, -1], [-1, 1]], 2), ([[1, -1]], 2), ([[1], [1], [-1], [-1]], 4)])
def test_a_grid_on_a_wall_is_found_beside_a_busy_picture(tile: list[list[int]], period: int) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (192, 512, 3)).astype(np.uint8)
    photo[:, :160] = rng.normal(128, 2, (192, 160, 3)).round()
    pattern = np.tile(np.array(tile), (192 // len(tile), 160 // len(tile[0])))[..., None]
    grid = photo.copy()
    grid[:, :160] += pattern.astype(np.uint8)
    clean, found = (flat_spectrum(picture, photo) for picture in (photo, grid))
    assert grid_energy(clean, period) < 2
    assert grid_energy(found, period) > 5
    assert grid_energy(found, 6 - period) < 2
    assert checkerboard_energy(spectrum(grid)) < 1.2, "the busy part hides it"


def test_plain_pictures_have_no_grid() -> None:
    power = np.mean([spectrum(picture) for picture in plain_pictures()], 0)
    assert max(grid_energy(power, period) for period in (2, 4)) < 1.5


def test_a_clean_picture_has_no_checkerboard() -> None:
    assert checkerboard_energy(mean_spectrum(clean_pictures())) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("tile", [
    [[1, -1], [-1, 1]],
    [[1, -1], [1, -1]],
    [[1, 1, -1, -1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, 1, 1]],
    [[3, -1, -1, -1]] * 4,
])  # fmt: skip
def test_a_faint_checkerboard_is_found(tile: list[list[int]]) -> None:
    pictures = clean_pictures()
    pattern = np.tile(np.array(tile), (192 // len(tile), 192 // len(tile[0])))[..., None] * 4
    checkered = [np.clip(picture + pattern, 0, 255).astype(np.uint8) for picture in pictures]
    clean = checkerboard_energy(mean_spectrum(pictures))
    assert checkerboard_energy(mean_spectrum(checkered)) > 1.3 * clean


def test_the_border_of_an_even_texture_is_like_its_center_and_a_flat_one_is_not() -> None:
    encoder = RandomFilters(["random3"], channels=16)
    texture = torch.rand(1, 3, 128, 160, generator=torch.Generator().manual_seed(0))
    even = border_energy(texture, encoder, "random3")
    assert even == pytest.approx(1, abs=0.03)
    framed = texture.clone()
    framed[..., :16, :] = framed[..., -16:, :] = 0.48
    framed[..., :, :16] = framed[..., :, -16:] = 0.48
    assert border_energy(framed, encoder, "random3") < 0.5


def test_the_shift_sensitivity_of_a_pointwise_model_is_zero(photo: np.ndarray) -> None:
    assert shift_sensitivity(lambda picture: 255 - picture, photo, 3) == 0


def test_the_shift_sensitivity_of_a_fixed_pattern_is_its_own_difference(photo: np.ndarray) -> None:
    def stripes(picture: np.ndarray) -> np.ndarray:
        result = np.zeros_like(picture)
        result[:, ::2] = 100
        return result

    assert shift_sensitivity(stripes, photo, 1) == pytest.approx(100)
    assert shift_sensitivity(stripes, photo, 2) == 0


def test_noise_passes_as_it_is_or_amplified() -> None:
    gray = np.full((64, 64, 3), 100, np.uint8)
    once = noise_sensitivity(lambda picture: picture, gray)
    assert once == pytest.approx(2, abs=0.1)
    twice = noise_sensitivity(lambda picture: np.clip(picture.astype(int) * 2 - 100, 0, 255).astype(np.uint8), gray)
    assert twice == pytest.approx(2 * once)


def test_clipping_counts_the_ends() -> None:
    picture = np.full((4, 4, 3), 100, np.uint8)
    picture[0, 0], picture[1, 1] = 0, 255
    assert clipping(picture) == pytest.approx(2 / 16)


def test_perceptual_distance_is_nothing_for_equal_pictures_and_grows() -> None:
    encoder = RandomFilters(["random3", "random7"], channels=16)
    generator = torch.Generator().manual_seed(0)
    first, noise = torch.rand(1, 3, 32, 32, generator=generator), torch.randn(1, 3, 32, 32, generator=generator)
    layers = ["random3", "random7"]
    near, far = (perceptual_distance(first, (first + noise * s).clamp(0, 1), encoder, layers) for s in (0.02, 0.2))
    assert perceptual_distance(first, first, encoder, layers) == 0
    assert 0 < near < far < 2
