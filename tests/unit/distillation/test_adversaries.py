from __future__ import annotations

import pytest
import torch

from fast_style.distillation.adversaries import CheckeredNetwork, Opponents, Pixels, Upsampling, halves
from fast_style.perceptual.encoders import RandomFilters


def opponents(count: int = 4, lifetime: tuple[int, int] = (3, 3)) -> Opponents:
    return Opponents(
        RandomFilters(["random3"], channels=8),
        content_layers=["random3"],
        style_layers=["random3"],
        draw_style=lambda: torch.rand(1, 3, 32, 32),
        count=count,
        lifetime=lifetime,
        seed=0,
    )


@pytest.mark.parametrize("upsampling", ["transposed", "shuffle"])
def test_checkered_networks_keep_size_and_range(upsampling: Upsampling) -> None:
    picture = CheckeredNetwork(4, 1, upsampling)(torch.rand(2, 3, 32, 48))
    assert picture.shape == (2, 3, 32, 48)
    assert picture.min() >= 0 and picture.max() <= 1


def test_each_step_trains_one_opponent_and_gives_its_pictures() -> None:
    group = opponents()
    photos = torch.rand(2, 3, 32, 32)
    pictures = [group.advance(photos) for _ in range(4)]
    assert all(p.shape == photos.shape and not p.requires_grad for p in pictures)
    assert all(o is not None for o in group.slots)
    first = group.slots[0]
    assert first is not None
    before = [p.clone() for p in first.network.parameters()]
    group.advance(photos)
    assert any(not torch.equal(a, b) for a, b in zip(before, first.network.parameters(), strict=True))


def test_opponents_lower_the_students_loss() -> None:
    torch.manual_seed(0)
    group = opponents(lifetime=(1000, 1000))
    photos = torch.rand(2, 3, 32, 32)
    group.turn = 3  # the one that optimises pixels
    first = group.advance(photos)
    opponent = group.slots[3]
    assert opponent is not None and isinstance(opponent.network, Pixels)
    assert torch.equal(first, photos)
    for _ in range(60):
        group.turn = 3
        # Other photos: pixels belong to those they began with.
        last = group.advance(torch.rand(2, 3, 32, 32))

    def style_error(picture: torch.Tensor) -> float:
        from fast_style.perceptual.losses import gram_matrix, relative_error

        def gram(image: torch.Tensor) -> torch.Tensor:
            return gram_matrix(group.student(image, ["random3"])["random3"])

        return float(relative_error(gram(picture), gram(opponent.style)))

    assert style_error(last) < 0.7 * style_error(first)


def test_an_opponent_is_replaced_when_its_time_is_over() -> None:
    group = opponents(count=1)
    photos = torch.rand(1, 3, 32, 32)
    group.advance(photos)
    first = group.slots[0]
    for _ in range(2):
        group.advance(photos)
        assert group.slots[0] is first
    group.advance(photos)
    assert group.slots[0] is not first


def test_halves_shows_four_pictures_at_half_their_size() -> None:
    pictures = torch.stack([torch.full((3, 8, 8), value) for value in (0.1, 0.2, 0.3, 0.4)])
    whole = halves(pictures)
    assert whole.shape == (1, 3, 8, 8)
    corners = [whole[0, 0, y, x].item() for y in (0, 7) for x in (0, 7)]
    assert corners == pytest.approx([0.1, 0.2, 0.3, 0.4])
