"""The rows of a profile, read in slices: which part of the buffer, and where the reading stands.

A :class:`ProfileReading` is given to a client, which reads one slice after the other and hands out rows, so
that a long profile needs no more memory than a slice. It knows how far it has come: where a link is lost, the
same reading goes on behind the last slice over the next association.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric, expanded_rows
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError, ServiceError
from dlms_fw.listed import Plan, Room
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.reading.known import Known
from dlms_fw.reading.plans import one
from dlms_fw.reading.profile_description import (
    ProfileColumn,
    ProfileDescription,
    chosen,
    profile_description,
)
from dlms_fw.reading.profile_parts import (
    Between,
    ByEntry,
    ByTime,
    Entries,
    Newest,
    ProfilePart,
    ProfileRow,
    bounds,
    instant,
    local_zone,
    numbers,
)

__all__ = ["Between", "Entries", "Newest", "ProfilePart", "ProfileReading", "ProfileRow"]

_SELECTIVE: Final = Conformance.SELECTIVE_ACCESS | Conformance.PARAMETERIZED_ACCESS
"""The first with logical names, the second with short ones."""


class ProfileReading:
    """A part of a profile that is being read.

    Give it to ``rows`` of a client; after a lost link give it to ``rows`` again. Entries that a full buffer
    pushes out meanwhile shift the numbers of those behind; a part by time does not mind.

    Args:
        profile: The logical name of the profile.
        part: What to read; everything unless given.
        columns: Those wanted, by title or logical name; none means all. The time of capture comes with them.
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
        columns: Sequence[LogicalNameLike] = (),
        rows_per_slice: int = 200,
    ) -> None:
        if rows_per_slice < 1:
            raise LocalProtocolError(f"a slice has at least one row, not {rows_per_slice}")
        name = profile.instance_id if isinstance(profile, ProfileGeneric) else LogicalName(profile)
        self.profile = ProfileGeneric(name)
        self.part: ProfilePart = Entries() if part is None else part
        self.description: ProfileDescription | None = None
        self.is_done = False
        self._wanted = tuple(columns)
        self._columns: tuple[ProfileColumn, ...] = ()
        self._rows_per_slice = rows_per_slice
        self._waiting: deque[ProfileRow] = deque()
        self._way: ByEntry | ByTime | None = None
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
            LocalProtocolError: The profile has no such column, or no time.
        """
        if self.description is None:
            self.description = yield from profile_description(
                self.profile.instance_id, known, room, opposite_deviation=opposite_deviation
            )
            self._columns = chosen(self.description, self._wanted)
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
            rows = self._rows(entries, self._sent(way), described, opposite_deviation)
            self._waiting.extend(way.taken(rows, self._rows_per_slice))
        self.is_done = way.is_over

    def _begin(self, described: ProfileDescription, opposite_deviation: bool) -> Plan[ByEntry | ByTime]:
        if isinstance(self.part, Between):
            asked = [column.definition for column in self._columns] if self._wanted else []
            way = ByTime.of(self.part, described, asked, self._rows_per_slice, opposite_deviation)
            if way.is_long:
                way.filled = yield from self._filled(self.part, described, opposite_deviation)
            return way
        places = [described.columns.index(column) for column in self._columns]
        columns = (min(places) + 1, max(places) + 1) if self._wanted else (1, 0)
        if isinstance(self.part, Entries) and self.part.last:
            return ByEntry(max(1, self.part.first), self.part.last, columns)
        in_use = yield from one(self.profile.entries_in_use)
        return ByEntry(*numbers(self.part, in_use, newest_first=described.newest_first), columns)

    def _sent(self, way: ByEntry | ByTime) -> tuple[ProfileColumn, ...]:
        """The columns in an answer: by time those that are wanted, by number all between them."""
        assert self.description is not None  # noqa: S101 (it is what the way was made of)
        if isinstance(way, ByTime):
            return self._columns
        first, last = way.columns
        return self.description.columns[first - 1 : last or None]

    def _filled(
        self, part: Between, described: ProfileDescription, opposite_deviation: bool
    ) -> Plan[tuple[datetime, datetime] | None]:
        """The times of the first and the last entry, if the meter tells them and they are in order."""
        try:
            in_use = yield from one(self.profile.entries_in_use)
            times = []
            for number in (1, in_use) if in_use else ():
                entries = yield from one(self.profile.buffer, EntryDescriptor(number, number).selection)
                rows = self._rows(entries, described.columns, described, opposite_deviation)
                self._before = None
                found = [instant(row, local_zone(part, described)) for row in rows]
                times += [time for time in found if time is not None]
        except ServiceError:
            return None
        return (min(times), max(times)) if len(times) == 2 else None

    def _everything(self, described: ProfileDescription, opposite_deviation: bool) -> Plan[None]:
        """Where the meter knows no selection: the whole buffer at once, of which the part is kept."""
        entries = yield from one(self.profile.buffer)
        rows = [
            ProfileRow(row.columns, row.values, number)
            for number, row in enumerate(
                self._rows(entries, described.columns, described, opposite_deviation), 1
            )
        ]
        if isinstance(self.part, Between):
            start, end = bounds(self.part, described)
            times = [instant(row, local_zone(self.part, described)) for row in rows]
            kept = [
                row
                for row, time in zip(rows, times, strict=True)
                if time is not None and start <= time <= end
            ]
        else:
            first, last = numbers(self.part, len(rows), newest_first=described.newest_first)
            kept = rows[first - 1 : last]
        self._waiting.extend(kept)
        self.is_done = True

    def _rows(
        self,
        entries: Sequence[Data],
        sent: tuple[ProfileColumn, ...],
        described: ProfileDescription,
        opposite_deviation: bool,
    ) -> list[ProfileRow]:
        """What entries with these columns say, in the columns that are wanted."""
        if not entries:
            return []
        # A slice that begins with what the meter left out goes on where the last one ended.
        led = [] if self._before is None else [_as_data(self._before)]
        try:
            plain = expanded_rows(
                [*led, *entries],
                [column.definition for column in sent],
                capture_period=described.capture_period,
                sort_method=described.sort_method,
            )[len(led) :]
        except TypeError as error:
            raise RemoteProtocolError(f"profile {described.logical_name}: {error}") from None
        self._before = plain[-1]
        if wrong := next((values for values in plain if len(values) != len(sent)), None):
            raise RemoteProtocolError(
                f"an entry of profile {described.logical_name} has {len(wrong)} members, "
                f"but there are {len(sent)} columns"
            )
        readers = [
            (place, column.reader(described.zone, opposite_deviation=opposite_deviation))
            for place, column in enumerate(sent)
            if column in self._columns
        ]
        return [
            ProfileRow(
                self._columns,
                tuple(values[place] if read is None else read(values[place]) for place, read in readers),
            )
            for values in plain
        ]


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
