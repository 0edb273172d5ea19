"""How cost and memory grow with the number of meters and with the size of the image, as two tables of text.

    .venv/bin/python -m benches.scaling

Everything is ciphered and goes over loopback TCP. Each figure is from a process of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from benches.rows import fleet, memory
from dlms_fw.bench.conditions import KIB, MIB
from dlms_fw.bench.table import Figure

METERS = (1, 10, 100, 1000)
SIZES = (64 * KIB, MIB, 16 * MIB, 64 * MIB, 256 * MIB)


def by_meters(counts: tuple[int, ...], rounds: int) -> Iterator[str]:
    """One line for each number of meters."""
    yield "| meters | CPU per block, both ends | bare echo | ratio | last / median | memory a client |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for count in counts:
        cost = fleet.measured(count, rounds=rounds if count < max(METERS) else 1)
        octets = max(0, memory.session_octets("transferring", count)) / count
        yield (
            f"| {count:,} | {Figure(cost.block)} | {Figure(cost.echo)} | {cost.echo / cost.block:.2f} "
            f"| {cost.unfairness:.2f} | {Figure(octets, 'B') if count >= 100 else ''} |"
        )


def by_size(sizes: tuple[int, ...]) -> Iterator[str]:
    """One line for each size of the image."""
    yield "| image | client, in memory: peak | client, in its file: anonymous | both ends, in memory: peak |"
    yield "|---:|---:|---:|---:|"
    for size in sizes:
        conditions = replace(memory.CIPHERED, size=size)
        alone = memory.fresh("client", conditions, in_file=False)["grown"]
        in_file = memory.fresh("client", conditions, in_file=True)["anonymous"]
        both = memory.fresh("both_ends", conditions, in_file=False)["grown"]
        yield " | ".join(("", *(str(Figure(each, "B")) for each in (size, alone, in_file, both)), "")).strip()


def main() -> None:
    """Prints both tables, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--most-meters", type=int, default=max(METERS))
    parser.add_argument("--largest-mib", type=int, default=max(SIZES) // MIB)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for line in by_meters(tuple(count for count in METERS if count <= given.most_meters), given.rounds):
        print(line, flush=True)
    print()
    for line in by_size(tuple(size for size in SIZES if size <= given.largest_mib * MIB)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
