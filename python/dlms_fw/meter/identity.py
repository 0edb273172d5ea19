"""The names of a meter, as the MCS301 makes them of its serial number (product manual, pages 42 and 43).

The manual prints the second octet of its example of a system title as 44, which would be another
manufacturer: no client should derive a title by this rule, but take the one that the meter gives in its AARE.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

_MANUFACTURER_LETTERS: Final = 3
_SERIAL_NUMBERS: Final = 10**8


class DeviceType(IntEnum):
    """What a meter measures by; others are the manufacturer's to give."""

    SINGLE_PHASE = 1
    THREE_PHASE_DIRECT = 3
    THREE_PHASE_CURRENT_TRANSFORMER = 4
    THREE_PHASE_CURRENT_AND_VOLTAGE_TRANSFORMER = 5


class FunctionType(IntFlag):
    """What it has beside measurement."""

    DISCONNECTOR = 1
    LOAD_MANAGEMENT_RELAY = 2
    MULTI_UTILITY = 4
    """M-Bus."""


def system_title(
    manufacturer: str, device_type: DeviceType | int, function_type: FunctionType | int, serial_number: int
) -> bytes:
    """The 8 octets: manufacturer, device type, and function type and serial number in 4 and 28 bits.

    Args:
        manufacturer: Its FLAG id, three letters.
        device_type: One octet.
        function_type: Four bits.
        serial_number: Of up to eight decimal digits.

    Raises:
        ValueError: One of them does not fit.
    """
    _check(manufacturer, serial_number)
    if not 0 <= device_type <= 0xFF or not 0 <= function_type <= 0xF:
        raise ValueError("a device type has 8 bits and a function type 4")
    last = function_type << 28 | serial_number
    return manufacturer.encode("ascii") + bytes((device_type,)) + last.to_bytes(4, "big")


def logical_device_name(
    manufacturer: str, device_type: DeviceType | int, function_type: FunctionType | int, serial_number: int
) -> bytes:
    """The 16 characters: manufacturer, then three, two and eight digits of the same three.

    Raises:
        ValueError: As :func:`system_title`.
    """
    _check(manufacturer, serial_number)
    if not 0 <= device_type <= 999 or not 0 <= function_type <= 99:
        raise ValueError("a device type has 3 digits and a function type 2")
    return f"{manufacturer}{device_type:03}{function_type:02}{serial_number:08}".encode("ascii")


def utility_device_id(name: bytes, year: int) -> bytes:
    """The number of a meter at its utility: manufacturer, type, year and serial number.

    Args:
        name: Its logical device name.
        year: When it was made; its last two digits are taken.
    """
    return name[:6] + f"{year % 100:02}".encode("ascii") + name[-8:]


def _check(manufacturer: str, serial_number: int) -> None:
    if len(manufacturer) != _MANUFACTURER_LETTERS or not (manufacturer.isascii() and manufacturer.isalpha()):
        raise ValueError(f"a manufacturer has {_MANUFACTURER_LETTERS} letters, not {manufacturer!r}")
    if not 0 <= serial_number < _SERIAL_NUMBERS:
        raise ValueError("a serial number has up to eight digits")
