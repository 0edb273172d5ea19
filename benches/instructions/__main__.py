"""Counts the instructions of one operation of each case and compares them with `counts.toml`.

Ends with 1 where a count has grown by more than is allowed, with 2 where the counts were made by other tools
or on another kind of processor, so that nothing can be said.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benches.instructions.counting import counted, environment
from benches.instructions.record import COUNTS, Record, load, store
from benches.instructions.verdict import compared, text

ALLOWED_GROWTH = 0.03


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benches.instructions", description=__doc__)
    options.add_argument("runner", type=Path, help="the program run-case of the crate dlms-fw-benches")
    options.add_argument("--update", action="store_true", help="take the counts of today as those to hold")
    options.add_argument("--counts", type=Path, default=COUNTS, help="another file than counts.toml")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    found = Record(environment(), counted(asked.runner))
    if asked.update:
        store(asked.counts, found)
        print(f"{len(found.counts)} counts written to {asked.counts}")
        return 0
    recorded = load(asked.counts)
    lines = compared(recorded.counts, found.counts, ALLOWED_GROWTH)
    print(text(lines))
    if others := recorded.differences(found):
        print("the counts to hold were made with other tools; make them anew at a commit that is good:")
        print("\n".join(others))
        return 2
    return int(any(line.is_worse for line in lines))


if __name__ == "__main__":
    sys.exit(main())
