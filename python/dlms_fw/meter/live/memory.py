"""What the objects of a meter remember over power cuts: a record for each, and rings of rows for profiles.

What was stored is durable when the call returns; what is only kept is durable within a minute, so that a
value that moves all the time does not wear the memory out.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any, Final

from dlms_fw.meter.live.timers import Timer, Timers
from dlms_fw.meter.storage import Json, Medium, RecordLost, Records

KEEP_SECONDS: Final = 60.0
"""Changes that are only kept are written at most so often."""


class Cell:
    """The record of one object."""

    def __init__(self, records: Records, name: str, timers: Timers, on_lost: Callable[[], None]) -> None:
        """Where both copies are damaged the object begins anew, and ``on_lost`` is told."""
        self._records = records
        self._name = name
        self._timer: Timer = timers.timer(self._write)
        self._is_stale = False
        try:
            self._value: Json = records.load(name) or {}
        except RecordLost:
            self._value = {}
            on_lost()

    def get(self, name: str, default: Any = None) -> Any:
        """What is remembered under a name."""
        return self._value.get(name, default)

    def store(self, **changes: Any) -> None:
        """Remembers, durably when this returns. After an OSError the old values hold."""
        value = self._value | changes
        self._records.store(self._name, value)
        self._value = value
        self._is_stale = False
        self._timer.stop()

    def keep(self, **changes: Any) -> None:
        """Remembers, durably within :data:`KEEP_SECONDS`."""
        self._value = self._value | changes
        self._is_stale = True
        if self._timer.due is None:
            self._timer.after(KEEP_SECONDS)

    def settle(self) -> None:
        """Makes durable what was only kept. Raises OSError."""
        if self._is_stale:
            self.store()

    def _write(self, due: float) -> None:  # noqa: ARG002 (when it was due makes no difference)
        self.settle()


class Rows:
    """A ring of rows in a region: each has a fixed place, its own digest, and is durable when it is in.

    A power cut costs at most the row that it hits. Rows of an older ``epoch`` do not count, so that the ring
    is emptied by counting the epoch on, in a record.
    """

    HEADER: Final = struct.Struct(">QIH8s")

    def __init__(self, medium: Medium, region: str, *, places: int, room: int, epoch: int) -> None:
        """``places`` rows of at most ``room`` octets."""
        self._medium = medium
        self._region = region
        self._places = places
        self._room = room
        self._epoch = epoch
        self._serial, self.rows = self._load()

    def append(self, row: bytes) -> None:
        """Adds a row, over the oldest where all places are taken. Raises OSError, ValueError if too long."""
        if len(row) > self._room:
            raise ValueError("the row is longer than its place")
        serial = self._serial + 1
        offset = serial % self._places * self._size
        self._medium.write(self._region, offset, self._header(serial, row) + row)
        self._medium.sync(self._region)
        self._serial = serial
        self.rows.append(row)
        del self.rows[: -self._places]

    @property
    def _size(self) -> int:
        return self.HEADER.size + self._room

    def _header(self, serial: int, row: bytes) -> bytes:
        covered = struct.pack(">QIH", serial, self._epoch, len(row)) + row
        return self.HEADER.pack(serial, self._epoch, len(row), hashlib.sha256(covered).digest()[:8])

    def _load(self) -> tuple[int, list[bytes]]:
        octets = self._medium.read(self._region, 0, self._places * self._size)
        found: list[tuple[int, bytes]] = []
        for start in range(0, len(octets), self._size):
            place = octets[start : start + self._size]
            if len(place) < self.HEADER.size:
                break
            serial, epoch, length, _ = self.HEADER.unpack_from(place)
            row = place[self.HEADER.size : self.HEADER.size + length]
            if epoch == self._epoch and place.startswith(self._header(serial, row)) and len(row) == length:
                found.append((serial, row))
        found.sort()
        return (found[-1][0] if found else 0), [row for _, row in found]
