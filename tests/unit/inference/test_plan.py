"""Which picture becomes which file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from PIL import Image

from fast_style.errors import ConfigError, FastStyleError, ImageError, ImageNotFoundError
from fast_style.inference import plan
from fast_style.inference.plan import STREAM, PictureJob, plan_jobs, unfinished


def test_one_picture_to_one_file(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert plan_jobs([pictures / "a.jpg"], out) == [PictureJob(pictures / "a.jpg", out)]


def test_one_picture_into_a_folder(pictures: Path, tmp_path: Path) -> None:
    assert plan_jobs([pictures / "a.jpg"], tmp_path / "out")[0].target == tmp_path / "out" / "a.jpg"


def test_a_folder_is_mirrored(pictures: Path, tmp_path: Path) -> None:
    targets = {job.target.relative_to(tmp_path / "out").as_posix() for job in plan_jobs([pictures], tmp_path / "out")}
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
    with pytest.raises(FastStyleError, match=words):
        plan_jobs([pictures / name for name in inputs], f"{tmp_path}/{output}")


def test_no_picture_is_written_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p/a.png", "p/b.png", "p/p/a.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(name)
    with pytest.raises(ImageError, match=r"p/p/a\.png: would be written over p/a\.png.* as output"):
        plan_jobs([Path("p")], ".")
    Path("out").mkdir()
    Path("out/a.png").symlink_to(tmp_path / "p/b.png")
    with pytest.raises(ImageError, match=r"p/a\.png: would be written over p/b\.png"):
        plan_jobs([Path("p/a.png"), Path("p/b.png")], "out")
    with pytest.raises(ImageError, match="over itself"):
        plan_jobs([Path("p/a.png")], "p")
    assert len(plan_jobs([Path("p/a.png")], "out")) == 1


def test_folders_whose_names_have_a_suffix(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "there.png").mkdir()
    for output in ("v1.0/", "new.png/", "there.png"):
        (job,) = plan_jobs([pictures / "a.jpg"], f"{tmp_path}/{output}")
        assert job.target == tmp_path / output / "a.jpg"
    assert plan_jobs([pictures / "sub"], tmp_path / "v1.0")[0].target == tmp_path / "v1.0" / "b.png"


def test_patterns(pictures: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([pictures / "**" / "*.jpg"], tmp_path / "out")
    assert {job.target.relative_to(tmp_path / "out").as_posix() for job in jobs} == {"a.jpg", "other/a.jpg"}
    assert [job.target for job in plan_jobs([pictures / "s*" / "b.*"], tmp_path / "out")] == [
        tmp_path / "out/sub/b.png"
    ]
    with pytest.raises(ImageNotFoundError, match="no picture matches"):
        plan_jobs([pictures / "*.webp"], tmp_path / "out")
    odd = pictures / "[1].jpg"
    Image.new("RGB", (8, 8)).save(odd)
    assert plan_jobs([odd], tmp_path / "out")[0].source == odd


def test_brackets_of_a_folder_are_no_wildcards(tmp_path: Path) -> None:
    for name in ("h [2023]/sub/a.jpg", "h [2023]/b.jpg", "h 2/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    jobs = plan_jobs([tmp_path / "h [2023]" / "**" / "*.jpg"], tmp_path / "out")
    assert [job.target.relative_to(tmp_path / "out").as_posix() for job in jobs] == ["b.jpg", "sub/a.jpg"]
    assert [job.source.name for job in plan_jobs([tmp_path / "h [0-9]" / "*.jpg"], tmp_path / "out")] == ["c.jpg"]
    with pytest.raises(ImageNotFoundError, match="no such file"):
        plan_jobs([tmp_path / "h [2023]" / "d.jpg"], tmp_path / "out")


def test_pictures_of_other_kinds_are_counted(pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("x.jxl", "sub/y.JXL", "z.dng", "readme.txt"):
        (pictures / name).touch()
    for given in (pictures, pictures / "**" / "*"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "fast_style"):
            assert len(plan_jobs([given], tmp_path / "out")) == 3
        assert "left out (1 .dng, 2 .jxl)" in caplog.text
    caplog.clear()
    plan_jobs([pictures / "other"], tmp_path / "out")
    assert not caplog.records
    with pytest.raises(ImageError, match=r"only pictures of other kinds \(1 \.jxl\)"):
        plan_jobs([pictures / "*.jxl"], tmp_path / "out")


def test_another_format(pictures: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([pictures / "sub", pictures / "a.jpg"], tmp_path / "out", ".webp")
    assert [job.target.name for job in jobs] == ["b.webp", "a.webp"]
    with pytest.raises(ImageError, match=r"\.doc"):
        plan_jobs([pictures], tmp_path / "out", ".doc")
    Image.new("RGB", (8, 8)).save(pictures / "a.png")
    jobs = plan_jobs([pictures], tmp_path / "out", ".png")
    names = {job.source.relative_to(pictures).as_posix(): job.target.relative_to(tmp_path / "out") for job in jobs}
    assert names["a.png"] == Path("a.png") and names["a.jpg"] == Path("a.jpg.png")
    (tmp_path / "more").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "more" / "a.jpg")
    for suffix in (None, ".webp"):
        with pytest.raises(ConfigError, match="would both become"):
            plan_jobs([pictures / "a.jpg", tmp_path / "more" / "a.jpg"], tmp_path / "out", suffix)


def test_what_is_read_and_not_written_gets_another_suffix(tmp_path: Path) -> None:
    for name in ("a.pgm", "b.MPO", "b.jpg", "c.pbm", "d.j2k", "e.PNG", "f.pnm"):
        (tmp_path / name).touch()
    jobs = plan_jobs([tmp_path], tmp_path / "out")
    made = {job.source.name: job.target.name for job in jobs}
    assert made == {
        "a.pgm": "a.ppm", "b.MPO": "b.MPO.jpg", "b.jpg": "b.jpg", "c.pbm": "c.ppm", "d.j2k": "d.jp2", "e.PNG": "e.PNG",
        "f.pnm": "f.ppm",
    }  # fmt: skip


def test_heic_left_out_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plan, "IMAGE_SUFFIXES", frozenset({".jpg"}))
    monkeypatch.setattr(plan, "OTHER_SUFFIXES", frozenset({".heic", ".dng"}))
    for name in ("a.jpg", "b.heic", "c.HEIC", "d.dng"):
        (tmp_path / name).touch()
    assert len(plan_jobs([tmp_path], tmp_path / "out")) == 1
    assert "left out (1 .dng, 2 .heic); pip install 'fast-style[heic]' reads HEIC" in caplog.text
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(ImageError, match=r"pip install 'fast-style\[heic\]' reads HEIC"):
        plan_jobs([tmp_path], tmp_path / "out")


def test_streams(pictures: Path, tmp_path: Path) -> None:
    assert plan_jobs([STREAM], STREAM) == [PictureJob(STREAM, STREAM)]
    assert plan_jobs([STREAM], tmp_path / "a.png") == [PictureJob(STREAM, tmp_path / "a.png")]
    assert plan_jobs([pictures / "a.jpg"], STREAM) == [PictureJob(pictures / "a.jpg", STREAM)]
    with pytest.raises(ConfigError, match="no name"):
        plan_jobs([STREAM], tmp_path / "out")
    with pytest.raises(ConfigError, match="standard output: several"):
        plan_jobs([pictures], STREAM)


def test_streams_beside_what_is_there(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of an earlier run, and a folder that is named like the stream."""
    monkeypatch.chdir(pictures)
    Path("-").mkdir()
    job = PictureJob(STREAM, Path("a.jpg"))
    assert plan_jobs([STREAM], Path("a.jpg")) == [job]
    assert unfinished([job]) == []
    assert plan_jobs([STREAM], STREAM) == [PictureJob(STREAM, STREAM)]


@pytest.mark.parametrize("pattern", ["", "**/*"])
def test_results_inside_the_folder_are_no_input(pictures: Path, pattern: str) -> None:
    out = pictures / "painted"
    out.mkdir()
    Image.new("RGB", (8, 8)).save(out / "a.jpg")
    assert sorted(job.source.relative_to(pictures).as_posix() for job in plan_jobs([pictures / pattern], out)) == [
        "a.jpg", "other/a.jpg", "sub/b.png",
    ]  # fmt: skip


def test_a_pattern_in_the_output_folder_is_taken_at_its_word(pictures: Path) -> None:
    (job,) = plan_jobs([pictures / "sub" / "*.png"], pictures)
    assert job.source == pictures / "sub" / "b.png"


@pytest.mark.parametrize(("given", "output"), [("a.jpg", "a.jpg"), (".", "."), ("a.jpg", ".")])
def test_no_picture_is_written_over_itself(pictures: Path, given: str, output: str) -> None:
    with pytest.raises(ImageError, match="over itself"):
        plan_jobs([pictures / given], pictures / output)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        plan_jobs([tmp_path / "none"], tmp_path / "out")
