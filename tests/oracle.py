"""A second decoder of A-XDR Data, written from the standard alone, to compare the real one with.

Slow and plain on purpose: it looks at one octet after the other and knows strict decoding only. It gives a
value as (tag, value), with octets wherever the real decoder gives an object. It has no opinion about
compact arrays.
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

Value: TypeAlias = "tuple[int, Any]"

MAX_DEPTH = 16
ARRAY, STRUCTURE, BOOLEAN, BIT_STRING = 1, 2, 3, 4
OCTET_STRING, VISIBLE_STRING, GENERALIZED_TIME, UTF8_STRING = 9, 10, 11, 12
COMPACT_ARRAY = 19

NUMBERS = {
    5: "i", 6: "I", 13: "B", 15: "b", 16: "h", 17: "B", 18: "H", 20: "q", 21: "Q", 22: "B", 23: "f", 24: "d",
    28: "b", 29: "h", 30: "i", 31: "B", 32: "H", 33: "I",
}  # fmt: skip
"""Tags of numbers, and how ``struct`` calls them."""

OCTETS = {7: 4, 25: 12, 26: 5, 27: 4}
"""Tags of fixed octets: the obsolete floating-point, date-time, date, time."""


class Refused(Exception):
    """These octets are no value."""


class NoOpinion(Exception):
    """These octets are beyond the oracle."""


def decode(data: bytes) -> Value:
    """The value that ``data`` is, from its first octet to its last."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise Refused("octets left over")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    tag, at = _take(data, at, 1)
    code = tag[0]
    if code in {0, 255}:
        return (code, None), at
    if code == COMPACT_ARRAY:
        raise NoOpinion
    if code in {ARRAY, STRUCTURE}:
        return _elements(code, data, at, depth + 1)
    if code == BOOLEAN:
        octet, at = _take(data, at, 1)
        if octet[0] > 1:
            raise Refused("neither false nor true")
        return (code, octet == b"\1"), at
    if code == BIT_STRING:
        return _bits(data, at)
    if code in {OCTET_STRING, VISIBLE_STRING, GENERALIZED_TIME, UTF8_STRING}:
        length, at = _length(data, at)
        octets, at = _take(data, at, length)
        return (code, octets), at
    if code in OCTETS:
        octets, at = _take(data, at, OCTETS[code])
        return (code, octets), at
    if code in NUMBERS:
        layout = struct.Struct(">" + NUMBERS[code])
        octets, at = _take(data, at, layout.size)
        return (code, layout.unpack(octets)[0]), at
    raise Refused(f"no type has tag {code}")


def _elements(code: int, data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth > MAX_DEPTH:
        raise Refused("too deep")
    count, at = _length(data, at)
    elements = []
    for _ in range(count):
        element, at = _value(data, at, depth)
        elements.append(element)
    return (code, tuple(elements)), at


def _bits(data: bytes, at: int) -> tuple[Value, int]:
    length, at = _length(data, at)
    octets, at = _take(data, at, -(-length // 8))
    text = "".join(f"{octet:08b}" for octet in octets)
    if "1" in text[length:]:
        raise Refused("padding is set")
    return (BIT_STRING, text[:length]), at


def _length(data: bytes, at: int) -> tuple[int, int]:
    first, at = _take(data, at, 1)
    if first[0] < 0x80:
        return first[0], at
    size = first[0] & 0x7F
    if not 1 <= size <= 4:
        raise Refused("a form of length that is not used")
    octets, at = _take(data, at, size)
    length = int.from_bytes(octets, "big")
    if length < (0x80 if size == 1 else 1 << 8 * (size - 1)):
        raise Refused("a length that is longer than it must be")
    return length, at


def _take(data: bytes, at: int, count: int) -> tuple[bytes, int]:
    if at + count > len(data):
        raise Refused("truncated")
    return data[at : at + count], at + count
