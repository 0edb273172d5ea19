"""How many functions are called for one image block, by whom: a count, which other work hardly moves.

    .venv/bin/python -m benches.calls

The client and the meter are on one event loop, as in rows 10 and 11, and the bare echo of the same sizes
stands beside them. Two transfers of different lengths are counted; what both have in common is no block's.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from dlms_fw.bench.conditions import Conditions, Security
from dlms_fw.bench.places import here
from dlms_fw.bench.transfer import TransferBench
from dlms_fw.memory_journal import MemoryJournal

_SHORT, _LONG = 1024, 3072
"""Image blocks of the two transfers."""
_WHOSE = (
    ("dlms_fw/bench/", "echo"),
    ("dlms_fw/meter/", "meter"),
    ("dlms_fw/session/server", "meter"),
    ("dlms_fw/session/acceptance", "meter"),
    ("dlms_fw/", "client"),
    ("asyncio/", "event loop"),
    ("selectors.py", "event loop"),
)


@dataclass
class Calls:
    """Calls of Python functions by whose they are, and of functions in C."""

    python: Counter[str] = field(default_factory=Counter)
    native: int = 0

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        """What the interpreter tells."""
        if event == "call":
            file = frame.f_code.co_filename
            self.python[next((who for part, who in _WHOSE if part in file), "others")] += 1
        elif event == "c_call":
            self.native += 1


@dataclass(frozen=True, slots=True)
class PerBlock:
    """Calls for one image block."""

    python: dict[str, float]
    native: float


def per_block(security: Security, window: int, *, echo: bool = False) -> PerBlock:
    """Counts two transfers, or two echoes, and takes the difference."""
    few, many = (asyncio.run(_counted(blocks, security, window, echo)) for blocks in (_SHORT, _LONG))
    blocks = _LONG - _SHORT
    python = {who: (many.python[who] - few.python[who]) / blocks for who in many.python}
    return PerBlock(python, (many.native - few.native) / blocks)


async def _counted(blocks: int, security: Security, window: int, echo: bool) -> Calls:
    conditions = Conditions(size=blocks * 1024, security=security, window=window)
    async with (
        here(conditions) as place,
        TransferBench.at(place, conditions, conditions.image(), MemoryJournal()) as bench,
    ):
        sample = await bench.transfer()
        with _counting() as calls:
            await (bench.echo(sample.traffic) if echo else bench.transfer())
    return calls


@contextmanager
def _counting() -> Iterator[Calls]:
    calls, before = Calls(), sys.getprofile()
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def main() -> None:
    logging.getLogger("dlms_fw").addHandler(logging.NullHandler())
    ciphered: Security = "hls-gmac"
    cases: tuple[tuple[str, Security, bool], ...] = (
        ("plain", "none", False),
        ("ciphered", ciphered, False),
        ("echo", ciphered, True),
    )
    columns = ("event loop", "client", "meter", "echo", "others")
    print(f"{'calls per block of 1 KiB':<26}{''.join(f'{name:>12}' for name in columns)}{'in C':>12}")
    for window, (what, security, echo) in itertools.product((1, 8), cases):
        found = per_block(security, window, echo=echo)
        cells = "".join(f"{found.python.get(name, 0.0):>12.1f}" for name in columns)
        print(f"{f'{what}, window {window}':<26}{cells}{found.native:>12.1f}")


if __name__ == "__main__":
    main()
