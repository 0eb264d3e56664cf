"""Pictures of any size through a network in bounded memory, without a seam.

Instance normalization takes its mean and variance over the whole picture, so tiles that are stylized one by one
differ from it and from each other. Here the network is cut at its normalizations. Every tile runs up to the first,
and the tiles' means and variances together are the picture's; with these fixed, every tile runs up to the second;
and so on to the end: the arithmetic of one piece, in another order. Maps of moderate size are stored, in memory or
in a file, so that a round begins where an earlier one ended, and a tile needs no more around it than a few
convolutions see.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, fx

from fast_style.inference.engines import Pixels
from fast_style.inference.graph import (
    NetworkGraph,
    Normalize,
    Observe,
    Statistics,
    StatisticsAccumulator,
    Values,
    normalize_by_no_statistics,
    normalize_by_own_statistics,
)
from fast_style.inference.map_store import MapShape, MapStore
from fast_style.inference.options import Advance
from fast_style.models.layers import Condition, InstanceNorm2d
from fast_style.models.networks import TransformationNetwork
from fast_style.models.pixel_interface import PixelInterface

MINIMUM_TILE = 64
LARGEST_TILE = 1024
"""A larger tile is no faster: the border that it computes beyond itself is small already."""
STORED_BYTES = 48
"""Maps are stored where they take no more than this for each pixel of the picture; larger ones are computed again."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def expand(self, margin: int, height: int, width: int) -> Box:
        """Returns the box with a margin on each side, within a picture of this size."""
        return Box(
            max(0, self.top - margin),
            min(height, self.bottom + margin),
            max(0, self.left - margin),
            min(width, self.right + margin),
        )


class TiledNetwork:
    """A network that stylizes a picture of any size tile by tile, with the result of one piece.

    Args:
        interface: the network, on its device, in evaluation mode. Besides PyTorch's modules it may consist of
            whatever `torch.fx` can trace, with square kernels, and of every normalization only in `InstanceNorm2d`.
        device: the device that it is on.
        autocast: makes the context that the network computes in.
        stored_dtype: the two-byte type that maps are stored in between rounds.
    """

    def __init__(
        self,
        interface: PixelInterface,
        *,
        device: str = "cpu",
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
        stored_dtype: torch.dtype = torch.float16,
    ) -> None:
        network = interface.network
        assert isinstance(network, TransformationNetwork)
        self.graph = NetworkGraph(interface)
        self.stride = network.stride
        self.minimum = -(-network.minimum_side // self.stride) * self.stride
        self.device = device
        self.stored_dtype = stored_dtype
        self._autocast = autocast
        self._bytes_per_pixel: float | None = None
        self._halos: dict[tuple[frozenset[fx.Node], fx.Node], int] = {}
        # The output is bytes; what can hold a NaN, by which reach is measured, is the map before it.
        shapes = self.map_shapes(self.minimum, self.minimum)
        self.last_map = next(n for n in reversed(self.graph.nodes) if n in shapes)

    def bytes_per_pixel(self) -> float:
        """Returns about how much memory the network takes for one pixel, in one piece or in one tile."""
        if self._bytes_per_pixel is None:
            most = 0
            side = self.minimum + 8 * self.stride

            def observe(values: Values) -> None:
                nonlocal most
                most = max(most, sum(value.nbytes for value in values.values() if isinstance(value, Tensor)))

            known: Values = {self.graph.image: self._blank(side, side)}
            self.compute([self.graph.end], known, normalize_by_own_statistics, observe=observe)
            # A convolution also holds its padded input, and its library a copy of it in another order.
            self._bytes_per_pixel = 2.5 * most / side**2
        return self._bytes_per_pixel

    def side_within(self, memory: int) -> int | None:
        """Returns the side of the largest useful tile that takes no more than `memory` bytes, None if there is none."""
        side = int((max(0, memory) / self.bytes_per_pixel()) ** 0.5) - 2 * self._margin()
        return min(side, LARGEST_TILE) if side >= MINIMUM_TILE else None

    def least_memory(self) -> int:
        """Returns the bytes that the smallest tile takes."""
        return int(self.bytes_per_pixel() * (MINIMUM_TILE + 2 * self._margin()) ** 2)

    def _margin(self) -> int:
        """Returns the pixels around a tile that it depends on, from the picture to the end."""
        return self.halo([self.graph.image], self.last_map)

    def __call__(
        self,
        picture: Pixels,
        *,
        side: int,
        strength: float | None = None,
        map_memory: int = 0,
        advance: Advance = lambda done: None,
    ) -> Pixels:
        """Stylizes one picture.

        Args:
            picture: uint8 RGB `[H, W, 3]`, at least the network's minimum side.
            side: of the tiles, in pixels; rounded up to what the network needs.
            strength: for a network that takes one; None for 1.
            map_memory: bytes of memory for maps between rounds; beyond that they go into a temporary file.
            advance: called now and then with the fraction of the work that is done.

        Returns:
            The same shape.
        """
        with torch.inference_mode(), tempfile.TemporaryDirectory(prefix="fast-style-") as folder:
            store = MapStore(map_memory, Path(folder))
            return _TiledPass(self, picture, side, strength, store, advance).stylize()

    def compute(
        self,
        targets: Sequence[fx.Node],
        known: Values,
        normalize: Normalize,
        *,
        strength: float | None = None,
        observe: Observe | None = None,
    ) -> list[Tensor]:
        """Computes nodes of the graph at a strength; see `NetworkGraph.compute`."""
        if self.graph.strength is not None:
            known[self.graph.strength] = torch.tensor([1.0 if strength is None else strength], device=self.device)
        with torch.inference_mode(), self._autocast():
            return self.graph.compute(targets, known, normalize, observe)

    def _blank(self, height: int, width: int) -> Tensor:
        return torch.zeros(1, height, width, 3, dtype=torch.uint8, device=self.device)

    def map_shapes(self, height: int, width: int) -> dict[fx.Node, MapShape]:
        """Returns the shape of every map `[N, C, H, W]` for a picture of this size.

        They are measured on two small pictures with the same remainder by the stride: from there on maps grow by
        whole steps.
        """
        small = (self.minimum + self.stride + height % self.stride, self.minimum + self.stride + width % self.stride)
        first, second = (self._trace_maps(small[0] + more, small[1] + more) for more in (0, self.stride))
        steps = ((height - small[0]) // self.stride, (width - small[1]) // self.stride)
        shapes = {}
        for node, tensor in first.items():
            if tensor.ndim == 4 and tensor.dtype.is_floating_point:
                step = second[node].shape[2] - tensor.shape[2]
                rows, columns = (tensor.shape[axis] + steps[axis - 2] * step for axis in (2, 3))
                shapes[node] = MapShape(tensor.shape[1], tensor.dtype, step, rows, columns)
        return shapes

    def _trace_maps(self, height: int, width: int) -> dict[fx.Node, Tensor]:
        """Returns every tensor of a pass over a picture of this size, without its content."""
        found: dict[fx.Node, Tensor] = {}

        def observe(values: Values) -> None:
            for node, value in values.items():
                if isinstance(value, Tensor) and node not in found:
                    found[node] = value.to("meta")

        known: Values = {self.graph.image: self._blank(height, width)}
        self.compute([self.graph.end], known, normalize_by_own_statistics, observe=observe)
        return found

    def halo(self, known: Sequence[fx.Node], target: fx.Node) -> int:
        """Returns how many pixels around a tile `target` depends on when it is computed from `known` maps.

        This is measured: a cell of NaN goes in, and its furthest trace is looked for.
        """
        key = (frozenset(known), target)
        if key not in self._halos:
            cells = 8
            while (reach := self._reach(known, target, cells)) >= cells:
                cells *= 2
            self._halos[key] = reach * self.stride
        return self._halos[key]

    def _reach(self, known: Sequence[fx.Node], target: fx.Node, cells: int) -> int:
        """Returns how many cells a cell of NaN spreads to each side, with `cells` of them beside it."""
        height, width = (2 * cells + 1) * self.stride, self.minimum + self.stride
        shapes = self.map_shapes(height, width)
        values: Values = {}
        for node in known:
            if node is self.graph.image:
                value = torch.zeros(1, height, width, 3, device=self.device)
                value[:, cells * self.stride : (cells + 1) * self.stride] = torch.nan
            else:
                shape = shapes[node]
                value = torch.zeros(1, shape.channels, shape.rows, shape.columns, device=self.device)
                value = value.to(shape.dtype)
                value[:, :, cells * shape.step : (cells + 1) * shape.step] = torch.nan
            values[node] = value
        if self.graph.image not in values:
            values[self.graph.image] = self._blank(height, width)
        (result,) = self.compute([target], values, normalize_by_no_statistics)
        rows = result.isnan().any(dim=3).any(dim=1)[0].nonzero().flatten()
        step = shapes[target].step
        first, last = int(rows[0]) // step, int(rows[-1]) // step
        return max(cells - first, last - cells, 0)


class _TiledPass:
    """One picture on its way through a network, tile by tile."""

    def __init__(
        self,
        network: TiledNetwork,
        picture: Pixels,
        side: int,
        strength: float | None,
        store: MapStore,
        advance: Advance,
    ) -> None:
        self.network, self.graph, self.stride = network, network.graph, network.stride
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        self.strength = strength
        self.store = store
        self.advance = advance
        self.shapes = network.map_shapes(self.height, self.width)
        self.statistics: dict[fx.Node, Statistics] = {}
        side = max(MINIMUM_TILE, -(-side // self.stride) * self.stride)
        rows, columns = (cut_positions(length, side, self.stride) for length in (self.height, self.width))
        self.tiles = [
            Box(top, bottom, left, right) for top, bottom in pairwise(rows) for left, right in pairwise(columns)
        ]

    def stylize(self) -> Pixels:
        work = len(self.tiles) * (len(self.graph.norms) + 1)
        done = 0
        for norm in self.graph.norms:
            self._gather_statistics(norm, done / work, 1 / work)
            done += len(self.tiles)
        result = np.empty_like(self.picture)
        for tile, window, (stylized,) in self._compute_tiles([self.graph.end], [self.network.last_map]):
            top, left = tile.top - window.top, tile.left - window.left
            pixels = stylized[0, top : top + tile.bottom - tile.top, left : left + tile.right - tile.left]
            result[tile.top : tile.bottom, tile.left : tile.right] = pixels.cpu().numpy()
            done += 1
            self.advance(done / work)
        self.store.replace({}, still_needed=[])
        return result

    def _gather_statistics(self, norm: fx.Node, before: float, per_tile: float) -> None:
        """Measures the statistics that `norm` divides by, and stores the maps at this place that are small enough.

        Args:
            norm: a normalization; those before it are done.
            before: the share of the work that is done.
            per_tile: the share of the work that one tile is.
        """
        features = norm.all_input_nodes[0]
        live = [node for node in self.graph.live(norm) if node in self.shapes]
        fresh = {node: self.shapes[node] for node in live if node not in self.store.maps}
        size = sum(shape.stored_bytes() for shape in fresh.values())
        small = size <= STORED_BYTES * self.height * self.width
        stored = self.store.allocate(fresh, self.network.stored_dtype) if small else {}
        accumulator = StatisticsAccumulator()
        targets = [features, *(node for node in stored if node is not features)]
        for number, (tile, window, values) in enumerate(self._compute_tiles(targets, targets), 1):
            for node, value in zip(targets, values, strict=True):
                core = value[(..., *self._slices_within(tile, window, node))]
                if node is features:
                    accumulator.add(core)
                if node in stored:
                    stored[node].write(*self._slices(tile, node), core)
            self.advance(before + number * per_tile)
        self.statistics[norm] = accumulator.result(self.network.device)
        if stored:
            self.store.replace(stored, still_needed=live)

    def _compute_tiles(
        self, targets: Sequence[fx.Node], maps: Sequence[fx.Node]
    ) -> Iterator[tuple[Box, Box, list[Tensor]]]:
        """Yields every tile, the window around it that was computed, and the values of `targets` in the window.

        The window is so large that `maps` are right within the tile.
        """
        needed = self.graph.needed(targets, [*self.store.maps, self.graph.image])
        sources = [node for node in needed if node in self.store.maps or node is self.graph.image]
        margin = max(self.network.halo(sources, node) for node in maps)
        for tile in self.tiles:
            window = tile.expand(margin, self.height, self.width)
            known: Values = {}
            for node in sources:
                if node is self.graph.image:
                    pixels = np.array(self.picture[window.top : window.bottom, window.left : window.right])[None]
                    known[node] = torch.from_numpy(pixels).to(self.network.device)
                else:
                    stored = self.store.maps[node].read(*self._slices(window, node))
                    known[node] = stored.to(self.network.device, self.shapes[node].dtype)
            values = self.network.compute(targets, known, self._normalize, strength=self.strength)
            yield tile, window, values

    def _normalize(self, node: fx.Node, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
        return self.statistics[node].normalize(norm, features, condition)

    def _slices(self, box: Box, node: fx.Node) -> tuple[slice, slice]:
        """Returns rows and columns of a map that lie in `box`, whose top and left are multiples of the stride."""
        shape = self.shapes[node]
        top, left, bottom, right = (
            length // self.stride * shape.step for length in (box.top, box.left, box.bottom, box.right)
        )
        return (
            slice(top, shape.rows if box.bottom == self.height else bottom),
            slice(left, shape.columns if box.right == self.width else right),
        )

    def _slices_within(self, tile: Box, window: Box, node: fx.Node) -> tuple[slice, slice]:
        """Returns where the tile's part of a map lies in the window's."""
        rows, columns = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(self._slices(tile, node), self._slices(window, node), strict=True)
        )
        return rows, columns


def cut_positions(length: int, side: int, stride: int) -> list[int]:
    """Returns where a length is cut into equal parts of about `side` at most, at multiples of `stride`.

    Both ends are included.
    """
    parts = -(-length // side)
    return [number * length // parts // stride * stride for number in range(parts)] + [length]
