"""What the objects of a meter remember over power cuts: a record for each, and rings of rows for profiles.

What was stored is durable when the call returns; what is only kept is durable within a minute, so that a
value that moves all the time does not wear the memory out.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dlms_fw.meter.live.timers import Timer, Timers
from dlms_fw.meter.storage import Json, Medium, RecordLost, Records

KEEP_SECONDS: Final = 60.0
"""Changes that are only kept are written at most so often."""


class Cells:
    """The records of all objects of a meter that have ever remembered something.

    Which these are stands in a record of its own, so that an object that has nothing to remember costs the
    memory nothing. A record that is damaged in both copies counts as empty, and ``on_lost`` is told.
    """

    INDEX: Final = "live.index"

    def __init__(self, records: Records, timers: Timers, on_lost: Callable[[], None]) -> None:
        self._records = records
        self._timers = timers
        self._on_lost = on_lost
        self._cells: list[Cell] = []
        try:
            self._names: set[str] | None = set((records.load(self.INDEX) or {}).get("names", ()))
        except RecordLost:
            self._names = None  # then each may be there
            on_lost()

    def cell(self, name: str) -> Cell:
        """The record of that name."""
        value: Json = {}
        if self._names is None or name in self._names:
            try:
                value = self._records.load(name) or {}
            except RecordLost:
                self._on_lost()
        cell = Cell(self, name, value, self._timers)
        self._cells.append(cell)
        return cell

    def store(self, name: str, value: Json) -> None:
        """Writes a record, which from then on is looked for. Raises OSError."""
        if self._names is not None and name not in self._names:
            names = self._names | {name}
            self._records.store(self.INDEX, {"names": sorted(names)})
            self._names = names
        self._records.store(name, value)

    def settle(self) -> None:
        """Makes durable what was only kept. Raises OSError."""
        for cell in self._cells:
            cell.settle()


class Cell:
    """The record of one object."""

    def __init__(self, cells: Cells, name: str, value: Json, timers: Timers) -> None:
        self._cells = cells
        self._name = name
        self._value = value
        self._timers = timers
        self._timer: Timer | None = None
        self._is_stale = False

    def get(self, name: str, default: Any = None) -> Any:
        """What is remembered under a name."""
        return self._value.get(name, default)

    def store(self, **changes: Any) -> None:
        """Remembers, durably when this returns. After an OSError the old values hold."""
        value = self._value | changes
        self._cells.store(self._name, value)
        self._value = value
        self._is_stale = False
        if self._timer is not None:
            self._timer.stop()

    def keep(self, **changes: Any) -> None:
        """Remembers, durably within :data:`KEEP_SECONDS`."""
        self._value = self._value | changes
        self._is_stale = True
        if self._timer is None:
            self._timer = self._timers.timer(self._write)
        if self._timer.due is None:
            self._timer.after(KEEP_SECONDS)

    def settle(self) -> None:
        """Makes durable what was only kept. Raises OSError."""
        if self._is_stale:
            self.store()

    def _write(self, due: float) -> None:  # noqa: ARG002 (when it was due makes no difference)
        self.settle()


class Row(NamedTuple):
    """One row of a ring."""

    serial: int
    """Counts the rows that were ever added, from 1."""
    place: int
    octets: bytes


class Rows:
    """Rows in a region: each has a fixed place, its own digest, and is durable when it is in.

    A power cut costs at most the row that is written over. Rows of another ``epoch`` do not count, so that a
    region is emptied by counting the epoch on, in a record.
    """

    HEADER: Final = struct.Struct(">QIH8s")

    def __init__(self, medium: Medium, region: str, *, places: int, room: int, epoch: int) -> None:
        """``places`` rows of at most ``room`` octets."""
        self._medium = medium
        self._region = region
        self._places = places
        self._room = room
        self._epoch = epoch
        self.rows = self._load()
        """In the order in which they were added."""
        self._serial = self.rows[-1].serial if self.rows else 0
        self._taken = {row.place for row in self.rows}

    def add(self, octets: bytes, *, over: Row | None = None) -> None:
        """Adds a row to a free place, or over a row, which is the oldest where none is said.

        Raises:
            OSError: The memory fails; the row that was to go may be lost.
            ValueError: It is longer than its place.
        """
        if len(octets) > self._room:
            raise ValueError("the row is longer than its place")
        if len(self.rows) < self._places:
            place = self._free()
        else:
            over = over or self.rows[0]
            place = over.place
            self.rows.remove(over)
            self._taken.discard(place)
        self._serial += 1
        row = Row(self._serial, place, octets)
        self._medium.write(self._region, place * self._size, self._packed(row))
        self._medium.sync(self._region)
        self.rows.append(row)
        self._taken.add(place)

    def fill(self, rows: list[bytes]) -> None:
        """Puts rows into an empty ring, with one barrier. Raises OSError."""
        for serial, octets in enumerate(rows, 1):
            row = Row(serial, serial - 1, octets)
            self._medium.write(self._region, row.place * self._size, self._packed(row))
            self.rows.append(row)
        self._serial, self._taken = len(rows), set(range(len(rows)))
        self._medium.sync(self._region)

    @property
    def _size(self) -> int:
        return self.HEADER.size + self._room

    def _free(self) -> int:
        """The lowest place that no row has."""
        count = len(self._taken)
        if count not in self._taken:
            return count
        return next(place for place in range(count) if place not in self._taken)

    def _packed(self, row: Row) -> bytes:
        covered = struct.pack(">QIIH", row.serial, row.place, self._epoch, len(row.octets)) + row.octets
        digest = hashlib.sha256(covered).digest()[:8]
        return self.HEADER.pack(row.serial, self._epoch, len(row.octets), digest) + row.octets

    def _load(self) -> list[Row]:
        octets = self._medium.read(self._region, 0, self._places * self._size)
        found: list[Row] = []
        for place in range(len(octets) // self._size + 1):
            stored = octets[place * self._size : (place + 1) * self._size]
            if len(stored) < self.HEADER.size:
                break
            serial, _, length, _ = self.HEADER.unpack_from(stored)
            row = Row(serial, place, stored[self.HEADER.size : self.HEADER.size + length])
            if len(row.octets) == length and stored.startswith(self._packed(row)):
                found.append(row)
        return sorted(found)
