"""The two clocks of a meter as it is given them, and the meter's own settable clock on top.

``monotonic`` measures waiting and never jumps; ``wall`` is the outside world's time, to which the meter adds
its own offset. Neither is asked of the operating system here: who builds the meter passes a
:class:`TimeSource`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

from dlms_fw._core import DateTime
from dlms_fw.meter.storage import Records

CLOCK_STATUS_OK: Final = 0x00


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
    """The meter's clock: the given wall clock plus an offset that is kept in a record."""

    RECORD: Final = "clock"

    def __init__(self, records: Records, source: TimeSource, *, utc_offset_minutes: int) -> None:
        self._records = records
        self._source = source
        self.utc_offset_minutes = utc_offset_minutes
        self._zone = timezone(timedelta(minutes=utc_offset_minutes))
        self._offset = float(records.require(self.RECORD)["offset"])

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
        return datetime.fromtimestamp(self.utc, self._zone)

    @property
    def date_time(self) -> DateTime:
        """The meter's local time as a COSEM date-time, with deviation and clock status."""
        return DateTime.from_datetime(self.local, clock_status=CLOCK_STATUS_OK)

    def seconds(self, value: DateTime) -> float:
        """A moment in seconds since 1970 (UTC), local time where it has no deviation. Raises ValueError."""
        moment = value.to_datetime()
        return (moment.replace(tzinfo=self._zone) if moment.tzinfo is None else moment).timestamp()

    def set(self, value: DateTime) -> None:
        """Sets the clock. Raises ValueError where the value is no moment, and OSError."""
        self._store(self.seconds(value) - self._source.wall())

    def shift(self, seconds: float) -> None:
        """Moves the clock. Raises OSError."""
        self._store(self._offset + seconds)

    def _store(self, offset: float) -> None:
        self._records.store(self.RECORD, {"offset": offset})
        self._offset = offset
