"""The discriminator: what its scores see, and what they are worth."""

from __future__ import annotations

import pytest
import torch

from fast_style.training.discriminator import MultiScaleDiscriminator, mean_scores, slopes, squared_errors


@pytest.mark.parametrize(("side", "sizes"), [(16, [2]), (32, [4, 2]), (64, [8, 4, 2]), (96, [12, 6, 3])])
def test_each_resolution_scores_its_patches(side: int, sizes: list[int]) -> None:
    scores = MultiScaleDiscriminator(4, side)(torch.rand(2, 3, side, side))
    assert [tuple(score.shape) for score in scores] == [(2, 1, size, size) for size in sizes]


def test_a_score_sees_38_pixels_and_those_below_76_and_152() -> None:
    torch.manual_seed(0)
    pictures = torch.randn(1, 3, 256, 256, requires_grad=True)
    for score, sees in zip(MultiScaleDiscriminator(8, 256)(pictures), (38, 76, 152), strict=True):
        middle = score.shape[-1] // 2
        (gradient,) = torch.autograd.grad(score[0, 0, middle, middle], pictures, retain_graph=True)
        seen = gradient.abs().sum((0, 1)).nonzero()
        assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [sees, sees]


def test_no_layer_enlarges_and_no_picture_changes_anothers_score() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(4, 32)
    pictures = torch.randn(3, 3, 32, 32)
    for _ in range(30):  # each pass comes nearer to the spectral norm
        discriminator(pictures)
    weights = [layer.weight for layer in discriminator.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert len(weights) == 8
    norms = [float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2)) for weight in weights]
    assert norms == pytest.approx([1.0] * 8, rel=0.02)
    discriminator.eval()
    together, alone = discriminator(pictures), discriminator(pictures[1:2])
    assert all(torch.allclose(a[1:2], b, atol=1e-6) for a, b in zip(together, alone, strict=True))


def test_resolutions_count_alike() -> None:
    scores = [torch.full((2, 1, 4, 4), 3.0), torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)]
    assert squared_errors(scores, 1.0).tolist() == [2.5, 2.0]
    assert mean_scores(scores).tolist() == [1.5, 2.0]


def test_the_slope_is_that_of_a_patch_however_many_there_are() -> None:
    pictures = torch.randn(2, 3, 16, 16, requires_grad=True)
    factors = torch.tensor([2.0, 3.0]).view(2, 1, 1, 1)
    patches = (factors * pictures).unfold(2, 4, 4).unfold(3, 4, 4).sum((1, 4, 5))[:, None]  # 16 patches of 48 values
    assert slopes([patches], pictures).tolist() == pytest.approx([4 * 48, 9 * 48])
