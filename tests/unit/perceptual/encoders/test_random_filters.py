from __future__ import annotations

import pytest
import torch

from fast_style.errors import EncoderError
from fast_style.perceptual.encoders import RandomFilters


def test_random_filters_come_from_their_seed() -> None:
    image = torch.rand(1, 3, 24, 24)
    first, again, other = (RandomFilters(["random5"], seed=seed)(image, ["random5"])["random5"] for seed in (0, 0, 1))
    assert first.shape == (1, 64, 24, 24)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_random_filters_have_unit_energy_and_known_sizes() -> None:
    encoder = RandomFilters([])
    assert encoder.layers == ("random3", "random5", "random7", "random11")
    for filters in encoder.filters.values():
        assert torch.allclose(filters.weight.flatten(1).norm(dim=1), torch.ones(64))
    with pytest.raises(EncoderError, match="encoder random has no layer random9"):
        RandomFilters(["random9"])


def test_a_flat_picture_has_no_border() -> None:
    features = RandomFilters(["random7"])(torch.full((1, 3, 20, 20), 0.4), ["random7"])["random7"]
    assert torch.allclose(features, features[..., 10:11, 10:11].expand_as(features), atol=1e-5)
