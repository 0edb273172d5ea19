"""Demand registers (class_id 5): averages of a power, in blocks or over a window that slides."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.registers import DemandRegister
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant
from dlms_fw.meter.live.registers import Quantity, number

MOST_PERIODS: Final = 60
LONGEST_PERIOD_SECONDS: Final = 86_400
_DEFAULTS: Final[Mapping[str, Any]] = {
    "period": 900,
    "number_of_periods": 1,
    "last_average_value": Data(Tag.DOUBLE_LONG_UNSIGNED, 0),
}


def _period_allowed(target: LiveDemandRegister, value: int) -> None:  # noqa: ARG001
    if not 1 <= value <= LONGEST_PERIOD_SECONDS:
        raise ValueError("no period")


def _count_allowed(target: LiveDemandRegister, value: int) -> None:  # noqa: ARG001
    if not 1 <= value <= MOST_PERIODS:
        raise ValueError("no number of periods")


class LiveDemandRegister(LiveObject, interface=DemandRegister):
    """Averages the power that its logical name is about.

    Periods end at multiples of their length by the local clock, all averages are over
    ``number_of_periods * period``. A window begins anew with power up and when the clock is set; the last
    average stays.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, {**_DEFAULTS, **values}, plant)
        self._quantity = Quantity(self.logical_name)
        if "scaler_unit" not in values:
            self._given = {**self._given, "scaler_unit": self._quantity.scaler_unit}
        self._timer = plant.timer(self._period_over)
        self._energies: deque[float] = deque()
        """What each complete period of the window has consumed."""
        plant.watch_clock(self._clock_set)
        self._begin_window()

    last_average_value = Kept(read_only=True)
    scaler_unit = Kept(read_only=True)
    status = Kept(read_only=True)
    capture_time = Kept(read_only=True)
    period = Kept(check=_period_allowed, then=lambda target: target._begin_window())
    number_of_periods = Kept(check=_count_allowed, then=lambda target: target._begin_window())

    @property
    def current_average_value(self) -> Data:
        """What the window has consumed so far, over its whole length."""
        kept = list(self._energies)[-(self.number_of_periods - 1) :] if self.number_of_periods > 1 else []
        return self._average(sum(kept) + self._energy() - self._before)

    @property
    def start_time_current(self) -> DateTime:
        """When the window began."""
        kept = min(len(self._energies), self.number_of_periods - 1)
        return self._plant.clock.at(self._began - kept * self.period)

    def reset(self) -> None:
        """Both averages are 0, and a window begins."""
        self._remember(last_average_value=self._average(0.0), capture_time=self._plant.clock.date_time)
        self._begin_window()

    def next_period(self) -> None:
        """Ends the period now."""
        self._end(self._plant.clock.utc)

    def _begin_window(self) -> None:
        self._energies.clear()
        self._begin(self._plant.clock.utc)

    def _begin(self, moment: float) -> None:
        self._began = moment
        self._before = self._energy()
        self._timer.at_clock(self._plant.clock.next_boundary(self.period))

    def _period_over(self, due: float) -> None:
        self._end(due)

    def _end(self, moment: float) -> None:
        self._energies.append(self._energy() - self._before)
        while len(self._energies) > self.number_of_periods:
            self._energies.popleft()
        last = self._average(sum(self._energies))
        self._begin(moment)
        self._keep(last_average_value=last, capture_time=self._plant.clock.at(moment))

    def _clock_set(self, before: float, after: float) -> None:  # noqa: ARG002 (the timer asks the clock)
        self._begin_window()

    def _average(self, energy: float) -> Data:
        power = energy * 3600 / (self.period * self.number_of_periods)
        return number(power, self.scaler_unit.scaler, self._value("last_average_value"))

    def _energy(self) -> float:
        return self._plant.measurement.energy(self._quantity.number) or 0.0
