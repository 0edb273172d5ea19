"""The local time of a meter: a zone and daylight saving that comes and goes every year.

Moments are seconds since 1970 (UTC), local times are without a zone. Daylight saving begins by the normal
time and ends by itself, so that a year with both has an hour that comes twice and one that does not come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from dlms_fw._core import DateTime
from dlms_fw.cosem.clock import moment_in_year

_MINUTE: Final = 60
_NOT_SPECIFIED: Final = DateTime().to_bytes()


@dataclass(frozen=True, slots=True)
class LocalTime:
    """What is added to UTC, and when.

    Attributes:
        utc_offset_minutes: Normal local time minus UTC.
        begin: When daylight saving begins, as a COSEM date-time of 12 octets with the year left open.
        end: When it ends.
        deviation_minutes: What is added while it holds.
        is_enabled: Whether it is used at all.
    """

    utc_offset_minutes: int = 0
    begin: bytes = _NOT_SPECIFIED
    end: bytes = _NOT_SPECIFIED
    deviation_minutes: int = 60
    is_enabled: bool = False

    def is_daylight_saving(self, moment: float) -> bool:
        """Whether daylight saving holds."""
        if not self.is_enabled:
            return False
        normal = _naive(moment + self.utc_offset_minutes * _MINUTE)
        limits = _limits(self.begin, self.end, normal.year)
        if limits is None:
            return False
        begin, end = limits[0], limits[1] - timedelta(minutes=self.deviation_minutes)
        if begin < end:
            return begin <= normal < end
        return not end <= normal < begin  # the year begins in summer, south of the equator

    def offset_minutes(self, moment: float) -> int:
        """Local time minus UTC at a moment."""
        saving = self.deviation_minutes if self.is_daylight_saving(moment) else 0
        return self.utc_offset_minutes + saving

    def naive(self, moment: float) -> datetime:
        """The local time at a moment."""
        return _naive(moment + self.offset_minutes(moment) * _MINUTE)

    def instant(self, local: datetime, after: float = -math.inf) -> float:
        """When it is that local time.

        Of two such moments the first one after ``after``, or the second; of none the one that the clock would
        show it at without daylight saving.
        """
        normal = local.replace(tzinfo=UTC).timestamp() - self.utc_offset_minutes * _MINUTE
        saving = normal - self.deviation_minutes * _MINUTE
        return saving if self.is_daylight_saving(saving) and saving > after else normal

    def next_change(self, moment: float) -> float | None:
        """When daylight saving begins or ends next; ``None`` where it never does."""
        if not self.is_enabled:
            return None
        year = self.naive(moment).year
        changes = []
        for limits in (_limits(self.begin, self.end, y) for y in (year, year + 1)):
            if limits is not None:
                normal = (limits[0], limits[1] - timedelta(minutes=self.deviation_minutes))
                changes += [
                    local.replace(tzinfo=UTC).timestamp() - self.utc_offset_minutes * _MINUTE
                    for local in normal
                ]
        return min((change for change in changes if change > moment), default=None)


def _naive(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


@lru_cache(maxsize=64)
def _limits(begin: bytes, end: bytes, year: int) -> tuple[datetime, datetime] | None:
    """Beginning and end in a year by the local time before each; ``None`` where they are no moments of it."""
    try:
        first, last = (moment_in_year(DateTime.from_bytes(octets), year) for octets in (begin, end))
    except ValueError:
        return None
    return first, last
