"""Finding images in folders."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fast_style.errors import DataError, DataNotFoundError, ImageError
from fast_style.images.encode import save_rgb
from fast_style.images.folders import find_images, readable_photos
from fast_style.images.formats import IMAGE_SUFFIXES, OTHER_SUFFIXES
from tests.unit.images.helpers import noise, one_line


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_images(folder)]


def test_find_images_order_and_suffixes(tmp_path: Path) -> None:
    names = ["b.png", "a/z.jpg", "a/B.JPEG", "a-b/c.webp", "a.TIF", "Z.gif", "a/deep/er/1.bmp", "é.ppm"]
    tree(tmp_path, *names, "notes.txt", "jpg", "a/model.onnx", "x.jpg.part", "noext")
    (tmp_path / "folder.jpg").mkdir()
    assert found(tmp_path) == sorted(names)
    assert found(tmp_path)[:3] == ["Z.gif", "a-b/c.webp", "a.TIF"]


def test_find_images_of_other_kinds(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "b.jfif", "c.JPE", "deep/d.jxl", "e.txt", ".f.jxl")
    assert found(tmp_path) == ["a.jpg", "b.jfif", "c.JPE"]
    assert [path.name for path in find_images(tmp_path, OTHER_SUFFIXES)] == ["d.jxl"]
    assert not IMAGE_SUFFIXES & OTHER_SUFFIXES


def test_find_images_skips_the_hidden_but_not_a_hidden_root(tmp_path: Path) -> None:
    root = tree(tmp_path / ".photos", "a.jpg", ".b.jpg", "._a.jpg", ".cache/c.jpg", "__MACOSX/a.jpg", "d/.e.png")
    assert found(root) == ["a.jpg"]


def test_find_images_follows_links_and_ends(tmp_path: Path) -> None:
    root = tree(tmp_path / "root", "real/a.jpg", "real/sub/b.jpg")
    tree(tmp_path / "outside", "c.jpg", "deep/d.jpg")
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "real" / "up").symlink_to(root)
    (root / "real" / "sub" / "self").symlink_to(root / "real" / "sub")
    (root / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    (root / "file.jpg").symlink_to(tmp_path / "outside" / "c.jpg")
    expected = ["file.jpg", "linked/c.jpg", "linked/deep/d.jpg", "real/a.jpg", "real/sub/b.jpg"]
    assert found(root) == expected
    # A folder with two names is read once, always under the same one.
    (root / "again").symlink_to(tmp_path / "outside")
    assert found(root) == ["again/c.jpg", "again/deep/d.jpg", "file.jpg", "real/a.jpg", "real/sub/b.jpg"]


def test_find_images_of_no_folder(tmp_path: Path) -> None:
    assert find_images(tmp_path) == []
    tree(tmp_path, "a.jpg")
    for path, reason in [(tmp_path / "missing", "No such file"), (tmp_path / "a.jpg", "Not a directory")]:
        with pytest.raises(ImageError) as error:
            find_images(path)
        one_line(error, path, reason)


def test_find_images_passes_over_a_locked_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tree(tmp_path, "a.jpg", "locked/b.jpg", "open/c.jpg")
    plain = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tmp_path) == ["a.jpg", "open/c.jpg"]
    assert f"{tmp_path / 'locked'} is passed over: Permission denied" in caplog.text


def test_unreadable_photos_are_told_apart(tmp_path: Path) -> None:
    save_rgb(noise(), tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    good, bad = readable_photos(tmp_path)
    assert good == [tmp_path / "good.png"]
    assert len(bad) == 1 and bad[0].startswith(f"{tmp_path / 'bad.jpg'} is no image")


def test_folders_without_photos_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"nowhere: no such folder of photos; check the path$"):
        readable_photos(tmp_path / "nowhere")
    with pytest.raises(DataNotFoundError, match=r"no such folder of photos; give one with data\.dir=PATH$"):
        readable_photos(tmp_path / "nowhere", setting="data.dir")
    with pytest.raises(DataError, match=r"it holds no images; give a folder of JPEG"):
        readable_photos(tmp_path)
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    with pytest.raises(DataError, match=r"its only image is not readable \(.*bad\.jpg"):
        readable_photos(tmp_path)
