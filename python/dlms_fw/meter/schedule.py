"""When a scheduled activation is due, by the meter's own clock.

The rule, also for a clock that jumps: an entry of execution_time is given its next moment strictly after it
was written; a date that was already past then never fires. It fires when the meter's clock first stands at or
after that moment, once, and the schedule is void. If the meter learns too late (power off, clock set forward)
it still fires within ``grace``, and lapses beyond it; with wildcards it then waits for the next moment. A
clock set back only makes it wait longer: nothing in the past is ever made up for, and an entry with wildcards
is not brought forward. This file knows dates; it does not know what is activated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date as Date  # noqa: N812 - beside the fields called date
from datetime import datetime, timedelta
from itertools import product
from typing import Final, Literal, Protocol

from dlms_fw.meter.state import ScheduleEntry

NOT_SPECIFIED: Final = 0xFF
LAST_DAY: Final = 0xFE
SECOND_LAST_DAY: Final = 0xFD
ANY_YEAR: Final = 0xFFFF
_HORIZON: Final = timedelta(days=9 * 366)
"""Long enough for a 29 February on any weekday but for one over a skipped leap year."""


class LocalClock(Protocol):
    """What is local time; moments are seconds since 1970 (UTC)."""

    def naive(self, moment: float) -> datetime:
        """The local time at a moment, without a zone."""

    def instant(self, local: datetime, after: float) -> float:
        """When it is that local time; of two such moments the first one after ``after``."""


class Schedule:
    """Arms entries and says which is due; all moments are seconds since 1970 (UTC) of the meter's clock."""

    def __init__(self, clock: LocalClock, *, grace_seconds: float) -> None:
        self._clock = clock
        self._grace_seconds = grace_seconds

    def arm(self, time: bytes, date: bytes, now: float) -> ScheduleEntry:
        """Raises ValueError where the octets are no time and date."""
        check_entry(time, date)
        return ScheduleEntry(time, date, self._next(time, date, now))

    def poll(
        self, entry: ScheduleEntry, now: float
    ) -> tuple[Literal["wait", "fire", "lapse"], ScheduleEntry]:
        """What to do with an entry now, and the entry as it is afterwards."""
        if entry.due is None or now < entry.due:
            return "wait", entry
        if now - entry.due <= self._grace_seconds:
            return "fire", entry
        return "lapse", ScheduleEntry(entry.time, entry.date, self._next(entry.time, entry.date, now))

    def _next(self, time: bytes, date: bytes, now: float) -> float | None:
        if set(time[:3] + date) == {NOT_SPECIFIED}:
            return None  # the form that some clients write to cancel; never "every second"
        moment = next_moment(time, date, self._clock.naive(now))
        return None if moment is None else self._clock.instant(moment, now)


def check_entry(time: bytes, date: bytes) -> None:
    """Raises ValueError unless the octets are a COSEM time and date, wildcards included."""
    if len(time) != 4 or len(date) != 5:
        raise ValueError("a time has 4 octets and a date 5")
    limits = zip(time, (23, 59, 59, 99), strict=True)
    if any(value > limit and value != NOT_SPECIFIED for value, limit in limits):
        raise ValueError(f"no time: {time.hex()}")
    _, month, day, weekday = _fields(date)
    if not (1 <= month <= 12 or month == NOT_SPECIFIED):
        raise ValueError(f"no month: {date.hex()}")
    if not (1 <= day <= 31 or day >= SECOND_LAST_DAY):
        raise ValueError(f"no day of month: {date.hex()}")
    if not (1 <= weekday <= 7 or weekday == NOT_SPECIFIED):
        raise ValueError(f"no weekday: {date.hex()}")


def next_moment(time: bytes, date: bytes, after: datetime) -> datetime | None:
    """The first local moment strictly after ``after`` that they describe; hundredths are ignored."""
    choices = [
        range(size) if value == NOT_SPECIFIED else (value,)
        for value, size in zip(time[:3], (24, 60, 60), strict=True)
    ]
    for day in _days(date, after.date()):
        for hour, minute, second in product(*choices):
            moment = datetime(day.year, day.month, day.day, hour, minute, second)
            if moment > after:
                return moment
    return None


def _days(date: bytes, first: Date) -> Iterator[Date]:
    """The days that a date describes, from ``first`` on."""
    year, month, day_of_month, weekday = _fields(date)
    if year != ANY_YEAR and month <= 12 and day_of_month <= 31:
        try:
            day = Date(year, month, day_of_month)
        except ValueError:
            return
        if day >= first and weekday in {NOT_SPECIFIED, day.isoweekday()}:
            yield day
        return
    if year != ANY_YEAR:
        first = max(first, Date(year, 1, 1)) if 1 <= year <= 9990 else first
    for offset in range(_HORIZON.days):
        day = first + timedelta(days=offset)
        if date_matches(day, date):
            yield day


def date_matches(day: Date, date: bytes) -> bool:
    """Whether a day is one that a COSEM date describes."""
    year, month, day_of_month, weekday = _fields(date)
    if year not in {ANY_YEAR, day.year} or month not in {NOT_SPECIFIED, day.month}:
        return False
    if weekday not in {NOT_SPECIFIED, day.isoweekday()}:
        return False
    if day_of_month >= SECOND_LAST_DAY and day_of_month != NOT_SPECIFIED:
        # With a weekday: the last (second last) such weekday of the month.
        step = timedelta(days=1 if weekday == NOT_SPECIFIED else 7)
        following = 1 if day_of_month == LAST_DAY else 2
        return (day + following * step).month != day.month == (day + (following - 1) * step).month
    return day_of_month in {NOT_SPECIFIED, day.day}


def _fields(date: bytes) -> tuple[int, int, int, int]:
    return int.from_bytes(date[:2], "big"), date[2], date[3], date[4]
