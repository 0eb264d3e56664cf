from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.perceptual import style_cache
from fast_style.perceptual.encoders import RandomFilters
from fast_style.perceptual.style_cache import cached_style_grams

LAYERS = ["random3", "random5"]
SCALES = [1.0, 0.5]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """How often features were computed, with an empty cache."""
    calls: list[int] = []
    original = style_cache.style_grams

    def count(*arguments: object) -> dict[str, torch.Tensor]:
        calls.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(style_cache, "style_grams", count)
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "cache"))
    return calls


def test_the_second_time_it_is_read(counted: list[int]) -> None:
    style = torch.rand(1, 3, 40, 40)
    first = cached_style_grams(RandomFilters(LAYERS), style, LAYERS, SCALES)
    second = cached_style_grams(RandomFilters(LAYERS), style, LAYERS, SCALES)
    assert len(counted) == 1
    assert set(first) == {"random3@1", "random3@0.5", "random5@1", "random5@0.5"}
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_style_size_encoder_layer_or_scale_is_computed(counted: list[int]) -> None:
    style = torch.rand(1, 3, 40, 40)
    encoder = RandomFilters(LAYERS)
    averaged = RandomFilters(LAYERS)
    averaged.pooling = "average"
    for arguments in (
        (encoder, style, LAYERS, SCALES),
        (encoder, style * 0.99, LAYERS, SCALES),
        (encoder, style[..., :39], LAYERS, SCALES),
        (RandomFilters(LAYERS, seed=1), style, LAYERS, SCALES),
        (averaged, style, LAYERS, SCALES),
        (encoder, style, LAYERS[:1], SCALES),
        (encoder, style, LAYERS, [1.0]),
    ):
        before = len(counted)
        cached_style_grams(*arguments)
        assert len(counted) == before + 1


def test_a_cache_that_is_damaged_or_forbidden_is_done_without(
    counted: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = torch.rand(1, 3, 40, 40)
    wanted = cached_style_grams(RandomFilters(LAYERS), style, LAYERS, SCALES)
    (stored,) = (tmp_path / "cache" / "grams").iterdir()
    stored.write_bytes(stored.read_bytes()[:100])
    again = cached_style_grams(RandomFilters(LAYERS), style, LAYERS, SCALES)
    assert all(torch.equal(wanted[name], again[name]) for name in wanted)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "file"))
    again = cached_style_grams(RandomFilters(LAYERS), style, LAYERS, SCALES)
    assert all(torch.equal(wanted[name], again[name]) for name in wanted)
    assert len(counted) == 3
