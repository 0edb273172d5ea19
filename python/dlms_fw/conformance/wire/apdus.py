"""Service APDUs with logical names, written and looked at by hand (Green Book, xDLMS APDUs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.verdicts import Failed

GET_REQUEST: Final = 0xC0
SET_REQUEST: Final = 0xC1
ACTION_REQUEST: Final = 0xC3
GET_RESPONSE: Final = 0xC4
SET_RESPONSE: Final = 0xC5
ACTION_RESPONSE: Final = 0xC7
EXCEPTION: Final = 0xD8
CONFIRMED_SERVICE_ERROR: Final = 0x0E
NORMAL: Final = 1
WITH_LIST: Final = 3
INVOKE_ID: Final = 0xC1
"""Invoke id 1, confirmed, high priority."""

_NAMES: Final = {
    0x61: "AARE",
    0x63: "RLRE",
    GET_RESPONSE: "get-response",
    SET_RESPONSE: "set-response",
    ACTION_RESPONSE: "action-response",
    EXCEPTION: "exception-response",
    CONFIRMED_SERVICE_ERROR: "confirmedServiceError",
    0xDA: "access-response",
    0xE0: "general-block-transfer",
}


def descriptor(name: AttributeName, *, element_id: int | None = None) -> bytes:
    """Class, logical name and number of an attribute or a method."""
    number = name.attribute_id if element_id is None else element_id
    return (
        name.class_id.to_bytes(2, "big") + name.logical_name.to_bytes() + (number & 0xFF).to_bytes(1, "big")
    )


def get(name: AttributeName, *, invoke_id: int = INVOKE_ID, selection: bytes = b"") -> bytes:
    """get-request-normal; ``selection`` is selector and parameter."""
    access = b"\x01" + selection if selection else b"\x00"
    return bytes((GET_REQUEST, NORMAL, invoke_id)) + descriptor(name) + access


def get_list(names: Sequence[AttributeName], *, invoke_id: int = INVOKE_ID) -> bytes:
    """get-request-with-list."""
    items = b"".join(descriptor(name) + b"\x00" for name in names)
    return bytes((GET_REQUEST, WITH_LIST, invoke_id)) + length(len(names)) + items


def get_next(block: int, *, invoke_id: int = INVOKE_ID) -> bytes:
    """get-request-next: acknowledges a block and asks for the next."""
    return bytes((GET_REQUEST, 2, invoke_id)) + block.to_bytes(4, "big")


def set_(name: AttributeName, data: bytes, *, invoke_id: int = INVOKE_ID) -> bytes:
    """set-request-normal."""
    return bytes((SET_REQUEST, NORMAL, invoke_id)) + descriptor(name) + b"\x00" + data


def action(
    name: AttributeName, method_id: int, parameter: bytes | None = None, *, invoke_id: int = INVOKE_ID
) -> bytes:
    """action-request-normal."""
    head = bytes((ACTION_REQUEST, NORMAL, invoke_id)) + descriptor(name, element_id=method_id)
    return head + (b"\x00" if parameter is None else b"\x01" + parameter)


def length(value: int) -> bytes:
    """A length in its shortest form."""
    if value < 0x80:
        return bytes((value,))
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def name_of(apdu: bytes | None) -> str:
    """What an answer is, in words; of its contents only what says how it went."""
    if apdu is None:
        return "no answer"
    if not apdu:
        return "an empty APDU"
    name = _NAMES.get(apdu[0], f"an APDU with tag {apdu[0]:#04x}")
    if apdu[0] == EXCEPTION and len(apdu) >= 3:
        return f"{name} (state-error {apdu[1]}, service-error {apdu[2]})"
    if apdu[0] in {GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE} and len(apdu) > 3:
        return f"{name} {apdu[1:5].hex().upper()}…"
    return name


def is_exception(apdu: bytes | None) -> bool:
    """Whether an answer is an exception-response or a confirmedServiceError."""
    return apdu is not None and apdu[:1] in {b"\xd8", b"\x0e"}


def data_access_result(apdu: bytes | None) -> int | None:
    """The result in a get- or set-response-normal: 0 for success; ``None`` for anything else."""
    if apdu is None or len(apdu) < 4 or apdu[1] != NORMAL:
        return None
    if apdu[0] == SET_RESPONSE:
        return apdu[3]
    if apdu[0] == GET_RESPONSE:
        if apdu[3] == 0:
            return 0
        return apdu[4] if len(apdu) > 4 else None
    return None


def action_result(apdu: bytes | None) -> int | None:
    """The result in an action-response-normal; ``None`` for anything else."""
    if apdu is None or len(apdu) < 4 or apdu[0] != ACTION_RESPONSE or apdu[1] != NORMAL:
        return None
    return apdu[3]


def value_in(apdu: bytes | None) -> bytes:
    """The encoded value in a get-response-normal. Raises Failed where there is none."""
    if data_access_result(apdu) != 0:
        raise Failed("a get-response with data", name_of(apdu))
    assert apdu is not None  # noqa: S101 - it has a result
    return apdu[4:]
