"""Rows 10 to 14: whole transfers by the public asyncio client to a simulated meter, both on one event loop.

What counts are CPU seconds of the process while the blocks are sent: it does both ends' work and waits for
nothing but the disk, which a line of its own tells. Each transfer has its baseline beside it, round by round.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from benches.bare_client import send_blocks
from benches.rows import Options, row
from dlms_fw.bench import Figure, Line, Row, Target, in_fresh_process
from dlms_fw.bench.bare_sockets import BarePair
from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.loops import Loop, runner
from dlms_fw.bench.measure import without_garbage_collector
from dlms_fw.bench.places import here
from dlms_fw.bench.spent import Spent, Stopwatch, median_of
from dlms_fw.bench.transfer import Sample, TransferBench
from dlms_fw.journal import Journal

BLOCKS = 4096
"""Image blocks of a transfer: 4 MiB in blocks of 1 KiB, so that its beginning and its end weigh little."""
FIRST_BLOCKS = 2000
FRESH_PROCESSES = 5


def rows(options: Options) -> Iterator[Row]:
    """The rows of this group that are wanted."""
    logging.getLogger("dlms_fw").addHandler(logging.NullHandler())  # that it is not protected is on purpose
    for number, lines in ((10, _beside_echo), (11, _ahead), (12, _cpu), (13, _first), (14, _public)):
        if number in options.wanted:
            yield row(number, lines(options))


@dataclass
class Rounds:
    """What one image block has cost, round by round: a transfer, and the baseline beside it."""

    blocks: int
    ours: list[Spent] = field(default_factory=list)
    baseline: list[Spent] = field(default_factory=list)

    def line(self, what: str, name: str, target: Target | None, *, wall: bool = False) -> Line:
        """The medians of both; the ratio is one of speeds where more is better."""
        mine, theirs = (
            (median_of(rounds).seconds if wall else median_of(rounds).cpu) / self.blocks
            for rounds in (self.ours, self.baseline)
        )
        speed = target is None or target.more_is_better
        return Line(
            what, Figure(mine), name, Figure(theirs), theirs / mine if speed else mine / theirs, target
        )


Baseline: TypeAlias = Callable[[TransferBench, Sample], Awaitable[Spent]]
"""What a transfer is held against: does it once."""


def measured(conditions: Conditions, options: Options, baseline: Baseline, loop: Loop = "asyncio") -> Rounds:
    """Transfers and baselines in turns, on one event loop."""

    async def take_turns() -> Rounds:
        found = Rounds(conditions.blocks)
        async with connected(conditions) as bench:
            sample = await bench.transfer()  # to warm up, and to learn the sizes on the line
            for _ in range(options.rounds):
                with without_garbage_collector():
                    sample = await bench.transfer()
                with without_garbage_collector():
                    found.baseline.append(await baseline(bench, sample))
                found.ours.append(sample.spent)
        return found

    with runner(loop) as running:
        return running.run(take_turns())


@asynccontextmanager
async def connected(conditions: Conditions) -> AsyncIterator[TransferBench]:
    """A client with records on the disk, and its meter."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite3") as journal:
        async with (
            here(conditions) as place,
            TransferBench.at(place, conditions, conditions.image(), journal) as bench,
        ):
            yield bench


def _conditions(options: Options, **given: Any) -> Conditions:
    wanted: dict[str, Any] = {"block": 1024, "security": "hls-gmac"} | given
    return Conditions(size=wanted["block"] * (16 if options.quick else BLOCKS), **wanted)


async def _echo(bench: TransferBench, sample: Sample) -> Spent:
    return await bench.echo(sample.traffic)


async def _bare(bench: TransferBench, sample: Sample) -> Spent:
    """Four calls of the kernel and four AEAD operations for each request of the transfer."""
    pair = BarePair(sample.traffic, ciphered=True)
    with contextlib.closing(pair):
        watch = Stopwatch()
        pair.run(sample.traffic.round_trips)
        return watch.spent()


def _beside_echo(options: Options) -> Iterator[Line]:
    for block in (128, 512, 1024):
        for name, security in (("plain", "none"), ("ciphered", "hls-gmac")):
            found = measured(_conditions(options, block=block, security=security), options, _echo)
            yield found.line(f"{block} B, {name}", "raw echo", Target.at_least(0.80))
    yield found.line("1024 B, ciphered, on the wall, waiting for the disk", "raw echo", None, wall=True)


def _ahead(options: Options) -> Iterator[Line]:
    for name, security in (("plain", "none"), ("ciphered", "hls-gmac")):
        conditions = _conditions(options, security=security, window=8)
        found = measured(conditions, options, _echo)
        yield found.line(f"1 KiB, {name}", "raw echo, 8 ahead", Target.at_least(0.50))
        found = measured(conditions, options, _one_by_one)
        yield found.line(f"1 KiB, {name}", "own, one by one", Target.at_least(3.5))


async def _one_by_one(bench: TransferBench, sample: Sample) -> Spent:
    return (await bench.with_window(1).transfer()).spent


def _cpu(options: Options) -> Iterator[Line]:
    name = "4 calls and 4 AEAD"
    loops: tuple[tuple[Loop, float], ...] = (("asyncio", 2.0), ("uvloop", 1.5))
    for loop, bound in loops:
        found = measured(_conditions(options), options, _bare, loop)
        yield found.line(f"{loop}, one by one", name, Target.at_most(bound))
    found = measured(_conditions(options, window=8), options, _bare)
    yield found.line("asyncio, 8 ahead", name, Target.at_most(0.6))


def _first(options: Options) -> Iterator[Line]:
    blocks, processes = (16, 1) if options.quick else (FIRST_BLOCKS, FRESH_PROCESSES)
    first, warmed = [], []
    for _ in range(processes):
        told = in_fresh_process("benches.rows.transfer:first_and_warmed", {"blocks": blocks}).result
        first.append(told["first"])
        warmed.append(told["warmed"])
    mine, theirs = median(first) / blocks, median(warmed) / blocks
    yield Line("1 KiB, ciphered", Figure(mine), "warmed", Figure(theirs), theirs / mine, Target.at_least(0.9))


def first_and_warmed(blocks: int) -> dict[str, float]:
    """CPU seconds of the first transfer of this process, and the median of later ones."""

    async def transfers() -> list[float]:
        conditions = Conditions(size=blocks * 1024, security="hls-gmac")
        async with connected(conditions) as bench:
            return [(await bench.transfer()).spent.cpu for _ in range(6)]

    first, *others = asyncio.run(transfers())
    return {"first": first, "warmed": median(others)}


def _public(options: Options) -> Iterator[Line]:
    for name, security in (("plain", "none"), ("ciphered", "hls-gmac")):
        found = measured(_conditions(options, security=security), options, _bare_client)
        yield found.line(f"1 KiB, {name}", "bare loop over the channel", Target.at_most(1.3))


async def _bare_client(bench: TransferBench, sample: Sample) -> Spent:
    return await send_blocks(bench.client, bench.image, bench.conditions.block)
