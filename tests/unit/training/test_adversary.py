"""The discriminator's training, and training against it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from fast_style.config.entry import compose_training
from fast_style.config.schema import AdversaryConfig
from fast_style.errors import ConfigError
from fast_style.training.adversary import PENALTY_EVERY, Adversary, build_adversary
from fast_style.training.divergence import DivergenceGuard
from fast_style.training.module import StyleModule
from tests.unit.training.helpers import NAN, Noise, Poisoned, fit

ONES = torch.ones(2)


def stripes(count: int = 1, *, transposed: bool = False) -> Tensor:
    bars = (torch.arange(64) % 8 < 4).float().expand(count, 3, 64, 64)
    return bars.transpose(2, 3) if transposed else bars


def make_adversary(*paintings: Tensor, seed: int = 0, **settings: Any) -> Adversary:
    config = AdversaryConfig(**{"width": 8, **settings})
    return Adversary(paintings or (stripes(),), config, weight=0.1, image_size=64, seed=seed)


def learn(adversary: Adversary, stylized: Tensor, steps: range, shares: Tensor = ONES) -> dict[str, Tensor]:
    for step in steps:
        figures = adversary.learn(stylized, [2 * step, 2 * step + 1], shares, step=step, relative_rate=1.0)
    return figures


def same(a: Adversary, b: Adversary) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_it_learns_to_tell_textures_apart_and_teaches_their_difference() -> None:
    adversary, noise = (
        make_adversary(learning_rate=3e-3),
        torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
    )
    first = learn(adversary, noise, range(1))
    last = learn(adversary, noise, range(1, 24))
    assert last["loss"] < 0.5 * first["loss"]
    assert last["real"] > 0.7 and last["fake"] < 0.3 and last["accuracy"] > 0.9
    assert "penalty" in first and "penalty" not in last
    # Toward the painting the term falls, and so does a picture that follows its gradient.
    terms = [
        float(adversary.term(picture, [5, 6], ONES)) for picture in (noise, 0.5 * (noise + stripes(2)), stripes(2))
    ]
    assert terms == sorted(terms, reverse=True)
    picture = noise.clone().requires_grad_()
    before = [weight.clone() for weight in adversary.parameters()]
    for weight in adversary.parameters():
        weight.grad = None
    adversary.term(picture, [5, 6], ONES).backward()
    assert picture.grad is not None and picture.grad.any()
    assert all(weight.grad is None for weight in adversary.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, adversary.parameters(), strict=True))


def test_a_crop_belongs_to_its_sample() -> None:
    """Paintings whose values are the places of their pixels."""
    rows, columns = torch.meshgrid(torch.arange(50.0), torch.arange(90.0), indexing="ij")
    large = torch.stack([rows, columns, torch.zeros(50, 90)])[None]
    small = torch.arange(20.0).view(1, 1, 20, 1).expand(1, 3, 20, 33) + 1000
    adversary = make_adversary(large, small)
    crops = adversary.painting_crops(range(200))
    assert crops.shape == (200, 3, 32, 32)
    assert torch.equal(adversary.painting_crops([9, 150]), crops[[9, 150]])
    from_large = [crop for crop in crops if crop.max() < 1000]
    assert 70 < len(from_large) < 130
    for crop in from_large:
        assert torch.equal(crop[0, :, 0] - crop[0, 0, 0], torch.arange(32.0))
        assert torch.equal((crop[1, 0] - crop[1, 0, 0]).abs(), torch.arange(32.0))
    flipped = [bool(crop[1, 0, 0] > crop[1, 0, 1]) for crop in from_large]
    assert 0.3 < sum(flipped) / len(flipped) < 0.7
    assert {int(crop[0, 0, 0]) for crop in from_large} == set(range(19))
    # The small one is continued by its mirror image.
    mirrored = next(crop for crop in crops if crop.max() >= 1000)[0, :, 0] - 1000
    assert mirrored.tolist() == [*range(20), *range(19, 7, -1)]
    pictures = torch.stack([rows[:, :50], columns[:, :50], rows[:, :50]]).expand(5, 3, 50, 50)
    cut = adversary.crops(pictures, range(5))
    assert torch.equal(cut[3:4], adversary.crops(pictures[:1], [3]))
    assert len({tuple(crop[:2, 0, 0].tolist()) for crop in cut}) > 1


class Mean(nn.Module):
    """A discriminator whose score is a multiple of the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(6.0))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        return [self.factor * pictures.mean((1, 2, 3), keepdim=True)]


def test_the_penalty_is_the_squared_slope_and_counts_for_the_steps_without_one() -> None:
    changes = []
    for penalty in (0.0, 2.0):
        adversary = make_adversary(gradient_penalty=penalty)
        adversary.discriminator = Mean()  # type: ignore[assignment]
        adversary.optimizer = torch.optim.SGD(adversary.discriminator.parameters())
        adversary.largest_rate = 1e-3
        figures = learn(adversary, stripes(2), range(1))
        if penalty:
            assert float(figures["penalty"]) == pytest.approx(36 / (3 * 32**2), rel=1e-5)
        changes.append(float(adversary.discriminator.factor.detach()))
    # The derivative of penalty / 2 · 16 · factor² / (3 · 32²).
    expected = 1e-3 * 2.0 * PENALTY_EVERY * 6 / (3 * 32**2)
    assert changes[0] - changes[1] == pytest.approx(expected, rel=1e-3)


def test_photos_without_a_share_teach_nothing() -> None:
    adversary, untouched = make_adversary(), make_adversary()
    assert learn(adversary, torch.rand(2, 3, 64, 64), range(2), torch.zeros(2)) == {}
    assert same(adversary, untouched)
    assert float(adversary.term(torch.rand(2, 3, 64, 64), [0, 1], torch.zeros(2))) == 0
    pictures = torch.rand(2, 3, 64, 64)
    both = [float(adversary.term(pictures, [0, 1], shares)) for shares in (ONES, torch.eye(2)[0], torch.eye(2)[1])]
    # Not to the last digit: each pass comes nearer to the spectral norm.
    assert both[0] == pytest.approx(both[1] + both[2], rel=1e-3)


def test_the_seed_decides_and_the_state_is_everything() -> None:
    noise = torch.rand(2, 3, 64, 64)
    whole, first, other = make_adversary(), make_adversary(), make_adversary(seed=1)
    assert same(whole, first) and not same(whole, other)
    learn(whole, noise, range(6))
    learn(first, noise, range(3))
    rest = make_adversary(seed=0)
    rest.load_state_dict(copy.deepcopy(first.state_dict()))
    learn(rest, noise, range(3, 6))
    assert same(whole, rest)
    random_state = torch.get_rng_state()
    make_adversary()
    assert torch.equal(torch.get_rng_state(), random_state)


def test_it_is_built_for_a_weight_and_a_single_style_alone(tmp_path: Path) -> None:
    assert build_adversary(compose_training([]), [stripes()]) is None
    made = build_adversary(compose_training(["loss.adversarial_weight=0.3", "adversary.crop=1"]), [stripes()])
    assert made is not None and (made.weight, made.side) == (0.3, 256)
    with pytest.raises(
        ConfigError, match=r"^loss\.adversarial_weight=0\.3: works with a single style.* style\.image=a/$"
    ):
        compose_training(["loss.adversarial_weight=0.3", "style.images=a/"])


@pytest.fixture
def against(module: Poisoned) -> Poisoned:
    """A module that is trained against an adversary, on pictures of 16 pixels."""
    config = AdversaryConfig(width=4, crop=1.0)
    module.adversary = Adversary([stripes()], config, weight=0.5, image_size=16, seed=0)
    return module


class Stop(Callback):
    """Saves after some steps."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step = path, step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


def test_a_resumed_run_ends_the_same_bit_for_bit(
    against: Poisoned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the step from which the strength is learned, where photos below strength 1 have no share."""
    draw = Noise.__getitem__
    # Each batch is the same, as the loader begins again after a resume.
    monkeypatch.setattr(Noise, "__getitem__", lambda self, index: draw(self, index % 2))
    against.first_strength_step = 4
    twin = copy.deepcopy(against)
    fit(against, tmp_path, Stop(tmp_path / "3.ckpt", 3), steps=6)
    saved = torch.load(tmp_path / "3.ckpt", weights_only=True)
    assert not any("adversary" in key or "discriminator" in key for key in saved["state_dict"])
    fit(twin, tmp_path, steps=6, resume=tmp_path / "3.ckpt")
    assert against.adversary is not None and twin.adversary is not None
    assert all(torch.equal(a, b) for a, b in zip(against.parameters(), twin.parameters(), strict=True))
    assert same(against.adversary, twin.adversary)
    assert not same(
        against.adversary, Adversary([stripes()], AdversaryConfig(width=4), weight=1, image_size=16, seed=0)
    )


def test_each_step_counts_once_and_the_network_follows_the_term(against: Poisoned, tmp_path: Path) -> None:
    logged: list[dict[str, float]] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            logged.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    trainer = fit(against, tmp_path, Watch(), steps=4)
    assert trainer.global_step == 4
    assert {"adversary/loss", "adversary/real", "adversary/fake", "adversary/accuracy", "adversary/gradient_norm",
            "adversary/network_gradient_norm", "adversary/penalty", "train/adversarial"} <= set(logged[0])  # fmt: skip
    weights = against.criterion.settings if against.criterion else None
    assert weights is not None
    parts = weights.content_weight * logged[0]["train/content"] + weights.style_weight * logged[0]["train/style"]
    assert logged[0]["train/total"] == pytest.approx(parts + 0.5 * logged[0]["train/adversarial"], rel=1e-5)


def test_a_rollback_takes_the_adversary_back_too(against: Poisoned, tmp_path: Path) -> None:
    assert against.adversary is not None
    kept: list[dict[str, Any]] = []

    class Keep(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: StyleModule, *_: Any) -> None:
            assert pl_module.adversary is not None
            kept.append(copy.deepcopy(pl_module.adversary.state_dict()["discriminator"]))
            if trainer.global_step == 7:  # as a broken gradient would
                next(iter(pl_module.adversary.parameters())).data.fill_(NAN)

    guard = DivergenceGuard(every=2)
    rate = against.adversary.largest_rate
    fit(against, tmp_path, guard, Keep(), steps=8)
    assert guard.rollbacks == 1
    assert all(torch.equal(value, kept[3][key]) for key, value in kept[7].items())
    assert against.adversary.largest_rate == 0.5 * rate
