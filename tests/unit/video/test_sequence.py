from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import MediaError, MediaNotFoundError
from fast_style.video.media import Frame
from fast_style.video.sequence import SequenceReader, SequenceWriter, is_sequence, overwrites
from tests.conftest import make_photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven pictures whose names sort wrongly as text."""
    path = tmp_path / "in"
    path.mkdir()
    for number in range(1, 12):
        Image.fromarray(make_photo(number)).save(path / f"frame{number}.png")
    (path / "notes.txt").write_text("text")
    return path


def test_what_a_sequence_is(tmp_path: Path) -> None:
    assert is_sequence(tmp_path)
    assert is_sequence("frames/%05d.png")
    assert is_sequence("frames")
    assert not is_sequence("clip.mp4")


@pytest.mark.parametrize("name", ["", "frame%d.png"])
def test_pictures_come_in_the_order_of_their_numbers(folder: Path, name: str) -> None:
    reader = SequenceReader(folder / name, Fraction(5))
    frames = list(reader)
    assert [frame.pts * reader.format.time_base for frame in frames] == [Fraction(n, 5) for n in range(11)]
    for number, frame in enumerate(frames, 1):
        assert np.array_equal(frame.rgb, make_photo(number))


def test_a_part(folder: Path) -> None:
    frames = list(SequenceReader(folder, Fraction(5), start=0.4, duration=0.6))
    assert [np.array_equal(f.rgb, make_photo(n)) for n, f in enumerate(frames, 3)] == [True] * 3


def test_a_damaged_picture_is_left_out_and_named(folder: Path) -> None:
    (folder / "frame5.png").write_bytes(b"text")
    reader = SequenceReader(folder, Fraction(5))
    assert [frame.pts for frame in reader] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert "frame5.png" in reader.warnings[0]


def test_what_is_a_digit_but_no_number_is_a_letter(tmp_path: Path) -> None:
    for name in ("²1.png", "10.png", "9.png"):
        Image.fromarray(make_photo(0)).save(tmp_path / name)
    assert len(list(SequenceReader(tmp_path, Fraction(5)))) == 3


def test_another_size_is_an_error(folder: Path) -> None:
    Image.fromarray(make_photo(0, 20, 10)).save(folder / "frame6.png")
    with pytest.raises(MediaError, match=r"frame6.png: is 20x10.*64x48"):
        list(SequenceReader(folder, Fraction(5)))


@pytest.mark.parametrize("name", ["nothing", "in/other%d.png"])
def test_no_pictures(folder: Path, name: str) -> None:
    with pytest.raises(MediaNotFoundError):
        SequenceReader(folder.parent / name, Fraction(5))


@pytest.mark.parametrize(("name", "first"), [("out", "00001.png"), ("out/a%03d.png", "a001.png")])
def test_pictures_are_there_when_all_are_written(tmp_path: Path, name: str, first: str) -> None:
    writer = SequenceWriter(tmp_path / name)
    for number in range(3):
        writer.write(Frame(make_photo(number), number))
    assert not (tmp_path / "out").exists()
    writer.finish()
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 3
    assert names[0] == first
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / first)), make_photo(0))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_part_has_another_name_and_what_was_discarded_is_gone(tmp_path: Path) -> None:
    writer = SequenceWriter(tmp_path / "out")
    writer.write(Frame(make_photo(0), 0))
    assert writer.finish(partial=True) == tmp_path / "out.partial"
    assert len(list((tmp_path / "out.partial").iterdir())) == 1
    writer = SequenceWriter(tmp_path / "two")
    writer.write(Frame(make_photo(0), 0))
    writer.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]


@pytest.mark.parametrize("name", ["", "f%03d.png"])
def test_a_folder_that_is_there_is_all_that_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for partial, found in ((True, Path("partial") / name), (False, Path(name))):
        writer = SequenceWriter(Path(name))
        writer.write(Frame(make_photo(0), 0))
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert writer.finish(partial=partial) == found
    picture = name % 1 if name else "00001.png"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png")) == [picture, f"partial/{picture}"]
    SequenceWriter(Path(name)).discard()
    assert sorted(path.name for path in folder.iterdir()) == [picture, "partial"]


def test_names_may_hold_braces_and_percents(tmp_path: Path) -> None:
    writer = SequenceWriter(tmp_path / "{x}5%_%03d{}.png")
    writer.write(Frame(make_photo(0), 0))
    writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["{x}5%_001{}.png"]


def test_pictures_of_an_earlier_run_are_named(tmp_path: Path) -> None:
    for count, warnings in ((5, 0), (5, 0), (3, 1)):
        writer = SequenceWriter(tmp_path / "f%03d.png")
        for number in range(count):
            writer.write(Frame(make_photo(number), number))
        writer.finish()
        assert len(writer.warnings) == warnings
    assert "2 pictures" in writer.warnings[0]
    assert "f004.png" in writer.warnings[0]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("in/frame%d.png", "in/frame%d.png", True),
        ("in", "in/frame%04d.png", True),
        ("in", "in/../in/frame%d.png", True),
        ("in/frame3.png", "in/frame%d.png", True),
        ("in", "in/painted%d.png", False),
        ("in/frame%d.png", "in", False),
        ("in", "frame%d.png", False),
        ("in", "new/frame%d.png", False),
        ("missing.mp4", "in", False),
        ("https://example.org/frame1.png", "in/frame%d.png", False),
    ],
)
def test_what_would_overwrite_its_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str, expected: bool
) -> None:
    monkeypatch.chdir(folder.parent)
    assert overwrites(Path(target), source) == expected
    Image.fromarray(make_photo(0)).save(folder / "00001.png")
    assert overwrites(folder, "in")


def test_a_name_that_is_too_long_is_an_error_of_ours() -> None:
    for name in ("a" * 300, "a" * 300 + "%d.png"):
        with pytest.raises(MediaError, match="too long"):
            is_sequence(name)


def test_unknown_kinds_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="xyz"):
        SequenceWriter(tmp_path / "%d.xyz")
