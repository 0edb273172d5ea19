"""The clock, the activation scheduler and the activation scripts as objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dlms_fw._core import Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.clock import Clock, moment_in_year
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.script_table import ActionSpecification, Script, ScriptTable
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime, SingleActionSchedule
from dlms_fw.cosem.well_known import IMAGE_ACTIVATION_SCRIPT_TABLE, IMAGE_TRANSFER
from dlms_fw.enums import (
    ActionResult,
    ClockBase,
    ClockStatus,
    DataAccessResult,
    ScriptService,
    SingleActionScheduleType,
)
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.clock import MeterClock
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.firmware import FirmwareUnit

ACTIVATION_SCRIPT: Final = 1
_LARGEST_SHIFT: Final = 900
_LARGEST_DEVIATION: Final = 120
_WIDEST_ZONE: Final = 840
_LEAP_YEAR: Final = 2024


class ClockObject(ServerObject, interface=Clock):
    """The meter's clock: it can be set and shifted, and keeps daylight saving where it is told to."""

    def __init__(
        self, instance_id: LogicalNameLike, clock: MeterClock, log_event: Callable[[int, int], None]
    ) -> None:
        super().__init__(instance_id)
        self._clock = clock
        self._log_event = log_event
        self._preset: tuple[DateTime, float, float] | None = None

    @property
    def time(self) -> DateTime:
        """Local time."""
        return self._clock.date_time

    @time.setter
    def time(self, value: DateTime) -> None:
        try:
            self._clock.seconds(value)
        except ValueError:
            raise CosemFault(DataAccessResult.OTHER_REASON) from None
        self._adjust(self._clock.seconds(value) - self._clock.utc)

    @property
    def time_zone(self) -> int:
        """UTC minus normal local time, in minutes; the opposite where date-times are so too."""
        return self._clock.time_zone

    @time_zone.setter
    def time_zone(self, value: int) -> None:
        if not -_WIDEST_ZONE <= value <= _WIDEST_ZONE:
            raise CosemFault(DataAccessResult.OTHER_REASON)
        self._change(utc_offset_minutes=self._clock.offset_of(value))

    @property
    def status(self) -> ClockStatus:
        """Whether daylight saving holds; nothing is wrong with the clock."""
        return self._clock.status

    @property
    def daylight_savings_begin(self) -> DateTime:
        """A moment of each year, by normal local time."""
        return DateTime.from_bytes(self._clock.local_time.begin)

    @daylight_savings_begin.setter
    def daylight_savings_begin(self, value: DateTime) -> None:
        self._change(begin=_yearly(value))

    @property
    def daylight_savings_end(self) -> DateTime:
        """A moment of each year, by the local time of daylight saving."""
        return DateTime.from_bytes(self._clock.local_time.end)

    @daylight_savings_end.setter
    def daylight_savings_end(self, value: DateTime) -> None:
        self._change(end=_yearly(value))

    @property
    def daylight_savings_deviation(self) -> int:
        """What is added to normal time, in minutes."""
        return self._clock.local_time.deviation_minutes

    @daylight_savings_deviation.setter
    def daylight_savings_deviation(self, value: int) -> None:
        if abs(value) > _LARGEST_DEVIATION:
            raise CosemFault(DataAccessResult.OTHER_REASON)
        self._change(deviation_minutes=value)

    @property
    def daylight_savings_enabled(self) -> bool:
        """Whether daylight saving is kept."""
        return self._clock.local_time.is_enabled

    @daylight_savings_enabled.setter
    def daylight_savings_enabled(self, value: bool) -> None:
        self._change(is_enabled=value)

    @property
    def clock_base(self) -> ClockBase:
        """Its own crystal."""
        return ClockBase.INTERNAL_CRYSTAL

    def adjust_to_quarter(self) -> None:
        """To the nearest quarter of an hour."""
        self._adjust_to(900)

    def adjust_to_measuring_period(self) -> None:
        """The same: the measuring period is a quarter of an hour."""
        self._adjust_to(900)

    def adjust_to_minute(self) -> None:
        """To the nearest minute."""
        self._adjust_to(60)

    def adjust_to_preset_time(self) -> None:
        """To the preset time, once, within its interval."""
        if self._preset is None:
            raise CosemFault(ActionResult.OTHER_REASON)
        preset, start, end = self._preset
        if not start <= self._clock.utc <= end:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._preset = None
        self.time = preset

    def preset_adjusting_time(
        self, preset_time: DateTime, validity_interval_start: DateTime, validity_interval_end: DateTime
    ) -> None:
        """Remembered until it is used or the power goes."""
        try:
            self._clock.seconds(preset_time)
            interval = (
                self._clock.seconds(validity_interval_start),
                self._clock.seconds(validity_interval_end),
            )
        except ValueError:
            raise CosemFault(ActionResult.OTHER_REASON) from None
        self._preset = (preset_time, *interval)

    def shift_time(self, seconds: int) -> None:
        """By at most a quarter of an hour."""
        if abs(seconds) > _LARGEST_SHIFT:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._adjust(seconds)

    def _adjust_to(self, seconds: int) -> None:
        now = self._clock.utc
        self._adjust(round(now / seconds) * seconds - now)

    def _adjust(self, seconds: float) -> None:
        self._log_event(StandardEvent.CLOCK_ADJUSTED_OLD_TIME, 0)
        self._clock.shift(seconds)
        self._log_event(StandardEvent.CLOCK_ADJUSTED_NEW_TIME, 0)

    def _change(self, **changes: Any) -> None:
        was = self._clock.status
        self._clock.set_local_time(replace(self._clock.local_time, **changes))
        if self._clock.status != was:
            self._log_event(StandardEvent.DAYLIGHT_SAVING_CHANGED, 0)


def _yearly(value: DateTime) -> bytes:
    """The octets of a moment that comes every year, or of no moment. Raises CosemFault."""
    octets = value.to_bytes()
    if value != DateTime() and value.date.month is not None:
        try:
            moment_in_year(value, _LEAP_YEAR)
        except ValueError:
            raise CosemFault(DataAccessResult.OTHER_REASON) from None
    return octets


class ActivationScheduler(ServerObject, interface=SingleActionSchedule):
    """When the verified image is activated: type 1, one execution time, wildcards allowed in the date."""

    def __init__(self, instance_id: LogicalNameLike, unit: FirmwareUnit) -> None:
        super().__init__(instance_id)
        self._unit = unit

    @property
    def executed_script(self) -> ExecutedScript:
        """The activation script."""
        return ExecutedScript(IMAGE_ACTIVATION_SCRIPT_TABLE, ACTIVATION_SCRIPT)

    @property
    def type(self) -> SingleActionScheduleType:
        """One execution time."""
        return SingleActionScheduleType.ONE_TIME_WILDCARD_ALLOWED

    @property
    def execution_time(self) -> list[ExecutionTime]:
        """What was written; empty where nothing is scheduled any more."""
        return [
            ExecutionTime(Time.from_bytes(entry.time), Date.from_bytes(entry.date))
            for entry in self._unit.memory.state.schedule
        ]

    @execution_time.setter
    def execution_time(self, value: list[ExecutionTime]) -> None:
        try:
            self._unit.set_schedule((entry.time.to_bytes(), entry.date.to_bytes()) for entry in value)
        except ValueError:
            raise CosemFault(DataAccessResult.OTHER_REASON) from None


class ActivationScripts(ServerObject, interface=ScriptTable):
    """One script: image_activate."""

    def __init__(self, instance_id: LogicalNameLike, unit: FirmwareUnit) -> None:
        super().__init__(instance_id)
        self._unit = unit

    @property
    def scripts(self) -> list[Script]:
        """Script 1 calls method 4 of the image transfer object."""
        activate = ActionSpecification(
            ScriptService.EXECUTE_METHOD,
            ImageTransfer.class_id,
            IMAGE_TRANSFER,
            ImageTransfer.image_activate.method_id,
            Data(Tag.INTEGER, 0),
        )
        return [Script(ACTIVATION_SCRIPT, [activate])]

    def execute(self, script_identifier: int) -> None:
        """Run on demand; no other script exists, and 0 is none."""
        if script_identifier == 0:
            return
        if script_identifier != ACTIVATION_SCRIPT:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._unit.image_store.image_activate()
