"""The rows of a profile, read in slices: which part of the buffer, and where the reading stands.

A :class:`ProfileReading` is given to a client, which reads one slice after the other and hands out rows, so
that a long profile needs no more memory than a slice. It knows how far it has come: where a link is lost, the
same reading goes on behind the last slice over the next association.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.interface import Selection
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    EntryDescriptor,
    ProfileGeneric,
    RangeDescriptor,
    expanded_rows,
)
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError, ServiceError
from dlms_fw.listed import Plan, Room
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.reading.known import Known
from dlms_fw.reading.meter_zone import date_time_in
from dlms_fw.reading.plans import one
from dlms_fw.reading.profile_description import ProfileColumn, ProfileDescription, profile_description

__all__ = ["Between", "Entries", "Newest", "ProfilePart", "ProfileReading", "ProfileRow"]

_FIRST_WINDOW: Final = timedelta(days=1)
_SHORTEST_WINDOW: Final = timedelta(minutes=1)
_SELECTIVE: Final = Conformance.SELECTIVE_ACCESS | Conformance.PARAMETERIZED_ACCESS
"""The first with logical names, the second with short ones."""


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
        for known, value in zip(self.columns, self.values, strict=True):
            if column in (known.title, known.logical_name) or _names(column, known.logical_name):
                return value
        raise KeyError(column)

    def as_mapping(self) -> Mapping[str, object]:
        """The values by the titles of their columns."""
        return {column.title: value for column, value in zip(self.columns, self.values, strict=True)}


def _names(text: LogicalNameLike, name: LogicalName) -> bool:
    try:
        return LogicalName(text) == name
    except (ValueError, TypeError):
        return False


class ProfileReading:
    """A part of a profile that is being read.

    Give it to ``rows`` of a client; after a lost link give it to ``rows`` again. Entries that a full buffer
    pushes out meanwhile shift the numbers of those behind; a part by time does not mind.

    Args:
        profile: The logical name of the profile.
        part: What to read; everything unless given.
        rows_per_slice: About how many rows are read, and kept, at once.

    Attributes:
        description: How the profile is built, known from the first slice on.
        is_done: Whether everything has been read.
    """

    def __init__(
        self,
        profile: LogicalNameLike | ProfileGeneric,
        part: ProfilePart | None = None,
        *,
        rows_per_slice: int = 200,
    ) -> None:
        if rows_per_slice < 1:
            raise LocalProtocolError(f"a slice has at least one row, not {rows_per_slice}")
        name = profile.instance_id if isinstance(profile, ProfileGeneric) else LogicalName(profile)
        self.profile = ProfileGeneric(name)
        self.part: ProfilePart = Entries() if part is None else part
        self.description: ProfileDescription | None = None
        self.is_done = False
        self._rows_per_slice = rows_per_slice
        self._waiting: deque[ProfileRow] = deque()
        self._way: _ByEntry | _ByTime | None = None
        self._before: tuple[object, ...] | None = None

    def taken(self) -> Iterator[ProfileRow]:
        """The rows that have been read and not yet been taken."""
        while self._waiting:
            yield self._waiting.popleft()

    def next_slice(self, known: Known, room: Room, *, opposite_deviation: bool = False) -> Plan[None]:
        """Reads a slice; its rows are then there to be taken.

        Raises:
            ServiceError: The meter refuses.
            RemoteProtocolError: What it sends is no profile.
        """
        if self.description is None:
            self.description = yield from profile_description(
                self.profile.instance_id, known, room, opposite_deviation=opposite_deviation
            )
        described = self.description
        if not _SELECTIVE & room.conformance:
            yield from self._everything(described, opposite_deviation)
            return
        if self._way is None:
            self._way = yield from self._begin(described, opposite_deviation)
        way = self._way
        if not way.is_over:
            try:
                entries = yield from one(self.profile.buffer, way.selection(self._rows_per_slice))
            except ServiceError as error:
                if way.begun:
                    raise
                if error.result == DataAccessResult.TYPE_UNMATCHED and way.say_otherwise():
                    return
                if error.result != DataAccessResult.SCOPE_OF_ACCESS_VIOLATED:
                    raise
                yield from self._everything(described, opposite_deviation)  # it knows no such selection
                return
            rows = self._rows(entries, described, opposite_deviation)
            self._waiting.extend(way.taken(rows, self._rows_per_slice))
        self.is_done = way.is_over

    def _begin(self, described: ProfileDescription, opposite_deviation: bool) -> Plan[_ByEntry | _ByTime]:
        if isinstance(self.part, Between):
            way = _ByTime.of(self.part, described, self._rows_per_slice, opposite_deviation)
            if way.is_long:
                way.filled = yield from self._filled(described, opposite_deviation)
            return way
        if isinstance(self.part, Entries) and self.part.last:
            return _ByEntry(max(1, self.part.first), self.part.last)
        in_use = yield from one(self.profile.entries_in_use)
        return _ByEntry(*_numbers(self.part, in_use, newest_first=described.newest_first))

    def _filled(
        self, described: ProfileDescription, opposite_deviation: bool
    ) -> Plan[tuple[datetime, datetime] | None]:
        """The times of the first and the last entry, if the meter tells them and they are in order."""
        try:
            in_use = yield from one(self.profile.entries_in_use)
            times = []
            for number in (1, in_use) if in_use else ():
                entries = yield from one(self.profile.buffer, EntryDescriptor(number, number).selection)
                rows = self._rows(entries, described, opposite_deviation)
                self._before = None
                times += [row.time for row in rows if row.time is not None]
        except ServiceError:
            return None
        return (min(times), max(times)) if len(times) == 2 else None

    def _everything(self, described: ProfileDescription, opposite_deviation: bool) -> Plan[None]:
        """Where the meter knows no selection: the whole buffer at once, of which the part is kept."""
        entries = yield from one(self.profile.buffer)
        rows = [
            ProfileRow(row.columns, row.values, number)
            for number, row in enumerate(self._rows(entries, described, opposite_deviation), 1)
        ]
        if isinstance(self.part, Between):
            start, end = _bounds(self.part, described)
            kept = [row for row in rows if row.time is not None and start <= row.time <= end]
        else:
            first, last = _numbers(self.part, len(rows), newest_first=described.newest_first)
            kept = rows[first - 1 : last]
        self._waiting.extend(kept)
        self.is_done = True

    def _rows(
        self, entries: Sequence[Data], described: ProfileDescription, opposite_deviation: bool
    ) -> list[ProfileRow]:
        if not entries:
            return []
        # A slice that begins with what the meter left out goes on where the last one ended.
        led = [] if self._before is None else [_as_data(self._before)]
        try:
            plain = expanded_rows(
                [*led, *entries],
                [column.definition for column in described.columns],
                capture_period=described.capture_period,
                sort_method=described.sort_method,
            )[len(led) :]
        except TypeError as error:
            raise RemoteProtocolError(f"profile {described.logical_name}: {error}") from None
        self._before = plain[-1]
        return [self._row(values, described, opposite_deviation) for values in plain]

    @staticmethod
    def _row(
        values: tuple[object, ...], described: ProfileDescription, opposite_deviation: bool
    ) -> ProfileRow:
        if len(values) != len(described.columns):
            raise RemoteProtocolError(
                f"an entry of profile {described.logical_name} has {len(values)} members, "
                f"but there are {len(described.columns)} columns"
            )
        return ProfileRow(
            described.columns,
            tuple(
                column.value(value, described.zone, opposite_deviation=opposite_deviation)
                for column, value in zip(described.columns, values, strict=True)
            ),
        )


def _numbers(part: ProfilePart, in_use: int, *, newest_first: bool) -> tuple[int, int]:
    """The first and the last entry of a part by numbers; the last is below the first where it is empty."""
    if isinstance(part, Newest):
        count = min(part.count, in_use)
        return (1, count) if newest_first else (in_use - count + 1, in_use)
    if isinstance(part, Entries):
        return max(1, part.first), min(part.last, in_use) if part.last else in_use
    return 1, in_use


@dataclass(slots=True)
class _ByEntry:
    """A part by numbers: slice by slice from the first entry to the last."""

    next: int
    last: int
    begun: bool = False

    @property
    def is_over(self) -> bool:
        return self.next > self.last

    def selection(self, most: int) -> Selection:
        return EntryDescriptor(self.next, min(self.next + most - 1, self.last)).selection

    def say_otherwise(self) -> bool:
        """There is one way to write a number."""
        return False

    def taken(self, rows: list[ProfileRow], most: int) -> list[ProfileRow]:
        """The rows with their numbers; where fewer came than were asked for, the buffer has ended."""
        asked = min(most, self.last - self.next + 1)
        numbered = [ProfileRow(row.columns, row.values, number) for number, row in enumerate(rows, self.next)]
        self.next = self.next + asked if len(rows) >= asked else self.last + 1
        self.begun = True
        return numbered


@dataclass(slots=True)
class _ByTime:
    """A part by time: window by window, from the end where the buffer has the newest entry first.

    What lies before the first and behind the last entry of the buffer is one window each, in which entries of
    a clock that was wrong may be. Where that is not known, windows grow as long as they are empty.
    """

    start: datetime
    end: datetime
    window: timedelta
    backwards: bool
    clock: CaptureObjectDefinition
    opposite_deviation: bool
    periodic: bool
    is_over: bool
    filled: tuple[datetime, datetime] | None = None
    """The times of the first and the last entry, where they are known."""
    as_date_time: bool = False
    begun: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it is more than a window."""
        return _seconds(self.start, self.end) > self.window.total_seconds()

    @classmethod
    def of(cls, part: Between, described: ProfileDescription, most: int, opposite_deviation: bool) -> _ByTime:
        if described.clock is None:
            raise LocalProtocolError(f"profile {described.logical_name} captures no time")
        start, end = _bounds(part, described)
        period = timedelta(seconds=described.capture_period)
        # With an entry at either end, there is one more than there are periods.
        window = period * max(1, most - 1) or _FIRST_WINDOW
        column = described.clock.definition
        return cls(
            start, end, window, described.newest_first, column, opposite_deviation, bool(period), start > end
        )

    def selection(self, _most: int) -> Selection:
        first, last = (
            self._data(date_time_in(it.tzinfo, it, opposite_deviation=self.opposite_deviation))
            for it in self._window()
        )
        return RangeDescriptor(self.clock, first, last).selection

    def say_otherwise(self) -> bool:
        """Some meters want moments as date-time, most as octet-string."""
        otherwise, self.as_date_time = not self.as_date_time, True
        return otherwise

    def _data(self, moment: DateTime) -> Data:
        if self.as_date_time:
            return Data(Tag.DATE_TIME, moment)
        return Data(Tag.OCTET_STRING, moment.to_bytes())

    def taken(self, rows: list[ProfileRow], most: int) -> list[ProfileRow]:
        """The rows that no window before had; the next window is as wide as suits how many came."""
        first, last = self._window()
        edge = last if self.backwards else first
        kept = [
            row for row in rows if not (self.begun and row.time is not None and self._had(row.time, edge))
        ]
        if self.backwards:
            self.end, self.is_over = first, first <= self.start
        else:
            self.start, self.is_over = last, last >= self.end
        if len(rows) > most:
            self.window = max(_SHORTEST_WINDOW, self.window / 2)
        elif len(rows) < most // 2 and (self.filled is None or not self.periodic):
            self.window *= 2
        self.begun = True
        return kept

    def _had(self, time: datetime, edge: datetime) -> bool:
        return time >= edge if self.backwards else time <= edge

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
        return _shifted(edge, window) if entries_begin is None else entries_begin


def _seconds(start: datetime, end: datetime) -> float:
    # Differences of local times would be wrong by an hour where daylight saving begins.
    return end.timestamp() - start.timestamp()


def _shifted(moment: datetime, by: timedelta) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() + by.total_seconds(), moment.tzinfo)


def _bounds(part: Between, described: ProfileDescription) -> tuple[datetime, datetime]:
    """The two moments in the meter's zone; where that is not known, as they are given."""
    zone = described.zone
    bounds = []
    for moment in (part.start, part.end):
        if zone is not None:
            bounds.append(
                moment.astimezone(zone) if moment.tzinfo is not None else moment.replace(tzinfo=zone)
            )
        elif moment.tzinfo is None:
            raise LocalProtocolError("the meter does not tell its zone; give moments with a zone")
        else:
            bounds.append(moment)
    return bounds[0], bounds[1]


def _as_data(value: Any) -> Data:
    """A plain value as data that expands to it again."""
    if isinstance(value, tuple):
        return Data(Tag.STRUCTURE, tuple(_as_data(member) for member in value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Data(Tag.LONG64 if value < 1 << 63 else Tag.LONG64_UNSIGNED, value)
    return Data(_TAGS[type(value)], value)


_TAGS: Final[dict[type, Tag]] = {
    type(None): Tag.NULL_DATA,
    bool: Tag.BOOLEAN,
    float: Tag.FLOAT64,
    bytes: Tag.OCTET_STRING,
    str: Tag.UTF8_STRING,
    BitString: Tag.BIT_STRING,
    DateTime: Tag.DATE_TIME,
    Date: Tag.DATE,
    Time: Tag.TIME,
}
