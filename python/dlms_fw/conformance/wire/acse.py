"""An AARQ taken apart into its fields and put together again: with one less, one more, or another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from dlms_fw.conformance.wire.apdus import length

AARQ: Final = 0x60
AARE: Final = 0x61
PROTOCOL_VERSION: Final = 0x80
APPLICATION_CONTEXT: Final = 0xA1
CALLING_AP_TITLE: Final = 0xA6
ACSE_REQUIREMENTS: Final = 0x8A
MECHANISM: Final = 0x8B
AUTHENTICATION_VALUE: Final = 0xAC
USER_INFORMATION: Final = 0xBE
"""Tags of fields of the AARQ (ISO/IEC 8650-1)."""

Edit: TypeAlias = Callable[[bytes], bytes]
"""Changes an APDU on its way to the line."""

_ORDER: Final = bytes.fromhex("80A1A2A3A4A5A6A7A8A98A8BACBDBE")
_RLRQ: Final = bytes.fromhex("6200")


def fields_of(aarq: bytes) -> list[tuple[int, bytes]]:
    """The fields of an AARQ that the library has made: tag and contents."""
    found, rest = [], aarq[_header(aarq) :]
    while rest:
        head = _header(rest)
        size = _size(rest)
        found.append((rest[0], rest[head : head + size]))
        rest = rest[head + size :]
    return found


def aarq_of(fields: list[tuple[int, bytes]]) -> bytes:
    """An AARQ of these fields, in the order given."""
    contents = b"".join(bytes((tag,)) + length(len(value)) + value for tag, value in fields)
    return bytes((AARQ,)) + length(len(contents)) + contents


def without(*tags: int) -> Edit:
    """Leave fields out."""
    return _edit(lambda fields: [field for field in fields if field[0] not in tags])


def unchanged(apdu: bytes) -> bytes:
    """Leave an APDU as it is."""
    return apdu


def doubled(tag: int) -> Edit:
    """Have a field twice."""
    return _edit(lambda fields: [one for field in fields for one in [field] * (1 + (field[0] == tag))])


def having(tag: int, value: bytes) -> Edit:
    """Give a field other contents, in its place; where there is none it is put in."""

    def edit(fields: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        others = [field for field in fields if field[0] != tag]
        return sorted([*others, (tag, value)], key=lambda field: _ORDER.index(field[0]))

    return _edit(edit)


def changed(tag: int, change: Callable[[bytes], bytes]) -> Edit:
    """Change the contents of a field where there is one."""
    return _edit(lambda fields: [(t, change(value) if t == tag else value) for t, value in fields])


def _edit(change: Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]]) -> Edit:
    def edit(apdu: bytes) -> bytes:
        return aarq_of(change(fields_of(apdu))) if apdu[0] == AARQ else apdu

    return edit


def rlrq(user_information: bytes = b"") -> bytes:
    """A release request, plain."""
    if not user_information:
        return _RLRQ
    inner = b"\x04" + length(len(user_information)) + user_information
    contents = b"\x80\x01\x00" + bytes((USER_INFORMATION,)) + length(len(inner)) + inner
    return b"\x62" + length(len(contents)) + contents


def _header(octets: bytes) -> int:
    return 2 + (octets[1] & 0x7F if octets[1] & 0x80 else 0)


def _size(octets: bytes) -> int:
    count = octets[1] & 0x7F
    return int.from_bytes(octets[2 : 2 + count], "big") if octets[1] & 0x80 else count
