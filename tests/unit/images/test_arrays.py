from __future__ import annotations

import numpy as np
import pytest

from fast_style.images.arrays import Cutout, fit, make_image, resize_rgb


@pytest.mark.parametrize(
    ("size", "longest", "fitted"),
    [
        ((640, 480), None, (640, 480)),
        ((640, 480), 640, (640, 480)),
        ((640, 480), 320, (320, 240)),
        ((480, 640), 321, (241, 321)),
        ((1000, 1), 10, (10, 1)),
        ((3, 2), 100, (3, 2)),
    ],
)
def test_a_size_is_fitted_and_never_enlarged(
    size: tuple[int, int], longest: int | None, fitted: tuple[int, int]
) -> None:
    assert fit(*size, longest) == fitted


def test_a_flat_picture_stays_flat_at_another_size() -> None:
    flat = np.full((8, 12, 3), 77, np.uint8)
    assert (resize_rgb(flat, 5, 3) == 77).all()
    assert resize_rgb(flat, 5, 3).shape == (3, 5, 3)


def test_an_image_of_a_view_has_its_pixels() -> None:
    array = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    np.testing.assert_array_equal(np.asarray(make_image(array[:, ::-1], None)), array[:, ::-1])
    alpha = np.arange(24, dtype=np.uint8).reshape(4, 6)
    image = make_image(array, alpha)
    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha)


@pytest.mark.parametrize("background", [0, 90, 255])
def test_a_cutout_looks_the_same_over_any_background(background: int) -> None:
    alpha = np.broadcast_to(np.arange(256, dtype=np.uint8), (100, 256)).copy()
    cutout = Cutout(np.random.default_rng(0).integers(0, 256, (100, 256, 3), dtype=np.uint8), alpha)
    visible = alpha > 0
    unpainted = cutout.repainted(cutout.over_white())
    np.testing.assert_array_equal(unpainted.rgb[visible], cutout.rgb[visible])
    # Painted darker, it is darker by that much over anything, as long as there are darker colors.
    darker = np.maximum(cutout.over_white().astype(int) - 10, 0).astype(np.uint8)
    weight = alpha[..., None] / 255
    before, after = (each.rgb * weight + background * (1 - weight) for each in (cutout, cutout.repainted(darker)))
    room = (cutout.rgb * weight >= 11) & (weight > 0)
    assert np.abs(before - after - 10)[room].max() <= 1
    np.testing.assert_array_equal(cutout.repainted(darker).alpha, alpha)
