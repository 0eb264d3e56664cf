from __future__ import annotations

import pytest
import torch

from fast_style.perceptual.gram import gram_matrix
from fast_style.perceptual.losses import PerceptualLoss, rescale
from fast_style.training.strength import content_emphasis, draw_strengths


def test_strengths_belong_to_samples() -> None:
    strengths = draw_strengths(0, range(400))
    assert torch.equal(draw_strengths(0, range(200, 210)), strengths[200:210])
    assert not torch.equal(draw_strengths(1, range(400)), strengths)
    assert 0 <= strengths.min() < 0.1
    assert 1.4 < strengths.max() <= 1.5
    assert strengths.mean() == pytest.approx(0.75, abs=0.05)


def test_content_counts_less_beyond_1() -> None:
    emphasis = content_emphasis(torch.tensor([0.0, 1.0, 1.25, 1.5]))
    assert emphasis.tolist() == pytest.approx([1, 1, 0.5, 0.25])


def test_style_targets_go_from_the_photo_to_the_style(small_loss: PerceptualLoss) -> None:
    photos = torch.rand(4, 3, 32, 32)
    targets = small_loss.strength_targets(
        photos, torch.tensor([0.0, 0.25, 1.0, 1.5]), small_loss.style_targets(torch.zeros(4, dtype=torch.int64))
    )
    own = gram_matrix(small_loss.encoder(photos, ["random3"])["random3"])
    style = small_loss.style_target("random3", 1.0)[0]
    given = targets["random3@1"]
    for got, expected in zip(given, (own[0], 0.75 * own[1] + 0.25 * style, style, style), strict=True):
        assert torch.allclose(got, expected, rtol=1e-4, atol=1e-7)


def test_a_photo_that_is_given_back_has_no_loss_at_strength_0(small_loss: PerceptualLoss) -> None:
    photos = rescale(torch.rand(2, 3, 32, 32), 1)
    terms = small_loss(
        photos,
        small_loss.content_features(photos),
        grams=small_loss.strength_targets(
            photos, torch.zeros(2), small_loss.style_targets(torch.zeros(2, dtype=torch.int64))
        ),
    )
    assert terms["style"] == pytest.approx(0, abs=1e-9)
    assert terms["content"] == 0


def test_emphasis_weighs_each_samples_content_in_the_total(small_loss: PerceptualLoss) -> None:
    photos, stylized = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    content = small_loss.content_features(photos)
    plain = small_loss(stylized, content)
    first = small_loss(stylized, content, emphasis=torch.tensor([1.0, 0.0]))
    second = small_loss(stylized, content, emphasis=torch.tensor([0.0, 1.0]))
    assert first["content"] == plain["content"]
    without = plain["total"] - small_loss.settings.content_weight * plain["content"]
    assert first["total"] + second["total"] - without == pytest.approx(float(plain["total"]), rel=1e-5)
    assert first["total"] != pytest.approx(float(second["total"]), rel=1e-5)
