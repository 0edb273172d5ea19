"""Row 5: an HDLC frame of 2 KiB from a frame object to octets in one call, both check sequences computed.

The baseline copies as many octets into a new `bytes` object, which is the least that any encoder does.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

from benches.rows import Options, chosen
from dlms_fw._core import HdlcAddress, HdlcFrame
from dlms_fw.bench.measure import calls, compare, loop
from dlms_fw.bench.table import Line, Row, Target

INFORMATION = b"\xe6\xe6\x00" + bytes(range(1, 256)) * 7 + bytes(242)
"""2,030 octets, as many as the largest information field is usually."""
assert len(INFORMATION) == 2030


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {5: beside_a_copy})


def beside_a_copy(options: Options) -> Iterator[Line]:
    frame = HdlcFrame(HdlcAddress(1, 17), HdlcAddress(16), 0x10, INFORMATION)
    octets = frame.encode()
    copy = calls(operator.add, octets[:-8], octets[-8:])
    found = compare(calls(frame.encode), copy, overhead=loop, rounds=options.rounds)
    yield found.line("encode", "memcpy into new bytes", Target.at_most(6.0), speed=False)
    found = compare(calls(HdlcFrame.decode, octets), copy, overhead=loop, rounds=options.rounds)
    yield found.line("decode", "memcpy into new bytes", None, speed=False)
