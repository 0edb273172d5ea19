"""Measuring periods: the average of a power over each period of the clock."""

from __future__ import annotations

from collections.abc import Callable

from dlms_fw._core import DateTime
from dlms_fw.meter.live.plant import Plant


class MeasuringPeriod:
    """Tells the average of each period that is over.

    Periods end at multiples of their length by the local clock. One that begins with power up, or when the
    clock is set, is shorter, and its average is over the whole length, as of any other.
    """

    def __init__(
        self,
        plant: Plant,
        quantity: int,
        seconds: int,
        period_over: Callable[[float, DateTime], None],
    ) -> None:
        """``period_over`` is told the average and when the period ended."""
        self._plant = plant
        self._quantity = quantity
        self._seconds = seconds
        self._period_over = period_over
        self._timer = plant.timer(self._end)
        plant.watch_clock(self._clock_set)
        self._begin()

    @property
    def average(self) -> float:
        """What has been consumed in the current period so far, over its whole length."""
        return (self._energy() - self._before) * 3600 / self._seconds

    def _clock_set(self, before: float, after: float) -> None:  # noqa: ARG002 (the timer asks the clock)
        self._begin()

    def _begin(self) -> None:
        self._before = self._energy()
        self._timer.at_clock(self._plant.clock.next_boundary(self._seconds))

    def _end(self, due: float) -> None:
        average = self.average
        self._begin()
        self._period_over(average, self._plant.clock.at(due))

    def _energy(self) -> float:
        return self._plant.measurement.energy(self._quantity) or 0.0
