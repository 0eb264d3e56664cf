"""TensorBoard's log of a run: charts under names that group them by meaning, and no chart of a single point.

TensorBoard sorts its groups by name: the total comes first, then its terms, each layer's, each style's; then the
learning rates, the run itself, and the same terms on held-out photos. The names by which callbacks and checkpoints know
the figures, such as `val/total`, are not affected.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

CHARTS = {
    "train/total": "loss/total",
    "val/total": "loss/total_on_held_out_photos",
    "photos_per_second": "run/photos_per_second",
    "rollbacks": "run/rollbacks",
    "learning_rate": "optimizer/learning_rate",
}
"""Charts of single figures."""
GROUPS = {"train": "loss_terms", "val": "validation"}
"""Groups of the terms of the loss, by the part of the run that they are computed in."""
RATE = "learning_rate/"
"""What the name of a learning rate begins with; what it drives follows."""
WITHOUT_CHART = frozenset({"epoch"})
"""Figures of Lightning's that say nothing here: an endless run has one epoch."""


class _Point(NamedTuple):
    value: float
    step: int
    seconds: float


def chart_of(name: str) -> str | None:
    """Returns the name of a figure's chart; None for one that gets none.

    Args:
        name: `val/total`, `train/style/relu3_2@1`, `train_by_style/wave/content`, or a name of a user's own, which is
            kept.
    """
    if name in WITHOUT_CHART:
        return None
    if name in CHARTS:
        return CHARTS[name]
    if name.startswith(RATE):
        return f"optimizer/learning_rate_of_{name.removeprefix(RATE)}"
    stage, _, term = name.partition("/")
    by_style = stage.endswith("_by_style")
    group = GROUPS.get(stage.removesuffix("_by_style"))
    if group is None or not term:
        return name
    if by_style:
        return f"{group}_by_style/{term}"
    return f"{group}_by_layer/{term}" if "/" in term else f"{group}/{term}"


class RunLogger(TensorBoardLogger):
    """Writes a run's figures, pictures and texts for TensorBoard.

    The first point of a chart is written together with the second one, so that a figure that comes only once makes no
    chart. In a run that is resumed its charts are there already.

    Args:
        run_dir: the run's folder.
    """

    def __init__(self, run_dir: Path) -> None:
        super().__init__(save_dir=run_dir, name="", version="", default_hp_metric=False)
        self._is_resumed = any(run_dir.glob("events.out.tfevents.*"))
        self._first: dict[str, _Point] = {}
        self._last_step: dict[str, int] = {}

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds a point to the chart of each figure; a second value for a step replaces or drops one of them."""
        for name, value in metrics.items():
            chart = chart_of(name)
            if chart is not None and self._last_step.get(chart) != step:
                self._add(chart, _Point(float(value), step or 0, time.time()))

    def _add(self, chart: str, point: _Point) -> None:
        first = self._first.pop(chart, None)
        is_new = chart not in self._last_step and not self._is_resumed
        if is_new and (first is None or first.step == point.step):
            self._first[chart] = point
            return
        for each in (first, point) if first else (point,):
            self.experiment.add_scalar(chart, each.value, each.step, walltime=each.seconds)
        self._last_step[chart] = point.step

    @rank_zero_only
    def log_text(self, name: str, text: str, step: int = 0) -> None:
        """Writes a text, in Markdown."""
        self.experiment.add_text(name, text, step)

    @rank_zero_only
    def log_settings(self, values: Mapping[str, bool | int | float | str]) -> None:
        """Writes what the HPARAMS page compares runs by, once in a run.

        Without a list of columns, which TensorBoard would take from one run for all: it then finds the columns in all
        runs, and shows first those in which they differ.
        """
        from torch.utils.tensorboard.summary import hparams

        _, start, end = hparams(dict(values), {})  # type: ignore[no-untyped-call]
        writer = self.experiment._get_file_writer()
        writer.add_summary(start)
        writer.add_summary(end)
