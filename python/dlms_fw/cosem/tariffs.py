"""Schedules and calendars (class_id 10, 11, 20): what is switched at which time of which day.

The tables of the Blue Book. Times are local; in dates and times a field may be left open, which means each.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import BitString, Date, DateTime, Time
from dlms_fw.axdr import (
    any_data,
    array,
    bit_string,
    boolean,
    date_octets,
    date_time_octets,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
    structure,
    time_octets,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ActivityCalendar",
    "DayProfile",
    "DayProfileAction",
    "Schedule",
    "ScheduleTableEntry",
    "SeasonProfile",
    "SpecialDayEntry",
    "SpecialDaysTable",
    "TariffPlan",
    "WeekProfile",
]


class ScheduleTableEntry(NamedTuple):
    """A script that runs at a time of day, on some days of the week, between two dates."""

    index: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs here
    """Entries are in the order of their indexes, which is that of their priority as well."""
    enable: bool
    script_logical_name: LogicalName
    script_selector: int
    switch_time: Time
    validity_window: int
    """How late it may still run after a power failure, in minutes; 0xFFFF for any time."""
    exec_weekdays: BitString
    """From Monday to Sunday."""
    exec_specdays: BitString
    """By the ``day_id`` of special days."""
    begin_date: Date
    end_date: Date


_schedule_table_entry = record(
    ScheduleTableEntry,
    long_unsigned,
    boolean,
    logical_name_octets,
    long_unsigned,
    time_octets,
    long_unsigned,
    bit_string,
    bit_string,
    date_octets,
    date_octets,
)


class Schedule(InterfaceClass, class_id=10, version=0, short_name_methods=0x20):
    """Scripts at times of day, weekdays and special days."""

    entries = attribute(2, array(_schedule_table_entry), static=True)

    @method(1, structure(long_unsigned, long_unsigned, long_unsigned, long_unsigned))
    def enable_disable(
        self, first_index_a: int, last_index_a: int, first_index_b: int, last_index_b: int
    ) -> None:
        """Disable the entries of range A, and enable those of range B; a range from 0 to 0 is none."""

    @method(2, _schedule_table_entry)
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

    @method(3, structure(long_unsigned, long_unsigned))
    def delete(self, first_index: int, last_index: int) -> None:
        """Delete the entries of a range."""


class SpecialDayEntry(NamedTuple):
    """A day, or one that comes every year, with a day profile of its own."""

    index: int  # type: ignore[assignment]  # as above
    specialday_date: Date
    day_id: int
    """The day profile, or the bit of ``exec_specdays``, that holds on it."""


_special_day_entry = record(SpecialDayEntry, long_unsigned, date_octets, unsigned)


class SpecialDaysTable(InterfaceClass, class_id=11, version=0, short_name_methods=0x10):
    """The days that are not as other days."""

    entries = attribute(2, array(_special_day_entry), static=True)

    @method(1, _special_day_entry)
    def insert(self, index: int, specialday_date: Date, day_id: int) -> None:
        """Insert an entry, or overwrite the one with its index."""

    @method(2, long_unsigned)
    def delete(self, index: int) -> None:
        """Delete the entry with that index."""


class SeasonProfile(NamedTuple):
    """When a season begins, and the week that it consists of."""

    season_profile_name: bytes
    season_start: DateTime
    week_name: bytes


class WeekProfile(NamedTuple):
    """A week: for each day the ``day_id`` of a day profile."""

    week_profile_name: bytes
    monday: int
    tuesday: int
    wednesday: int
    thursday: int
    friday: int
    saturday: int
    sunday: int


class DayProfileAction(NamedTuple):
    """A script at a time of day."""

    start_time: Time
    script_logical_name: LogicalName
    script_selector: int


class DayProfile(NamedTuple):
    """A day: what happens when."""

    day_id: int
    day_schedule: list[DayProfileAction]


_season_profiles = array(record(SeasonProfile, octet_string, date_time_octets, octet_string))
_week_profiles = array(record(WeekProfile, octet_string, *[unsigned] * 7))
_day_profiles = array(
    record(
        DayProfile,
        unsigned,
        array(record(DayProfileAction, time_octets, logical_name_octets, long_unsigned)),
    )
)


class ActivityCalendar(InterfaceClass, class_id=20, version=0, short_name_methods=0x50):
    """Seasons of weeks of days of scripts: the calendar that holds, and the one that is to hold next."""

    calendar_name_active = attribute(2, octet_string)
    season_profile_active = attribute(3, _season_profiles)
    week_profile_table_active = attribute(4, _week_profiles)
    day_profile_table_active = attribute(5, _day_profiles)
    calendar_name_passive = attribute(6, octet_string, static=True)
    season_profile_passive = attribute(7, _season_profiles, static=True)
    week_profile_table_passive = attribute(8, _week_profiles, static=True)
    day_profile_table_passive = attribute(9, _day_profiles, static=True)
    activate_passive_calendar_time = attribute(10, date_time_octets, static=True)
    """When the passive calendar becomes the active one; all fields open where that is not planned."""

    @method(1)
    def activate_passive_calendar(self) -> None:
        """Make the passive calendar the active one, now."""


class TariffPlan(InterfaceClass, class_id=8192, version=0, confirmed=False):
    """The tariff plan of Italian gas meters (UNI/TS 11291-11), a private class."""

    calendar_name = attribute(2, octet_string, static=True)
    enabled = attribute(3, boolean, static=True)
    plan = attribute(4, any_data, static=True)
    activation_time = attribute(5, date_time_octets, static=True)
