"""What runs in each process of a pool: a loaded model, and the batch functions of one machine."""

from __future__ import annotations

import errno
import pickle
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fast_style.errors import ConfigError, FastStyleError
from fast_style.inference.batch import BatchOptions, BatchReport, run_jobs
from fast_style.inference.plan import PictureJob
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import ONNX, SAFETENSORS, ModelFiles, find_model
from fast_style.system.files import atomic_write, write_error, write_target
from fast_style.system.hardware import claim_cores
from fast_style.system.optional import require


@dataclass(frozen=True)
class SentModel:
    """The files of a model on their way to machines that do not have it."""

    name: str
    contents: Mapping[str, bytes]
    """The bytes of each file."""
    beside: bytes | None = None
    """The weights beside an ONNX file that was given alone, for tiles."""

    @classmethod
    def of(cls, model: str | Path | ModelFiles) -> SentModel:
        """Reads a model.

        Raises:
            ModelNotFoundError: There is none of this name.
        """
        files = find_model(model)
        found = {ONNX: files.onnx, SAFETENSORS: files.safetensors}
        contents = {name: path.read_bytes() for name, path in found.items() if path is not None}
        weights = files.folder / SAFETENSORS
        beside = weights.read_bytes() if SAFETENSORS not in contents and weights.is_file() else None
        return cls(files.name, contents, beside)

    def unpack(self, folder: Path) -> ModelFiles:
        """Writes the files into a folder."""
        for name, content in self.contents.items():
            (folder / name).write_bytes(content)
        if self.beside is not None:
            (folder / SAFETENSORS).write_bytes(self.beside)
        onnx, safetensors = (folder / name if name in self.contents else None for name in (ONNX, SAFETENSORS))
        return ModelFiles(self.name, safetensors=safetensors, onnx=onnx)


@dataclass(frozen=True)
class Share:
    """What of its machine each worker gets."""

    cores: int = 1
    gpus: float = 0

    @classmethod
    def parse(cls, number: float, device: str) -> Share:
        """Returns the share that a user asks for: GPUs where the model runs on CUDA, else threads.

        Raises:
            ConfigError: The number is not above 0, or no whole number of threads.
        """
        if device == "cuda" and number > 0:
            return cls(gpus=number)
        if number < 1 or number != int(number):
            remedy = "give a number of threads from 1 up, or a fraction of a GPU with {device}"
            raise ConfigError(
                "must be a whole number of threads", setting="per_worker", value=number, remedy=remedy,
                suggestions={"device": "cuda"},
            )  # fmt: skip
        return cls(cores=int(number))

    def as_arguments(self) -> dict[str, Any]:
        """Returns it as Ray Data takes it, which starts a worker that dies again, and repeats its work."""
        return {"num_gpus": self.gpus, "num_cpus": self.cores} if self.gpus else {"num_cpus": self.cores}


@dataclass(frozen=True)
class Loading:
    """How each worker loads the model: the arguments of `Stylizer.load`."""

    model: SentModel
    arguments: Mapping[str, Any]
    share: Share

    def load(self) -> LoadedModel:
        """Loads the model in this process, for its share of the cores."""
        claim_cores(self.share.cores)
        folder = tempfile.TemporaryDirectory(prefix="fast-style-")
        return LoadedModel(Stylizer.load(self.model.unpack(Path(folder.name)), **self.arguments), folder)


@dataclass(frozen=True)
class LoadedModel:
    """A Stylizer, and the folder of its files, which it may read again for a large picture."""

    stylizer: Stylizer
    folder: tempfile.TemporaryDirectory[str]


@dataclass(frozen=True)
class Errand:
    """A few jobs that one worker does in one go."""

    numbers: Sequence[int]
    """Their places in the plan."""
    jobs: Sequence[PictureJob]
    """With absolute paths."""
    shown: Sequence[PictureJob]
    """With the paths as the user gave them, for messages."""
    staging: Path
    """A folder on the disk of the results, for those that are not complete."""

    def run(self, stylizer: Stylizer, options: BatchOptions) -> Outcome:
        """Does the jobs. Each result appears under its name when it is complete."""
        folder = self.staging / secrets.token_hex(6)
        staged = [replace(job, target=folder / f"{n}{job.target.suffix}") for n, job in enumerate(self.jobs)]
        report = BatchReport()
        before = Counter(stylizer.painted)
        try:
            for _ in run_jobs(staged, stylizer, options, report=report):
                pass
            places = {job.target: place for place, job in enumerate(staged)}
            sources = {job.source: place for place, job in enumerate(staged)}
            done: dict[int, tuple[int, int, float]] = {}
            failed = {
                self.numbers[place]: self._as_shown(failure.error, place, staged[place])
                for failure in report.failures
                for place in [sources[failure.source]]
            }
            for result in report.results:
                place = places[result.target]
                try:
                    move_into_place(result.target, self.jobs[place].target)
                except FastStyleError as error:
                    failed[self.numbers[place]] = self._as_shown(error, place, staged[place])
                else:
                    done[self.numbers[place]] = result.width, result.height, result.seconds
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome(done, failed, stylizer.painted - before, report.timings.totals())

    def _as_shown(self, error: FastStyleError, place: int, staged: PictureJob) -> FastStyleError:
        """Returns an error that names files as the user does."""
        for mine, theirs in (
            (staged.target, self.shown[place].target),
            (self.jobs[place].target, self.shown[place].target),
            (self.jobs[place].source, self.shown[place].source),
        ):
            error.problem = error.problem.replace(str(mine), str(theirs))
        return error


@dataclass(frozen=True)
class Outcome:
    """What came of an errand, by the numbers of its jobs."""

    done: Mapping[int, tuple[int, int, float]]
    """Width, height and seconds."""
    failed: Mapping[int, FastStyleError]
    engines: Counter[str]
    seconds: Mapping[str, float]
    """The time of each stage."""


def move_into_place(complete: Path, target: Path) -> None:
    """Gives a complete file its name, in place of an earlier one.

    Raises:
        WriteError: The folder cannot be written to.
    """
    final = write_target(target)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        complete.replace(final)
    except OSError as error:
        if error.errno != errno.EXDEV:  # a link that leads to another disk
            raise write_error(target, error) from error
        with atomic_write(final) as temporary:
            shutil.copyfile(complete, temporary)


class FileWorker:
    """A member of the pool that stylizes files. Ray makes it, once for each of its processes."""

    def __init__(self, sent: list[Any], options: BatchOptions) -> None:
        loading: Loading = require("ray", "ray").get(sent[0])
        self._loaded = loading.load()
        self._options = replace(options, threads=loading.share.cores)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Does the errand in a row, and returns a row with its outcome."""
        errand: Errand = pickle.loads(row["errand"])
        return {"outcome": pickle.dumps(errand.run(self._loaded.stylizer, self._options))}
