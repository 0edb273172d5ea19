"""What happened in the current period of a load profile, as a column tells it (IDIS: AMR profile status)."""

from __future__ import annotations

from enum import IntFlag

from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clock import MeterClock


class ProfileStatusFlag(IntFlag):
    """The bits of the status."""

    CRITICAL_ERROR = 0x01
    CLOCK_INVALID = 0x02
    DATA_NOT_VALID = 0x04
    DAYLIGHT_SAVING = 0x08
    CLOCK_ADJUSTED = 0x20
    POWER_DOWN = 0x80


class ProfileStatus:
    """The statuses of all profiles of a meter."""

    def __init__(self, clock: MeterClock, *, was_down: bool) -> None:
        """``was_down``: whether the power had gone before."""
        self._clock = clock
        self._since_power_up = ProfileStatusFlag.POWER_DOWN if was_down else ProfileStatusFlag(0)
        self._since_capture: dict[LogicalName, ProfileStatusFlag] = {}
        clock.listeners.append(self._clock_set)

    def read(self, profile: LogicalName) -> ProfileStatusFlag:
        """What has happened since its last capture, and whether daylight saving holds."""
        happened = self._since_capture.get(profile, self._since_power_up)
        saving = self._clock.local_time.is_daylight_saving(self._clock.utc)
        return happened | (ProfileStatusFlag.DAYLIGHT_SAVING if saving else ProfileStatusFlag(0))

    def captured(self, profile: LogicalName) -> None:
        """The profile has captured an entry by period: another one begins."""
        self._since_capture[profile] = ProfileStatusFlag(0)

    def _clock_set(self, before: float, after: float) -> None:
        if before != after:
            self._since_power_up |= ProfileStatusFlag.CLOCK_ADJUSTED
            for profile in self._since_capture:
                self._since_capture[profile] |= ProfileStatusFlag.CLOCK_ADJUSTED
