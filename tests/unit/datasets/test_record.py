from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from fast_style.datasets.jpegs import (
    PreparedFolder,
    PrepareOptions,
)
from fast_style.datasets.prepare import prepare_folder
from fast_style.datasets.record import RECORD_NAME, open_prepared_folder, remove_outdated
from fast_style.errors import DataError


def prepared(source: Path, target: Path, size: int = 32, quality: int = 90) -> PreparedFolder:
    options = PrepareOptions(size, quality, jobs=1)
    return prepare_folder(source, target, options, console=Console(stderr=True), quiet=True)


def test_a_folder_is_prepared_one_way(photo_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    prepared(photo_folder, target)
    record = json.loads((target / RECORD_NAME).read_text())
    made_from = record.pop("made_from")
    assert record == {"source": str(photo_folder), "size": 32, "quality": 90}
    assert len(made_from) == 10 and made_from["more/01.jpg"].startswith("more/01.jpg, ")
    with pytest.raises(DataError, match=r"with other settings; use size=32 and quality=90 as before, or"):
        prepared(photo_folder, target, size=48)
    with pytest.raises(DataError, match=r"use size=32 and quality=90"):
        prepared(photo_folder, target, quality=80)
    with pytest.raises(DataError, match=r"was made from .*photos, not from .*more; give another folder"):
        prepared(photo_folder / "more", target)
    for text in ("{", "[]", "\xff", '{"made_from": 3}'):
        (target / RECORD_NAME).write_text(text, encoding="latin-1")
        with pytest.raises(DataError, match=r"is damaged"):
            open_prepared_folder(target, source=str(photo_folder), size=32, quality=90)


def test_jpegs_of_changed_photos_are_removed(tmp_path: Path) -> None:
    for name in ("same.jpg", "changed.jpg", "unrelated.jpg"):
        (tmp_path / name).touch()
    remove_outdated(
        tmp_path, {"same.jpg": "a", "changed.jpg": "b"}, {"same.jpg": "a", "changed.jpg": "c", "new.jpg": "d"}
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["same.jpg", "unrelated.jpg"]
