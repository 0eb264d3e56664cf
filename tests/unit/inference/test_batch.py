from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import ImageError, ModelError
from fast_style.images import codec as images
from fast_style.inference import batch as stylize
from fast_style.inference.batch import STREAM, Job, Options, plan, run, unfinished


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
        (["a.jpg"], "out.heic", "unknown suffix '.heic'"),
        (["a.jpg"], "in/notes.txt", "is a file; give a folder"),
        (["a.jpg"], "in/a.jpg/", "is a file; give a folder"),
    ],
)
def test_impossible_plans(pictures: Path, tmp_path: Path, inputs: list[str], output: str, words: str) -> None:
    (pictures / "notes.txt").touch()
    with pytest.raises(ImageError, match=words):
        plan([pictures / name for name in inputs], f"{tmp_path}/{output}")


def test_no_picture_is_written_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p/a.png", "p/b.png", "p/p/a.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(name)
    with pytest.raises(ImageError, match=r"p/p/a\.png: would be written over p/a\.png.* with -o"):
        plan([Path("p")], ".")
    Path("out").mkdir()
    Path("out/a.png").symlink_to(tmp_path / "p/b.png")
    with pytest.raises(ImageError, match=r"p/a\.png: would be written over p/b\.png"):
        plan([Path("p/a.png"), Path("p/b.png")], "out")
    with pytest.raises(ImageError, match="over itself"):
        plan([Path("p/a.png")], "p")
    assert len(plan([Path("p/a.png")], "out")) == 1


def test_folders_whose_names_have_a_suffix(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "there.png").mkdir()
    for output in ("v1.0/", "new.png/", "there.png"):
        (job,) = plan([pictures / "a.jpg"], f"{tmp_path}/{output}")
        assert job.target == tmp_path / output / "a.jpg"
    assert plan([pictures / "sub"], tmp_path / "v1.0")[0].target == tmp_path / "v1.0" / "b.png"


def test_patterns(pictures: Path, tmp_path: Path) -> None:
    jobs = plan([pictures / "**" / "*.jpg"], tmp_path / "out")
    assert {job.target.relative_to(tmp_path / "out").as_posix() for job in jobs} == {"a.jpg", "other/a.jpg"}
    assert [job.target for job in plan([pictures / "s*" / "b.*"], tmp_path / "out")] == [tmp_path / "out/sub/b.png"]
    with pytest.raises(ImageError, match="no picture matches"):
        plan([pictures / "*.webp"], tmp_path / "out")
    odd = pictures / "[1].jpg"
    Image.new("RGB", (8, 8)).save(odd)
    assert plan([odd], tmp_path / "out")[0].source == odd


def test_brackets_of_a_folder_are_no_wildcards(tmp_path: Path) -> None:
    for name in ("h [2023]/sub/a.jpg", "h [2023]/b.jpg", "h 2/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    jobs = plan([tmp_path / "h [2023]" / "**" / "*.jpg"], tmp_path / "out")
    assert [job.target.relative_to(tmp_path / "out").as_posix() for job in jobs] == ["b.jpg", "sub/a.jpg"]
    assert [job.source.name for job in plan([tmp_path / "h [0-9]" / "*.jpg"], tmp_path / "out")] == ["c.jpg"]
    with pytest.raises(ImageError, match="no such file"):
        plan([tmp_path / "h [2023]" / "d.jpg"], tmp_path / "out")


def test_pictures_of_other_kinds_are_counted(pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("x.heic", "sub/y.HEIC", "z.dng", "readme.txt"):
        (pictures / name).touch()
    for given in (pictures, pictures / "**" / "*"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "fast_style"):
            assert len(plan([given], tmp_path / "out")) == 3
        assert "left out (1 .dng, 2 .heic)" in caplog.text
    caplog.clear()
    plan([pictures / "other"], tmp_path / "out")
    assert not caplog.records
    with pytest.raises(ImageError, match=r"only pictures of other kinds \(1 \.heic\)"):
        plan([pictures / "*.heic"], tmp_path / "out")


def test_another_format(pictures: Path, tmp_path: Path) -> None:
    jobs = plan([pictures / "sub", pictures / "a.jpg"], tmp_path / "out", ".webp")
    assert [job.target.name for job in jobs] == ["b.webp", "a.webp"]
    with pytest.raises(ImageError, match=r"\.doc"):
        plan([pictures], tmp_path / "out", ".doc")
    Image.new("RGB", (8, 8)).save(pictures / "a.png")
    with pytest.raises(ImageError, match="would both become"):
        plan([pictures], tmp_path / "out", ".png")


def test_streams(pictures: Path, tmp_path: Path) -> None:
    assert plan([STREAM], STREAM) == [Job(STREAM, STREAM)]
    assert plan([STREAM], tmp_path / "a.png") == [Job(STREAM, tmp_path / "a.png")]
    assert plan([pictures / "a.jpg"], STREAM) == [Job(pictures / "a.jpg", STREAM)]
    with pytest.raises(ImageError, match="no name"):
        plan([STREAM], tmp_path / "out")
    with pytest.raises(ImageError, match="standard output: several"):
        plan([pictures], STREAM)


def test_streams_beside_what_is_there(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of an earlier run, and a folder that is named like the stream."""
    monkeypatch.chdir(pictures)
    Path("-").mkdir()
    job = Job(STREAM, Path("a.jpg"))
    assert plan([STREAM], Path("a.jpg")) == [job]
    assert unfinished([job]) == []
    assert plan([STREAM], STREAM) == [Job(STREAM, STREAM)]


@pytest.mark.parametrize(("name", "words"), [("stdin", "standard input is closed"), ("stdout", "output is closed")])
def test_a_closed_stream(pictures: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.setattr(sys, name, None)
    job = Job(STREAM, pictures / "new.png") if name == "stdin" else Job(pictures / "a.jpg", STREAM)
    (failure,) = run([job], Double(), Options())  # type: ignore[arg-type]
    assert failure is not None
    assert words in failure


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_behind_standard_output(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        (failure,) = run([Job(pictures / "a.jpg", STREAM)], Double(), Options())  # type: ignore[arg-type]
    assert failure is not None
    assert "cannot write standard output: No space left" in failure


def test_an_unreadable_standard_input(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(os.open(pictures / "a.jpg", os.O_WRONLY)) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        (failure,) = run([Job(STREAM, pictures / "new.png")], Double(), Options())  # type: ignore[arg-type]
    assert failure is not None
    assert "cannot read standard input: Bad file descriptor" in failure


@pytest.mark.parametrize("pattern", ["", "**/*"])
def test_results_inside_the_folder_are_no_input(pictures: Path, pattern: str) -> None:
    out = pictures / "painted"
    out.mkdir()
    Image.new("RGB", (8, 8)).save(out / "a.jpg")
    assert sorted(job.source.relative_to(pictures).as_posix() for job in plan([pictures / pattern], out)) == [
        "a.jpg", "other/a.jpg", "sub/b.png",
    ]  # fmt: skip


def test_a_pattern_in_the_output_folder_is_taken_at_its_word(pictures: Path) -> None:
    (job,) = plan([pictures / "sub" / "*.png"], pictures)
    assert job.source == pictures / "sub" / "b.png"


@pytest.mark.parametrize(("given", "output"), [("a.jpg", "a.jpg"), (".", "."), ("a.jpg", ".")])
def test_no_picture_is_written_over_itself(pictures: Path, given: str, output: str) -> None:
    with pytest.raises(ImageError, match="over itself"):
        plan([pictures / given], pictures / output)


class Double:
    """Stands in for a Stylizer: pictures of 13 pixels' width fail, the others are inverted."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def __call__(self, picture: np.ndarray, **options: object) -> np.ndarray:
        self.threads.add(threading.current_thread().name)
        if picture.shape[1] == 13:
            raise ModelError("thirteen")
        return 255 - picture


def make_jobs(folder: Path, count: int) -> list[Job]:
    (folder / "in").mkdir()
    for number in range(count):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(folder / "in" / f"{number:03}.png")
    return plan([folder / "in"], folder / "out")


@pytest.mark.parametrize("threads", [1, 3])
def test_bad_pictures_are_named_and_the_others_done(tmp_path: Path, threads: int) -> None:
    jobs = make_jobs(tmp_path, 30)
    bad = {3: b"no picture", 8: b"", 11: None, 29: b"\x89PNG\r\n\x1a\n"}
    for number, content in bad.items():
        path = jobs[number].source
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    Image.new("RGB", (13, 8)).save(jobs[5].source)
    double = Double()
    results = list(run(jobs, double, Options(jobs=threads)))  # type: ignore[arg-type]
    failures = [line for line in results if line is not None]
    assert len(results) == 30
    assert len(failures) == 5
    for number in (*bad, 5):
        assert any(f"{number:03}.png" in line for line in failures), number
    assert double.threads == {"MainThread"}
    for number in set(range(30)) - {*bad, 5}:
        with Image.open(jobs[number].target) as made:
            assert made.getpixel((0, 0)) == (255 - number, 255, 255)
    assert len(list((tmp_path / "out").iterdir())) == 25


def test_transparency_goes_along_where_the_format_holds_it(tmp_path: Path) -> None:
    """Hard-edged and soft, whole and scaled, with and without metadata."""
    (tmp_path / "in").mkdir()
    alpha = np.full((20, 40), 255, np.uint8)
    alpha[4:12, 4:20] = 0
    alpha[12:] = np.linspace(0, 255, 40)
    picture = Image.new("RGB", (40, 20), (200, 100, 50))
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "in" / "a.png")
    for suffix in (".png", ".webp", ".tif"):
        jobs = plan([tmp_path / "in"], tmp_path / "out", suffix)
        assert list(run(jobs, Double(), Options(metadata=False))) == [None]  # type: ignore[arg-type]
        with Image.open(jobs[0].target) as made:
            assert made.mode == "RGBA"
            assert np.array_equal(np.asarray(made.getchannel("A")), alpha)
            if suffix != ".webp":
                assert made.getpixel((30, 2)) == (55, 155, 205, 255)
    jobs = plan([tmp_path / "in"], tmp_path / "small")
    assert list(run(jobs, Double(), Options(max_size=20))) == [None]  # type: ignore[arg-type]
    with Image.open(jobs[0].target) as made:
        assert (made.mode, made.size) == ("RGBA", (20, 10))
        smaller = Image.fromarray(alpha).resize((20, 10), Image.Resampling.LANCZOS)
        assert np.array_equal(np.asarray(made.getchannel("A")), np.asarray(smaller))
    jobs = plan([tmp_path / "in"], tmp_path / "out", ".jpg")
    assert list(run(jobs, Double(), Options())) == [None]  # type: ignore[arg-type]
    with Image.open(jobs[0].target) as made:
        assert made.mode == "RGB"
        assert max(made.getpixel((12, 8))) < 10  # white, as the double paints it


def test_few_pictures_are_under_way_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short, one: however many threads there are."""
    jobs = make_jobs(tmp_path, 12)
    alive: list[int] = []
    most: list[int] = []
    decode, encode = stylize._decode, stylize._encode

    def counted_decode(*given: Any) -> Any:
        alive.append(1)
        most.append(len(alive))
        return decode(*given)

    def counted_encode(*given: Any) -> None:
        encode(*given)
        alive.pop()

    monkeypatch.setattr(stylize, "_decode", counted_decode)
    monkeypatch.setattr(stylize, "_encode", counted_encode)
    monkeypatch.setattr(stylize, "available_memory", lambda: 0)
    assert list(run(jobs, Double(), Options(jobs=4))) == [None] * 12  # type: ignore[arg-type]
    assert max(most) == 1


def test_a_format_that_cannot_hold_it_is_refused_before_the_work(tmp_path: Path) -> None:
    Image.new("RGB", (17_000, 2)).save(tmp_path / "wide.png")
    double = Double()
    (failure,) = run(plan([tmp_path / "wide.png"], tmp_path / "wide.webp"), double, Options())  # type: ignore[arg-type]
    assert failure is not None
    assert "16383" in failure
    assert not double.threads


def test_a_jpeg_too_large_is_done_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg")
    jobs = plan([tmp_path / "a.jpg"], tmp_path / "out.png")
    (failure,) = run(jobs, Double(), Options())  # type: ignore[arg-type]
    assert failure is not None
    assert failure.endswith("or use --max-size")
    assert list(run(jobs, Double(), Options(max_size=30))) == [None]  # type: ignore[arg-type]
    with Image.open(tmp_path / "out.png") as made:
        assert made.size == (30, 20)


def test_what_is_there_is_left(tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 4)
    list(run(jobs[:3], Double(), Options()))  # type: ignore[arg-type]
    assert unfinished(jobs) == jobs[3:]


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        plan([tmp_path / "none"], tmp_path / "out")
