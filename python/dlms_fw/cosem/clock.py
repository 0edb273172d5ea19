"""Clock (class_id 8): the time of a server and how it is kept. The table of the Blue Book."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Final

from dlms_fw._core import Date, DateTime
from dlms_fw.axdr import boolean, date_time_octets, enumerated, flags, integer, long, structure, unsigned
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import ClockBase, ClockStatus

__all__ = ["LAST_DAY", "SECOND_LAST_DAY", "Clock", "day_in_year", "moment_in_year"]

SECOND_LAST_DAY: Final = 0xFD
"""As ``day_of_month``: the second last day of the month, or with a weekday the second last such day."""
LAST_DAY: Final = 0xFE
"""As ``day_of_month``: the last day of the month, or with a weekday the last such day."""


class Clock(InterfaceClass, class_id=8, version=0, short_name_methods=0x60):
    """The local time, its deviation from UTC and its daylight saving.

    ``time_zone`` and the deviation in a date-time are minutes, UTC minus local: -60 for UTC+1.
    """

    time = attribute(2, date_time_octets)
    time_zone = attribute(3, long, static=True)
    status = attribute(4, flags(ClockStatus, unsigned))
    daylight_savings_begin = attribute(5, date_time_octets, static=True)
    daylight_savings_end = attribute(6, date_time_octets, static=True)
    daylight_savings_deviation = attribute(7, integer, static=True)
    """In minutes."""
    daylight_savings_enabled = attribute(8, boolean, static=True)
    clock_base = attribute(9, enumerated(ClockBase), static=True)

    @method(1)
    def adjust_to_quarter(self) -> None:
        """Set the time to the nearest quarter of an hour."""

    @method(2)
    def adjust_to_measuring_period(self) -> None:
        """Set the time to the nearest starting point of a measuring period."""

    @method(3)
    def adjust_to_minute(self) -> None:
        """Set the time to the nearest minute."""

    @method(4)
    def adjust_to_preset_time(self) -> None:
        """Set the time to the preset one, if now is within its validity interval."""

    @method(5, structure(date_time_octets, date_time_octets, date_time_octets))
    def preset_adjusting_time(
        self, preset_time: DateTime, validity_interval_start: DateTime, validity_interval_end: DateTime
    ) -> None:
        """Preset a time, and when ``adjust_to_preset_time`` may use it."""

    @method(6, long)
    def shift_time(self, seconds: int) -> None:
        """Shift the time by -900 to 900 seconds."""


def moment_in_year(moment: DateTime, year: int) -> datetime:
    """When a moment that comes every year comes in ``year``, such as the beginning of daylight saving.

    Local time, without a zone. Hours, minutes and seconds that are not specified are 0.

    Raises:
        ValueError: As :func:`day_in_year`, or the time of day is impossible.
    """
    day, time = day_in_year(moment.date, year), moment.time
    return datetime(day.year, day.month, day.day, time.hour or 0, time.minute or 0, time.second or 0)


def day_in_year(day: Date, year: int) -> date:
    """The day of ``year`` that is described by a month, and by a day, a weekday, or both.

    The day may be :data:`LAST_DAY` or :data:`SECOND_LAST_DAY`. With a weekday they are the last and second
    last such weekday of the month, and a number is the first such weekday on that day or after it. A weekday
    alone is the first of the month.

    Raises:
        ValueError: The description is of another year, of no single day, or of none that exists.
    """
    month, number, weekday = day.month, day.day_of_month, day.day_of_week
    if day.year not in {None, year} or month is None or (number is None and weekday is None):
        raise ValueError(f"{day!r} is not one day of {year}")
    if number is not None and number >= SECOND_LAST_DAY:
        found = date(year, month, monthrange(year, month)[1])
        back = LAST_DAY - number
        if weekday is None:
            return found - timedelta(days=back)
        return found - timedelta(days=(found.isoweekday() - weekday) % 7 + 7 * back)
    found = date(year, month, number or 1)
    if weekday is None:
        return found
    found += timedelta(days=(weekday - found.isoweekday()) % 7)
    if found.month != month:
        raise ValueError(f"{day!r} does not come in {year}")
    return found
