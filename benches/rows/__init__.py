"""The rows of the table that `python -m benches` prints: what each one measures, and which module does it.

A module `benches/rows/GROUP.py` has one function, `rows(options)`, that yields its rows in order, each made
by `row(number, lines)`. No row is ever left out: one that fails, or that its module does not yield, shows why
and counts as not met.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dlms_fw.bench.measure import ROUNDS
from dlms_fw.bench.table import Line, Row

GROUPS: dict[str, dict[int, str]] = {
    "fcs": {
        1: "FCS of 1 MiB, from Python",
        2: "FCS of 1 MiB",
        3: "FCS of 1 KiB, from Python",
        4: "FCS of 128 octets, from Python",
    },
    "frames": {5: "HDLC frame of 2 KiB built in one call"},
    "ciphering": {6: "APDU protected", 7: "APDU unprotected, tag of 12 octets"},
    "client_cycle": {
        8: "request of an image block: A-XDR, ciphering, wrapper",
        9: "client's cycle: request and accept",
    },
    "transfer": {
        10: "stop-and-wait transfer",
        11: "transfer with 8 requests on their way",
        12: "CPU per image block, both ends, ciphered",
        13: "first 2,000 image blocks of a fresh process",
        14: "events, progress and deadlines of the public API",
    },
    "memory": {
        15: "peak memory, 64 MiB image, client alone",
        16: "peak memory, 64 MiB image, meter in the same process",
        18: "memory per meter session, image shared",
    },
    "fleet": {17: "throughput of 1,000 meters at once", 19: "fairness of 1,000 meters: last beside median"},
    "links": {
        20: "transfer over an emulated link",
        21: "adaptive strategy, blocks of 256 octets",
        22: "multicast to 1,000 meters on a power line",
    },
    "image": {23: "digest and signature check of 64 MiB"},
}
MEASURES = {number: measure for measures in GROUPS.values() for number, measure in measures.items()}


@dataclass(frozen=True, slots=True)
class Options:
    """How the rows are measured.

    Attributes:
        quick: Everything once and small, to see that it works; the figures mean nothing.
        wanted: The numbers of the rows that are asked for; what is expensive looks here before it begins.
    """

    quick: bool = False
    wanted: Collection[int] = frozenset(MEASURES)

    @property
    def rounds(self) -> int:
        """Rounds of each side, for :func:`dlms_fw.bench.compare`."""
        return 1 if self.quick else ROUNDS


def chosen(options: Options, measures: Mapping[int, Callable[[Options], Iterable[Line]]]) -> Iterator[Row]:
    """The rows of a group that are wanted, each measured by its function when it is asked for."""
    for number, lines in measures.items():
        if number in options.wanted:
            yield row(number, lines(options))


def row(number: int, lines: Iterable[Line]) -> Row:
    """A row under its own name."""
    return guarded(number, MEASURES[number], lines)


def guarded(number: int, measure: str, lines: Iterable[Line]) -> Row:
    """A row; a failure among its lines leaves those before it, and shows."""
    done: list[Line] = []
    try:
        done.extend(lines)
    except Exception as error:  # noqa: BLE001 (whatever it is, the row shows it)
        return Row(number, measure, tuple(done), reason(error))
    return Row(number, measure, tuple(done))


def reason(error: Exception) -> str:
    """Why a row could not be measured, or not completely, in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def measured(options: Options) -> Iterator[Row]:
    """All rows that are wanted, group by group, each as soon as it is there."""
    for group, measures in GROUPS.items():
        missing = set(measures) & set(options.wanted)
        if not missing:
            continue
        why = "its module did not measure it"
        try:
            for found in importlib.import_module(f"benches.rows.{group}").rows(options):
                if found.number in missing:
                    missing.remove(found.number)
                    yield found
        except Exception as error:  # noqa: BLE001 (the rows show it, and the others go on)
            why = reason(error)
        yield from (Row(number, MEASURES[number], error=why) for number in sorted(missing))
