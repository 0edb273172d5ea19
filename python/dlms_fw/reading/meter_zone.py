"""The local time of a meter, as its clock keeps it: an offset and the days on which daylight saving begins.

A :class:`MeterZone` is a :class:`datetime.tzinfo`, so that moments of the outside world become the meter's
local time by ``astimezone``, in the right season whatever the season is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from dlms_fw import listed
from dlms_fw._core import DateTime
from dlms_fw.cosem.clock import Clock, moment_in_year
from dlms_fw.enums import ClockStatus
from dlms_fw.errors import ServiceError
from dlms_fw.listed import Plan, Room

__all__ = ["MeterZone", "date_time_in", "meter_zone"]

_NOTHING: Final = timedelta()


@dataclass(frozen=True)
class MeterZone(tzinfo):
    """Local time of a meter.

    Attributes:
        offset: Local standard time minus UTC.
        saving: What daylight saving adds.
        begin: When it begins each year, by standard time; ``None`` where there is none.
        end: When it ends each year, by daylight saving time.
    """

    offset: timedelta
    saving: timedelta = _NOTHING
    begin: DateTime | None = None
    end: DateTime | None = None

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Local time minus UTC; that of standard time where no moment is given."""
        return self.offset + self.dst(when)

    def dst(self, when: datetime | None) -> timedelta:
        """What daylight saving adds at a local time."""
        if when is None or self.begin is None or self.end is None:
            return _NOTHING
        local = when.replace(tzinfo=None)
        begin, end = moment_in_year(self.begin, local.year), moment_in_year(self.end, local.year)
        if when.fold:  # the later one of two moments with this local time is after the end
            end -= self.saving
        inside = begin <= local < end if begin <= end else not end <= local < begin
        return self.saving if inside else _NOTHING

    def tzname(self, when: datetime | None) -> str:
        """The offset, as in ``UTC+01:00``."""
        minutes = int(self.utcoffset(when).total_seconds() // 60)
        sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
        return f"UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"

    def fromutc(self, when: datetime) -> datetime:
        """The local time of a moment that is given as UTC."""
        standard = when + self.offset
        if self.begin is None or self.end is None:
            return standard
        begin = moment_in_year(self.begin, standard.year)
        end = moment_in_year(self.end, standard.year) - self.saving
        plain = standard.replace(tzinfo=None)
        if begin <= plain < end if begin <= end else not end <= plain < begin:
            return standard + self.saving
        return standard.replace(fold=int(end <= plain < end + self.saving))

    def moment(self, value: DateTime, *, opposite_deviation: bool = False) -> datetime:
        """A date-time of the meter, aware; in this zone where it names no deviation.

        Raises:
            ValueError: It is no point in time.
        """
        moment = value.to_datetime(opposite_deviation=opposite_deviation)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self)


def date_time_in(zone: tzinfo, moment: datetime, *, opposite_deviation: bool = False) -> DateTime:
    """A moment as a meter in this zone writes it: local time, its deviation and its daylight saving.

    Args:
        zone: Where the meter is.
        moment: The moment; one without a zone is local time there.
        opposite_deviation: For meters that write the deviation as local minus UTC.
    """
    local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    status = ClockStatus.DAYLIGHT_SAVING_ACTIVE if local.dst() else ClockStatus(0)
    return DateTime.from_datetime(local, clock_status=status, opposite_deviation=opposite_deviation)


def meter_zone(clock: Clock, room: Room, *, opposite_deviation: bool = False) -> Plan[MeterZone]:
    """Reads how a clock keeps local time.

    Where its zone and its rules do not explain the time that it shows, the deviation of that time counts, all
    the year.

    Raises:
        ServiceError: The meter shows neither its time nor its zone.
    """
    refs: list[Any] = [
        clock.time,
        clock.time_zone,
        clock.daylight_savings_enabled,
        clock.daylight_savings_deviation,
        clock.daylight_savings_begin,
        clock.daylight_savings_end,
    ]
    time, zone, *rules = yield from listed.readings(refs, room)
    minutes = None if isinstance(time, ServiceError) else time.deviation
    shown = None if minutes is None else timedelta(minutes=minutes if opposite_deviation else -minutes)
    if not isinstance(zone, ServiceError):
        offset = timedelta(minutes=zone if opposite_deviation else -zone)
        told = _with_rules(offset, rules)
        if isinstance(time, ServiceError) or shown is None or _explains(told, time, shown):
            return told
    if shown is not None:
        return MeterZone(shown)
    raise time if isinstance(time, ServiceError) else zone


def _with_rules(offset: timedelta, rules: list[Any]) -> MeterZone:
    if any(isinstance(rule, ServiceError) for rule in rules):
        return MeterZone(offset)
    enabled, deviation, begin, end = rules
    try:
        if enabled and deviation:
            moment_in_year(begin, 2000), moment_in_year(end, 2000)
            return MeterZone(offset, timedelta(minutes=abs(deviation)), begin, end)
    except ValueError:  # not specified, or for one year only
        pass
    return MeterZone(offset)


def _explains(zone: MeterZone, time: DateTime, shown: timedelta) -> bool:
    try:
        local = time.to_datetime().replace(tzinfo=zone)
    except ValueError:
        return True
    return shown in {local.utcoffset(), local.replace(fold=1).utcoffset()}
