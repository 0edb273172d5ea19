"""A profile for benchmarks: a time as octet-string and four registers in each row."""

from __future__ import annotations

from dlms_fw import axdr

WHEN = bytes.fromhex("07EA0B1607141E0000FFC400")
REGISTERS = (axdr.double_long_unsigned,) * 4
TYPED = axdr.array(axdr.structure(axdr.octet_string, *REGISTERS))
WITH_TIME = axdr.array(axdr.structure(axdr.date_time_octets, *REGISTERS))


def profile(rows: int) -> bytes:
    return TYPED.encode([(WHEN, 7 * row, 11 * row, 1_000_000 + row, row) for row in range(rows)])


def for_peers(octets: bytes, rows: int) -> bytes:
    """With a count of 4 octets, because gurux-dlms reads counts of 1, 2 and 4 octets, and none of 3."""
    return b"\x01\x84" + rows.to_bytes(4, "big") + octets[octets.index(b"\x02\x05") :]
