from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import fx

from fast_style.inference.map_store import LARGEST_HALF, MapShape, MapStore, StoredMap

SHAPE = MapShape(channels=2, dtype=torch.float32, step=1, rows=4, columns=6)


def nodes(count: int) -> list[fx.Node]:
    graph = fx.Graph()
    return [graph.placeholder(f"map{number}") for number in range(count)]


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_what_is_written_is_read(tmp_path: Path, on_disk: bool, dtype: torch.dtype) -> None:
    file = tmp_path / "map" if on_disk else None
    stored = StoredMap(SHAPE, dtype, file)
    piece = torch.randn(1, 2, 3, 2)
    stored.write(slice(1, 4), slice(2, 4), piece)
    assert torch.equal(stored.read(slice(1, 4), slice(2, 4)), piece.to(dtype))
    assert list(tmp_path.iterdir()) == ([file] if on_disk else [])
    stored.discard()
    assert not list(tmp_path.iterdir())


def test_values_beyond_float16_are_clamped() -> None:
    stored = StoredMap(SHAPE, torch.float16, None)
    stored.write(slice(0, 1), slice(0, 1), torch.tensor([1e6, -1e6]).view(1, 2, 1, 1))
    assert stored.read(slice(0, 1), slice(0, 1)).flatten().tolist() == [LARGEST_HALF, -LARGEST_HALF]


def test_memory_first_then_files_then_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = nodes(3)
    store = MapStore(SHAPE.stored_bytes(), tmp_path)
    store.replace(store.allocate({first: SHAPE}, torch.float16), still_needed=[first])
    assert not list(tmp_path.iterdir())
    store.replace(store.allocate({second: SHAPE}, torch.float16), still_needed=[first, second])
    assert [path.name for path in tmp_path.iterdir()] == ["map1"]
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 0))
    assert store.allocate({third: SHAPE}, torch.float16) == {}
    store.replace({}, still_needed=[second])
    assert list(store.maps) == [second]
    assert list(store.allocate({third: SHAPE}, torch.float16)) == [third], "the memory of the first is free again"
    store.replace({}, still_needed=[])
    assert not list(tmp_path.iterdir())
