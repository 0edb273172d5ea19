"""`python -m benches`: measures all rows and prints them as one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benches.rows import MEASURES, Options, measured
from dlms_fw.bench.table import Table


def numbers(text: str) -> frozenset[int]:
    """`1-9,14` as numbers of rows."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    if unknown := found - set(MEASURES):
        raise ValueError(f"no such rows: {sorted(unknown)}")
    return frozenset(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 where `--check` was given and a row is not met."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--rows", type=numbers, default=frozenset(MEASURES), metavar="1-9,14")
    parser.add_argument("--quick", action="store_true", help="everything once and small")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a row is not met")
    options = parser.parse_args(arguments)
    rows = []
    for row in measured(Options(quick=options.quick, wanted=options.rows)):
        print(f"row {row.number}: {'met' if row.met else row.error or 'not met'}", file=sys.stderr)
        rows.append(row)
    table = Table("dlms_fw beside its baselines", tuple(sorted(rows, key=lambda row: row.number)))
    print(table)
    return int(options.check and not table.met)


if __name__ == "__main__":
    sys.exit(main())
