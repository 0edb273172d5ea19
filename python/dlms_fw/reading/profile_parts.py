"""Which part of a profile is meant, and the way through it: by numbers of entries or by time, slice by slice.

A way gives the selection of the next slice and is told the rows that came. It knows no requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, TypeAlias

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.interface import Selection
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, EntryDescriptor, RangeDescriptor
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.reading.meter_zone import date_time_in
from dlms_fw.reading.profile_description import ProfileColumn, ProfileDescription

__all__ = [
    "Between",
    "ByEntry",
    "ByTime",
    "Entries",
    "Newest",
    "ProfilePart",
    "ProfileRow",
    "bounds",
    "instant",
    "local_zone",
    "numbers",
]

_FIRST_WINDOW: Final = timedelta(days=1)
_SHORTEST_WINDOW: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries by their number in the buffer, from 1 on; 0 as the last is the end of the buffer."""

    first: int = 1
    last: int = 0


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest entries, so many."""

    count: int


@dataclass(frozen=True, slots=True)
class Between:
    """Entries that were captured between two moments, both included.

    A moment without a zone is local time of the meter.
    """

    start: datetime
    end: datetime


ProfilePart: TypeAlias = Entries | Newest | Between


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One entry of a profile.

    Attributes:
        columns: Those of the profile.
        values: What was captured, for each column: an aware datetime of a clock, a
            :class:`~dlms_fw.units.Quantity` of a register, else a plain value.
        entry: Its number in the buffer where it was read by that, else ``None``.
    """

    columns: tuple[ProfileColumn, ...]
    values: tuple[object, ...]
    entry: int | None = None

    @property
    def time(self) -> datetime | None:
        """When it was captured; ``None`` without a clock column or where it holds no point in time."""
        for column, value in zip(self.columns, self.values, strict=True):
            if column.is_clock:
                return value if isinstance(value, datetime) else None
        return None

    def __getitem__(self, column: LogicalNameLike | int) -> object:
        """A value by the title of its column, its logical name or its number from 0.

        Raises:
            KeyError: There is no such column.
        """
        if isinstance(column, int):
            return self.values[column]
        name = _name_in(column) if isinstance(column, str) else LogicalName(column)
        for known, value in zip(self.columns, self.values, strict=True):
            if known.title == column or known.logical_name == name:
                return value
        raise KeyError(column)

    def as_mapping(self) -> Mapping[str, object]:
        """The values by the titles of their columns."""
        return {column.title: value for column, value in zip(self.columns, self.values, strict=True)}


@lru_cache(maxsize=256)
def _name_in(text: str) -> LogicalName | None:
    try:
        return LogicalName(text)
    except ValueError:
        return None  # a title


def numbers(part: ProfilePart, in_use: int, *, newest_first: bool) -> tuple[int, int]:
    """The first and the last entry of a part by numbers; the last is below the first where it is empty."""
    if isinstance(part, Newest):
        count = min(part.count, in_use)
        return (1, count) if newest_first else (in_use - count + 1, in_use)
    if isinstance(part, Entries):
        return max(1, part.first), min(part.last, in_use) if part.last else in_use
    return 1, in_use


@dataclass(slots=True)
class ByEntry:
    """A part by numbers: slice by slice from the first entry to the last."""

    next: int
    last: int
    columns: tuple[int, int]
    """The numbers of the first and the last column that are asked for, from 1 on."""
    begun: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the last entry has come."""
        return self.next > self.last

    def selection(self, most: int) -> Selection:
        """Of the next slice, so many entries at most."""
        last = min(self.next + most - 1, self.last)
        return EntryDescriptor(self.next, last, *self.columns).selection

    def say_otherwise(self) -> bool:
        """There is one way to write a number."""
        return False

    def taken(self, rows: list[ProfileRow], most: int) -> list[ProfileRow]:
        """The rows with their numbers; where fewer came than were asked for, the buffer has ended.

        Raises RemoteProtocolError where more came than were asked for.
        """
        asked = min(most, self.last - self.next + 1)
        if len(rows) > asked:
            raise RemoteProtocolError(f"{asked} entries of a profile were asked for, and {len(rows)} came")
        numbered = [ProfileRow(row.columns, row.values, number) for number, row in enumerate(rows, self.next)]
        self.next = self.next + asked if len(rows) >= asked else self.last + 1
        self.begun = True
        return numbered


@dataclass(slots=True)
class ByTime:
    """A part by time: window by window, from the end where the buffer has the newest entry first. In UTC.

    What lies before the first and behind the last entry of the buffer is one window each, in which entries of
    a clock that was wrong may be. Windows grow as long as they are empty.
    """

    start: datetime
    end: datetime
    window: timedelta
    backwards: bool
    clock: CaptureObjectDefinition
    zone: tzinfo
    opposite_deviation: bool
    columns: list[CaptureObjectDefinition]
    """Those that are asked for; none are all."""
    least: timedelta
    """The first window, in which a periodic profile has a slice."""
    periodic: bool
    is_over: bool
    filled: tuple[datetime, datetime] | None = None
    """The times of the first and the last entry, where they are known."""
    as_date_time: bool = False
    begun: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it is more than a window."""
        return self.end - self.start > self.window

    @classmethod
    def of(
        cls,
        part: Between,
        described: ProfileDescription,
        columns: list[CaptureObjectDefinition],
        most: int,
        opposite_deviation: bool,
    ) -> ByTime:
        """The way through a part. Raises LocalProtocolError where the profile captures no time."""
        if described.clock is None:
            raise LocalProtocolError(f"profile {described.logical_name} captures no time")
        start, end = bounds(part, described)
        period = timedelta(seconds=described.capture_period)
        # With an entry at either end, there is one more than there are periods.
        window = period * max(1, most - 1) or _FIRST_WINDOW
        return cls(
            start=start,
            end=end,
            window=window,
            backwards=described.newest_first,
            clock=described.clock.definition,
            zone=local_zone(part, described),
            opposite_deviation=opposite_deviation,
            columns=columns,
            least=window,
            periodic=bool(period),
            is_over=start > end,
        )

    def selection(self, _most: int) -> Selection:
        """Of the next window."""
        first, last = (
            self._data(date_time_in(self.zone, it, opposite_deviation=self.opposite_deviation))
            for it in self._window()
        )
        return RangeDescriptor(self.clock, first, last, self.columns).selection

    def say_otherwise(self) -> bool:
        """Some meters want moments as date-time, most as octet-string."""
        otherwise, self.as_date_time = not self.as_date_time, True
        return otherwise

    def _data(self, moment: DateTime) -> Data:
        if self.as_date_time:
            return Data(Tag.DATE_TIME, moment)
        return Data(Tag.OCTET_STRING, moment.to_bytes())

    def taken(self, rows: list[ProfileRow], most: int) -> list[ProfileRow]:
        """The rows in the window that no other had; the next one is as wide as suits how many came."""
        first, last = self._window()
        kept = [
            row for row in rows if row.time is None or self._is_new(row.time.astimezone(UTC), first, last)
        ]
        if self.backwards:
            self.end, self.is_over = first, first <= self.start
        else:
            self.start, self.is_over = last, last >= self.end
        if not rows:
            self.window *= 2
        elif self.periodic:
            self.window = self.least
        elif len(rows) > most:
            self.window = max(_SHORTEST_WINDOW, self.window / 2)
        elif len(rows) < most // 2:
            self.window *= 2
        self.begun = True
        return kept

    def _is_new(self, time: datetime, first: datetime, last: datetime) -> bool:
        if self.begun and time == (last if self.backwards else first):
            return False
        return first <= time <= last

    def _window(self) -> tuple[datetime, datetime]:
        if self.backwards:
            return max(self.start, self._until(self.end, -self.window, *self._fringe(self.end))), self.end
        return self.start, min(self.end, self._until(self.start, self.window, *self._fringe(self.start)))

    def _fringe(self, edge: datetime) -> tuple[datetime | None, bool]:
        """Where the entries begin, seen from an edge before them; whether the edge is behind them all."""
        if self.filled is None:
            return None, False
        first, last = self.filled
        if self.backwards:
            return (last, False) if edge > last else (None, edge <= first)
        return (first, False) if edge < first else (None, edge >= last)

    def _until(
        self, edge: datetime, window: timedelta, entries_begin: datetime | None, is_behind: bool
    ) -> datetime:
        if is_behind:
            return self.start if self.backwards else self.end
        return edge + window if entries_begin is None else entries_begin


def local_zone(part: Between, described: ProfileDescription) -> tzinfo:
    """The meter's local time; that of who asks where the meter does not tell it."""
    return part.start.tzinfo or UTC if described.zone is None else described.zone


def instant(row: ProfileRow, zone: tzinfo) -> datetime | None:
    """When an entry was captured, in UTC; a time without a deviation is local time."""
    time = row.time
    if time is None:
        return None
    return (time.replace(tzinfo=zone) if time.tzinfo is None else time).astimezone(UTC)


def bounds(part: Between, described: ProfileDescription) -> tuple[datetime, datetime]:
    """The two moments in UTC, which every hour has once.

    Raises:
        LocalProtocolError: They are local times, and the meter does not tell its zone.
    """
    if described.zone is None and None in {part.start.tzinfo, part.end.tzinfo}:
        raise LocalProtocolError("the meter does not tell its zone; give moments with a zone")
    start, end = (
        (moment.replace(tzinfo=described.zone) if moment.tzinfo is None else moment).astimezone(UTC)
        for moment in (part.start, part.end)
    )
    return start, end
