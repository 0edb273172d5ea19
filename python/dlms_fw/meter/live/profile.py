"""Profiles (class_id 7): columns captured by period or on demand into a buffer that survives power cuts.

Captures by period stand at multiples of the period by the local clock, with the time of the clock column set
to that multiple. What the clock does to them:

- Without power nothing is captured and nothing is made up for: those entries are missing.
- A clock that is set forward over such moments gives one entry, for the last of them.
- A clock that is set back goes on at its next multiple; entries stay, and times come again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    ProfileGeneric,
    ProfileGenericV0,
)
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, SortMethod
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.live.capture import captured, full, names
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.memory import Row, Rows
from dlms_fw.meter.live.plant import Plant
from dlms_fw.meter.profile_selection import selected
from dlms_fw.meter.storage import Json

MOST_ENTRIES: Final = 100_000
MOST_COLUMNS: Final = 100
LONGEST_ROW: Final = 4096
"""Octets of an entry; a longer one is not captured."""
_STEP: Final = 32
_DEFAULTS: Final[Mapping[str, Any]] = {"profile_entries": 1000, "sort_method": SortMethod.FIFO}

_ORDER: Final[Mapping[SortMethod, Callable[[float], float]]] = {
    SortMethod.LARGEST: lambda value: -value,
    SortMethod.SMALLEST: lambda value: value,
    SortMethod.NEAREST_TO_ZERO: abs,
    SortMethod.FARTHEST_FROM_ZERO: lambda value: -abs(value),
}
"""What a sorted buffer is sorted by; the entry that would stand last goes when it is full."""


def _columns_allowed(target: LiveProfile, value: Sequence[Any]) -> None:
    own = (target.interface.class_id, target.logical_name)
    if len(value) > MOST_COLUMNS or any(names(full(column), *own) for column in value):
        raise ValueError("too many columns, or the profile itself")


def _entries_allowed(target: LiveProfile, value: int) -> None:  # noqa: ARG001 (for all alike)
    if not 0 < value <= MOST_ENTRIES:
        raise ValueError("no number of entries")


def _emptying(check: Callable[[LiveProfile, Any], None] | None = None) -> Kept:
    """An attribute that empties the buffer when it is written, in the same stroke."""
    return Kept(
        check=check,
        beside=lambda target: target._next_epoch(),
        then=lambda target: target._begin(),
    )


class LiveProfile(LiveObject, interface=ProfileGeneric):
    """A profile.

    To write ``capture_objects``, ``capture_period``, ``profile_entries``, ``sort_method`` or ``sort_object``
    empties the buffer. What cannot be read is captured as null-data.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, {**_DEFAULTS, **values}, plant)
        self._timer = plant.timer(self._period_over)
        plant.watch_clock(self._clock_set)
        if self._memory.get("epoch") is None and values.get("buffer"):
            rows = [entry.encode() for entry in values["buffer"]][-self.profile_entries :]
            self._move(rows, max(len(row) for row in rows))
        self._arm()

    capture_objects = _emptying(_columns_allowed)
    capture_period = _emptying()
    sort_method = _emptying()
    sort_object = _emptying()
    profile_entries = _emptying(_entries_allowed)

    @property
    def buffer(self) -> list[Data]:
        """All entries."""
        return [Data.decode(row.octets) for row in self._entries]

    def select_buffer(self, selector: int, parameters: bytes) -> list[Data]:
        """Selector 1 by range of a column, 2 by entry and column numbers."""
        decoded: list[Any] = [Data.decode(row.octets).value for row in self._entries]
        return selected(selector, parameters, self._columns, decoded, lambda entry, index: entry[index])

    @property
    def entries_in_use(self) -> int:
        """How many entries there are."""
        return len(self._rows.rows)

    def reset(self) -> None:
        """Empties the buffer."""
        self._memory.store(**self._next_epoch())
        self._begin()
        self._plant.log_event(StandardEvent.LOAD_PROFILE_CLEARED)

    def capture(self) -> None:
        """Captures an entry now."""
        self._capture(None)

    def _next_epoch(self) -> Json:
        """What is remembered together with an attribute that empties the buffer."""
        return {"epoch": self._epoch + 1, "room": 0}

    def _begin(self) -> None:
        """The buffer has been emptied."""
        self.__dict__.pop("_rows", None)
        self._plant.forget_rows(self._region(self._epoch - 1))
        self._arm()
        self._plant.changed(self._reference("buffer"))

    def _arm(self) -> None:
        if self._value("capture_period"):
            self._timer.at_clock(self._plant.clock.next_boundary(self._value("capture_period")))
        else:
            self._timer.stop()

    def _clock_set(self, before: float, after: float) -> None:
        if after <= before:
            self._arm()

    def _period_over(self, due: float) -> None:
        self._arm()
        # Where the clock was set forward over several ends of a period, it is the last of them that is meant.
        end = max(due, self._plant.clock.last_boundary(self._value("capture_period")))
        with contextlib.suppress(CosemFault):
            self._capture(self._plant.clock.at(end))
            self._plant.profile_status.captured(self.logical_name)

    def _capture(self, moment: DateTime | None) -> None:
        values = captured(self._plant, self._columns, moment=moment)
        row = Data(Tag.STRUCTURE, tuple(values)).encode()
        if len(row) > LONGEST_ROW:
            raise CosemFault(ActionResult.OTHER_REASON)
        if len(row) > self._room:
            self._move([held.octets for held in self._rows.rows], len(row))
        if len(self._rows.rows) < self._value("profile_entries"):
            self._rows.add(row)
        elif self._key is None:
            self._rows.add(row, over=self._rows.rows[0])
        else:
            last = max(self._rows.rows, key=lambda held: self._place(held.octets))
            if self._place(row) >= self._place(last.octets):
                return
            self._rows.add(row, over=last)
        self._plant.changed(self._reference("buffer"))

    def _move(self, octets: list[bytes], length: int) -> None:
        """Puts rows into places that are long enough; until the record is written the old ones count."""
        epoch, room = self._epoch + 1, -(-length * 5 // 4 // _STEP) * _STEP
        rows = self._plant.rows(
            self._region(epoch), places=self._value("profile_entries"), room=room, epoch=epoch
        )
        rows.fill(octets)
        self._memory.store(epoch=epoch, room=room)
        self._plant.forget_rows(self._region(epoch - 1))
        self._rows = rows

    @property
    def _columns(self) -> list[CaptureObjectDefinition]:
        return [full(column) for column in self._value("capture_objects")]

    @property
    def _epoch(self) -> int:
        return int(self._memory.get("epoch", 0))

    @property
    def _room(self) -> int:
        return int(self._memory.get("room", 0))

    @cached_property
    def _rows(self) -> Rows:
        return self._plant.rows(
            self._region(self._epoch),
            places=self._value("profile_entries"),
            room=self._room,
            epoch=self._epoch,
        )

    def _region(self, epoch: int) -> str:
        return f"rows-{self.logical_name.to_bytes().hex()}.{epoch % 2}"

    @property
    def _entries(self) -> list[Row]:
        """In the order of the buffer."""
        if self._value("sort_method") == SortMethod.LIFO:
            return self._rows.rows[::-1]
        if self._key is None:
            return self._rows.rows
        return sorted(self._rows.rows, key=lambda row: self._place(row.octets))

    @property
    def _key(self) -> Callable[[float], float] | None:
        return _ORDER.get(self._value("sort_method"))

    def _place(self, row: bytes) -> float:
        """Where a row stands in a sorted buffer: by its sort column, the first one where none is named."""
        columns, sort_object = self._columns, full(self._value("sort_object"))
        index = columns.index(sort_object) if sort_object in columns else 0
        members: Any = Data.decode(row).value
        value = members[index].value if members else 0
        if isinstance(value, bytes):
            value = int.from_bytes(value, "big")
        assert self._key is not None  # noqa: S101 (sorted buffers only)
        return self._key(value) if isinstance(value, int | float) else 0


class LiveProfileV0(LiveProfile, interface=ProfileGenericV0):
    """A profile of version 0, which captures whole attributes."""
