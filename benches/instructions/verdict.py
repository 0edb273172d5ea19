"""Counts beside those that are held: what grew, what shrank, and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One case.

    Attributes:
        name: The case.
        held: Its count in the file; ``None`` for a new case.
        found: Its count now; ``None`` where the case is gone.
        allowed: By which part of itself it may grow.
    """

    name: str
    held: int | None
    found: int | None
    allowed: float

    @property
    def growth(self) -> float | None:
        """The part by which the count grew; below 0 it shrank."""
        if not self.held or self.found is None:
            return None
        return round(self.found / self.held - 1, 4)

    @property
    def is_worse(self) -> bool:
        """Whether it grew too much, or is missing on one side."""
        return self.growth is None or self.growth > self.allowed


def compared(held: Mapping[str, int], found: Mapping[str, int], allowed: float) -> list[Line]:
    """A line for each case that is in either."""
    names = [*found, *(name for name in held if name not in found)]
    return [Line(name, held.get(name), found.get(name), allowed) for name in names]


def text(lines: Sequence[Line]) -> str:
    """The table for people."""
    rows = [f"{'case':<30} {'held':>9} {'now':>9} {'change':>8}"]
    for line in lines:
        change = "" if line.growth is None else f"{line.growth:+.1%}"
        verdict = "  worse" if line.is_worse else ""
        rows.append(f"{line.name:<30} {line.held or '-':>9} {line.found or '-':>9} {change:>8}{verdict}")
    return "\n".join(rows)
