"""Stretches of a network against the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, fx

from fast_style.inference.graph import (
    NetworkGraph,
    StatisticsAccumulator,
    Values,
    normalize_by_no_statistics,
    normalize_by_own_statistics,
)
from fast_style.models.layers import Condition, InstanceNorm2d
from fast_style.models.networks import build_network
from fast_style.models.pixel_interface import PixelInterface


@pytest.fixture(params=[("johnson", "nearest"), ("lite", "nearest"), ("lite", "linear")])
def interface(request: pytest.FixtureRequest) -> PixelInterface:
    torch.manual_seed(0)
    name, upsampling = request.param
    network = build_network(name, width=4, blocks=1, takes_strength=True, upsampling=upsampling)
    return PixelInterface(network).eval()


def image(size: int = 32) -> Tensor:
    return torch.randint(0, 256, (1, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def known(graph: NetworkGraph) -> Values:
    assert graph.strength is not None
    return {graph.image: image(), graph.strength: torch.tensor([0.5])}


def test_all_steps_are_the_network(interface: PixelInterface) -> None:
    graph = NetworkGraph(interface)
    with torch.inference_mode():
        (result,) = graph.compute([graph.end], known(graph), normalize_by_own_statistics)
        assert torch.equal(result, interface(image(), torch.tensor([0.5])))


def test_a_stretch_goes_on_from_what_is_known(interface: PixelInterface) -> None:
    """Cut at any normalization: what lives there is all that the rest needs."""
    graph = NetworkGraph(interface)
    with torch.inference_mode():
        (expected,) = graph.compute([graph.end], known(graph), normalize_by_own_statistics)
        for norm in graph.norms:
            live = graph.live(norm)
            values: Values = dict(
                zip(live, graph.compute(live, known(graph), normalize_by_own_statistics), strict=True)
            )
            values |= known(graph)
            (result,) = graph.compute([graph.end], values, normalize_by_own_statistics)
            assert torch.equal(result, expected)
            assert not values, "it is emptied, so that values can be let go"


def test_values_are_let_go_after_their_last_use(interface: PixelInterface) -> None:
    graph = NetworkGraph(interface)
    seen: list[int] = []
    with torch.inference_mode():
        graph.compute(
            [graph.end], known(graph), normalize_by_own_statistics, observe=lambda values: seen.append(len(values))
        )
    assert len(seen) == len(graph.needed([graph.end], [])) - 2  # but for the two inputs
    assert max(seen) < 10


def test_normalizations_are_as_asked(interface: PixelInterface) -> None:
    graph = NetworkGraph(interface)
    asked: list[fx.Node] = []

    def normalize(node: fx.Node, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
        asked.append(node)
        assert condition.strength is not None
        return normalize_by_no_statistics(node, norm, features, condition)

    with torch.inference_mode():
        graph.compute([graph.end], known(graph), normalize)
    assert asked == graph.norms


def test_errors_keep_to_one_line(interface: PixelInterface) -> None:
    graph = NetworkGraph(interface)
    values = known(graph)
    values[graph.image] = torch.zeros(1, 8, 8, 5, dtype=torch.uint8)
    with pytest.raises(RuntimeError) as failure:
        graph.compute([graph.end], values, normalize_by_own_statistics)
    assert "While executing" not in str(failure.value)


def test_statistics_of_pieces_are_those_of_the_whole() -> None:
    features = torch.randn(1, 3, 20, 30) * 5 + 100
    accumulator = StatisticsAccumulator()
    for piece in (features[:, :, :7], features[:, :, 7:, :11], features[:, :, 7:, 11:]):
        accumulator.add(piece)
    statistics = accumulator.result("cpu")
    variance, mean = torch.var_mean(features, dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(statistics.mean, mean)
    torch.testing.assert_close(statistics.variance, variance)
    norm = InstanceNorm2d(3)
    torch.testing.assert_close(statistics.normalize(norm, features, Condition()), norm(features), atol=1e-4, rtol=1e-4)
