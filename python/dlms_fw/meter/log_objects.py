"""Event logs as profile generic objects: buffer, columns, and selective access by range and by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, ProfileGeneric
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.enums import ActionResult, SortMethod
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.event_log import EventLog, LogEntry
from dlms_fw.meter.profile_selection import rows_of, selected

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
        return rows_of(self._log.entries, range(len(self._columns)), self._value)

    def select_buffer(self, selector: int, parameters: bytes) -> list[Data]:
        """Selector 1 by range of the clock or a code, 2 by entry and column numbers."""
        return selected(selector, parameters, self.capture_objects, self._log.entries, self._value)

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

    def _value(self, entry: LogEntry, column: int) -> Data:
        return self._columns[column][1](entry)
