"""A meter of one profile that answers requests, one at a time: for readings without any transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from dlms_fw import axdr
from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    Data,
    DateTime,
    GetRequest,
    GetResponse,
    RequestList,
    ResponseList,
    SetRequest,
)
from dlms_fw.axdr import Tag
from dlms_fw.cosem import CaptureObjectDefinition, Clock, ProfileGeneric
from dlms_fw.cosem.profile_generic import entry_descriptor, range_descriptor
from dlms_fw.enums import Conformance, SortMethod
from dlms_fw.listed import Plan, Room
from dlms_fw.logical_name import LogicalName
from dlms_fw.reading.known import Known
from dlms_fw.reading.meter_zone import MeterZone, date_time_in
from dlms_fw.reading.profile_reading import ProfileReading, ProfileRow

_T = TypeVar("_T")
PROFILE = "1-0:99.1.0.255"
CLOCK_COLUMN = CaptureObjectDefinition(8, LogicalName("0-0:1.0.0.255"), 2)
IMPORT = CaptureObjectDefinition(3, LogicalName("1-0:1.8.0.255"), 2)
STATUS = CaptureObjectDefinition(1, LogicalName("0-0:96.10.1.255"), 2)
ALL = Conformance.SELECTIVE_ACCESS | Conformance.MULTIPLE_REFERENCES
WH = axdr.structure(axdr.integer, axdr.plain_enum).encode((-1, 30))


class Lost(Exception):
    """The link is gone."""


@dataclass
class Meter:
    """Answers GET, with lists or without; ``values`` are encodings, ``refused`` the results of others."""

    values: dict[tuple[int, str, int], bytes] = field(default_factory=dict)
    refused: dict[tuple[int, str, int], int] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    select: Callable[[tuple[int, bytes]], bytes | int] | None = None
    lose_after: int | None = None

    def answer(self, request: Any) -> Any:
        self.requests.append(request)
        if self.lose_after is not None and len(self.requests) > self.lose_after:
            raise Lost
        if isinstance(request, RequestList):
            return ResponseList([self._one(item) for item in request.items])
        return self._one(request)

    def _one(self, request: GetRequest | SetRequest | ActionRequest) -> GetResponse:
        assert isinstance(request, GetRequest)
        key = request.class_id, str(LogicalName(request.logical_name)), request.attribute_id
        if key in self.refused:
            return GetResponse(self.refused[key])
        if request.selection is not None:
            assert self.select is not None
            found = self.select(request.selection)
            return GetResponse(found) if isinstance(found, int) else GetResponse(0, found)
        return GetResponse(0, self.values[key]) if key in self.values else GetResponse(4)

    def walk(self, plan: Plan[_T]) -> _T:
        try:
            request: Any = next(plan)
            while True:
                assert not isinstance(request, AccessRequest)
                request = plan.send(self.answer(request))
        except StopIteration as done:
            result: _T = done.value
            return result

    def rows(
        self, reading: ProfileReading, known: Known | None = None, conformance: Conformance = ALL
    ) -> Iterator[ProfileRow]:
        known = Known() if known is None else known
        while True:
            yield from reading.taken()
            if reading.is_done:
                return
            self.walk(reading.next_slice(known, Room(conformance)))


def zone_values(zone: MeterZone, now: datetime, clock: str = "0-0:1.0.0.255") -> dict[Any, bytes]:
    """What a clock in this zone shows."""
    rows = Clock(clock)
    minutes = -int(zone.offset.total_seconds() // 60)
    values: list[tuple[Any, Any]] = [
        (rows.time, date_time_in(zone, now)),
        (rows.time_zone, minutes),
        (rows.daylight_savings_enabled, zone.begin is not None),
        (rows.daylight_savings_deviation, int(zone.saving.total_seconds() // 60)),
        (rows.daylight_savings_begin, zone.begin or DateTime()),
        (rows.daylight_savings_end, zone.end or DateTime()),
    ]
    return {(8, clock, ref.row.attribute_id): ref.row.data_type.encode(value) for ref, value in values}


@dataclass
class ProfileMeter(Meter):
    """With a profile of a clock, an energy and a status, a row for each moment."""

    zone: MeterZone = field(default_factory=lambda: MeterZone(timedelta(hours=1)))
    moments: Sequence[datetime] = ()
    period: int = 900
    newest_first: bool = False
    compressed: bool = False
    deviates: bool = True
    """Whether times name their deviation."""
    across: bool = False
    """Whether also what a slice begins with may be left out."""

    def __post_init__(self) -> None:
        profile = ProfileGeneric(PROFILE)
        order = SortMethod.LIFO if self.newest_first else SortMethod.FIFO
        values: Mapping[Any, Any] = {
            profile.capture_objects: [CLOCK_COLUMN, IMPORT, STATUS],
            profile.capture_period: self.period,
            profile.sort_method: order,
            profile.profile_entries: 100_000,
            profile.entries_in_use: len(self.moments),
        }
        for ref, value in values.items():
            self.values[7, PROFILE, ref.row.attribute_id] = ref.row.data_type.encode(value)
        self.values[3, "1-0:1.8.0.255", 3] = WH
        self.values |= zone_values(self.zone, datetime.fromisoformat("2026-01-15T12:00:00+00:00"))
        numbers = range(len(self.moments))
        self.numbers = list(reversed(numbers)) if self.newest_first else list(numbers)
        self.select = self._selected
        self.values[7, PROFILE, 2] = self._entries(0, len(self.numbers))

    def _selected(self, selection: tuple[int, bytes]) -> bytes | int:
        selector, parameters = selection
        if selector == 2:
            wanted = entry_descriptor.decode(parameters)
            columns = range(3)[wanted.from_selected_value - 1 : wanted.to_selected_value or None]
            return self._entries(wanted.from_entry - 1, wanted.to_entry or len(self.numbers), columns)
        asked = range_descriptor.decode(parameters)
        bounds = [asked.from_value.value, asked.to_value.value]
        first, last = (
            self.zone.moment(DateTime.from_bytes(it) if isinstance(it, bytes) else it)  # type: ignore[arg-type]
            for it in bounds
        )
        captured = [CLOCK_COLUMN, IMPORT, STATUS]
        chosen = [captured.index(it) for it in asked.selected_values] or range(3)
        found = [i for i, n in enumerate(self.numbers) if first <= self.moments[n] <= last]
        start, end = (found[0], found[-1] + 1) if found else (0, 0)
        return self._entries(start, end, chosen)

    def _entries(self, start: int, end: int, columns: Sequence[int] = range(3)) -> bytes:
        numbers = self.numbers[start:end]
        step = timedelta(seconds=-self.period if self.newest_first else self.period)
        entries = []
        for place, number in enumerate(numbers, start):
            moment = self.moments[number]
            before = None if place == 0 else self.moments[self.numbers[place - 1]]
            may = self.compressed and (place > start or self.across) and before is not None
            follows = may and before is not None and moment - before == step and self.period
            local = date_time_in(self.zone, moment)
            time = (local if self.deviates else DateTime(local.date, local.time)).to_bytes()
            status = Data(Tag.UNSIGNED, _status(number))
            same = may and _status(self.numbers[place - 1]) == _status(number)
            members = (
                Data(Tag.NULL_DATA, None) if follows else Data(Tag.OCTET_STRING, time),
                Data(Tag.DOUBLE_LONG_UNSIGNED, 1000 + number),
                Data(Tag.NULL_DATA, None) if same else status,
            )
            entries.append(Data(Tag.STRUCTURE, tuple(members[column] for column in columns)))
        return axdr.array(axdr.any_data).encode(entries)


def _status(number: int) -> int:
    return number // 5 % 3
