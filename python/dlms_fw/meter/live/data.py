"""Data objects (class_id 1) that mean something to the meter: alarms, counts, what happened in a period.

Which one an object is follows from its logical name; any other keeps what is written to it, over power cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dlms_fw._core import Data as DataValue
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.live.alarms import ALARM_DESCRIPTOR, ALARM_FILTER, ALARM_REGISTER
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant

POWER_FAILURES: Final = LogicalName("0-0:96.7.21.255")
PROFILE_STATUSES: Final = {LogicalName(f"0-0:96.10.{number}.255"): number for number in (1, 2, 3, 4)}
"""What happened in the period of the load profile 1-0:99.n.0.255."""


class LiveData(LiveObject, interface=Data):
    """A value that stays over power cuts."""

    value = Kept()


class MeterData(ServerObject, interface=Data):
    """A number that the meter has."""

    def __init__(
        self,
        instance_id: LogicalNameLike,
        tag: Tag,
        read: Callable[[], int],
        write: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(instance_id)
        self._tag = tag
        self._read = read
        self._write = write

    @property
    def value(self) -> DataValue:
        """As it is now."""
        return DataValue(self._tag, self._read())

    @value.setter
    def value(self, value: DataValue) -> None:
        if self._write is None:
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        if not isinstance(value.value, int):
            raise CosemFault(DataAccessResult.TYPE_UNMATCHED)
        self._write(value.value)


def live_data(instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> ServerObject:
    """The data object of that logical name."""
    name = LogicalName(instance_id)
    alarms = plant.alarms
    if name == ALARM_REGISTER:
        return MeterData(name, Tag.DOUBLE_LONG_UNSIGNED, lambda: alarms.register, alarms.clear)
    if name == ALARM_FILTER:
        return MeterData(name, Tag.DOUBLE_LONG_UNSIGNED, lambda: alarms.filter, alarms.set_filter)
    if name == ALARM_DESCRIPTOR:
        return MeterData(name, Tag.DOUBLE_LONG_UNSIGNED, lambda: alarms.descriptor, alarms.clear_descriptor)
    if name == POWER_FAILURES:
        return MeterData(name, Tag.DOUBLE_LONG_UNSIGNED, lambda: plant.power_failures)
    if name in PROFILE_STATUSES:
        profile = LogicalName(f"1-0:99.{PROFILE_STATUSES[name]}.0.255")
        return MeterData(name, Tag.UNSIGNED, lambda: plant.profile_status.read(profile))
    return LiveData(name, values, plant)
