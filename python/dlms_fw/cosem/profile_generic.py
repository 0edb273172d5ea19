"""Profile generic (class_id 7): values captured together, row by row; event logs are profiles.

The tables of the Blue Book, and the two forms of selective access to a buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dlms_fw._core import Data, DateTime, expand_rows
from dlms_fw.axdr import (
    any_data,
    array,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
)
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.interface import InterfaceClass, Selection, attribute, method
from dlms_fw.enums import SortMethod
from dlms_fw.logical_name import LogicalName, LogicalNameLike

__all__ = [
    "CaptureObjectDefinition",
    "CaptureObjectDefinitionV0",
    "EntryDescriptor",
    "ProfileGeneric",
    "ProfileGenericV0",
    "RangeDescriptor",
    "capture_object",
    "entry_descriptor",
    "expanded_rows",
    "range_descriptor",
]


class CaptureObjectDefinition(NamedTuple):
    """What a column holds: an attribute, or with a ``data_index`` one element of it."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    data_index: int = 0
    """0 for the whole attribute, n for the n-th element of a complex one."""


class CaptureObjectDefinitionV0(NamedTuple):
    """What a column holds, in version 0: a whole attribute."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int


capture_object = record(CaptureObjectDefinition, long_unsigned, logical_name_octets, integer, long_unsigned)
_capture_object_v0 = record(CaptureObjectDefinitionV0, long_unsigned, logical_name_octets, integer)


class RangeDescriptor(NamedTuple):
    """Selects the entries whose value in one column lies in a range (selector 1)."""

    restricting_object: CaptureObjectDefinition
    from_value: Data
    to_value: Data
    selected_values: list[CaptureObjectDefinition] = []
    """The columns wanted; none means all."""

    @classmethod
    def by_clock(cls, clock: LogicalNameLike, from_value: DateTime, to_value: DateTime) -> RangeDescriptor:
        """All columns of the entries between two moments, by a column that captures ``time`` of a clock."""
        column = CaptureObjectDefinition(class_id=8, logical_name=LogicalName(clock), attribute_index=2)
        return cls(column, _moment(from_value), _moment(to_value))

    @property
    def selection(self) -> Selection:
        """The selective access with this descriptor."""
        return Selection(1, range_descriptor.encode(self))


class EntryDescriptor(NamedTuple):
    """Selects entries and columns by number (selector 2), both from 1 on; 0 as an end means the last."""

    from_entry: int
    to_entry: int = 0
    from_selected_value: int = 1
    to_selected_value: int = 0

    @property
    def selection(self) -> Selection:
        """The selective access with this descriptor."""
        return Selection(2, entry_descriptor.encode(self))


range_descriptor = record(RangeDescriptor, capture_object, any_data, any_data, array(capture_object))
entry_descriptor = record(
    EntryDescriptor, double_long_unsigned, double_long_unsigned, long_unsigned, long_unsigned
)


class _ProfileRows(InterfaceClass, short_name_methods=0x58):
    """What both versions have in common."""

    buffer = attribute(2, array(any_data))
    """One structure for each entry; null-data in a column means the value of the entry before.

    :func:`expanded_rows` puts back what was left out.
    """
    capture_period = attribute(4, double_long_unsigned, static=True)
    """In seconds; 0 where something else triggers the capture."""
    sort_method = attribute(5, enumerated(SortMethod), static=True)
    entries_in_use = attribute(7, double_long_unsigned)
    profile_entries = attribute(8, double_long_unsigned, static=True)
    """The most entries that the buffer can hold."""

    @method(1)
    def reset(self) -> None:
        """Clear the buffer."""

    @method(2)
    def capture(self) -> None:
        """Capture the objects now."""


class ProfileGeneric(_ProfileRows, class_id=7, version=1):
    """Objects captured together into a buffer of entries."""

    capture_objects = attribute(3, array(capture_object), static=True)
    sort_object = attribute(6, capture_object, static=True)


class ProfileGenericV0(_ProfileRows, class_id=7, version=0):
    """Version 0: whole attributes only."""

    capture_objects = attribute(3, array(_capture_object_v0), static=True)
    sort_object = attribute(6, _capture_object_v0, static=True)


def expanded_rows(
    entries: Sequence[Data],
    capture_objects: Sequence[CaptureObjectDefinition | CaptureObjectDefinitionV0] = (),
    *,
    capture_period: int = 0,
    sort_method: SortMethod = SortMethod.FIFO,
) -> list[tuple[object, ...]]:
    """The entries of a buffer as rows of plain values, with everything put back that the meter left out.

    Null-data in a column is the value of the entry before. In a column that captures ``time`` of a clock it
    is the time before and one capture period more, by the meter's clock; such columns are given as
    :class:`~dlms_fw._core.DateTime` however they were sent. Deltas are added up to numbers.

    Args:
        entries: What a read of ``buffer`` gives, or part of it that begins with a complete entry.
        capture_objects: The columns that were asked for, which tells where the clock is.
        capture_period: Of the profile, in seconds; 0 leaves a time that was left out as it was before.
        sort_method: Of the profile; LIFO sends the newest entry first, so that time runs backwards.

    Raises:
        TypeError: An entry is not a structure.
        DecodeError: A delta has no number before it (kind ``missing``).
    """
    clock_columns = [
        index
        for index, column in enumerate(capture_objects)
        if column.class_id == Clock.class_id and column.attribute_index == Clock.time.attribute_id
    ]
    step = -capture_period if sort_method == SortMethod.LIFO else capture_period
    return expand_rows(entries, clock_columns=clock_columns, capture_period=step)


def _moment(value: DateTime) -> Data:
    return Data.decode(octet_string.encode(value.to_bytes()))
