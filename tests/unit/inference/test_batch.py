"""Pictures are read, stylized and written; bad ones are named."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.errors import UNSET, ConfigError, ModelError
from fast_style.images import decode
from fast_style.inference import batch as batch_module
from fast_style.inference.batch import BatchOptions, JobFailure, run_jobs, stylize_files
from fast_style.inference.options import StylizeOptions
from fast_style.inference.plan import STREAM, PictureJob, plan_jobs, unfinished
from fast_style.inference.stylizer import Stylizer


@pytest.mark.parametrize(("name", "words"), [("stdin", "standard input is closed"), ("stdout", "output is closed")])
def test_a_closed_stream(pictures: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.setattr(sys, name, None)
    job = PictureJob(STREAM, pictures / "new.png") if name == "stdin" else PictureJob(pictures / "a.jpg", STREAM)
    (failure,) = run_jobs([job], Double(), BatchOptions())  # type: ignore[arg-type]
    assert failure is not None
    assert words in str(failure)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_behind_standard_output(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        (failure,) = run_jobs([PictureJob(pictures / "a.jpg", STREAM)], Double(), BatchOptions())  # type: ignore[arg-type]
    assert failure is not None
    assert "cannot write standard output: No space left" in str(failure)


def test_an_unreadable_standard_input(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(os.open(pictures / "a.jpg", os.O_WRONLY)) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        (failure,) = run_jobs([PictureJob(STREAM, pictures / "new.png")], Double(), BatchOptions())  # type: ignore[arg-type]
    assert failure is not None
    assert "cannot read standard input: Bad file descriptor" in str(failure)


class Double:
    """Stands in for a Stylizer: pictures of 13 pixels' width fail, the others are inverted."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def stylize(self, batch: np.ndarray, options: StylizeOptions, advance: Callable[[float], None]) -> np.ndarray:
        self.threads.add(threading.current_thread().name)
        if batch.shape[2] == 13:
            raise ModelError("thirteen")
        return 255 - batch


def make_jobs(folder: Path, count: int) -> list[PictureJob]:
    (folder / "in").mkdir()
    for number in range(count):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(folder / "in" / f"{number:03}.png")
    return plan_jobs([folder / "in"], folder / "out")


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
    results = list(run_jobs(jobs, double, BatchOptions(threads=threads)))  # type: ignore[arg-type]
    failures = [str(failure) for failure in results if failure is not None]
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
        jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", suffix)
        assert list(run_jobs(jobs, Double(), BatchOptions(metadata=False))) == [None]  # type: ignore[arg-type]
        with Image.open(jobs[0].target) as made:
            assert made.mode == "RGBA"
            assert np.array_equal(np.asarray(made.getchannel("A")), alpha)
            if suffix != ".webp":
                assert made.getpixel((30, 2)) == (55, 155, 205, 255)
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "small")
    assert list(run_jobs(jobs, Double(), BatchOptions(max_size=20))) == [None]  # type: ignore[arg-type]
    with Image.open(jobs[0].target) as made:
        assert (made.mode, made.size) == ("RGBA", (20, 10))
        smaller = Image.fromarray(alpha).resize((20, 10), Image.Resampling.LANCZOS)
        assert np.array_equal(np.asarray(made.getchannel("A")), np.asarray(smaller))
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", ".jpg")
    assert list(run_jobs(jobs, Double(), BatchOptions())) == [None]  # type: ignore[arg-type]
    with Image.open(jobs[0].target) as made:
        assert made.mode == "RGB"
        assert max(made.getpixel((12, 8))) < 10  # white, as the double paints it


def test_few_pictures_are_under_way_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short, one: however many threads there are."""
    jobs = make_jobs(tmp_path, 12)
    alive: list[int] = []
    most: list[int] = []
    decode, encode = batch_module._decode, batch_module._encode

    def counted_decode(*given: Any) -> Any:
        alive.append(1)
        most.append(len(alive))
        return decode(*given)

    def counted_encode(*given: Any) -> None:
        encode(*given)
        alive.pop()

    monkeypatch.setattr(batch_module, "_decode", counted_decode)
    monkeypatch.setattr(batch_module, "_encode", counted_encode)
    monkeypatch.setattr(batch_module, "available_memory", lambda: 0)
    assert list(run_jobs(jobs, Double(), BatchOptions(threads=4))) == [None] * 12  # type: ignore[arg-type]
    assert max(most) == 1


def test_a_format_that_cannot_hold_it_is_refused_before_the_work(tmp_path: Path) -> None:
    Image.new("RGB", (17_000, 2)).save(tmp_path / "wide.png")
    double = Double()
    (failure,) = run_jobs(plan_jobs([tmp_path / "wide.png"], tmp_path / "wide.webp"), double, BatchOptions())  # type: ignore[arg-type]
    assert failure is not None
    assert "16383" in str(failure)
    assert not double.threads


def test_a_jpeg_too_large_is_done_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 10_000)
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg")
    jobs = plan_jobs([tmp_path / "a.jpg"], tmp_path / "out.png")
    (failure,) = run_jobs(jobs, Double(), BatchOptions())  # type: ignore[arg-type]
    assert failure is not None
    assert str(failure).endswith("or use max_size")
    assert list(run_jobs(jobs, Double(), BatchOptions(max_size=30))) == [None]  # type: ignore[arg-type]
    with Image.open(tmp_path / "out.png") as made:
        assert made.size == (30, 20)


def test_what_is_there_is_left(tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 4)
    list(run_jobs(jobs[:3], Double(), BatchOptions()))  # type: ignore[arg-type]
    assert unfinished(jobs) == jobs[3:]


def test_a_failure_names_its_picture_once_and_spells_settings() -> None:
    error = ConfigError("too large", setting="stroke", value=0.5, remedy="use {stroke}", suggestions={"stroke": 1})
    failure = JobFailure(Path("in/a.png"), error)
    assert str(failure) == "in/a.png: stroke=0.5: too large; use stroke=1"

    def spell(setting: str, value: object) -> str:
        return f"--{setting}" if value is UNSET else f"--{setting} {value}"

    assert failure.render(spell) == "in/a.png: --stroke 0.5: too large; use --stroke 1"
    assert str(JobFailure(Path("a.png"), ModelError("a.png is empty"))) == "a.png is empty"
    assert str(JobFailure(STREAM, ModelError("empty"))) == "empty"


def test_files_with_a_summary(tmp_path: Path, tiny_model: Path) -> None:
    jobs = make_jobs(tmp_path, 2)
    console = Console(record=True, width=200)
    stylizer = Stylizer.load(tiny_model)
    options = BatchOptions(StylizeOptions(strength=0.5))
    assert stylize_files(jobs, stylizer, options, console=console, quiet=False).failures == []
    assert "Tiny: 2 pictures (ONNX Runtime on the CPU)" in console.export_text()
    with Image.open(jobs[1].target) as made, Image.open(jobs[1].source) as source:
        expected = stylizer(np.asarray(source), strength=0.5)
        assert np.array_equal(np.asarray(made), expected)
    jobs[0].source.write_bytes(b"")
    (failure,) = stylize_files(jobs, stylizer, options, console=console, quiet=True).failures
    assert failure.source == jobs[0].source
    with pytest.raises(ConfigError, match="strength=3"):
        stylize_files(jobs, stylizer, BatchOptions(StylizeOptions(strength=3)), console=console, quiet=True)


def test_the_summary_names_what_did_the_work(tmp_path: Path, tiny_model: Path) -> None:
    jobs = make_jobs(tmp_path, 2)
    Image.new("RGB", (100, 80)).save(jobs[1].source)
    console = Console(record=True, width=200)
    stylizer = Stylizer.load(tiny_model, tile=64)
    tiled, whole = "torch on the CPU in float32, in tiles", "ONNX Runtime on the CPU"
    report = stylize_files(jobs[1:], stylizer, BatchOptions(), console=console, quiet=False)
    assert f"001.png ({tiled})" in console.export_text()
    report = stylize_files(jobs, stylizer, BatchOptions(), console=console, quiet=False)
    assert report.engines == {tiled: 1, whole: 1}
    assert f"(1 picture: {whole}; 1 picture: {tiled})" in console.export_text()
    assert [(result.width, result.height) for result in report.results] == [(20, 10), (100, 80)]
    assert all(seconds > 0 for seconds in report.timings.totals().values())
    jobs[0].source.write_bytes(b"")
    stylize_files(jobs, stylizer, BatchOptions(), console=console, quiet=False)
    assert "Tiny: 1 picture (torch" in console.export_text()


class Unchanged(Double):
    """Stands in for a Stylizer at strength 0."""

    def stylize(self, batch: np.ndarray, options: StylizeOptions, advance: Callable[[float], None]) -> np.ndarray:
        return batch.copy()


def test_at_strength_0_what_is_half_transparent_keeps_its_colors(tmp_path: Path) -> None:
    rgba = np.zeros((32, 48, 4), np.uint8)
    rgba[..., 3] = np.linspace(0, 255, 48)  # a black shadow
    rgba[16:, :, :3] = (200, 30, 90)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    jobs = [PictureJob(tmp_path / "a.png", tmp_path / name) for name in ("out.png", "out.tif", "out.jpg")]
    assert list(run_jobs(jobs, Unchanged(), BatchOptions())) == [None] * 3  # type: ignore[arg-type]
    for job in jobs[:2]:
        with Image.open(job.target) as made:
            pixels = np.asarray(made)
        np.testing.assert_array_equal(pixels[..., 3], rgba[..., 3])
        np.testing.assert_array_equal(pixels[:, 1:], rgba[:, 1:])
    with Image.open(jobs[2].target) as made:
        over_white = rgba[..., :3] * (rgba[..., 3:] / 255) + 255 - rgba[..., 3:].astype(float)
        assert np.abs(np.asarray(made) - over_white).max() < 8
