"""Progress bars in the terminal: every one that a command shows is made here."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Unit = Literal["items", "bytes", "seconds"]
"""What a bar counts. Items and bytes are shown as numbers; for seconds of video the bar alone says enough."""


class ProgressTask:
    """One line of a progress display, as `ProgressDisplay.add` returns it."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: float = 1) -> None:
        """Adds `amount` to what is done."""
        self._progress.advance(self._task, amount)

    def update(self, *, completed: float | None = None, total: float | None = None, detail: str | None = None) -> None:
        """Sets what is given, and leaves the rest.

        Args:
            completed: how much is done, in the unit of the display.
            total: how much there is to do.
            detail: text behind the numbers, such as a rate or a loss.
        """
        fields = {} if detail is None else {"detail": detail}
        self._progress.update(self._task, completed=completed, total=total, **fields)  # type: ignore[arg-type]


class ProgressDisplay:
    """Progress bars of one piece of work, one below the other; shown inside a `with`, or from `start` to `stop`.

    Where the console is no terminal nothing is shown, unless `log_end` asks for the last state.

    Args:
        console: where the bars are drawn.
        quiet: draws nothing.
        unit: what the bars count.
        elapsed: also shows the time that has passed, for work that takes minutes or hours.
        keep: leaves the finished bars on the screen.
        log_end: also writes the finished bars, once, to a console that is no terminal, such as a log file.
    """

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool = False,
        unit: Unit = "items",
        elapsed: bool = False,
        keep: bool = False,
        log_end: bool = False,
    ) -> None:
        columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), BarColumn()]
        if unit == "items":
            columns.append(MofNCompleteColumn())
        if unit == "bytes":
            columns += [DownloadColumn(), TransferSpeedColumn()]
        columns.append(TextColumn("{task.fields[detail]}", markup=False))
        if elapsed:
            columns += [TimeElapsedColumn(), TextColumn("·"), TimeRemainingColumn(), TextColumn("left")]
        else:
            columns.append(TimeRemainingColumn())
        self._progress = Progress(
            *columns,
            console=console,
            transient=not keep,
            disable=quiet or not (console.is_terminal or log_end),
        )

    def add(self, description: str, total: float | None = None, *, completed: float = 0) -> ProgressTask:
        """Adds a bar.

        Args:
            description: the word before the bar.
            total: how much there is to do; None where that is not known yet.
            completed: how much of it is done already.
        """
        # Rich declares `completed` as an int, but takes any number.
        task = self._progress.add_task(description, total=total, completed=completed, detail="")  # type: ignore[arg-type]
        return ProgressTask(self._progress, task)

    def start(self) -> None:
        """Begins to draw."""
        self._progress.start()

    def stop(self) -> None:
        """Draws the last state and ends the display; more calls do nothing."""
        self._progress.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
