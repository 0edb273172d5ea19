"""Single action schedule (class_id 22): a script run at given times. The table of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Date, Time
from dlms_fw.axdr import (
    array,
    date_octets,
    enumerated,
    logical_name_octets,
    long_unsigned,
    record,
    time_octets,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute
from dlms_fw.enums import SingleActionScheduleType
from dlms_fw.logical_name import LogicalName

__all__ = ["ExecutedScript", "ExecutionTime", "SingleActionSchedule"]


class ExecutedScript(NamedTuple):
    """A script of a script table."""

    script_logical_name: LogicalName
    script_selector: int
    """The ``script_identifier`` in that table."""


class ExecutionTime(NamedTuple):
    """When the script runs, by the local time of the server: the time first, then the date."""

    time: Time
    date: Date


class SingleActionSchedule(InterfaceClass, class_id=22, version=0):
    """One script and the moments at which it runs; an empty ``execution_time`` means never."""

    executed_script = attribute(2, record(ExecutedScript, logical_name_octets, long_unsigned), static=True)
    type = attribute(3, enumerated(SingleActionScheduleType), static=True)
    execution_time = attribute(4, array(record(ExecutionTime, time_octets, date_octets)), static=True)
