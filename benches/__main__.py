"""Measures the rows of the table beside their baselines and prints them.

This is a measurement and no gate: it ends well whatever it finds, unless `--check` is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benches.rows import MEASURES, Options, measured
from dlms_fw.bench.chart import svg
from dlms_fw.bench.report import to_json
from dlms_fw.bench.table import Table

TITLE = "dlms_fw beside its baselines"


def numbers(text: str) -> frozenset[int]:
    """`1-9,14` as numbers of rows."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    if unknown := sorted(found - set(MEASURES)):
        raise argparse.ArgumentTypeError(f"no such rows: {', '.join(map(str, unknown))}")
    return frozenset(found)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    options.add_argument("--rows", type=numbers, default=frozenset(MEASURES), metavar="1-9,14")
    options.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    options.add_argument("--svg", type=Path, metavar="FILE", help="draw the ratios beside their targets")
    options.add_argument(
        "--quick", action="store_true", help="everything once and small; figures mean nothing"
    )
    options.add_argument("--check", action="store_true", help="exit code 1 where a row is not met")
    return options


def table(options: Options) -> Table:
    """All rows that are wanted; says on standard error which one is done."""
    rows = []
    for row in measured(options):
        print(f"row {row.number}: {row.error or ('met' if row.met else 'not met')}", file=sys.stderr)
        rows.append(row)
    return Table(TITLE, tuple(sorted(rows, key=lambda row: row.number)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 where `--check` was given and a row is not met."""
    asked = parser().parse_args(arguments)
    found = table(Options(quick=asked.quick, wanted=asked.rows))
    print(found)
    if asked.json:
        asked.json.write_text(to_json([found]), encoding="utf-8")
    if asked.svg:
        asked.svg.write_text(svg(found), encoding="utf-8")
    return int(asked.check and not found.met)


if __name__ == "__main__":
    sys.exit(main())
