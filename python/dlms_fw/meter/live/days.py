"""Special days, schedules and what they share: which days an entry means (class_id 10, 11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Final

from dlms_fw._core import BitString, Date, Time
from dlms_fw.cosem.server import CosemFault
from dlms_fw.cosem.tariffs import Schedule, ScheduleTableEntry, SpecialDayEntry, SpecialDaysTable
from dlms_fw.enums import ActionResult
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Attribute, Plant
from dlms_fw.meter.schedule import NOT_SPECIFIED, check_entry, date_matches

SPECIAL_DAYS: Final = LogicalName("0-0:11.0.0.255")
SPECIAL_DAYS_ENTRIES: Final = Attribute(SpecialDaysTable.class_id, SPECIAL_DAYS, 2)
ANY_TIME: Final = 0xFFFF
"""The validity window of an entry that runs however late."""
LONGEST_SEARCH_DAYS: Final = 366
MOST_ENTRIES: Final = 500
_MIDNIGHT: Final = bytes(4)
_NO_DAY: Final = b"\xff\xff\xff\xff\xff"


def special_day(plant: Plant, day: date) -> int | None:
    """The ``day_id`` of a day in the table of special days, ``None`` where it is none."""
    try:
        data = plant.read(SPECIAL_DAYS_ENTRIES)
        entries = SpecialDaysTable.entries.data_type.decode(data, strict=False)
    except (CosemFault, DecodeError, OSError):
        return None
    for entry in entries:
        if date_matches(day, entry.specialday_date.to_bytes()):
            return entry.day_id
    return None


def midnight_after(day: date) -> datetime:
    """The end of a day."""
    return datetime.combine(day, datetime.min.time()) + timedelta(days=1)


def _days_allowed(target: LiveSpecialDays, value: list[SpecialDayEntry]) -> None:  # noqa: ARG001
    for entry in value:
        check_entry(_MIDNIGHT, entry.specialday_date.to_bytes())
    if len(value) > MOST_ENTRIES:
        raise ValueError("too many entries")


class LiveSpecialDays(LiveObject, interface=SpecialDaysTable):
    """The table of special days; of two entries for a day that with the lower index holds."""

    entries = Kept(check=_days_allowed)

    def insert(self, index: int, specialday_date: Date, day_id: int) -> None:
        """Insert an entry, or overwrite the one with its index."""
        inserted = SpecialDayEntry(index, specialday_date, day_id)
        others = [entry for entry in self.entries if entry.index != index]
        self.entries = sorted([*others, inserted], key=lambda entry: entry.index)

    def delete(self, index: int) -> None:
        """Delete one. Raises CosemFault where there is none."""
        others = [entry for entry in self.entries if entry.index != index]
        if len(others) == len(self.entries):
            raise CosemFault(ActionResult.OTHER_REASON)
        self.entries = others


def _entries_allowed(target: LiveSchedule, value: list[ScheduleTableEntry]) -> None:  # noqa: ARG001
    for entry in value:
        check_entry(entry.switch_time.to_bytes(), _NO_DAY)
        check_entry(_MIDNIGHT, entry.begin_date.to_bytes())
        check_entry(_MIDNIGHT, entry.end_date.to_bytes())
        if entry.switch_time.second is None:
            raise ValueError("no entry runs each second")
    if len(value) > MOST_ENTRIES:
        raise ValueError("too many entries")


class LiveSchedule(LiveObject, interface=Schedule):
    """Runs scripts at times of day.

    After power off, and where the clock is set forward, the latest run that each entry has missed is made up
    for, in the order of time, where it is no older than its validity window. Where the clock is set back the
    entries of the time that comes again run again. A special day has no weekday. What has run is remembered
    before it does: a power cut in between costs a run.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._timer = plant.timer(self._run)
        self._processed: float = self._memory.get("processed", plant.clock.utc)
        plant.watch_clock(self._clock_set)
        plant.watch(self._attribute_changed)
        self._timer.at_clock(plant.clock.utc)

    entries = Kept(
        check=_entries_allowed,
        beside=lambda target: target._processed_until(target._plant.clock.utc),
        then=lambda target: target._arm(),
    )

    def enable_disable(
        self, first_index_a: int, last_index_a: int, first_index_b: int, last_index_b: int
    ) -> None:
        """Disables range A and enables range B."""
        disabled = range(first_index_a, last_index_a + 1) if first_index_a else range(0)
        enabled = range(first_index_b, last_index_b + 1) if first_index_b else range(0)
        self.entries = [
            entry._replace(enable=entry.index in enabled or (entry.enable and entry.index not in disabled))
            for entry in self.entries
        ]

    def insert(
        self,
        index: int,
        enable: bool,
        script_logical_name: LogicalName,
        script_selector: int,
        switch_time: Time,
        validity_window: int,
        exec_weekdays: BitString,
        exec_specdays: BitString,
        begin_date: Date,
        end_date: Date,
    ) -> None:
        """Insert an entry, or overwrite the one with its index."""
        inserted = ScheduleTableEntry(
            index,
            enable,
            script_logical_name,
            script_selector,
            switch_time,
            validity_window,
            exec_weekdays,
            exec_specdays,
            begin_date,
            end_date,
        )
        others = [entry for entry in self.entries if entry.index != index]
        self.entries = sorted([*others, inserted], key=lambda entry: entry.index)

    def delete(self, first_index: int, last_index: int) -> None:
        """Delete a range."""
        self.entries = [
            entry for entry in self.entries if not first_index <= entry.index <= max(first_index, last_index)
        ]

    def _processed_until(self, moment: float) -> dict[str, float]:
        self._processed = moment
        return {"processed": moment}

    def _attribute_changed(self, attribute: Attribute) -> None:
        if attribute == SPECIAL_DAYS_ENTRIES:
            self._timer.at_clock(self._plant.clock.utc)

    def _clock_set(self, before: float, after: float) -> None:  # noqa: ARG002
        if after < self._processed:
            self._memory.store(**self._processed_until(after))
        self._timer.at_clock(after)

    def _run(self, due: float) -> None:  # noqa: ARG002 (what is due is looked for)
        now = self._plant.clock.utc
        missed = []
        for entry in self.entries:
            moment = self._latest(entry, now)
            if moment is not None:
                missed.append((moment, entry.index, entry))
        if missed:
            self._memory.store(**self._processed_until(now))
        self._arm()
        for _, _, entry in sorted(missed, key=lambda row: row[:2]):
            self._plant.run_script(entry.script_logical_name, entry.script_selector)

    def _latest(self, entry: ScheduleTableEntry, now: float) -> float | None:
        """When an entry should have run last and has not, as far as it may still run."""
        window = entry.validity_window
        oldest = now - LONGEST_SEARCH_DAYS * 86_400.0 if window == ANY_TIME else now - max(1, window) * 60.0
        oldest = max(oldest, self._processed)
        day, first = self._plant.clock.naive(now).date(), self._plant.clock.naive(oldest).date()
        while day >= first:
            if self._holds_on(entry, day):
                moments = [self._plant.clock.instant(moment) for moment in _times(entry.switch_time, day)]
                within = [moment for moment in moments if oldest < moment <= now]
                if within:
                    return max(within)
            day -= timedelta(days=1)
        return None

    def _arm(self) -> None:
        """Until the next time of today, or the end of the day."""
        clock = self._plant.clock
        now = clock.utc
        day = clock.naive(now).date()
        moments = [clock.instant(midnight_after(day), now)]
        for entry in self.entries:
            if self._holds_on(entry, day):
                moments += [clock.instant(moment) for moment in _times(entry.switch_time, day)]
        self._timer.at_clock(min(moment for moment in moments if moment > now))

    def _holds_on(self, entry: ScheduleTableEntry, day: date) -> bool:
        if not entry.enable or not _is_between(day, entry.begin_date, entry.end_date):
            return False
        special = special_day(self._plant, day)
        days = entry.exec_weekdays if special is None else entry.exec_specdays
        number = day.weekday() if special is None else special
        bits = list(days)
        return number < len(bits) and bits[number]


def _times(time: Time, day: date) -> Iterator[datetime]:
    """The moments of a day that a time describes."""
    hours = range(24) if time.hour is None else (time.hour,)
    minutes = range(60) if time.minute is None else (time.minute,)
    for hour, minute in product(hours, minutes):
        yield datetime(day.year, day.month, day.day, hour, minute, time.second or 0)


def _is_between(day: date, begin: Date, end: Date) -> bool:
    """Whether a day lies between two dates; fields that are left open are not compared."""
    first, last = _comparable(begin, day), _comparable(end, day)
    here = (day.year, day.month, day.day)
    if begin.year is None and end.year is None and first > last:
        return here >= first or here <= last  # from autumn to spring
    return first <= here <= last


def _comparable(value: Date, day: date) -> tuple[int, int, int]:
    octets = value.to_bytes()
    return (
        day.year if value.year is None else value.year,
        day.month if octets[2] == NOT_SPECIFIED else octets[2],
        day.day if octets[3] == NOT_SPECIFIED else octets[3],
    )
