"""Event logs as profile generic objects: buffer, columns, and selective access by range and by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    ProfileGeneric,
    entry_descriptor,
    range_descriptor,
)
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.enums import ActionResult, DataAccessResult, SortMethod
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.event_log import EventLog, LogEntry

CLOCK_COLUMN: Final = CaptureObjectDefinition(8, CLOCK, 2, 0)
_UNSORTED: Final = CaptureObjectDefinition(0, LogicalName(bytes(6)), 0, 0)

Column = tuple[CaptureObjectDefinition, Callable[[LogEntry], Data]]


def code_column(logical_name: LogicalName) -> Column:
    """The column of an event code."""
    return CaptureObjectDefinition(1, logical_name, 2, 0), lambda entry: Data(Tag.UNSIGNED, entry.code)


def parameter_column(logical_name: LogicalName) -> Column:
    """The column of an event parameter."""
    return CaptureObjectDefinition(1, logical_name, 2, 0), lambda entry: Data(Tag.UNSIGNED, entry.parameter)


class EventLogProfile(ServerObject, interface=ProfileGeneric):
    """An event log; its first column is the clock, its entries stand oldest first."""

    def __init__(self, instance_id: LogicalNameLike, log: EventLog, columns: Sequence[Column]) -> None:
        super().__init__(instance_id)
        self._log = log
        self._columns: list[Column] = [
            (CLOCK_COLUMN, lambda entry: Data(Tag.OCTET_STRING, entry.time)),
            *columns,
        ]

    @property
    def buffer(self) -> list[Data]:
        """All entries, oldest first."""
        return self._rows(self._log.entries, self._columns)

    def select_buffer(self, selector: int, parameters: bytes) -> list[Data]:
        """Selector 1 by range of the clock, 2 by entry and column numbers."""
        if selector == 1:
            return self._by_range(parameters)
        if selector == 2:
            return self._by_entry(parameters)
        raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)

    @property
    def capture_objects(self) -> list[CaptureObjectDefinition]:
        """The columns."""
        return [column for column, _ in self._columns]

    @property
    def capture_period(self) -> int:
        """0: events trigger the capture."""
        return 0

    @property
    def sort_method(self) -> SortMethod:
        """First in, first out."""
        return SortMethod.FIFO

    @property
    def sort_object(self) -> CaptureObjectDefinition:
        """None."""
        return _UNSORTED

    @property
    def entries_in_use(self) -> int:
        """How many entries there are."""
        return len(self._log.entries)

    @property
    def profile_entries(self) -> int:
        """How many there can be."""
        return self._log.capacity

    def reset(self) -> None:
        """Logs are not cleared over this interface: they are evidence."""
        raise CosemFault(ActionResult.READ_WRITE_DENIED)

    def capture(self) -> None:
        """Events capture themselves."""
        raise CosemFault(ActionResult.READ_WRITE_DENIED)

    def _by_range(self, parameters: bytes) -> list[Data]:
        wanted = range_descriptor.decode(parameters)
        if wanted.restricting_object[:3] != CLOCK_COLUMN[:3]:
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        first, last = _instant(wanted.from_value), _instant(wanted.to_value)
        chosen = [column for column in self._columns if column[0] in wanted.selected_values]
        if len(chosen) != len(wanted.selected_values):
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        entries = [entry for entry in self._log.entries if first <= _seconds(entry.time) <= last]
        return self._rows(entries, chosen or self._columns)

    def _by_entry(self, parameters: bytes) -> list[Data]:
        wanted = entry_descriptor.decode(parameters)
        if wanted.from_entry == 0 or wanted.from_selected_value == 0:
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        entries = self._log.entries[wanted.from_entry - 1 : wanted.to_entry or None]
        columns = self._columns[wanted.from_selected_value - 1 : wanted.to_selected_value or None]
        return self._rows(entries, columns)

    def _rows(self, entries: Sequence[LogEntry], columns: Sequence[Column]) -> list[Data]:
        return [Data(Tag.STRUCTURE, tuple(value(entry) for _, value in columns)) for entry in entries]


def _instant(value: Data) -> float:
    """A bound of a range, as an octet-string of 12 octets or a date-time."""
    if isinstance(value.value, bytes) and len(value.value) == 12:
        return _seconds(value.value)
    if isinstance(value.value, DateTime):
        return _seconds(value.value.to_bytes())
    raise CosemFault(DataAccessResult.TYPE_UNMATCHED)


def _seconds(octets: bytes) -> float:
    try:
        return DateTime.from_bytes(octets).to_datetime().timestamp()
    except ValueError:
        raise CosemFault(DataAccessResult.OTHER_REASON) from None
