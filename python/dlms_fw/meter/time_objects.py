"""The clock, the activation scheduler and the activation scripts as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw._core import Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.clock import Clock
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
from dlms_fw.meter.clock import CLOCK_STATUS_OK, MeterClock
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.firmware import FirmwareUnit

ACTIVATION_SCRIPT: Final = 1
_NO_DAYLIGHT_SAVING: Final = DateTime()
_LARGEST_SHIFT: Final = 900


class ClockObject(ServerObject, interface=Clock):
    """The meter's clock. It can be set; it knows no daylight saving."""

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
            value.to_datetime()
        except ValueError:
            raise CosemFault(DataAccessResult.OTHER_REASON) from None
        self._log_event(StandardEvent.CLOCK_ADJUSTED_OLD_TIME, 0)
        self._clock.set(value)
        self._log_event(StandardEvent.CLOCK_ADJUSTED_NEW_TIME, 0)

    @property
    def time_zone(self) -> int:
        """UTC minus local time, in minutes."""
        return -self._clock.utc_offset_minutes

    @property
    def status(self) -> ClockStatus:
        """Nothing is wrong with it."""
        return ClockStatus(CLOCK_STATUS_OK)

    @property
    def daylight_savings_begin(self) -> DateTime:
        """Not specified."""
        return _NO_DAYLIGHT_SAVING

    @property
    def daylight_savings_end(self) -> DateTime:
        """Not specified."""
        return _NO_DAYLIGHT_SAVING

    @property
    def daylight_savings_deviation(self) -> int:
        """0."""
        return 0

    @property
    def daylight_savings_enabled(self) -> bool:
        """FALSE."""
        return False

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
            preset_time.to_datetime()
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
        self._clock.shift(seconds)

    def _adjust_to(self, seconds: int) -> None:
        now = self._clock.utc
        self._clock.shift(round(now / seconds) * seconds - now)


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
