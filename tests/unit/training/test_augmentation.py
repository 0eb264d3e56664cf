"""Differentiable augmentation, by sample number."""

from __future__ import annotations

import torch

from fast_style.training.augmentation import Augmentation, Use, draw_augmentation


def augmentation(**changes: object) -> Augmentation:
    """One that changes nothing but this, and cuts nothing out."""
    neutral = {"brightness": 0.0, "saturation": 1.0, "contrast": 1.0, "shifts": [0.0, 0.0], "holes": [-9.0, -9.0]}
    return Augmentation(**{key: torch.tensor([value]) for key, value in (neutral | changes).items()})


def test_colors() -> None:
    pictures = torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(augmentation().apply(pictures), pictures)
    torch.testing.assert_close(augmentation(brightness=0.25).apply(pictures), pictures + 0.25)
    gray = augmentation(saturation=0.0).apply(pictures)
    torch.testing.assert_close(gray, pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1))
    mean = pictures.mean()
    torch.testing.assert_close(augmentation(contrast=0.5).apply(pictures), mean + 0.5 * (pictures - mean))


def test_places() -> None:
    pictures = torch.rand(1, 3, 16, 16) + 1
    shifted = augmentation(shifts=[2 / 16, -1 / 16]).apply(pictures)
    torch.testing.assert_close(shifted[..., 2:, :-1], pictures[..., :-2, 1:])
    assert not shifted[..., :2, :].any() and not shifted[..., -1].any()
    pictures.requires_grad_()
    cut = augmentation(holes=[0.25, 1.0]).apply(pictures)
    cut.sum().backward()
    assert pictures.grad is not None
    for value in (cut, pictures.grad):
        assert not value[..., :8, 12:].any()
        assert value[..., 8:, :].all() and value[..., :, :12].all()


def test_what_is_drawn_belongs_to_the_sample_and_its_use() -> None:
    drawn = draw_augmentation(0, range(400), Use.TERM)
    again = draw_augmentation(0, [7, 250], Use.TERM)
    assert all(torch.equal(a[[7, 250]], b) for a, b in zip(drawn, again, strict=True))
    for other in (draw_augmentation(1, range(400), Use.TERM), draw_augmentation(0, range(400), Use.STYLIZED)):
        assert not any(torch.equal(a, b) for a, b in zip(drawn, other, strict=True))
    ranges = {"brightness": (-0.5, 0.5), "saturation": (0, 2), "contrast": (0.5, 1.5), "shifts": (-1 / 8, 1 / 8),
              "holes": (0, 1)}  # fmt: skip
    for name, (least, most) in ranges.items():
        value = getattr(drawn, name)
        assert (
            least <= value.min() < least + 0.05 * (most - least) and most - 0.05 * (most - least) < value.max() <= most
        )


def test_colors_change_as_much_as_is_asked_for() -> None:
    full, half, none = (draw_augmentation(0, range(5), Use.TERM, color) for color in (1.0, 0.5, 0.0))
    for name, neutral in (("brightness", 0), ("saturation", 1), ("contrast", 1)):
        value = getattr(full, name) - neutral
        torch.testing.assert_close(getattr(half, name) - neutral, 0.5 * value)
        assert not (getattr(none, name) - neutral).any()
    assert torch.equal(full.shifts, none.shifts) and torch.equal(full.holes, none.holes)
