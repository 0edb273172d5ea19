"""Draws the tables and the picture of the page about benchmarks, from the report of one run.

``benchmarks.json`` is what ``python -m benches --json`` wrote. ``--check`` only says whether page and picture
are fresh. Run it after a run on a quiet machine: ``python docs/make_benchmark_tables.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drawn_pages import draw_or_check, redrawn

from dlms_fw.bench.chart import svg
from dlms_fw.bench.report import from_json
from dlms_fw.bench.table import Line, Row, Table

HERE = Path(__file__).parent
REPORT = HERE / "benchmarks.json"
PAGE = HERE / "benchmarking.md"
PICTURE = HERE / "benchmarks.svg"
_HEADINGS = ("", "measure", "case", "ours", "baseline", "ratio", "target", "")
_MARKS = {None: "", True: "met", False: "**not met**"}


def pages() -> dict[Path, str]:
    """What the page and the picture should be."""
    report = REPORT.read_text(encoding="utf-8")
    tables = from_json(report)
    drawing = {"machine": machine(json.loads(report)["machine"])}
    drawing |= {name: markdown(table) for name, table in zip(("rows", "rivals"), tables, strict=True)}
    return {PAGE: redrawn(PAGE.read_text(encoding="utf-8"), drawing), PICTURE: svg(tables)}


def machine(facts: dict[str, Any]) -> str:
    """Where the report was measured."""
    return (
        f"{facts['processors']} x {facts['processor']} ({', '.join(facts['flags'])}), {facts['system']}, "
        f"{facts['python']}, cryptography {facts['cryptography']} with {facts['openssl']}. "
        f"The load was {facts['load']} when the run ended."
    )


def markdown(table: Table) -> str:
    """One table, and how much of it is met."""
    lines = [_row(_HEADINGS), _row(["---:", "---", "---", "---:", "---", "---:", "---:", "---"])]
    lines += (_row(cells) for row in table.rows for cells in _cells(row))
    met = sum(row.met for row in table.rows)
    return "\n".join((*lines, "", f"{met} of {len(table.rows)} rows are met."))


def _cells(row: Row) -> Iterator[tuple[str, ...]]:
    head = (str(row.number), row.measure)
    for line in row.lines:
        yield (*head, *_line(line))
        head = ("", "")
    if row.error or not row.lines:
        yield (*head, "not measured", "", row.error, "", "", _MARKS[False])


def _line(line: Line) -> tuple[str, ...]:
    baseline = "" if line.baseline is None else f"{line.baseline_name} {line.baseline}"
    target = "" if line.target is None else str(line.target).replace(">=", "≥").replace("<=", "≤")
    return (line.what, str(line.ours), baseline, line.ratio_text, target, _MARKS[line.met])


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(draw_or_check(pages(), sys.argv[1:]))
