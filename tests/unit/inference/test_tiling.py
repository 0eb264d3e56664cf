"""Tiles against the whole: the same picture, whatever the network, the size and the room."""

from __future__ import annotations

import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch

from fast_style.inference.graph import normalize_by_no_statistics
from fast_style.inference.tiling import TiledNetwork, cut_positions
from fast_style.models.layers import InstanceNorm2d
from fast_style.models.networks import build_network
from fast_style.models.pixel_interface import PixelInterface
from tests.conftest import make_photo


def make_interface(name: str, **arguments: object) -> PixelInterface:
    """A network whose normalizations do something of their own."""
    torch.manual_seed(0)
    network = build_network(name, width=8, blocks=2, **arguments)
    for module in network.modules():
        if isinstance(module, InstanceNorm2d):
            for parameter in module.parameters():
                torch.nn.init.normal_(parameter, 1, 0.2)
    return PixelInterface(network).eval()


def whole(interface: PixelInterface, picture: np.ndarray, strength: float | None = None) -> np.ndarray:
    at = None if strength is None else torch.tensor([strength])
    with torch.inference_mode():
        return interface(torch.from_numpy(picture[None]), at)[0].numpy()


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    assert a.shape == b.shape
    return np.abs(a.astype(int) - b.astype(int))


@pytest.fixture(scope="module", params=[("johnson", "nearest"), ("lite", "nearest"), ("lite", "linear")])
def interface(request: pytest.FixtureRequest) -> PixelInterface:
    name, upsampling = request.param
    return make_interface(name, upsampling=upsampling)


@pytest.fixture(scope="module")
def tiled(interface: PixelInterface) -> TiledNetwork:
    return TiledNetwork(interface)


@pytest.mark.parametrize("size", [(203, 151), (256, 192), (67, 333), (65, 64), (16, 500), (700, 17)])
def test_exact_tiles_are_the_whole(interface: PixelInterface, tiled: TiledNetwork, size: tuple[int, int]) -> None:
    picture = make_photo(0, *size)
    assert difference(tiled(picture, side=64, map_memory=1 << 30), whole(interface, picture)).max() <= 1


def test_borders_of_tiles_do_not_show(interface: PixelInterface, tiled: TiledNetwork) -> None:
    picture = make_photo(1, 320, 256)
    apart = difference(tiled(picture, side=64), whole(interface, picture))
    borders = [place + offset for place in cut_positions(320, 64, interface.network.stride)[1:-1] for offset in (-1, 0)]
    assert len(borders) == 8
    assert apart[:, borders].mean() <= apart.mean() + 0.02


def test_naive_tiles_would_show(interface: PixelInterface) -> None:
    """The comparison above means something: tiles with statistics of their own differ plainly."""
    picture = make_photo(1, 320, 256)
    naive = np.concatenate([whole(interface, picture[:, x : x + 64]) for x in range(0, 320, 64)], axis=1)
    assert difference(naive, whole(interface, picture)).max() > 10


def test_maps_in_files_and_maps_computed_again_give_the_same(
    tiled: TiledNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = make_photo(2, 130, 150)
    in_memory = tiled(picture, side=64, map_memory=1 << 30)
    assert np.array_equal(tiled(picture, side=64, map_memory=0), in_memory)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 0))
    assert difference(tiled(picture, side=64, map_memory=0), in_memory).max() <= 1


def test_the_strength_goes_through() -> None:
    interface = make_interface("lite", takes_strength=True, upsampling="linear")
    tiled = TiledNetwork(interface)
    picture = make_photo(3, 150, 130)
    results = {}
    for strength in (0.0, 0.7, 1.0):
        results[strength] = tiled(picture, side=64, strength=strength)
        assert difference(results[strength], whole(interface, picture, strength)).max() <= 1
    assert difference(results[0.0], results[1.0]).max() > 10
    assert np.array_equal(tiled(picture, side=64), results[1.0])


def test_bfloat16_is_tiled_too(interface: PixelInterface) -> None:
    def autocast() -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16)

    tiled = TiledNetwork(interface, autocast=autocast, stored_dtype=torch.bfloat16)
    picture = make_photo(4, 200, 100)
    assert difference(tiled(picture, side=64), whole(interface, picture)).mean() < 2


def test_a_halo_is_what_the_network_sees(interface: PixelInterface, tiled: TiledNetwork) -> None:
    """What lies beyond it makes no difference; what lies well inside it does."""
    stride = interface.network.stride
    margin = tiled.halo([tiled.graph.image], tiled.last_map)
    assert 0 < margin < 150
    assert margin % stride == 0
    border = 200 // stride * stride
    picture = torch.from_numpy(make_photo(5, 40, 400))[None]

    def top(changed_from: int) -> torch.Tensor:
        changed = picture.clone()
        changed[:, changed_from:] = 255 - changed[:, changed_from:]
        return tiled.compute([tiled.last_map], {tiled.graph.image: changed}, normalize_by_no_statistics)[0][
            :, :, :border
        ]

    unchanged = top(400)
    assert torch.equal(top(border + margin), unchanged)
    assert not torch.equal(top(border + margin // 2), unchanged)


def test_threads_share_one(interface: PixelInterface, tiled: TiledNetwork) -> None:
    pictures = [make_photo(seed, 100 + seed, 90) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda picture: tiled(picture, side=64), pictures))
    for picture, result in zip(pictures, made, strict=True):
        assert difference(result, whole(interface, picture)).max() <= 1


def test_progress_goes_from_nothing_to_all(tiled: TiledNetwork) -> None:
    shares: list[float] = []
    tiled(make_photo(0, 130, 70), side=64, advance=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_memory_decides_on_the_tile(tiled: TiledNetwork) -> None:
    assert tiled.side_within(1 << 40) == 1024
    assert tiled.side_within(1000) is None
    least = tiled.least_memory()
    assert 64 <= (tiled.side_within(2 * least) or 0) < 1024


@pytest.mark.parametrize(
    ("length", "side", "stride"), [(8, 64, 4), (65, 64, 8), (1000, 64, 8), (64, 64, 4), (129, 64, 4)]
)
def test_cuts(length: int, side: int, stride: int) -> None:
    places = cut_positions(length, side, stride)
    assert places[0] == 0
    assert places[-1] == length
    assert all(place % stride == 0 for place in places[:-1])
    assert all(0 < b - a <= side + stride for a, b in pairwise(places))
