"""Tables as JSON, with the machine they were measured on, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dlms_fw.bench.machine import machine
from dlms_fw.bench.table import Figure, Line, Row, Table, Target

__all__ = ["from_json", "line_document", "to_json"]


def to_json(tables: Sequence[Table]) -> str:
    """All that was found, for a later comparison; figures are in seconds, octets, or the unit beside them."""
    written = {"machine": machine(), "tables": [_table(table) for table in tables]}
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> list[Table]:
    """The tables of a report.

    Raises:
        ValueError: It is no report.
    """
    try:
        return [
            Table(table["title"], tuple(_read_row(row) for row in table["rows"]))
            for table in json.loads(text)["tables"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no report of benchmarks: {error!r}") from error


def _table(table: Table) -> dict[str, Any]:
    return {"title": table.title, "met": table.met, "rows": [_row(row) for row in table.rows]}


def _row(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "measure": row.measure,
        "met": row.met,
        "error": row.error,
        "lines": [line_document(line) for line in row.lines],
    }


def line_document(line: Line) -> dict[str, Any]:
    """One line as values that JSON carries."""
    target = line.target
    return {
        "what": line.what,
        "ours": _figure(line.ours),
        "baseline_name": line.baseline_name,
        "baseline": None if line.baseline is None else _figure(line.baseline),
        "ratio": line.ratio,
        "target": None
        if target is None
        else {"bound": target.bound, "more_is_better": target.more_is_better},
        "met": line.met,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "unit": figure.unit}


def _read_row(row: dict[str, Any]) -> Row:
    lines = tuple(_read_line(line) for line in row["lines"])
    return Row(row["number"], row["measure"], lines, row["error"])


def _read_line(line: dict[str, Any]) -> Line:
    baseline, target = line["baseline"], line["target"]
    return Line(
        line["what"],
        Figure(**line["ours"]),
        line["baseline_name"],
        None if baseline is None else Figure(**baseline),
        line["ratio"],
        None if target is None else Target(**target),
    )
