"""Values of attributes in forms that people and JSON can read: names for codes, times in ISO 8601, text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Any, Final

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import any_data
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.units import Quantity

__all__ = ["flag_names", "readable", "readable_attribute"]

_SHORTEST_TEXT: Final = 2


def readable_attribute(interface: type[InterfaceClass], attribute_id: int, encoding: bytes) -> Any:
    """What an encoded attribute means: by the type of its row, else by its tags, else ``None``."""
    row = interface.attributes.get(attribute_id)
    for data_type in (any_data if row is None else row.data_type, any_data):
        try:
            return readable(data_type.decode(encoding, strict=False))
        except DecodeError:
            continue
    return None


def readable(value: Any) -> Any:
    """A value as JSON has it.

    Codes are their names, sets of bits lists of names, structures with named members objects. Octets are text
    where they are printable, else hex digits; moments are ISO 8601 where they are points in time.
    """
    match value:
        case None | bool() | str():
            return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        case Quantity() | Decimal() | LogicalName():
            return str(value)
        case IntFlag():
            return flag_names(value)
        case IntEnum():
            return value.name.lower().replace("_", "-")
        case int() | float():
            return value
        case datetime():
            return _iso(value)
        case bytes():
            return _text(value)
        case DateTime() | Date() | Time():
            return _moment(value)
        case BitString():
            return "".join("1" if bit else "0" for bit in value)
        case Data():
            return readable(value.plain())
        case tuple() if hasattr(value, "_fields"):
            return {name: readable(member) for name, member in zip(value._fields, value, strict=True)}
        case list() | tuple():
            return [readable(member) for member in value]
    return str(value)


def flag_names(flags: IntFlag) -> list[str]:
    """The bits that are set, by name; one without a name as its value in hex."""
    known = [flag for flag in type(flags) if flag in flags]
    names = [str(flag.name).lower().replace("_", "-") for flag in known]
    rest = int(flags) & ~sum(int(flag) for flag in known)
    return [*names, f"0x{rest:X}"] if rest else names


def _text(octets: bytes) -> str:
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    return text if len(text) >= _SHORTEST_TEXT and text.isprintable() else octets.hex().upper()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _moment(value: DateTime | Date | Time) -> str:
    try:
        match value:
            case DateTime():
                return _iso(value.to_datetime())
            case Date():
                return value.to_date().isoformat()
            case Time():
                return value.to_time().isoformat()
    except ValueError:
        return value.to_bytes().hex().upper()
