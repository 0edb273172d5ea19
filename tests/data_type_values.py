"""Encodings made from the types alone: a valid value for any attribute or parameter, without lists."""

from __future__ import annotations

from typing import Any

from dlms_fw.axdr import DataType, Tag

BODIES = {
    Tag.NULL_DATA: "",
    Tag.BOOLEAN: "01",
    Tag.BIT_STRING: "0CA5F0",
    Tag.DOUBLE_LONG: "FFFFFF38",
    Tag.DOUBLE_LONG_UNSIGNED: "00ABCDEF",
    Tag.OCTET_STRING: "03010203",
    Tag.VISIBLE_STRING: "03414243",
    Tag.UTF8_STRING: "02C3A9",
    Tag.INTEGER: "9C",
    Tag.LONG: "FF38",
    Tag.UNSIGNED: "C8",
    Tag.LONG_UNSIGNED: "ABCD",
    Tag.LONG64: "FFFFFFFFFFFFFF38",
    Tag.LONG64_UNSIGNED: "00000000ABCDEF01",
    Tag.ENUM: "01",
    Tag.FLOAT32: "3F800000",
    Tag.FLOAT64: "3FF0000000000000",
    Tag.DATE_TIME: "07E90C1803021E0000FFC400",
}
CARRIED = {
    "date-time octets": "07E90C1803021E0000FFC400",
    "date octets": "07E90C1803",
    "time octets": "021E0000",
}
"""The octets of what has a form of its own in an octet-string."""
PECULIAR = {
    "conformance": "0418 007E1F",
    "certificate-identification": "0202 1600 0203 1600 1601 0908 4D4D4D0000BC614E",
}
"""Types with values that are not seen from their structure."""


def encoding(data_type: DataType[Any], alternative: int = 0) -> bytes:
    """A complete encoding of some value; of choices it has that alternative, or the last."""
    if data_type.name in PECULIAR:
        return bytes.fromhex(PECULIAR[data_type.name])
    members = data_type.members
    if data_type.tag is None:
        if not members:
            return bytes.fromhex("0202 1101 0A0141")
        return encoding(members[min(alternative, len(members) - 1)], alternative)
    head = bytes([data_type.tag])
    if data_type.tag is Tag.ARRAY:
        return head + b"\x02" + encoding(members[0], alternative) * 2
    if data_type.tag is Tag.STRUCTURE:
        return head + bytes([len(members)]) + b"".join(encoding(m, alternative) for m in members)
    if data_type.length is not None:
        body = bytes.fromhex(CARRIED.get(data_type.name, "")) or bytes(range(data_type.length))
        return head + bytes([len(body)]) + body
    return head + bytes.fromhex(BODIES[data_type.tag])
