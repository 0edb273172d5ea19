"""Selective access to the buffer of a profile: which entries and columns an access descriptor asks for.

For any kind of entry: the caller gives the columns, and the value of an entry in a column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    RangeDescriptor,
    entry_descriptor,
    range_descriptor,
)
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import DataAccessResult

BY_RANGE: Final = 1
BY_ENTRY: Final = 2
_CLOCK_TIME: Final = (8, 2)
_DATE_TIME_OCTETS: Final = 12

T = TypeVar("T")
Columns = Sequence[CaptureObjectDefinition]
Value = Callable[[T, int], Data]


def selected(
    selector: int, parameters: bytes, columns: Columns, entries: Sequence[T], value: Value[T]
) -> list[Data]:
    """The entries that are asked for, each a structure of the columns that are asked for.

    Args:
        selector: 1 by a range of values in one column, 2 by numbers of entries and columns.
        parameters: The encoded access descriptor.
        columns: The columns of the buffer.
        entries: The entries of the buffer in its order.
        value: The value of an entry in the column of that index.

    Raises:
        CosemFault: There is no such selector, or what is asked for is not there.
        DecodeError: The parameters are no access descriptor.
    """
    if selector == BY_RANGE:
        return _by_range(range_descriptor.decode(parameters, strict=False), columns, entries, value)
    if selector == BY_ENTRY:
        return _by_entry(parameters, columns, entries, value)
    raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)


def rows_of(entries: Sequence[T], columns: Sequence[int], value: Value[T]) -> list[Data]:
    """The entries, each a structure of these columns."""
    return [Data(Tag.STRUCTURE, tuple(value(entry, index) for index in columns)) for entry in entries]


def _by_range(wanted: RangeDescriptor, columns: Columns, entries: Sequence[T], value: Value[T]) -> list[Data]:
    restricting = _index(wanted.restricting_object, columns)
    chosen = sorted(_index(column, columns) for column in wanted.selected_values)
    is_clock = (columns[restricting].class_id, columns[restricting].attribute_index) == _CLOCK_TIME
    measure = _moment if is_clock else _plain
    first, last = measure(wanted.from_value), measure(wanted.to_value)
    within = [
        entry
        for entry in entries
        if _not_after(first, measured := measure(value(entry, restricting))) and _not_after(measured, last)
    ]
    return rows_of(within, chosen or range(len(columns)), value)


def _by_entry(parameters: bytes, columns: Columns, entries: Sequence[T], value: Value[T]) -> list[Data]:
    wanted = entry_descriptor.decode(parameters, strict=False)
    if wanted.from_entry == 0 or wanted.from_selected_value == 0:
        raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
    chosen = range(len(columns))[wanted.from_selected_value - 1 : wanted.to_selected_value or None]
    return rows_of(entries[wanted.from_entry - 1 : wanted.to_entry or None], chosen, value)


def _index(column: CaptureObjectDefinition, columns: Columns) -> int:
    """Where a column stands. Raises CosemFault where it does not."""
    for index, known in enumerate(columns):
        if known == column:
            return index
    raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)


def _not_after(one: Any, other: Any) -> bool:
    """Whether they are in this order; by local time where one of two moments does not tell its zone."""
    if isinstance(one, datetime) and isinstance(other, datetime) and (one.tzinfo and other.tzinfo) is None:
        one, other = one.replace(tzinfo=None), other.replace(tzinfo=None)
    try:
        return bool(one <= other)
    except TypeError:
        return False


def _plain(value: Data) -> object:
    return value.value


def _moment(value: Data) -> object:
    """A moment, of an octet-string of 12 octets or a date-time; an entry may have none."""
    content = value.value
    if isinstance(content, bytes) and len(content) == _DATE_TIME_OCTETS:
        content = DateTime.from_bytes(content)
    if content is None:
        return None
    if not isinstance(content, DateTime):
        raise CosemFault(DataAccessResult.TYPE_UNMATCHED)
    try:
        return content.to_datetime()
    except ValueError:
        raise CosemFault(DataAccessResult.OTHER_REASON) from None
