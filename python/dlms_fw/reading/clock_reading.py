"""The clock of a meter beside ours: how far apart they are, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dlms_fw._core import DateTime
from dlms_fw.enums import ClockStatus
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError
from dlms_fw.reading.meter_zone import MeterZone

__all__ = [
    "LARGEST_SHIFT_S",
    "ClockReading",
    "check_shift",
    "clock_reading",
    "needs_zone",
    "next_second",
    "rounded_to_second",
]

LARGEST_SHIFT_S: Final = 900
"""How far ``shift_time`` of a clock goes, either way."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What a meter's clock has shown.

    Attributes:
        time: The meter's time, aware.
        date_time: The same as the meter has sent it.
        status: What the meter says about its time; ``None`` where it says nothing.
        skew: The meter's time minus ours, at the middle of the round trip.
        round_trip_s: Seconds from the question to the answer.
    """

    time: datetime
    date_time: DateTime
    status: ClockStatus | None
    skew: timedelta
    round_trip_s: float

    @property
    def uncertainty(self) -> timedelta:
        """How far the skew may be off: half of the round trip, and what the meter's time does not show."""
        hundredths = self.date_time.time.hundredths
        resolution = 0.01 if hundredths else 1.0  # a 0 may well be a clock that shows no hundredths
        return timedelta(seconds=self.round_trip_s / 2 + resolution)

    @property
    def is_valid(self) -> bool:
        """Whether the meter says nothing against its time."""
        doubts = ClockStatus.INVALID_VALUE | ClockStatus.DOUBTFUL_VALUE | ClockStatus.INVALID_CLOCK_STATUS
        return self.status is None or not self.status & doubts


def clock_reading(
    shown: DateTime,
    zone: MeterZone | None,
    *,
    asked_at: datetime,
    round_trip_s: float,
    opposite_deviation: bool = False,
) -> ClockReading:
    """What a time that a meter has shown means.

    Args:
        shown: The time.
        zone: The meter's, for a time that names no deviation.
        asked_at: Our time when it was asked for, aware.
        round_trip_s: Seconds until the answer was there.
        opposite_deviation: For meters that write the deviation as local minus UTC.

    Raises:
        RemoteProtocolError: It is no point in time.
    """
    try:
        if zone is None:
            moment = shown.to_datetime(opposite_deviation=opposite_deviation)
        else:
            moment = zone.moment(shown, opposite_deviation=opposite_deviation)
    except ValueError as error:
        raise RemoteProtocolError(f"the clock shows no point in time: {error}") from None
    ours = asked_at + timedelta(seconds=round_trip_s / 2)
    status = shown.clock_status
    return ClockReading(
        moment, shown, None if status is None else ClockStatus(status), moment - ours, round_trip_s
    )


def needs_zone(shown: DateTime) -> bool:
    """Whether a time names no deviation, so that only the meter's zone tells which moment it is."""
    return shown.deviation is None


def rounded_to_second(moment: datetime) -> datetime:
    """The nearest whole second; clocks are set by these."""
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def next_second(now: datetime, way_s: float) -> tuple[datetime, float]:
    """The next turn of a second that a message can be in time for, and the pause until it must leave.

    Args:
        now: Our time.
        way_s: Seconds that the message is on its way.
    """
    arrival = now + timedelta(seconds=way_s)
    turn = arrival.replace(microsecond=0)
    if turn < arrival:
        turn += timedelta(seconds=1)
    return turn, (turn - arrival).total_seconds()


def check_shift(seconds: int) -> None:
    """Raises LocalProtocolError for a shift that the standard does not allow."""
    if abs(seconds) > LARGEST_SHIFT_S:
        raise LocalProtocolError(
            f"a clock is shifted by at most {LARGEST_SHIFT_S} seconds, not by {seconds}",
            hint="set it instead",
        )
