"""Pictures of any size through a network in bounded memory, without a seam.

Instance normalisation takes its mean and variance over the whole picture, so tiles that are stylised one by one
differ from it and from each other. Here the network is cut at its normalisations. Every tile runs up to the first,
and the tiles' means and variances together are the picture's; with these frozen every tile runs up to the second;
and so on to the end: the arithmetic of one piece, in another order. Maps of moderate size are kept, in memory or in
a file, so that a round begins where an earlier one ended, and a tile needs no more around it than a few
convolutions see.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from fast_style.inference.graph import Gathered, Graph, Normalize, Statistics
from fast_style.models.networks import InstanceNorm2d, PixelInterface, TransformationNetwork

MINIMUM_TILE = 64
LARGEST_TILE = 1024
"""A larger tile is no faster: what it has to see around itself is little already."""
KEPT_BYTES = 48
"""Maps are kept where they are smaller than this, of one pixel of the picture; larger ones are computed again."""

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, margin: int, height: int, width: int) -> Box:
        return Box(
            max(0, self.top - margin),
            min(height, self.bottom + margin),
            max(0, self.left - margin),
            min(width, self.right + margin),
        )


@dataclass(frozen=True)
class MapShape:
    """How large a map is for a picture of any size."""

    channels: int
    dtype: torch.dtype
    step: int  # places for each `stride` pixels
    rows: int  # for a picture `height` pixels high
    columns: int


class Kept:
    """A map of the whole picture, `[H, W, C]`, in memory or in a file."""

    def __init__(self, shape: MapShape, dtype: torch.dtype, file: Path | None) -> None:
        self._shape = (shape.rows, shape.columns, shape.channels)
        self._dtype = dtype
        self._file = file
        self._array = np.empty(self._shape, np.int16) if file is None else None
        if file is not None:
            np.memmap(file, np.int16, "w+", shape=self._shape)  # makes the file, without filling it

    def _open(self) -> np.ndarray:
        # Mapped anew for each tile: pages that stay mapped count as memory in use.
        if self._file is None:
            assert self._array is not None
            return self._array
        return np.memmap(self._file, np.int16, "r+", shape=self._shape)

    def read(self, rows: slice, columns: slice) -> Tensor:
        """`[1, C, H, W]`, channels last."""
        piece = np.array(self._open()[rows, columns])
        return torch.from_numpy(piece).view(self._dtype).permute(2, 0, 1)[None]

    def write(self, rows: slice, columns: slice, features: Tensor) -> None:
        if self._dtype == torch.float16:
            features = features.clamp(-65504, 65504)
        piece = features[0].permute(1, 2, 0).to(self._dtype).contiguous().cpu()
        self._open()[rows, columns] = piece.view(torch.int16).numpy()

    def drop(self) -> None:
        self._array = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)


class TiledNetwork:
    """Stylises a picture of any size tile by tile, as the network would in one piece.

    Args:
        interface: the network, on its device, in evaluation mode. Besides PyTorch's modules it may consist of
            whatever `torch.fx` can trace, with square kernels, and of every normalisation only in `InstanceNorm2d`.
        autocast: makes the context that the network computes in.
    """

    def __init__(
        self,
        interface: PixelInterface,
        *,
        device: str = "cpu",
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        kept_dtype: torch.dtype = torch.float16,
    ) -> None:
        network = interface.network
        assert isinstance(network, TransformationNetwork)
        self.graph = Graph(interface)
        self.stride = network.stride
        self.minimum = -(-network.minimum_side // self.stride) * self.stride
        self.device = device
        self._autocast = autocast
        self._kept_dtype = kept_dtype
        self._bytes: float | None = None
        self._halos: dict[tuple[frozenset[fx.Node], fx.Node], int] = {}
        # The output is bytes; what can hold a NaN, by which reach is measured, is the map before it.
        shapes = self._shapes(self.minimum, self.minimum)
        self._last = next(n for n in reversed(self.graph.nodes) if n in shapes and shapes[n].dtype.is_floating_point)

    def bytes_per_pixel(self) -> float:
        """About how much memory the network takes for one pixel, in one piece or in one tile."""
        if self._bytes is not None:
            return self._bytes
        most = 0
        side = self.minimum + 8 * self.stride

        def watch(values: dict[fx.Node, Any]) -> None:
            nonlocal most
            most = max(most, sum(value.nbytes for value in values.values() if isinstance(value, Tensor)))

        self._run([self.graph.end], {self.graph.image: self._blank(side, side)}, _own, watch=watch)
        # A convolution also holds its padded input, and its library a copy of it in another order.
        self._bytes = 2.5 * most / side**2
        return self._bytes

    def side_within(self, memory: int) -> int | None:
        """The side of the largest useful tile that takes no more than `memory` bytes, None where there is none."""
        side = int((max(0, memory) / self.bytes_per_pixel()) ** 0.5) - 2 * self._margin()
        return min(side, LARGEST_TILE) if side >= MINIMUM_TILE else None

    def least_memory(self) -> int:
        """Bytes that the smallest tile takes."""
        return int(self.bytes_per_pixel() * (MINIMUM_TILE + 2 * self._margin()) ** 2)

    def _margin(self) -> int:
        """What a tile sees around itself, from the picture to the end."""
        return self.halo([self.graph.image], self._last)

    def __call__(
        self,
        picture: np.ndarray,
        *,
        side: int,
        strength: float | None = None,
        room: int = 0,
        advance: Advance = lambda share: None,
    ) -> np.ndarray:
        """Stylises one picture.

        Args:
            picture: uint8 RGB `[H, W, 3]`, at least the network's minimum side.
            side: of the tiles, in pixels; rounded up to what the network needs.
            strength: for a network with a dial.
            room: bytes of memory for maps that are kept; beyond that they go into a temporary file.
            advance: told from time to time which share of the work is done.

        Returns:
            The same shape.
        """
        with torch.inference_mode(), tempfile.TemporaryDirectory(prefix="fast-style-") as folder:
            return _Run(self, picture, side, strength, _Room(room, Path(folder)), advance).stylize()

    def _run(
        self,
        targets: Sequence[fx.Node],
        known: dict[fx.Node, Any],
        normalize: Normalize,
        *,
        strength: float | None = None,
        watch: Callable[[dict[fx.Node, Any]], None] | None = None,
    ) -> list[Any]:
        if self.graph.strength is not None:
            known[self.graph.strength] = torch.tensor([1.0 if strength is None else strength], device=self.device)
        with torch.inference_mode(), self._autocast():
            return self.graph.compute(targets, known, normalize, watch)

    def _blank(self, height: int, width: int) -> Tensor:
        return torch.zeros(1, height, width, 3, dtype=torch.uint8, device=self.device)

    def _shapes(self, height: int, width: int) -> dict[fx.Node, MapShape]:
        """Of every map `[N, C, H, W]`, for a picture of this size. Measured on two small ones that share its odd
        pixels: from there on maps grow by whole steps."""
        small = (self.minimum + self.stride + height % self.stride, self.minimum + self.stride + width % self.stride)
        sizes: list[dict[fx.Node, Tensor]] = []
        for more in (0, self.stride):
            found: dict[fx.Node, Tensor] = {}

            def watch(values: dict[fx.Node, Any], found: dict[fx.Node, Tensor] = found) -> None:
                found.update({k: v.to("meta") for k, v in values.items() if isinstance(v, Tensor) and k not in found})

            blank = self._blank(small[0] + more, small[1] + more)
            self._run([self.graph.end], {self.graph.image: blank}, _own, watch=watch)
            sizes.append(found)
        steps = ((height - small[0]) // self.stride, (width - small[1]) // self.stride)
        shapes = {}
        for node, tensor in sizes[0].items():
            if tensor.ndim == 4 and tensor.dtype.is_floating_point:
                step = sizes[1][node].shape[2] - tensor.shape[2]
                rows, columns = (tensor.shape[axis] + steps[axis - 2] * step for axis in (2, 3))
                shapes[node] = MapShape(tensor.shape[1], tensor.dtype, step, rows, columns)
        return shapes

    def halo(self, known: Sequence[fx.Node], target: fx.Node) -> int:
        """How many pixels around a tile `target` depends on when it is computed from `known` maps.

        Measured: a cell of NaN goes in, and its furthest trace is looked for.
        """
        key = (frozenset(known), target)
        if key not in self._halos:
            cells = 8
            while (reach := self._reach(known, target, cells)) >= cells:
                cells *= 2
            self._halos[key] = reach * self.stride
        return self._halos[key]

    def _reach(self, known: Sequence[fx.Node], target: fx.Node, cells: int) -> int:
        height, width = (2 * cells + 1) * self.stride, self.minimum + self.stride
        shapes = self._shapes(height, width)
        values: dict[fx.Node, Any] = {}
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
        (result,) = self._run([target], values, _none)
        rows = result.isnan().any(dim=3).any(dim=1)[0].nonzero().flatten()
        step = shapes[target].step
        first, last = int(rows[0]) // step, int(rows[-1]) // step
        return max(cells - first, last - cells, 0)


def _none(node: fx.Node, norm: InstanceNorm2d, features: Tensor, strength: Tensor | None) -> Tensor:
    """A mean of 0 and a variance of 1, so that each place stays on its own."""
    zeros = torch.zeros(features.shape[1], device=features.device)
    return Statistics(zeros, zeros + 1).normalize(norm, features, strength)


def _own(node: fx.Node, norm: InstanceNorm2d, features: Tensor, strength: Tensor | None) -> Tensor:
    return norm(features, strength)


class _Room:
    """Where kept maps go: into memory while there is room, then into files while the disk has twice their size."""

    def __init__(self, memory: int, folder: Path) -> None:
        self.memory = memory
        self.folder = folder
        self.held: dict[fx.Node, tuple[Kept, int]] = {}

    def take(self, shapes: dict[fx.Node, MapShape], dtype: torch.dtype) -> dict[fx.Node, Kept] | None:
        """Room for all of these, or None."""
        sizes = {node: 2 * shape.rows * shape.columns * shape.channels for node, shape in shapes.items()}
        on_disk = sum(sizes.values()) > self.memory
        if on_disk and 2 * sum(sizes.values()) > shutil.disk_usage(self.folder).free:
            return None
        made = {}
        for node, shape in shapes.items():
            made[node] = Kept(shape, dtype, self.folder / node.name if on_disk else None)
            self.held[node] = (made[node], 0 if on_disk else sizes[node])
            self.memory -= self.held[node][1]
        return made

    def drop(self, node: fx.Node) -> None:
        kept, size = self.held.pop(node)
        kept.drop()
        self.memory += size


class _Run:
    """One picture on its way through."""

    def __init__(
        self,
        tiled: TiledNetwork,
        picture: np.ndarray,
        side: int,
        strength: float | None,
        room: _Room,
        advance: Advance,
    ) -> None:
        self.tiled, self.graph, self.stride = tiled, tiled.graph, tiled.stride
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        self.strength = strength
        self.room = room
        self.advance = advance
        self.shapes = tiled._shapes(self.height, self.width)
        self.statistics: dict[fx.Node, Statistics] = {}
        self.maps: dict[fx.Node, Kept] = {}
        side = max(MINIMUM_TILE, -(-side // self.stride) * self.stride)
        rows, columns = (cuts(length, side, self.stride) for length in (self.height, self.width))
        self.tiles = [
            Box(top, bottom, left, right) for top, bottom in pairwise(rows) for left, right in pairwise(columns)
        ]

    def stylize(self) -> np.ndarray:
        work = len(self.tiles) * (len(self.graph.norms) + 1)
        done = 0
        for norm in self.graph.norms:
            self._gather(norm, done / work, 1 / work)
            done += len(self.tiles)
        result = np.empty_like(self.picture)
        for tile, window, values in self._each([self.graph.end], self.tiled._last):
            top, left = tile.top - window.top, tile.left - window.left
            piece = values[0][0, top : top + tile.bottom - tile.top, left : left + tile.right - tile.left]
            result[tile.top : tile.bottom, tile.left : tile.right] = piece.cpu().numpy()
            done += 1
            self.advance(done / work)
        for node in list(self.maps):
            self.room.drop(node)
        return result

    def _gather(self, norm: fx.Node, before: float, share: float) -> None:
        """The statistics that `norm` divides by; keeps the maps at this place where they are small enough."""
        features = norm.all_input_nodes[0]
        live = [node for node in self.graph.live(norm) if node in self.shapes]
        fresh = {node: self.shapes[node] for node in live if node not in self.maps}
        size = sum(2 * shape.rows * shape.columns * shape.channels for shape in fresh.values())
        keep = size <= KEPT_BYTES * self.height * self.width
        kept = (self.room.take(fresh, self.tiled._kept_dtype) if keep else None) or {}
        gathered = Gathered()
        targets = [features, *(node for node in kept if node is not features)]
        for number, (tile, window, values) in enumerate(self._each(targets, *targets), 1):
            for node, value in zip(targets, values, strict=True):
                core = value[(..., *self._within(tile, window, node))]
                if node is features:
                    gathered.add(core)
                if node in kept:
                    kept[node].write(*self._places(tile, node), core)
            self.advance(before + number * share)
        self.statistics[norm] = gathered.result(self.tiled.device)
        if kept:
            self.maps |= kept
            for node in [node for node in self.maps if node not in live]:
                del self.maps[node]
                self.room.drop(node)

    def _each(self, targets: Sequence[fx.Node], *seen: fx.Node) -> Iterator[tuple[Box, Box, list[Any]]]:
        """Every tile, the window around it that was computed, and the values of `targets` there; `seen` are the maps
        by which the window's margin is measured."""
        needed = self.graph.needed(targets, [*self.maps, self.graph.image])
        sources = [node for node in needed if node in self.maps or node is self.graph.image]
        margin = max(self.tiled.halo(sources, node) for node in seen)
        for tile in self.tiles:
            window = tile.grown(margin, self.height, self.width)
            known: dict[fx.Node, Any] = {}
            for node in sources:
                if node is self.graph.image:
                    piece = np.array(self.picture[window.top : window.bottom, window.left : window.right])[None]
                    known[node] = torch.from_numpy(piece).to(self.tiled.device)
                else:
                    kept = self.maps[node].read(*self._places(window, node))
                    known[node] = kept.to(self.tiled.device, self.shapes[node].dtype)
            yield tile, window, self.tiled._run(targets, known, self._frozen, strength=self.strength)

    def _frozen(self, node: fx.Node, norm: InstanceNorm2d, features: Tensor, strength: Tensor | None) -> Tensor:
        return self.statistics[node].normalize(norm, features, strength)

    def _places(self, box: Box, node: fx.Node) -> tuple[slice, slice]:
        """Rows and columns of a map that lie in `box`, whose top and left are multiples of the stride."""
        shape = self.shapes[node]
        top, left, bottom, right = (
            length // self.stride * shape.step for length in (box.top, box.left, box.bottom, box.right)
        )
        return (
            slice(top, shape.rows if box.bottom == self.height else bottom),
            slice(left, shape.columns if box.right == self.width else right),
        )

    def _within(self, tile: Box, window: Box, node: fx.Node) -> tuple[slice, slice]:
        """Where the tile's part of a map lies in the window's."""
        rows, columns = (
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(self._places(tile, node), self._places(window, node), strict=True)
        )
        return rows, columns


def cuts(length: int, side: int, stride: int) -> list[int]:
    """Where a side is cut into equal parts of at most about `side`, at multiples of `stride`: both ends included."""
    parts = -(-length // side)
    return [number * length // parts // stride * stride for number in range(parts)] + [length]
