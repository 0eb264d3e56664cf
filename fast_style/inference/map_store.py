"""Maps of whole pictures, stored between the rounds of a tiled pass: in memory while there is room, or in files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx

LARGEST_HALF = 65504
"""Largest number of float16."""


@dataclass(frozen=True)
class MapShape:
    """The shape of a map for a picture of a certain size."""

    channels: int
    dtype: torch.dtype
    step: int
    """Places for each `stride` pixels of the network."""
    rows: int
    columns: int

    def stored_bytes(self) -> int:
        """Returns the bytes of this map with two bytes for each value."""
        return 2 * self.rows * self.columns * self.channels


class StoredMap:
    """A map of the whole picture, `[H, W, C]`, in memory or in a file.

    Args:
        shape: of the map.
        dtype: the two-byte type that values are stored in.
        file: a file to make; None for memory.
    """

    def __init__(self, shape: MapShape, dtype: torch.dtype, file: Path | None) -> None:
        self._shape = (shape.rows, shape.columns, shape.channels)
        self._dtype = dtype
        self._file = file
        self._array = np.empty(self._shape, np.int16) if file is None else None
        if file is not None:
            np.memmap(file, np.int16, "w+", shape=self._shape)  # makes the file, without filling it

    def _open(self) -> npt.NDArray[np.int16]:
        # Mapped anew for each tile: pages that stay mapped count as memory in use.
        if self._file is None:
            assert self._array is not None
            return self._array
        return np.memmap(self._file, np.int16, "r+", shape=self._shape)

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Returns a rectangle of the map, `[1, C, H, W]`, channels last."""
        values = np.array(self._open()[rows, columns])  # [H, W, C]
        return torch.from_numpy(values).view(self._dtype).permute(2, 0, 1)[None]

    def write(self, rows: slice, columns: slice, features: Tensor) -> None:
        """Stores a rectangle of the map, `[1, C, H, W]`."""
        if self._dtype == torch.float16:
            features = features.clamp(-LARGEST_HALF, LARGEST_HALF)
        values = features[0].permute(1, 2, 0).to(self._dtype).contiguous().cpu()  # [H, W, C]
        self._open()[rows, columns] = values.view(torch.int16).numpy()

    def discard(self) -> None:
        """Lets go of memory or file."""
        self._array = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)


class MapStore:
    """The maps that are stored at a time.

    Args:
        memory: bytes for maps in memory; what does not fit goes into files, while the disk has twice their size.
        folder: for the files.
    """

    def __init__(self, memory: int, folder: Path) -> None:
        self._memory = memory
        self._folder = folder
        self.maps: dict[fx.Node, StoredMap] = {}
        self._in_memory: dict[fx.Node, int] = {}

    def allocate(self, shapes: dict[fx.Node, MapShape], dtype: torch.dtype) -> dict[fx.Node, StoredMap]:
        """Returns a new map of each shape, not among `maps` yet, or none at all where there is no room for them."""
        total = sum(shape.stored_bytes() for shape in shapes.values())
        on_disk = total > self._memory
        if on_disk and 2 * total > shutil.disk_usage(self._folder).free:
            return {}
        allocated = {}
        for node, shape in shapes.items():
            allocated[node] = StoredMap(shape, dtype, self._folder / node.name if on_disk else None)
            self._in_memory[node] = 0 if on_disk else shape.stored_bytes()
            self._memory -= self._in_memory[node]
        return allocated

    def replace(self, added: dict[fx.Node, StoredMap], still_needed: list[fx.Node]) -> None:
        """Adds maps, and discards those that are not needed any more."""
        self.maps |= added
        for node in [node for node in self.maps if node not in still_needed]:
            self.maps.pop(node).discard()
            self._memory += self._in_memory.pop(node)
