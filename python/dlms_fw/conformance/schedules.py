"""Execution times for the activation scheduler, by the meter's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from dlms_fw._core import Date, Time
from dlms_fw.conformance.image_process import ImageProcess
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.single_action_schedule import ExecutionTime

_NOT_SPECIFIED = 0xFF


def meter_time(process: ImageProcess) -> datetime:
    """The meter's local time."""
    return process.client.get(Clock(process.facts.objects.clock).time).to_datetime()


def at(moment: datetime) -> list[ExecutionTime]:
    """One concrete moment."""
    time = bytes([moment.hour, moment.minute, moment.second, 0])
    date = moment.year.to_bytes(2, "big") + bytes([moment.month, moment.day, _NOT_SPECIFIED])
    return [ExecutionTime(Time.from_bytes(time), Date.from_bytes(date))]


def one_time(process: ImageProcess, later: timedelta) -> list[ExecutionTime]:
    """So much after the meter's present time."""
    return at(meter_time(process) + later)


def every_hour(moment: datetime) -> list[ExecutionTime]:
    """Every hour at the minute and second of a moment."""
    time = bytes([_NOT_SPECIFIED, moment.minute, moment.second, 0])
    return [ExecutionTime(Time.from_bytes(time), Date.from_bytes(bytes([_NOT_SPECIFIED] * 5)))]
