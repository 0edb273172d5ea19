"""Measures the rows of the table beside their baselines and prints them.

This is a measurement and no gate: it ends well whatever it finds, unless `--check` is given.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benches import rivals
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
    options.add_argument("--rows", type=numbers, metavar="1-9,14", help="these rows alone")
    options.add_argument("--rivals", action="store_true", help="other implementations, with no or these rows")
    options.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    options.add_argument("--svg", type=Path, metavar="FILE", help="draw the ratios beside their targets")
    options.add_argument("--quick", action="store_true", help="everything once and small")
    options.add_argument("--check", action="store_true", help="exit code 1 where a row is not met")
    return options


def rows(options: Options) -> Table:
    """All rows that are wanted; says on standard error which one is done."""
    found = []
    for row in measured(options):
        print(f"row {row.number}: {row.error or ('met' if row.met else 'not met')}", file=sys.stderr)
        found.append(row)
    return Table(TITLE, tuple(sorted(found, key=lambda row: row.number)))


def tables(asked: argparse.Namespace) -> Iterator[Table]:
    """What is asked for: the rows and the other implementations where nothing is named."""
    if asked.rows or not asked.rivals:
        yield rows(Options(quick=asked.quick, wanted=asked.rows or frozenset(MEASURES)))
    if asked.rivals or not asked.rows:
        yield rivals.table(quick=asked.quick)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 where `--check` was given and a row is not met."""
    asked = parser().parse_args(arguments)
    logging.getLogger("dlms_fw").setLevel(logging.ERROR)
    found = []
    for table in tables(asked):
        print(table, end="\n\n", flush=True)
        found.append(table)
    if asked.json:
        asked.json.write_text(to_json(found), encoding="utf-8")
    if asked.svg:
        asked.svg.write_text(svg(found), encoding="utf-8")
    return int(asked.check and not all(table.met for table in found))


if __name__ == "__main__":
    sys.exit(main())
