from __future__ import annotations

import numpy as np
import torch

from fast_style.images.tensors import to_float, to_pixels, to_tensor
from tests.unit.images.helpers import noise


def test_pixels_survive_the_way_there_and_back() -> None:
    rgb = noise(5, 7)
    tensor = to_tensor(rgb)
    assert tensor.shape == (3, 5, 7) and tensor.dtype == torch.uint8 and tensor.is_contiguous()
    photos = to_float(tensor[None])
    assert photos.dtype == torch.float32 and float(photos.max()) <= 1
    assert photos.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(to_pixels(photos)[0], rgb)


def test_values_out_of_range_are_clamped_and_rounded() -> None:
    values = torch.tensor([-1.0, 0.1, 2.0]).reshape(1, 3, 1, 1).requires_grad_()
    assert to_pixels(values).tolist() == [[[[0, 26, 255]]]]
