"""Several styles in one network, in training."""

from __future__ import annotations

import torch

from fast_style.config.schema import LossSettings
from fast_style.perceptual.encoders import RandomFilters
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from fast_style.training.crops import Batch
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.styles import draw_styles


def test_each_round_has_every_style_once_in_an_order_of_its_own() -> None:
    drawn = draw_styles(0, range(40), 8).view(5, 8)
    assert torch.equal(drawn.sort(1).values, torch.arange(8).expand(5, 8))
    assert len({tuple(cycle) for cycle in drawn.tolist()}) == 5
    assert torch.equal(draw_styles(0, range(10, 20), 8), drawn.flatten()[10:20])
    assert not torch.equal(draw_styles(1, range(40), 8), drawn.flatten())


def test_one_style_is_always_the_first() -> None:
    assert draw_styles(0, [3, 99], 1).tolist() == [0, 0]


def test_each_sample_is_compared_with_its_own_style() -> None:
    """A network of two styles learns to paint orange in one and blue in the other."""
    torch.manual_seed(0)
    colors = torch.tensor([[0.9, 0.5, 0.1], [0.1, 0.3, 0.9]])
    images = [color.view(1, 3, 1, 1).expand(1, 3, 32, 32) for color in colors]
    encoder = RandomFilters(["random3"])
    single = [style_grams(encoder, image, ["random3"], [1]) for image in images]
    grams = {name: torch.cat([each[name] for each in single]) for name in single[0]}
    settings = LossSettings(
        content_layers=["random3"], style_layers=["random3"], scales=[1.0], content_scales=[1.0],
        content_weight=0.1, style_weight=10, tv_weight=0.0, checkerboard_weight=0.0,
    )  # fmt: skip
    arguments = {"width": 4, "blocks": 1, "styles": 2}
    module = StyleModule(
        Hyperparameters("lite", arguments, styles=["orange", "blue"]), PerceptualLoss(encoder, grams, settings)
    )
    logged: dict[str, float] = {}
    module.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    module.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore[method-assign]
    optimizer = torch.optim.Adam(module.parameters(), 2e-2)
    photos = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    for step in range(60):
        loss = module.training_step(Batch(photos, list(range(4 * step, 4 * step + 4)), []), 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert {f"train_by_style/{name}/{term}" for name in ("orange", "blue") for term in ("content", "style")} == set(
        logged
    )
    with torch.no_grad():
        painted = module(photos[:2].float() / 255, torch.tensor([0, 1])).mean((2, 3))
    distances = torch.cdist(painted, colors)
    assert distances.argmin(1).tolist() == [0, 1]
    with torch.no_grad():
        module.validation_step(Batch(photos, [0, 1, 2, 3], []), 0)
    assert "val_by_style/blue/style" in logged
