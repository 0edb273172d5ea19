"""Rows 1 to 4: the check sequence of HDLC, called from Python, beside sums in C and beside copying.

Where the processor multiplies without carry, ours folds; the path of tables runs everywhere else. Both are
shown, each with its own target.
"""

from __future__ import annotations

import binascii
import operator
import zlib
from collections.abc import Iterator

from benches.rows import Options, chosen
from dlms_fw._core import fcs16, fcs16_portable
from dlms_fw.bench.machine import machine
from dlms_fw.bench.measure import calls, compare, loop
from dlms_fw.bench.table import Line, Row, Target

MIB = bytes(range(256)) * 4096
KIB = MIB[:1024]
SHORT = MIB[:128]


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {1: beside_crc32, 2: beside_a_copy, 3: beside_crc_hqx, 4: beside_an_empty_call})


def folds() -> tuple[bool, bool]:
    """Whether this processor folds 128 bits at a time, and 512."""
    flags = machine()["flags"]
    assert isinstance(flags, list)
    wide = "avx512f" in flags and "vpclmulqdq" in flags
    return wide or bool({"pclmulqdq", "pmull"} & set(flags)), wide


def folded(bound: float) -> Target | None:
    """A target for the folded sum; nothing is asked of a processor that cannot fold."""
    return Target.at_least(bound) if folds()[0] else None


def beside_crc32(options: Options) -> Iterator[Line]:
    baseline = calls(zlib.crc32, MIB)
    found = compare(calls(fcs16, MIB), baseline, rounds=options.rounds)
    yield found.line("as dispatched", "zlib.crc32", folded(2.0), speed=True)
    found = compare(calls(fcs16_portable, MIB), baseline, rounds=options.rounds)
    yield found.line("portable", "zlib.crc32", Target.at_least(0.35), speed=True)


def beside_a_copy(options: Options) -> Iterator[Line]:
    copy = calls(operator.setitem, memoryview(bytearray(len(MIB))), slice(None), MIB)
    found = compare(calls(fcs16, MIB), copy, rounds=options.rounds)
    yield found.line("as dispatched", "memcpy", folded(0.8 if folds()[1] else 0.25), speed=True)


def beside_crc_hqx(options: Options) -> Iterator[Line]:
    """The same polynomial, not reflected, with a table in C."""
    baseline = calls(binascii.crc_hqx, KIB, 0xFFFF)
    found = compare(calls(fcs16, KIB), baseline, overhead=loop, rounds=options.rounds)
    yield found.line("as dispatched", "binascii.crc_hqx", folded(20.0), speed=True)
    found = compare(calls(fcs16_portable, KIB), baseline, overhead=loop, rounds=options.rounds)
    yield found.line("portable", "binascii.crc_hqx", Target.at_least(5.0), speed=True)


def beside_an_empty_call(options: Options) -> Iterator[Line]:
    found = compare(calls(fcs16, SHORT), calls(fcs16, b""), overhead=loop, rounds=options.rounds)
    yield found.line("as dispatched", "the call without octets", Target.at_most(2.2), speed=False)
