"""Which painting of several a photo is compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from fast_style.config.entry import compose_training
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import build_loss, painting_grams
from fast_style.perceptual.style_image import load_styles
from fast_style.training.crops import Batch
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.paintings import NearestPaintings, PaintingTargets
from fast_style.training.train import painting_targets
from tests.conftest import make_photo

COLORS = torch.tensor([[0.9, 0.4, 0.1], [0.1, 0.4, 0.9], [0.4, 0.8, 0.2]])


def plain(colors: torch.Tensor) -> torch.Tensor:
    return colors[:, :, None, None].expand(-1, -1, 32, 32)


def test_the_nearest_painting_differs_from_its_kind_as_the_photo_does(small_loss: PerceptualLoss) -> None:
    """Dark photos and bright paintings of the same three hues: each photo finds its own, however they differ."""
    photos, paintings = 0.3 * plain(COLORS), plain(0.4 + 0.6 * COLORS)
    nearest = NearestPaintings(small_loss, list(paintings.split(1)), photos)
    assert nearest.numbers(small_loss.content_features(photos.flip(0))).tolist() == [2, 1, 0]
    alone = NearestPaintings(small_loss, [paintings[:1]], photos)
    assert alone.numbers(small_loss.content_features(photos)).tolist() == [0, 0, 0]


def test_targets_are_the_chosen_paintings_own(small_loss: PerceptualLoss) -> None:
    paintings = list(plain(COLORS).split(1))
    grams = painting_grams(small_loss.encoder, paintings, small_loss.settings)
    by_chance = PaintingTargets(grams, None, seed=0)
    numbers = by_chance.numbers(range(300), {})
    assert numbers.bincount(minlength=3).min() > 70
    assert torch.equal(by_chance.numbers([7, 250], {}), numbers[[7, 250]])
    assert not torch.equal(PaintingTargets(grams, None, seed=1).numbers(range(300), {}), numbers)
    assert torch.equal(by_chance.targets([7, 250], {})["random3@1"], grams["random3@1"][numbers[[7, 250]]])
    by_content = PaintingTargets(grams, NearestPaintings(small_loss, paintings, plain(COLORS)), seed=0)
    content = small_loss.content_features(plain(COLORS).flip(0))
    assert torch.equal(by_content.targets([0, 1, 2], content)["random3@1"], grams["random3@1"].flip(0))


def test_the_setting_decides(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(make_photo(number)).save(tmp_path / f"{number}.png")
    config = compose_training([f"style.image={tmp_path}", "encoder=random", "style.size=64", "encoder.scales=[1.0]"])
    styles = load_styles(config)
    criterion = build_loss(config, *(style.paintings for style in styles))
    grams = painting_grams(criterion.encoder, styles[0].paintings, config.loss)
    for name, each in grams.items():
        layer, scale = name.split("@")
        torch.testing.assert_close(criterion.style_target(layer, float(scale)), each.mean(0, keepdim=True))
    nearest = NearestPaintings(criterion, styles[0].paintings, torch.rand(2, 3, 64, 64))
    made = {}
    for choice in ("mean", "nearest", "random"):
        chosen = replace(config, style=replace(config.style, choice=choice))
        made[choice] = painting_targets(chosen, criterion, styles[0].paintings, nearest)
        assert painting_targets(chosen, criterion, styles[0].paintings[:1], None) is None
    assert made["mean"] is None
    assert made["nearest"] is not None and made["nearest"].nearest is nearest
    assert made["random"] is not None and made["random"].nearest is None


def test_a_training_step_compares_with_the_chosen_painting(small_loss: PerceptualLoss) -> None:
    """A network that changes nothing has no style loss with a painting that is the photo itself."""
    photo = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    paintings = [torch.rand(1, 3, 32, 32), photo.float() / 255]
    module = StyleModule(Hyperparameters("lite", {"width": 4, "blocks": 0}), small_loss)
    module.network.forward = lambda given, *_: given  # type: ignore[method-assign, assignment]
    logged: dict[str, float] = {}
    module.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    grams = painting_grams(small_loss.encoder, paintings, small_loss.settings)
    module.painting_targets = PaintingTargets(
        grams, NearestPaintings(small_loss, paintings, torch.cat(paintings)), seed=0
    )
    module.training_step(Batch(photo, [0], []), 0)
    assert logged["train/style"] < 1e-9
    module.painting_targets = None
    module.training_step(Batch(photo, [0], []), 0)
    assert logged["train/style"] > 1e-3
