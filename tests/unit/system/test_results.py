from __future__ import annotations

import os
from pathlib import Path

import pytest

from fast_style.errors import WriteError
from fast_style.system import results
from fast_style.system.results import ResultPolicy, is_result


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and an empty cache beside it."""
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str, policy: ResultPolicy) -> None:
    with policy.guard(lambda: [path]):
        path.write_text(text)


def test_a_result_is_replaced_and_a_file_of_the_user_is_not() -> None:
    made, own = Path("made.jpg"), Path("own.jpg")
    own.write_text("own")
    write(made, "one", ResultPolicy())
    write(made, "two", ResultPolicy())
    assert made.read_text() == "two" and is_result(made) and not is_result(own)
    with pytest.raises(WriteError, match=r"^own\.jpg exists already, and is no result of .* overwrite"):
        write(own, "lost", ResultPolicy())
    with pytest.raises(WriteError, match=r"^made\.jpg exists already; "):
        write(made, "lost", ResultPolicy(overwrite=False))
    assert (own.read_text(), made.read_text()) == ("own", "two")
    write(own, "replaced", ResultPolicy(overwrite=True))
    assert is_result(own)


def test_a_result_that_was_changed_or_copied_is_the_users_own() -> None:
    made, copied, moved = Path("made.jpg"), Path("copied.jpg"), Path("moved.jpg")
    write(made, "one", ResultPolicy())
    copied.write_bytes(made.read_bytes())
    assert not is_result(copied)
    made.rename(moved)
    assert is_result(moved)
    moved.write_text("edited")
    os.utime(moved, ns=(1, 1))
    assert not is_result(moved)


def test_what_was_written_before_a_failure_is_a_result() -> None:
    made, left = Path("made.jpg"), Path("left.jpg")
    with pytest.raises(KeyboardInterrupt), ResultPolicy().guard(lambda: [made, left]):
        made.write_text("x")
        raise KeyboardInterrupt
    assert is_result(made) and not is_result(left)


def test_several_files_are_refused_together() -> None:
    for name in "abc":
        Path(name).write_text("own")
    with (
        pytest.raises(WriteError, match=r"^a exists already \(and 2 more\)"),
        ResultPolicy().guard(lambda: map(Path, "abcd")),
    ):
        raise AssertionError


def test_folders_are_made_inside_of_others_only(place: Path) -> None:
    policy = ResultPolicy()
    policy.check_file(place / "a.jpg")
    policy.check_folder(place / "new")
    policy.check_folder(place)
    for check, path in ((policy.check_file, "new/a.jpg"), (policy.check_folder, "new/folder")):
        with pytest.raises(WriteError, match=rf"^cannot write {path}: there is no folder new; .* with parents$"):
            check(Path(path))
    for check in (ResultPolicy(parents=True).check_file, ResultPolicy(parents=True).check_folder):
        check(place / "new" / "deep" / "a")
    with pytest.raises(WriteError, match=r"^https://a/b\.jpg: results are not written to URLs"):
        ResultPolicy(parents=True).check_file(Path("https://a/b.jpg"))


def test_the_target_of_a_link_counts(place: Path) -> None:
    (place / "there").mkdir()
    Path("link.jpg").symlink_to("there/a.jpg")
    ResultPolicy().check_file(Path("link.jpg"))
    Path("lost.jpg").symlink_to("nowhere/a.jpg")
    with pytest.raises(WriteError, match=r"there is no folder .*nowhere"):
        ResultPolicy().check_file(Path("lost.jpg"))


def test_without_a_cache_every_file_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("blocked").write_text("")
    monkeypatch.setenv("FAST_STYLE_CACHE", str(Path("blocked").resolve() / "cache"))
    write(Path("made.jpg"), "one", ResultPolicy())
    assert not is_result(Path("made.jpg"))


def test_the_record_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LONGEST_RECORD", 400)
    for number in range(20):
        write(Path(f"{number}.jpg"), "x", ResultPolicy())
    assert (results.cache_folder() / results.RECORD).stat().st_size <= 400
    assert is_result(Path("19.jpg")) and not is_result(Path("0.jpg"))
