"""Rows 17 and 19: a thousand ciphered transfers at once in one asyncio process, both ends of each.

What counts for throughput are CPU seconds from the first image block of any meter to the last of all: the
process waits for nothing, and on a machine of its own they are the time it takes. A process of its own for
each number of meters, so that none finds the memory of another.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benches.rows import Options, row
from dlms_fw.bench.at_once import AtOnce, measured_at_once
from dlms_fw.bench.conditions import KIB, Conditions
from dlms_fw.bench.measure import in_fresh_process
from dlms_fw.bench.places import here
from dlms_fw.bench.table import Figure, Line, Row, Target
from dlms_fw.journal import Journal

SECONDS = 600.0
"""After which a measurement is given up."""
CIPHERED = Conditions(size=256 * KIB, security="hls-gmac")
MANY, FEW = 1000, 10


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of an image block and of an echo's round trip, both ends; and how fair it was."""

    block: float
    echo: float
    unfairness: float


def rows(options: Options) -> Iterator[Row]:
    """The rows; both are from the same transfers."""
    many, few = (3, 2) if options.quick else (MANY, FEW)
    found: list[Cost] = []
    yield row(17, _throughput(many, few, options, found))
    yield row(19, _fairness(found))


def _throughput(many: int, few: int, options: Options, found: list[Cost]) -> Iterator[Line]:
    cost = measured(many, rounds=1 if options.quick else 3)
    found.append(cost)
    yield _beside(f"{many:,} at once", cost.block, "bare echoes", cost.echo, Target.at_least(0.70))
    alone = measured(few, rounds=options.rounds)
    yield _beside(f"{many:,} at once", cost.block, f"{few} at once", alone.block, Target.at_least(0.45))
    yield _beside(f"{few} at once", alone.block, "bare echoes", alone.echo, None)


def _beside(what: str, ours: float, name: str, baseline: float, target: Target | None) -> Line:
    """CPU of a block; the ratio is that of the throughputs."""
    return Line(what, Figure(ours), name, Figure(baseline), baseline / ours, target)


def _fairness(found: list[Cost]) -> Iterator[Line]:
    for cost in found:
        yield Line(
            "last meter beside the median one",
            Figure(cost.unfairness, "x"),
            "",
            None,
            cost.unfairness,
            Target.at_most(1.2),
        )


def measured(meters: int, *, rounds: int) -> Cost:
    """The median of so many rounds, in a process of their own."""
    told = {"meters": meters, "rounds": rounds}
    results: list[dict[str, Any]] = in_fresh_process(f"{__name__}:at_once", told, timeout=SECONDS).result
    return Cost(**{name: median(result[name] for result in results) for name in Cost.__slots__})


def at_once(meters: int, rounds: int) -> list[dict[str, float]]:
    """Transfers to so many meters at once, so many times; what :class:`Cost` says of each."""
    blocks = CIPHERED.blocks * meters
    found = []
    for _ in range(rounds):
        seen = asyncio.run(_once(meters))
        found.append(
            {
                "block": seen.spent.cpu / blocks,
                "echo": seen.echoes.cpu / blocks,
                "unfairness": seen.unfairness,
            }
        )
    return found


async def _once(meters: int) -> AtOnce:
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        async with here(CIPHERED, meters) as place:
            return await measured_at_once(CIPHERED, place, journal)
