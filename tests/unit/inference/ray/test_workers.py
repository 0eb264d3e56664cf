"""What a worker does with its jobs, and the table of failures, without Ray."""

from __future__ import annotations

import errno
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import ConfigError, ImageError, WriteError
from fast_style.inference.batch import BatchOptions, JobFailure
from fast_style.inference.plan import STREAM, PictureJob, plan_jobs
from fast_style.inference.ray.pool import check_on_ray, failures_file, write_failures
from fast_style.inference.ray.workers import Errand, SentModel, Share, move_into_place
from fast_style.system.results import ResultPolicy


class Inverting:
    """Stands in for a Stylizer."""

    def __init__(self) -> None:
        self.painted: Counter[str] = Counter()

    def stylize(self, batch: np.ndarray, options: object, advance: object) -> np.ndarray:
        self.painted["inverter"] += len(batch)
        return 255 - batch


def test_an_errand(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results get their names when they are complete, nothing else stays, and errors name files as the user does."""
    monkeypatch.chdir(pictures.parent)
    (pictures / "broken.jpg").write_bytes(b"no picture")
    shown = plan_jobs([Path("in")], "out")
    (pictures.parent / "out" / "sub" / "b.png").mkdir(parents=True)  # a folder where a result has to go
    jobs = [PictureJob(job.source.absolute(), job.target.absolute()) for job in shown]
    staging = pictures.parent / "out" / ".staging"
    staging.mkdir()
    errand = Errand(range(10, 14), jobs, shown, staging)
    outcome = pickle.loads(pickle.dumps(errand)).run(Inverting(), BatchOptions())
    assert {shown[number - 10].source.name for number in outcome.done} == {"a.jpg"}
    assert len(outcome.done) == 2
    errors = {shown[number - 10].source.name: str(error) for number, error in outcome.failed.items()}
    assert errors["broken.jpg"].startswith("in/broken.jpg is no image")
    assert errors["b.png"].startswith("cannot write out/sub/b.png: ")
    assert outcome.engines == {"inverter": 3}
    assert list(staging.iterdir()) == []
    with Image.open("out/other/a.jpg") as made:
        assert made.getpixel((0, 0)) == (255, 255, 255)


def test_a_link_to_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "complete").write_text("new")
    (tmp_path / "result").write_text("old")

    def fails(path: Path, target: Path) -> Path:
        if path.name == "complete":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(path, target)

    real = Path.replace
    monkeypatch.setattr(Path, "replace", fails)
    move_into_place(tmp_path / "complete", tmp_path / "result")
    assert (tmp_path / "result").read_text() == "new"
    with pytest.raises(WriteError, match="cannot write"):
        move_into_place(tmp_path / "missing", tmp_path / "result")


def test_a_model_that_is_sent(tmp_path: Path) -> None:
    given = tmp_path / "tiny"
    given.mkdir()
    for name in ("model.onnx", "model.safetensors"):
        (given / name).write_text(name)
    for name in ("model.onnx", ""):
        sent = pickle.loads(pickle.dumps(SentModel.of(given / name)))
        (tmp_path / f"at{name}").mkdir()
        files = sent.unpack(tmp_path / f"at{name}")
        assert files.name == "tiny"
        assert files.onnx is not None and files.onnx.read_text() == "model.onnx"
        assert (files.safetensors is None) == bool(name)
        # Tiles of an .onnx file need the weights beside it.
        assert (files.folder / "model.safetensors").read_text() == "model.safetensors"


def test_shares() -> None:
    assert Share.parse(4, "auto") == Share(cores=4)
    assert Share.parse(0.5, "cuda") == Share(gpus=0.5)
    with pytest.raises(ConfigError, match=r"per_worker=0\.5: must be a whole number"):
        Share.parse(0.5, "cpu")


def test_streams_do_not_travel() -> None:
    with pytest.raises(ConfigError, match="neither standard input"):
        check_on_ray([PictureJob(STREAM, Path("a.png"))])


def test_failures_are_written_down_and_taken_back(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    jobs = [PictureJob(Path("a.png"), tmp_path / "out" / place / "a.png") for place in ("x", "y/z")]
    path = failures_file(jobs)
    assert path == tmp_path / "out" / "failures.parquet"
    with ResultPolicy(overwrite=True).guard(lambda: [path]):
        write_failures(path, [JobFailure(Path("a.png"), ImageError("is broken"))])
    assert parquet.read_table(path).to_pylist() == [{"path": "a.png", "error": "is broken"}]
    write_failures(path, [])
    assert not path.exists()
    path.write_text("the user's own")
    write_failures(path, [])
    assert path.exists()
