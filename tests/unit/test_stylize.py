from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fast_style.errors import ImageError
from fast_style.stylize import Job, plan


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in ("a.jpg", "sub/b.png", "other/a.jpg"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return tmp_path / "in"


def test_one_picture_to_one_file(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert plan([pictures / "a.jpg"], out) == [Job(pictures / "a.jpg", out)]


def test_one_picture_into_a_folder(pictures: Path, tmp_path: Path) -> None:
    assert plan([pictures / "a.jpg"], tmp_path / "out")[0].target == tmp_path / "out" / "a.jpg"


def test_a_folder_is_mirrored(pictures: Path, tmp_path: Path) -> None:
    targets = {job.target.relative_to(tmp_path / "out").as_posix() for job in plan([pictures], tmp_path / "out")}
    assert targets == {"a.jpg", "sub/b.png", "other/a.jpg"}


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (["missing.jpg"], "out", "no such file"),
        (["a.jpg", "sub/b.png"], "out.jpg", "several pictures"),
        (["."], "out.jpg", "several pictures"),
        (["a.jpg", "other/a.jpg"], "out", "two folders"),
    ],
)
def test_impossible_plans(pictures: Path, tmp_path: Path, inputs: list[str], output: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        plan([pictures / name for name in inputs], tmp_path / output)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        plan([tmp_path / "none"], tmp_path / "out")
