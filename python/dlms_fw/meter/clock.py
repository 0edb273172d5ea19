"""The two clocks of a meter as it is given them, and the meter's own settable clock on top.

``monotonic`` measures waiting and never jumps; ``wall`` is the outside world's time, to which the meter adds
its own offset. Neither is asked of the operating system here: who builds the meter passes a
:class:`TimeSource`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Protocol

from dlms_fw._core import DateTime
from dlms_fw.enums import ClockStatus
from dlms_fw.meter.local_time import LocalTime
from dlms_fw.meter.storage import Json, Records

CLOCK_STATUS_OK: Final = ClockStatus(0)
SHORT_PERIOD_SECONDS: Final = 3600
"""Periods up to an hour do not care for daylight saving; longer ones begin by the local day."""


class TimeSource(Protocol):
    """What the meter is told about time, in seconds."""

    def monotonic(self) -> float:
        """Grows evenly from an arbitrary start."""

    def wall(self) -> float:
        """Seconds since 1970, UTC."""


class VirtualTime:
    """A time source that moves when it is told to."""

    def __init__(self, wall: float = 1_764_000_000.0) -> None:
        self.elapsed = 0.0
        self._start = wall

    def monotonic(self) -> float:
        """Seconds that have been advanced so far."""
        return self.elapsed

    def wall(self) -> float:
        """The start plus what has been advanced so far."""
        return self._start + self.elapsed

    def advance(self, seconds: float) -> None:
        """Moves both clocks forward."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.elapsed += seconds

    def advance_to(self, elapsed: float) -> None:
        """Moves both clocks to a moment of the monotonic one; one that is past is now."""
        self.elapsed = max(self.elapsed, elapsed)


class MeterClock:
    """The meter's clock: the given wall clock plus an offset that is kept in a record, and its local time."""

    RECORD: Final = "clock"

    def __init__(
        self,
        records: Records,
        source: TimeSource,
        *,
        utc_offset_minutes: int,
        opposite_deviation: bool = False,
    ) -> None:
        """With ``opposite_deviation`` date-times tell local time minus UTC, as some meters do."""
        self._records = records
        self._source = source
        self._opposite_deviation = opposite_deviation
        kept = records.require(self.RECORD)
        self._offset = float(kept["offset"])
        self._configured = LocalTime(utc_offset_minutes)
        self._local_time = _local_time(kept.get("local"), self._configured)
        self._shown: tuple[float, DateTime] | None = None
        self.listeners: list[Callable[[float, float], None]] = []
        """Called after the clock was set or shifted, with where it stood and stands (seconds, UTC).

        The two are equal where only zone or daylight saving were set.
        """

    @classmethod
    def create(cls, records: Records) -> None:
        """A new meter's clock is the given one."""
        records.create(cls.RECORD, {"offset": 0.0})

    @property
    def utc(self) -> float:
        """Seconds since 1970 (UTC) as the meter believes."""
        return self._source.wall() + self._offset

    @property
    def local(self) -> datetime:
        """The meter's local time, aware."""
        return self._aware(self.utc)

    @property
    def date_time(self) -> DateTime:
        """The meter's local time as a COSEM date-time, with deviation and clock status."""
        now, shown = self.utc, self._shown
        if shown is None or shown[0] != now:  # what happens at once is told with one time
            shown = self._shown = now, self.at(now)
        return shown[1]

    @property
    def status(self) -> ClockStatus:
        """Nothing is wrong with it; whether daylight saving holds."""
        return self._status(self.utc)

    @property
    def local_time(self) -> LocalTime:
        """Its zone and daylight saving."""
        return self._local_time

    @property
    def utc_offset_minutes(self) -> int:
        """Normal local time minus UTC."""
        return self._local_time.utc_offset_minutes

    @property
    def time_zone(self) -> int:
        """The same as an attribute of a clock object: UTC minus local time, if not the opposite."""
        return self.offset_of(self._local_time.utc_offset_minutes)

    def offset_of(self, minutes: int) -> int:
        """From one sign to the other, where the two differ."""
        return minutes if self._opposite_deviation else -minutes

    def at(self, moment: float) -> DateTime:
        """A moment of this clock, in seconds since 1970 (UTC), as a COSEM date-time."""
        return DateTime.from_datetime(
            self._aware(moment),
            clock_status=self._status(moment),
            opposite_deviation=self._opposite_deviation,
        )

    def naive(self, moment: float) -> datetime:
        """The local time at a moment."""
        return self._local_time.naive(moment)

    def instant(self, local: datetime, after: float = -math.inf) -> float:
        """When it is that local time, in seconds since 1970 (UTC); of two such moments as LocalTime says."""
        return self._local_time.instant(local, after)

    def last_boundary(self, period: int) -> float:
        """When the local time was last a multiple of ``period`` seconds, in seconds since 1970 (UTC)."""
        return self._boundary(period, 0)

    def next_boundary(self, period: int) -> float:
        """When the local time is next a multiple of ``period`` seconds, in seconds since 1970 (UTC)."""
        return self._boundary(period, 1)

    def seconds(self, value: DateTime) -> float:
        """A moment in seconds since 1970 (UTC), local time where it has no deviation. Raises ValueError."""
        moment = value.to_datetime(opposite_deviation=self._opposite_deviation)
        return self.instant(moment) if moment.tzinfo is None else moment.timestamp()

    def set(self, value: DateTime) -> None:
        """Sets the clock. Raises ValueError where the value is no moment, and OSError."""
        self._store(self.seconds(value) - self._source.wall(), self._local_time)

    def shift(self, seconds: float) -> None:
        """Moves the clock. Raises OSError."""
        self._store(self._offset + seconds, self._local_time)

    def set_local_time(self, local_time: LocalTime) -> None:
        """Changes zone and daylight saving; what it is in UTC stays. Raises OSError."""
        self._store(self._offset, local_time)

    def _store(self, offset: float, local_time: LocalTime) -> None:
        # What nobody has set stays with the configuration.
        is_own = local_time is not self._configured
        self._records.store(
            self.RECORD, {"offset": offset} | ({"local": _kept(local_time)} if is_own else {})
        )
        before = self.utc
        after = before - self._offset + offset
        self._offset, self._local_time, self._shown = offset, local_time, None
        for listener in self.listeners:
            listener(before, after)

    def _boundary(self, period: int, ahead: int) -> float:
        now = self.utc
        offset = self._local_time.offset_minutes(now) * 60
        boundary = ((now + offset) // period + ahead) * period
        if period <= SHORT_PERIOD_SECONDS:
            return boundary - offset  # also in the hour that comes twice
        local = datetime.fromtimestamp(boundary, UTC).replace(tzinfo=None)
        return self.instant(local, now if ahead else -math.inf)

    def _aware(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, _zone(self._local_time.offset_minutes(moment)))

    def _status(self, moment: float) -> ClockStatus:
        saving = self._local_time.is_daylight_saving(moment)
        return ClockStatus.DAYLIGHT_SAVING_ACTIVE if saving else CLOCK_STATUS_OK


@lru_cache(maxsize=64)
def _zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


def _kept(local_time: LocalTime) -> Json:
    return asdict(local_time) | {"begin": local_time.begin.hex(), "end": local_time.end.hex()}


def _local_time(kept: Json | None, configured: LocalTime) -> LocalTime:
    if kept is None:
        return configured
    return LocalTime(**kept | {name: bytes.fromhex(kept[name]) for name in ("begin", "end")})
