from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.errors import ImageError
from fast_style.system.paths import (
    PACKAGE,
    cache_folder,
    check_no_url,
    find_input,
    is_pattern,
    name_of,
    resource,
    url_of,
)


def test_what_comes_with_the_package_is_found() -> None:
    assert (PACKAGE / "errors.py").is_file()
    for name in ("conf/train.yaml", "data", "checkpoints"):
        assert resource(name).exists() and resource(name).is_absolute()
    assert not resource("nowhere").exists()


def test_a_file_of_the_user_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_input("conf/train.yaml") == resource("conf/train.yaml")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "train.yaml").touch()
    assert find_input("conf/train.yaml") == Path("conf/train.yaml")
    assert find_input("nowhere.jpg") == Path("nowhere.jpg")
    assert find_input("/nowhere.jpg") == Path("/nowhere.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_input("~/conf") == tmp_path / "conf"


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("FAST_STYLE_CACHE")
    assert "fast_style" in cache_folder().name


@pytest.mark.parametrize("url", ["https://example.com/a.jpg?b=1", "http://example.com", "s3://bucket/photos/"])
def test_a_url_keeps_its_slashes(url: str) -> None:
    assert url_of(url) == url
    assert url_of(Path(url)) == url.rstrip("/")
    with pytest.raises(ImageError, match=r"^https://example\.com/a\.jpg: URLs are not read here; download it first"):
        check_no_url(Path("https://example.com/a.jpg"), ImageError)
    with pytest.raises(ImageError, match=r"^style\.image=https://a/b: URLs are not read here"):
        check_no_url("https://a/b", ImageError, setting="style.image")


def test_a_path_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "https:").mkdir()
    for path in ("photos/a.jpg", "/photos", "12:30.mp4", "C:/photos", "https:"):
        assert url_of(path) is None
        check_no_url(path, ImageError)


@pytest.mark.parametrize(
    ("path", "pattern", "name"),
    [
        ("a/wave.jpg", False, "wave"), ("van_gogh/", False, "van_gogh"), ("van_gogh/*.jpg", True, "van_gogh"),
        ("~/x/**/night?.png", True, "x"), ("a/b [1].jpg", True, "b [1]"), ("*", True, ""), ("", False, ""),
    ],
)  # fmt: skip
def test_a_name_is_that_of_the_file_or_of_the_folder_of_a_pattern(path: str, pattern: bool, name: str) -> None:
    assert (is_pattern(path), name_of(path)) == (pattern, name)
