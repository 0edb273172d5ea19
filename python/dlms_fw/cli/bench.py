"""``dlms-fw bench``: how fast this machine brings images from the library's client into its simulated meter.

Options become conditions here, and what was found becomes a table. What is measured, and how, is the business
of ``dlms_fw.bench``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import click

from dlms_fw.bench.at_once import transfers_at_once
from dlms_fw.bench.conditions import (
    KIB,
    LARGEST_BLOCK,
    MIB,
    MOST_FRAMES,
    MOST_REQUESTS,
    Conditions,
    Framing,
    Security,
)
from dlms_fw.bench.figures import Findings
from dlms_fw.bench.loops import Loop, runner
from dlms_fw.bench.machine import machine
from dlms_fw.bench.one_meter import transfers
from dlms_fw.bench.places import Place, elsewhere, here
from dlms_fw.bench.report import line_document
from dlms_fw.bench.simulated import transfer_over_link, transfers_by_calls
from dlms_fw.bench.table import Figure, Line
from dlms_fw.cli.image import parsed_by
from dlms_fw.cli.outcome import Outcome, reported, write_line
from dlms_fw.cli.progress import how_far
from dlms_fw.cli.target import signals_interrupt
from dlms_fw.errors import ConfigurationError
from dlms_fw.events import Callback, Event, Finished, Phase, Progress
from dlms_fw.journal import Journal
from dlms_fw.transfer.strategies import WANTED, WantedStrategy
from dlms_fw.transports.faults import LINKS, LinkProfile

Medium: TypeAlias = Literal["tcp", "memory"]
_SIZE: Final = re.compile(r"(\d+) ?(?:([KMG])(?:iB)?|B)?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3}
_MOST_METERS: Final = 10_000
_QUIET_SECONDS: Final = 2.0
"""Between two lines about a transfer that takes long."""


def parse_size(text: str) -> int:
    """``65536``, ``64KiB``, ``64 MiB`` or ``1G``; units are powers of 1,024. Raises ValueError."""
    parts = _SIZE.fullmatch(text.strip())
    if parts is None:
        raise ValueError(f"{text!r} is no size such as 65536, 64KiB or 16MiB")
    factor: int = KIB ** _POWERS[(parts[2] or "").upper()]
    return int(parts[1]) * factor


SIZE = parsed_by(parse_size)


@dataclass(frozen=True, slots=True)
class Run:
    """What was typed, as far as it is no condition of each transfer.

    Attributes:
        meters: So many at once.
        link: What is between client and meter, in virtual time.
        medium: Loopback TCP, or plain calls.
        own_process: Whether the meters have one.
        loop: What the event loops are.
        rounds: Transfers that count.
        deadline: Seconds of real time for all of it.
    """

    meters: int
    link: LinkProfile | None
    medium: Medium
    own_process: bool
    loop: Loop
    rounds: int
    deadline: float

    def check(self) -> None:
        """Raises UsageError where options contradict each other."""
        if self.link is None and self.medium == "tcp":
            return
        why = "--link is virtual time" if self.link is not None else "--medium memory has no event loop"
        for given, option in (
            (self.meters > 1, "--meters"),
            (self.own_process, "--process two"),
            (self.loop != "asyncio", "--loop uvloop"),
        ):
            if given:
                raise click.UsageError(f"{why} in one thread, so {option} does not go with it")


@click.command()
@reported("bench", lambda: {"conditions": None, "lines": []})
@click.option(
    "--size", type=SIZE, metavar="SIZE", help="Of the image. [default: 16MiB; 1MiB with --meters or --link]"
)
@click.option("--block", type=click.IntRange(1, LARGEST_BLOCK), default=1024, show_default=True)
@click.option(
    "--security",
    type=click.Choice(get_args(Security)),
    default="hls-gmac",
    show_default=True,
    help="hls-gmac: everything authenticated and encrypted.",
)
@click.option(
    "--framing", type=click.Choice(get_args(Framing)), help="[default: wrapper; hdlc on a serial link]"
)
@click.option(
    "--window",
    type=click.IntRange(1, MOST_REQUESTS),
    help="Requests on their way at a time; with hdlc frames, up to 7. [default: 1; the most with --link]",
)
@click.option(
    "--strategy",
    type=click.Choice([name for name in WANTED if name != "elsewhere"]),
    help="How blocks are sent. [default: by the window; automatic with --link]",
)
@click.option(
    "--meters",
    type=click.IntRange(1, _MOST_METERS),
    default=1,
    show_default=True,
    help="So many transfers at once, of one image.",
)
@click.option(
    "--link", type=click.Choice(list(LINKS)), help="Over an emulated link, in virtual time, instead of TCP."
)
@click.option(
    "--medium",
    type=click.Choice(get_args(Medium)),
    default="tcp",
    show_default=True,
    help="Loopback TCP, or plain calls in this process.",
)
@click.option(
    "--process",
    type=click.Choice(["one", "two"]),
    default="one",
    show_default=True,
    help="Both ends in one process, or each in its own.",
)
@click.option(
    "--loop",
    type=click.Choice(get_args(Loop)),
    default="asyncio",
    show_default=True,
    help="The event loop of both ends.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="Transfers that count."
)
@click.option(
    "--deadline",
    type=click.FloatRange(0.1, 86_400),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="When to give up.",
)
def bench(
    outcome: Outcome,
    size: int | None,
    block: int,
    security: Security,
    framing: Framing | None,
    window: int | None,
    strategy: WantedStrategy | None,
    meters: int,
    link: str | None,
    medium: Medium,
    process: str,
    loop: Loop,
    rounds: int,
    deadline: float,
) -> None:
    """Transfer a made image to a simulated meter, and show how long that takes on this machine.

    Beside it stands what as many octets take without us: a bare echo on the same event loop, or the line
    alone. Nothing of it leaves this machine.
    """
    run = Run(
        meters=meters,
        link=None if link is None else LINKS[link],
        medium=medium,
        own_process=process == "two",
        loop=loop,
        rounds=rounds,
        deadline=deadline,
    )
    run.check()
    if framing is None:
        framing = "hdlc" if run.link is not None and run.link.flavour == "line" else "wrapper"
    if run.link is not None:
        strategy = strategy or ("automatic" if window != 1 else None)
        window = window or (MOST_REQUESTS if framing == "wrapper" else MOST_FRAMES)
    conditions = Conditions(
        size=(16 * MIB if meters == 1 and link is None else MIB) if size is None else size,
        block=block,
        security=security,
        framing=framing,
        window=window or 1,
        strategy=strategy,
    )
    outcome.facts["conditions"] = asdict(conditions) | {"strategy": conditions.wanted_strategy}
    outcome.facts["machine"] = machine()
    outcome.say("\n".join(_described(conditions, run)))
    with signals_interrupt(), _unwarned():
        findings = _measured(conditions, run)
    outcome.facts["lines"] = [line_document(line) for line in findings.lines]
    outcome.facts.update(findings.facts)
    outcome.say("\n" + _table(findings.lines))


def _described(conditions: Conditions, run: Run) -> list[str]:
    """What is going to be measured, in a few lines."""
    blocks = f"{conditions.blocks:,} blocks of {conditions.block:,} octets"
    how = f"{conditions.security}, {conditions.framing}, {conditions.wanted_strategy}"
    if conditions.window > 1:
        how += f", window {conditions.window}"
    if run.link is not None:
        where = f"{run.link.name}, {run.link.rate:,.0f} bit/s, in virtual time"
    elif run.medium == "memory":
        where = "plain calls in one thread"
    else:
        where = f"loopback TCP, {run.loop}, {'two processes' if run.own_process else 'one process'}"
    told = [f"image   {Figure(conditions.size, 'B')} in {blocks}", f"how     {how}", f"where   {where}"]
    return told if run.meters == 1 else [*told, f"meters  {run.meters:,} at once"]


@contextmanager
def _unwarned() -> Iterator[None]:
    """Nobody is warned of an image without protection; it is wanted here, and nothing of it gets out."""
    log = logging.getLogger("dlms_fw.client")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _measured(conditions: Conditions, run: Run) -> Findings:
    shown = _Shown(run)
    if run.link is not None:
        return transfer_over_link(conditions, run.link, on_event=shown.of("transfer"))
    if run.medium == "memory":
        return transfers_by_calls(conditions, rounds=run.rounds, on_event=shown.of_round)
    with (
        tempfile.TemporaryDirectory(prefix="dlms-fw-bench-") as folder,
        Journal(Path(folder) / "journal.sqlite3") as journal,
    ):
        return _over_tcp(conditions, run, journal, shown)


def _over_tcp(conditions: Conditions, run: Run, journal: Journal, shown: _Shown) -> Findings:
    async def at(place: Place) -> Findings:
        if run.meters > 1:
            return await transfers_at_once(conditions, place, journal, on_event=shown.of_meter)
        return await transfers(conditions, place, journal, rounds=run.rounds, on_event=shown.of_round)

    async def all_of_it() -> Findings:
        if run.own_process:
            with elsewhere(conditions, run.meters, run.loop) as place:
                return await at(place)
        async with here(conditions, run.meters) as place:
            return await at(place)

    with runner(run.loop) as running:
        return running.run(_before(all_of_it(), run.deadline))


async def _before(work: Coroutine[Any, Any, Findings], seconds: float) -> Findings:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise _overdue(seconds) from None


def _overdue(seconds: float) -> ConfigurationError:
    return ConfigurationError(
        f"it took more than {seconds:g} s",
        code="configuration.deadline",
        hint="take a smaller --size, or a longer --deadline",
    )


class _Shown:
    """Tells on standard error how far it is, and ends what takes too long where nothing else does."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._end = time.monotonic() + run.deadline
        self._next_line = time.monotonic() + _QUIET_SECONDS
        self._done = 0

    def of_round(self, number: int) -> Callback:
        """Hears one transfer after the other; the first warms up."""
        return self.of("warming up" if number == 0 else f"transfer {number} of {self._run.rounds}")

    def of(self, what: str) -> Callback:
        """Hears one transfer."""

        def note(event: Event) -> None:
            if time.monotonic() >= self._end:
                raise _overdue(self._run.deadline)
            if isinstance(event, Progress) and event.phase is Phase.TRANSFER:
                self._say(f"{what}: {how_far(event)}")

        return note

    def of_meter(self, _number: int) -> Callback:
        """Hears one of many meters."""

        def note(event: Event) -> None:
            if isinstance(event, Finished):
                self._done += 1
                self._say(f"{self._done} of {self._run.meters} meters are done")

        return note

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + _QUIET_SECONDS
            write_line(sys.stderr, text)


def _table(lines: tuple[Line, ...]) -> str:
    cells = [("", "ours", "beside", "ratio")]
    for line in lines:
        beside = "" if line.baseline is None else f"{line.baseline_name} {line.baseline}"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f} x"
        cells.append((line.what, str(line.ours), beside, ratio))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        f"{what:<{widths[0]}}  {ours:>{widths[1]}}  {beside:<{widths[2]}}  {ratio:>{widths[3]}}".rstrip()
        for what, ours, beside, ratio in cells
    )
