"""What a benchmark found, as data and as a table of text.

A row of the table is one measure; each of its lines is one case of it: ours, the baseline, how many times the
baseline ours is, and what the ratio should be. Knows nothing of how it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Figure", "Line", "Row", "Table", "Target"]

_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_OCTETS = ((1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "B"))
_HEADINGS = ("#", "measure", "case", "ours", "baseline", "ratio", "target", "met")
_TO_THE_RIGHT = {0, 3, 5, 6}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its unit.

    Attributes:
        value: The number, in the base unit: seconds, octets, or whatever ``unit`` says.
        unit: ``s`` and ``B`` are written with the prefix that fits; any other is written as it is.
    """

    value: float
    unit: str = "s"

    def __str__(self) -> str:
        scale = {"s": _SECONDS, "B": _OCTETS}.get(self.unit, ((1.0, self.unit),))
        size, unit = next((step for step in scale if abs(self.value) >= step[0]), scale[-1])
        return f"{_number(self.value / size)} {unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio of ours to the baseline should be; made by :meth:`at_least` or :meth:`at_most`."""

    bound: float
    more_is_better: bool

    @classmethod
    def at_least(cls, bound: float) -> Target:
        """For throughput, and for speed: how many times as fast as the baseline."""
        return cls(bound, more_is_better=True)

    @classmethod
    def at_most(cls, bound: float) -> Target:
        """For time and for memory."""
        return cls(bound, more_is_better=False)

    def met_by(self, ratio: float) -> bool:
        """Whether the ratio is on the good side of the bound, or on it."""
        return ratio >= self.bound if self.more_is_better else ratio <= self.bound

    def margin(self, ratio: float) -> float:
        """How far the ratio is on the good side, as a factor: 1 on the bound, 2 twice as good, 0.5 half."""
        better, worse = (ratio, self.bound) if self.more_is_better else (self.bound, ratio)
        return better / worse if worse else float("inf")

    def __str__(self) -> str:
        return f"{'>=' if self.more_is_better else '<='} {_number(self.bound)} x"


@dataclass(frozen=True, slots=True)
class Line:
    """One case of a measure.

    Attributes:
        what: The case, such as ``1 KiB``; empty where there is only one.
        ours: What was measured of ours.
        baseline_name: What it is compared to: another implementation, a limit, a published figure.
        baseline: What that needed in the same run; None where there is nothing to compare to.
        ratio: The ratio of which ``target`` speaks; None where there is no baseline.
        target: None where the line only informs.
    """

    what: str
    ours: Figure
    baseline_name: str = ""
    baseline: Figure | None = None
    ratio: float | None = None
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none. A target without a ratio is not met."""
        if self.target is None:
            return None
        return self.ratio is not None and self.target.met_by(self.ratio)

    @property
    def ratio_text(self) -> str:
        """The ratio as it is written; empty where there is none."""
        return "" if self.ratio is None else f"{_number(self.ratio)} x"


@dataclass(frozen=True, slots=True)
class Row:
    """One measure.

    Attributes:
        number: Its number in the table.
        measure: What is measured.
        lines: Its cases.
        error: Why it could not be measured, or not completely; empty where it could.
    """

    number: int
    measure: str
    lines: tuple[Line, ...] = ()
    error: str = ""

    @property
    def met(self) -> bool:
        """Whether it could be measured and no line misses its target."""
        return bool(self.lines) and not self.error and all(line.met is not False for line in self.lines)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]

    @property
    def met(self) -> bool:
        """Whether each row is met."""
        return all(row.met for row in self.rows)

    def __str__(self) -> str:
        cells = [_HEADINGS, *(line for row in self.rows for line in _cells(row))]
        widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
        written = [_line(line, widths) for line in cells]
        written.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
        missed = [row.number for row in self.rows if not row.met]
        count = f"{len(self.rows) - len(missed)} of {len(self.rows)} rows met"
        if missed:
            count += f"; not met: {', '.join(str(number) for number in missed)}"
        errors = [f"{row.number}: {row.error}" for row in self.rows if row.error]
        return "\n".join((self.title, "", *written, "", count, *errors))


def _cells(row: Row) -> list[tuple[str, ...]]:
    """The lines of one row; its number and its measure stand in the first one only."""
    lines = [
        (
            line.what,
            str(line.ours),
            "" if line.baseline is None else f"{line.baseline_name} {line.baseline}",
            line.ratio_text,
            "" if line.target is None else str(line.target),
            {None: "", True: "yes", False: "NO"}[line.met],
        )
        for line in row.lines
    ]
    if row.error or not lines:
        lines.append(("not measured", "", "", "", "", "NO"))
    first, *others = lines
    return [(str(row.number), row.measure, *first), *(("", "", *line) for line in others)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.rjust(width) if column in _TO_THE_RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _number(value: float) -> str:
    """Three figures, never a power of ten."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"
