from __future__ import annotations

import pytest
import torch

from fast_style.distillation.adversaries import (
    AdversaryPool,
    AdversarySettings,
    CheckeredNetwork,
    FreePixels,
    Upsampling,
    half_size_grid,
)
from fast_style.perceptual.encoders import RandomFilters


def adversaries(count: int = 4, lifetime: tuple[int, int] = (3, 3)) -> AdversaryPool:
    settings = AdversarySettings(
        content_layers=["random3"], style_layers=["random3"], count=count, shortest_life=lifetime[0],
        longest_life=lifetime[1], seed=0,
    )  # fmt: skip
    return AdversaryPool(RandomFilters(["random3"], channels=8), lambda: torch.rand(1, 3, 32, 32), settings)


@pytest.mark.parametrize("upsampling", ["transposed", "shuffle"])
def test_checkered_networks_keep_size_and_range(upsampling: Upsampling) -> None:
    picture = CheckeredNetwork(4, 1, upsampling)(torch.rand(2, 3, 32, 48))
    assert picture.shape == (2, 3, 32, 48)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_each_step_trains_one_adversary_and_gives_its_pictures() -> None:
    pool = adversaries()
    photos = torch.rand(2, 3, 32, 32)
    pictures = [pool.advance(photos) for _ in range(4)]
    assert all(p.shape == photos.shape and not p.requires_grad for p in pictures)
    assert all(adversary is not None for adversary in pool.slots)
    first = pool.slots[0]
    assert first is not None
    before = [p.clone() for p in first.network.parameters()]
    pool.advance(photos)
    assert any(not torch.equal(a, b) for a, b in zip(before, first.network.parameters(), strict=True))


def test_adversaries_lower_the_students_loss() -> None:
    torch.manual_seed(0)
    pool = adversaries(lifetime=(1000, 1000))
    photos = torch.rand(2, 3, 32, 32)
    pool.turn = 3  # the one that optimizes pixels
    first = pool.advance(photos)
    adversary = pool.slots[3]
    assert adversary is not None
    assert isinstance(adversary.network, FreePixels)
    assert torch.equal(first, photos)
    for _ in range(60):
        pool.turn = 3
        # Other photos: pixels belong to those they began with.
        last = pool.advance(torch.rand(2, 3, 32, 32))

    def style_error(picture: torch.Tensor) -> float:
        from fast_style.perceptual.gram import gram_matrix, relative_error

        def gram(image: torch.Tensor) -> torch.Tensor:
            return gram_matrix(pool.student(image, ["random3"])["random3"])

        return float(relative_error(gram(picture), gram(adversary.style)))

    assert style_error(last) < 0.7 * style_error(first)


def test_an_adversary_is_replaced_when_its_time_is_over() -> None:
    pool = adversaries(count=1)
    photos = torch.rand(1, 3, 32, 32)
    pool.advance(photos)
    first = pool.slots[0]
    for _ in range(2):
        pool.advance(photos)
        assert pool.slots[0] is first
    pool.advance(photos)
    assert pool.slots[0] is not first


def test_the_grid_shows_four_pictures_at_half_their_size() -> None:
    pictures = torch.stack([torch.full((3, 8, 8), value) for value in (0.1, 0.2, 0.3, 0.4)])
    whole = half_size_grid(pictures)
    assert whole.shape == (1, 3, 8, 8)
    corners = [whole[0, 0, y, x].item() for y in (0, 7) for x in (0, 7)]
    assert corners == pytest.approx([0.1, 0.2, 0.3, 0.4])
