"""Values of the core in forms that JSON can carry."""

from __future__ import annotations

from typing import Any

from dlms_fw._core import BitString, Date, DateTime, Time

__all__ = ["json_value"]


def json_value(value: Any) -> Any:
    """Octets, dates and times as hex digits, bits as 0 and 1, and tuples as lists of such values."""
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, Date | Time | DateTime):
        return value.to_bytes().hex().upper()
    if isinstance(value, BitString):
        return "".join("1" if bit else "0" for bit in value)
    if isinstance(value, tuple):
        return [json_value(member) for member in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
