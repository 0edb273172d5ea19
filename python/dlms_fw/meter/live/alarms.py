"""Alarms: a register of what is wrong, a filter of what is told, and a descriptor of what was told.

A bit of the register stands while its cause stands. When a cause begins that the filter lets through, its
bit is set in the descriptor, where it stays until a client clears it; a cause that stands on does not raise
an alarm again. Who watches the descriptor pushes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.live.memory import Cell

CLOCK_INVALID_ALARM: Final = 1 << 0
REPLACE_BATTERY_ALARM: Final = 1 << 1
PROGRAM_MEMORY_ALARM: Final = 1 << 8
NV_MEMORY_ALARM: Final = 1 << 10
FRAUD_ALARM: Final = 1 << 13
ALARM_REGISTER: Final = LogicalName("0-0:97.98.0.255")
ALARM_FILTER: Final = LogicalName("0-0:97.98.10.255")
ALARM_DESCRIPTOR: Final = LogicalName("0-0:97.98.20.255")
_ALL: Final = 0xFFFF_FFFF


class Alarms:
    """The alarms of one meter, 32 bits each (MCS301 manual, page 105)."""

    def __init__(self, cell: Cell, *, log_event: Callable[[int], None]) -> None:
        self._cell = cell
        self._log_event = log_event
        self.listeners: list[Callable[[], None]] = []
        """Called after the descriptor has changed."""

    @property
    def register(self) -> int:
        """What is wrong now, or was since it was cleared."""
        return int(self._cell.get("register", 0))

    @property
    def filter(self) -> int:
        """What may be told."""
        return int(self._cell.get("filter", _ALL))

    @property
    def descriptor(self) -> int:
        """What has been told since a client cleared it."""
        return int(self._cell.get("descriptor", 0))

    def raise_alarm(self, bits: int) -> None:
        """A cause begins. Raises OSError."""
        new = bits & ~self.register & _ALL
        if not new:
            return
        told = self.descriptor | new & self.filter
        is_told = told != self.descriptor
        self._cell.store(register=self.register | new, descriptor=told)
        if is_told:
            self._tell()

    def end_alarm(self, bits: int) -> None:
        """A cause is over. Raises OSError."""
        if self.register & bits:
            self._cell.store(register=self.register & ~bits)

    def clear(self, left: int = 0) -> None:
        """A client writes the register: bits that it leaves out are cleared, none is set. Raises OSError."""
        self._cell.store(register=self.register & left)
        self._log_event(StandardEvent.ALARM_REGISTER_CLEARED)

    def set_filter(self, bits: int) -> None:
        """A client writes the filter. Raises OSError."""
        self._cell.store(filter=bits & _ALL)

    def clear_descriptor(self, left: int = 0) -> None:
        """A client writes the descriptor, as it writes the register. Raises OSError."""
        if self.descriptor & ~left:
            self._cell.store(descriptor=self.descriptor & left)
            self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
