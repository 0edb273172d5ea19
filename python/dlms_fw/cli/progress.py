"""How a transfer looks to a person: a subscriber of the event stream that writes lines, and a bar.

Each phase ends as one line. On a terminal the phase at work is a bar below them; elsewhere there is one line
for each 10 %. Nothing is decided here and nothing is known of the command that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from dlms_fw import events
from dlms_fw.cli.outcome import printable, write_line
from dlms_fw.errors import ConfigurationError
from dlms_fw.events import Event, PhaseOutcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MARKS = {PhaseOutcome.DONE: "ok", PhaseOutcome.SKIPPED: "--", PhaseOutcome.FAILED: "!!"}
_STEP = 10
"""Percent between two lines where there is no bar."""
_LONG_WAIT_S = 5.0
"""A pause worth a line."""


class Lines:
    """Writes one line for each thing that a person wants to know; ``write`` gets it without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._phase: events.Phase | None = None
        self._progress: events.Progress | None = None
        self._next_percent = 0
        self._is_away = False

    def __call__(self, event: Event) -> None:
        """The subscriber."""
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def line(self, mark: str, name: str, text: str) -> None:
        """One line: what happened to what."""
        self._write(printable(f"  {mark:<2}  {name:<10}  {text}".rstrip()))

    def _plan(self, event: events.PlanMade) -> None:
        what = f"{event.image_size:,} octets, identifier {event.image_identifier.hex().upper()}"
        self.line("..", "plan", f"{what}, activate: {event.activate}")
        if event.dry_run:
            self.line("", "", "dry run: nothing is written to the meter")

    def _identified(self, event: events.MeterIdentified) -> None:
        if event.meter_type is not None or event.firmware_version is not None:
            runs = "" if event.firmware_version is None else f", runs version {event.firmware_version}"
            self.line("..", "meter", f"type {event.meter_type or 'unknown'}{runs}")

    def _started(self, event: events.PhaseStarted) -> None:
        self._phase = event.phase
        self._next_percent = 0

    def _finished(self, event: events.PhaseFinished) -> None:
        mark = _MARKS[event.outcome]
        if event.outcome is PhaseOutcome.SKIPPED:
            self.line(mark, event.phase.value, "not needed")
            return
        told = f"{duration(event.seconds):>8}"
        if event.phase is events.Phase.TRANSFER and self._progress is not None:
            progress = self._progress
            told += f"  {progress.done} of {progress.total} blocks"
            if progress.retries:
                told += f", {progress.retries} sent again"
        self.line(mark, event.phase.value, told)

    def _progressed(self, event: events.Progress) -> None:
        if self._progress is None and event.done:
            self.line("..", "resume", f"{event.done} of {event.total} blocks are in the meter already")
        self._progress = event
        self.show_progress(event)

    def show_progress(self, event: events.Progress) -> None:
        """How far it is; here as a line for each 10 %."""
        percent = 100 * event.done // max(event.total, 1)
        if percent < self._next_percent or event.done == event.total:
            return
        self._next_percent = (percent // _STEP + 1) * _STEP
        if percent >= _STEP:
            self.line("..", event.phase.value, f"{percent:>3} %  {how_far(event)}")

    def _strategy(self, event: events.StrategyChosen) -> None:
        told = event.strategy
        if event.blocks_per_request > 1:
            told += f", {event.blocks_per_request} blocks a request"
        if event.depth > 1:
            told += f", {event.depth} at a time"
        self.line("..", "strategy", f"{told}: {event.why}")

    def _retried(self, event: events.BlockRetried) -> None:
        self.line("..", "retry", f"block {event.image_block_number}, try {event.attempt}: {event.cause}")

    def _gaps(self, event: events.GapsFound) -> None:
        self.line("..", "gaps", f"{event.count} blocks are missing and are sent again")

    def _lost(self, event: events.LinkLost) -> None:
        if self._phase is not events.Phase.CONFIRM:
            self.line("..", "link lost", event.cause)
        elif not self._is_away:
            self._is_away = True
            self.line("..", "away", "the meter restarts")

    def _restored(self, event: events.LinkRestored) -> None:
        name, self._is_away = "back" if self._is_away else "link back", False
        self.line("..", name, f"after {duration(event.seconds)}")

    def _logged(self, event: events.LoggedEvent) -> None:
        moment = "at an unknown time"
        if event.meter_time is not None:
            moment = f"{datetime.fromisoformat(event.meter_time):%Y-%m-%d %H:%M:%S}"
        self.line("..", "meter log", f"{moment}  {event.name} ({event.code})")

    def _waiting(self, event: events.Waiting) -> None:
        seconds = event.until - event.at
        if seconds >= _LONG_WAIT_S:
            self.line("..", "wait", f"{duration(seconds)}: {event.reason}")

    def _warned(self, event: events.Warned) -> None:
        self.line("!", "warning", event.text)

    _HANDLERS: dict[type, Callable[..., None]] = {
        events.PlanMade: _plan,
        events.MeterIdentified: _identified,
        events.PhaseStarted: _started,
        events.PhaseFinished: _finished,
        events.Progress: _progressed,
        events.StrategyChosen: _strategy,
        events.BlockRetried: _retried,
        events.GapsFound: _gaps,
        events.LinkLost: _lost,
        events.LinkRestored: _restored,
        events.LoggedEvent: _logged,
        events.Waiting: _waiting,
        events.Warned: _warned,
    }


class Bar(Lines):
    """The lines, and below them what is being done now."""

    def __init__(self, live: Progress) -> None:
        super().__init__(lambda text: live.console.print(text, markup=False, highlight=False, soft_wrap=True))
        self._live = live
        self._task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """The subscriber."""
        if isinstance(event, events.PhaseFinished | events.Finished):
            self._end()
        super().__call__(event)
        if isinstance(event, events.PhaseStarted):
            self._end()
            self._task = self._live.add_task(event.phase.value, total=None, told="")
        elif isinstance(event, events.Waiting) and self._task is not None:
            self._live.update(self._task, told=printable(event.reason))

    def show_progress(self, event: events.Progress) -> None:
        """How far it is, as a bar."""
        if self._task is not None:
            self._live.update(self._task, completed=event.done, total=event.total, told=how_far(event))

    def _end(self) -> None:
        if self._task is not None:
            self._live.remove_task(self._task)
            self._task = None


@contextmanager
def shown(stream: TextIO) -> Iterator[Lines]:
    """A subscriber that shows a transfer on ``stream``, with a bar where that is a terminal.

    Raises:
        ConfigurationError: it is a terminal, and the package that draws the bar is not installed.
    """
    if not stream.isatty():
        yield Lines(lambda text: write_line(stream, text))
        return
    # Here, as it takes a tenth of a start that most often nobody watches.
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    except ModuleNotFoundError:
        raise ConfigurationError(
            "the command line needs rich on a terminal", hint="pip install 'dlms-fw[cli]'"
        ) from None

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as live:
        yield Bar(live)


def how_far(event: events.Progress) -> str:
    """Blocks, rate and time to go, in a few words."""
    told = f"{event.done}/{event.total} blocks"
    if event.rate:
        told += f"  {event.rate / 1000:.1f} kB/s"
    if event.eta is not None:
        told += f"  {duration(event.eta)} to go"
    return told


def duration(seconds: float) -> str:
    """A time span as people read it: ``0.42 s``, ``1:31``, ``2:05:00``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
