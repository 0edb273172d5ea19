"""Attribute values out of model files: TOML values told as the types of the attributes want them.

A number, a truth value and a text stand for themselves. A structure is a list of its members or a table with
their names, of which absent ones are zero; octets are a text, or a table with one key that says how they are
written; an enumeration is a number or the name of a member. Where a type is open, a table with one key names
it in the words of the standard: ``{ double-long-unsigned = 5 }``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from enum import IntEnum, IntFlag
from typing import Any, Final

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import DataType, Tag, logical_name_octets
from dlms_fw.logical_name import LogicalName
from dlms_fw.units import UNITS

_DEEPEST: Final = 16
_TAGS: Final = {tag.name.lower().replace("_", "-"): tag for tag in Tag}
_UNIT_CODES: Final = {unit.symbol: code for code, unit in UNITS.items() if unit.symbol}


class ValueMistake(ValueError):
    """A value of a file that does not fit; ``path`` is where it stands inside the attribute."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path

    def within(self, step: str) -> ValueMistake:
        """The same, seen from one level further up."""
        joined = f"{step}{self.path}" if self.path.startswith("[") else f"{step}.{self.path}"
        return ValueMistake(self.message, joined if self.path else step)


def value_of(data_type: DataType[Any], given: Any, depth: int = 0) -> Any:
    """A value of a type, from what a TOML file says.

    Raises:
        ValueMistake: It does not fit; the message says what is needed and where.
    """
    if depth > _DEEPEST:
        raise ValueMistake("nested too deep")
    special = _SPECIAL.get(data_type.name)
    if special is not None:
        return special(given)
    if data_type.tag is None:
        return _open_value(data_type, given, depth)
    if data_type.values is not None and issubclass(data_type.values, IntEnum | IntFlag):
        return _member(data_type.values, given)
    if data_type.tag is Tag.STRUCTURE:
        return _structure(data_type, given, depth)
    if data_type.tag is Tag.ARRAY:
        return _array(data_type.members[0], given, depth)
    return _simple(data_type.tag, given)


def data_of(given: Any, depth: int = 0) -> Data:
    """A value with its type: a table with one key, which names the type. Raises ValueMistake."""
    if depth > _DEEPEST:
        raise ValueMistake("nested too deep")
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in _TAGS:
        raise ValueMistake("a table with one key is needed, the type: { long-unsigned = 5 }")
    ((word, content),) = given.items()
    tag = _TAGS[word]
    if tag in {Tag.ARRAY, Tag.STRUCTURE}:
        if not isinstance(content, list):
            raise ValueMistake("a list is needed", word)
        places = enumerate(content, start=1)
        return Data(tag, tuple(_within(f"[{n}]", data_of, item, depth + 1) for n, item in places))
    try:
        data = Data(tag, None if tag in {Tag.NULL_DATA, Tag.DONT_CARE} else _simple(tag, content))
        data.encode()
    except ValueMistake as mistake:
        raise mistake.within(word) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueMistake(str(error), word) from None
    return data


def _open_value(data_type: DataType[Any], given: Any, depth: int) -> Any:
    """Any data, or the first alternative of a choice that fits."""
    if not data_type.members:
        return data_of(given, depth)
    mistakes: list[ValueMistake] = []
    for alternative in data_type.members:
        try:
            value = value_of(alternative, given, depth + 1)
            alternative.encode(value)
        except ValueMistake as mistake:
            mistakes.append(mistake)
        except (TypeError, ValueError, OverflowError) as error:
            mistakes.append(ValueMistake(str(error)))
        else:
            return value
    raise mistakes[0]


def _structure(data_type: DataType[Any], given: Any, depth: int) -> Any:
    fields: Any = getattr(data_type.values, "_fields", ())
    if isinstance(given, dict) and fields:
        if unknown := sorted(given.keys() - set(fields)):
            raise ValueMistake(f"there is no {unknown[0]}; there are {', '.join(fields)}")
        members = [
            _within(field, value_of, member, given[field], depth + 1) if field in given else member.default
            for field, member in zip(fields, data_type.members, strict=True)
        ]
    elif isinstance(given, list) and len(given) == len(data_type.members):
        members = [
            _within(f"[{place}]", value_of, member, item, depth + 1)
            for place, (member, item) in enumerate(zip(data_type.members, given, strict=True), start=1)
        ]
    else:
        names = f" ({', '.join(fields)})" if fields else ""
        raise ValueMistake(f"{len(data_type.members)} members{names} are needed, as a list or a table")
    return tuple(members) if data_type.values is None else data_type.values(*members)


def _array(element: DataType[Any], given: Any, depth: int) -> list[Any]:
    if not isinstance(given, list):
        raise ValueMistake("a list is needed")
    return [
        _within(f"[{place}]", value_of, element, item, depth + 1) for place, item in enumerate(given, start=1)
    ]


def _within(step: str, convert: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return convert(*arguments)
    except ValueMistake as mistake:
        raise mistake.within(step) from None


def _member(members: type[Any], given: Any) -> Any:
    if type(given) is int:
        return given if issubclass(members, IntEnum) else members(given)
    names = given if isinstance(given, list) else [given]
    known = {member.name.lower().replace("_", "-"): member for member in members}
    if issubclass(members, IntFlag):
        if all(isinstance(name, str) and name in known for name in names):
            return members(sum(known[name] for name in names))
    elif isinstance(given, str) and given in known:
        return known[given]
    raise ValueMistake(f"a number or one of {', '.join(known)} is needed")


def _simple(tag: Tag, given: Any) -> Any:
    kind, words = _PLAIN.get(tag, (int, "a whole number"))
    if tag in {Tag.OCTET_STRING, Tag.DATE_TIME, Tag.DATE, Tag.TIME, Tag.BIT_STRING}:
        return {
            Tag.OCTET_STRING: _octets,
            Tag.DATE_TIME: _date_time,
            Tag.DATE: _date,
            Tag.TIME: _time,
            Tag.BIT_STRING: _bit_string,
        }[tag](given)
    if tag is Tag.ENUM and isinstance(given, str) and given in _UNIT_CODES:
        return _UNIT_CODES[given]
    if type(given) is kind or (kind is float and type(given) is int):
        return kind(given)
    raise ValueMistake(f"{words} is needed")


_PLAIN: Final[Mapping[Tag, tuple[type[Any], str]]] = {
    Tag.BOOLEAN: (bool, "true or false"),
    Tag.VISIBLE_STRING: (str, "a text"),
    Tag.UTF8_STRING: (str, "a text"),
    Tag.FLOAT32: (float, "a number"),
    Tag.FLOAT64: (float, "a number"),
}


def _octets(given: Any) -> bytes:
    """A text in ASCII, or a table that says what the octets are."""
    if isinstance(given, str):
        return _ascii(given)
    if isinstance(given, dict) and len(given) == 1:
        ((word, content),) = given.items()
        written = _WRITTEN.get(word)
        if written is not None:
            return _within(word, written, content)  # type: ignore[no-any-return]
    raise ValueMistake(f"a text, or a table with one of the keys {', '.join(_WRITTEN)}, is needed")


def _ascii(given: str) -> bytes:
    try:
        return given.encode("ascii")
    except UnicodeEncodeError:
        raise ValueMistake("only ASCII can be octets; use { hex = ... }") from None


def _hex(given: Any) -> bytes:
    try:
        return bytes.fromhex(given)
    except (TypeError, ValueError):
        raise ValueMistake("hex digits are needed") from None


def _logical_name(given: Any) -> LogicalName:
    try:
        return LogicalName(given)
    except (TypeError, ValueError):
        raise ValueMistake('a logical name is needed: "1-0:1.8.0.255"') from None


def _date_time(given: Any) -> DateTime:
    if given == "":
        return DateTime()
    if isinstance(given, datetime.datetime):
        return DateTime.from_datetime(given)
    return _moment(given, DateTime.from_bytes, 12, "a date and time")  # type: ignore[no-any-return]


def _date(given: Any) -> Date:
    if given == "":
        return Date()
    if isinstance(given, datetime.date) and not isinstance(given, datetime.datetime):
        return DateTime.from_datetime(datetime.datetime.combine(given, datetime.time())).date
    return _moment(given, Date.from_bytes, 5, "a date")  # type: ignore[no-any-return]


def _time(given: Any) -> Time:
    if given == "":
        return Time()
    if isinstance(given, datetime.time):
        return DateTime.from_datetime(datetime.datetime.combine(datetime.date(2000, 1, 1), given)).time
    return _moment(given, Time.from_bytes, 4, "a time")  # type: ignore[no-any-return]


def _moment(given: Any, from_bytes: Callable[[bytes], Any], length: int, words: str) -> Any:
    """The octets of the standard, which can leave fields open."""
    if isinstance(given, dict) and given.keys() == {"hex"}:
        try:
            return from_bytes(_hex(given["hex"]))
        except ValueError as error:
            raise ValueMistake(f"{length} octets are needed: {error}") from None
    raise ValueMistake(f'{words} of TOML, {{ hex = "..." }}, or "" for an open one is needed')


def _bit_string(given: Any) -> BitString:
    if isinstance(given, str) and set(given) <= {"0", "1"}:
        padded = given + "0" * (-len(given) % 8)
        octets = bytes(int(padded[place : place + 8], 2) for place in range(0, len(padded), 8))
        return BitString.from_bytes(octets, len(given))
    raise ValueMistake('bits are needed, the first one first: "0101"')


_WRITTEN: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "hex": _hex,
    "logical-name": lambda given: _logical_name(given).to_bytes(),
    "date-time": lambda given: _date_time(given).to_bytes(),
    "date": lambda given: _date(given).to_bytes(),
    "time": lambda given: _time(given).to_bytes(),
}
"""How octets may be written other than as a text."""
_SPECIAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    logical_name_octets.name: _logical_name,
    "date-time octets": _date_time,
    "date octets": _date,
    "time octets": _time,
}
"""Types that are told by their names."""
