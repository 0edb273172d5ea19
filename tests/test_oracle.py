"""Two decoders that have nothing in common read the same from the same octets."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import oracle
from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.errors import DecodeError
from strategies import data


def shape(value: Data) -> oracle.Value:
    """A value of ours as the oracle says it."""
    inner: Any = value.value
    match inner:
        case tuple():
            return value.tag, tuple(shape(element) for element in inner)
        case BitString():
            return value.tag, "".join(str(int(bit)) for bit in inner)
        case Date() | Time() | DateTime():
            return value.tag, inner.to_bytes()
        case str():
            encoding = "ascii" if value.tag == oracle.VISIBLE_STRING else "utf-8"
            return value.tag, inner.encode(encoding, "surrogateescape")
    return value.tag, inner


def same(ours: oracle.Value, theirs: oracle.Value) -> bool:
    """Equal in type and value; any NaN is like any other, its bits are looked at elsewhere."""
    (tag, mine), (other_tag, other) = ours, theirs
    if tag != other_tag or type(mine) is not type(other):
        return False
    if isinstance(mine, tuple):
        return len(mine) == len(other) and all(map(same, mine, other))
    if isinstance(mine, float):
        return math.copysign(1, mine) == math.copysign(1, other) and (
            mine == other or (math.isnan(mine) and math.isnan(other))
        )
    return bool(mine == other)


def agree(octets: bytes) -> bool:
    """Both decoders give the same, or both refuse; whether they gave a value."""
    try:
        theirs = oracle.decode(octets)
    except oracle.Refused:
        try:
            value = Data.decode(octets)
        except DecodeError:
            return False
        pytest.fail(f"{octets.hex(' ')} is no value, and was read as {value!r}")
    assert same(shape(Data.decode(octets)), theirs), octets.hex(" ")
    return True


@pytest.mark.fault("C-23")
@given(data())
def test_valid_values(value: Data) -> None:
    assert agree(value.encode())


@pytest.mark.fault("C-23")
@settings(max_examples=150)
@given(data(), st.data())
def test_values_that_are_damaged(value: Data, draw: st.DataObject) -> None:
    """An octet changed, removed or added, at any place."""
    octets = value.encode()
    at = draw.draw(st.integers(0, len(octets) - 1))
    other = draw.draw(st.binary(max_size=2))
    removed = draw.draw(st.integers(0, 1))
    _agree_or_skip(octets[:at] + other + octets[at + removed :])


@pytest.mark.fault("C-23")
@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 4, 6, 7, 9, 13, 16, 23, 25, 0x7F, 0x80, 0x81, 0x84, 0xFF])).map(
        bytes
    )
)
@example(bytes.fromhex("010100") * 3)
@example(bytes.fromhex("0101") * 17 + b"\0")
@example(bytes.fromhex("098105AABBCCDDEE"))
@example(bytes.fromhex("04810000"))
def test_octets_that_look_like_values(octets: bytes) -> None:
    _agree_or_skip(octets)


def _agree_or_skip(octets: bytes) -> None:
    try:
        agree(octets)
    except oracle.NoOpinion:
        return


@pytest.mark.fault("C-23")
def test_every_short_input() -> None:
    """All of up to two octets, and all of three that begin a length or an element."""
    inputs = [bytes([a]) for a in range(256)]
    inputs += [bytes([a, b]) for a in range(256) for b in range(256)]
    inputs += [bytes([a, b, c]) for a in (1, 2, 4, 9, 12) for b in range(256) for c in range(0, 256, 5)]
    values = sum(
        agree(octets) for octets in inputs if octets[0] != oracle.COMPACT_ARRAY and octets[:2][1:] != b"\x13"
    )
    assert values > 1000
