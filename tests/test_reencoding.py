"""What a strict reading takes is written the same; what a tolerant one takes keeps its value."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import _core
from dlms_fw._core import Data
from dlms_fw.errors import DecodeError
from strategies import data
from wire import decodes

DECODERS: dict[str, Any] = {
    name: value.decode
    for name, value in vars(_core).items()
    if isinstance(value, type) and isinstance(vars(value).get("decode"), staticmethod)
} | {
    "decode_apdu, client": lambda octets: _core.decode_apdu(octets, "client"),
    "decode_apdu, server": lambda octets: _core.decode_apdu(octets, "server"),
}
"""Whatever the core decodes for Python, found by its form, so that nothing new is left out."""


def damaged(value: Data, changes: list[tuple[int, int]]) -> bytes:
    octets = bytearray(value.encode())
    for place, octet in changes:
        octets[place % len(octets)] = octet
    return bytes(octets)


CHANGES = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=3)


@pytest.mark.proves("axdr-strict-tolerant")
@given(data(), CHANGES)
def test_what_is_read_strictly_is_written_the_same(value: Data, changes: list[tuple[int, int]]) -> None:
    octets = damaged(value, changes)
    try:
        read = Data.decode(octets)
        again = read.encode()
    except (DecodeError, ValueError):  # a compact-array of arrays is read and not written
        return
    assert again == octets
    rebuilt = Data(read.tag, read.value)
    assert rebuilt.encode() == octets or 0x13 in octets
    assert repr(read.plain()) == repr(Data.decode_plain(octets))


@pytest.mark.proves("axdr-strict-tolerant")
@given(data(), CHANGES)
def test_what_is_read_tolerantly_keeps_its_value(value: Data, changes: list[tuple[int, int]]) -> None:
    octets = damaged(value, changes)
    try:
        read = Data.decode(octets, strict=False)
        again = read.encode()
    except (DecodeError, ValueError):
        return
    assert repr(Data.decode(again).plain()) == repr(read.plain())


@pytest.mark.proves("decoders-any-octets")
@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_takes_any_two_octets(name: str) -> None:
    decode = DECODERS[name]
    for first in range(256):
        for rest in (b"", b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff"):
            octets = bytes([first]) + rest
            decodes(partial(decode, octets), len(octets))


def test_the_decoders_are_found() -> None:
    assert {"Data", "AssociationRequest", "AssociationResponse", "InitiateRequest"} <= set(DECODERS)
