"""Clock (class_id 8): the time of a server and how it is kept. The table of the Blue Book."""

from __future__ import annotations

from dlms_fw._core import DateTime
from dlms_fw.axdr import boolean, date_time_octets, enumerated, flags, integer, long, structure, unsigned
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import ClockBase, ClockStatus

__all__ = ["Clock"]


class Clock(InterfaceClass, class_id=8, version=0):
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
