"""What `dlms-fw bench` tells: lines of a table, and facts beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlms_fw.bench.conditions import MIB, Conditions
from dlms_fw.bench.table import Figure, Line


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run has found.

    Attributes:
        lines: Ours beside what it is held against.
        facts: What else is worth knowing, as values that JSON carries.
    """

    lines: tuple[Line, ...]
    facts: dict[str, Any]


def image_lines(
    conditions: Conditions, seconds: float, name: str = "", baseline: float | None = None
) -> list[Line]:
    """The time of the image and the rates that follow from it, beside those of a baseline."""
    return [
        beside("image", seconds, name, baseline),
        faster("image blocks", conditions.blocks, "/s", seconds, name, baseline),
        faster("throughput", conditions.size / MIB, "MiB/s", seconds, name, baseline),
    ]


def beside(what: str, seconds: float, name: str, baseline: float | None) -> Line:
    """Seconds of both; the ratio is that of their speeds."""
    if baseline is None:
        return Line(what, Figure(seconds))
    return Line(what, Figure(seconds), name, Figure(baseline), _ratio(seconds, baseline))


def faster(what: str, amount: float, unit: str, seconds: float, name: str, baseline: float | None) -> Line:
    """So much in so many seconds, as rates."""
    ours = Figure(amount / seconds, unit)
    if baseline is None:
        return Line(what, ours)
    return Line(what, ours, name, Figure(amount / baseline, unit), _ratio(seconds, baseline))


def _ratio(seconds: float, baseline: float) -> float | None:
    return baseline / seconds if seconds else None
