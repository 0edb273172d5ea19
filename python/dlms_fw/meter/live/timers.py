"""When objects of a meter act by themselves: timers by its clock and timers by elapsed time.

A timer by the clock follows the clock wherever it is set; one by elapsed time does not know that there is a
clock. Nothing here waits: the owner asks for the deadline and calls :meth:`Timers.advance` then.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Final

from dlms_fw.meter.clock import MeterClock, TimeSource

LONGEST_WAIT_SECONDS: Final = 3600.0
"""So often the clock is looked at anyway: what it stands on may be set by others without a word."""
RETRY_SECONDS: Final = 1.0
"""After a fault of the memory a timer is tried again."""
FEWEST_ENTRIES: Final = 256
"""A queue with fewer entries is not tidied up."""
MOST_AT_ONCE: Final = 10_000
"""Timers that run in one advance; what is left waits for the next one, which is due at once."""


class Timer:
    """One thing to do later; arming it again replaces the moment that was set before."""

    __slots__ = ("_action", "_timers", "by_clock", "due")

    def __init__(self, timers: Timers, action: Callable[[float], None]) -> None:
        self._timers = timers
        self._action = action
        self.due: float | None = None
        """In seconds of the time that it goes by; ``None`` while it is not armed."""
        self.by_clock = False

    def at_clock(self, moment: float) -> None:
        """Runs when the meter's clock stands at or after this moment, in seconds since 1970 (UTC)."""
        self.by_clock = True
        self._timers.arm(self, moment)

    def after(self, seconds: float) -> None:
        """Runs when so much time has passed, whatever happens to the clock."""
        self.by_clock = False
        self._timers.arm(self, self._timers.monotonic() + seconds)

    def stop(self) -> None:
        """Does not run any more."""
        self.due = None

    def run(self) -> None:
        """Runs it now. The action is told for which moment; an OSError of the memory arms it again."""
        due, self.due = self.due, None
        if due is None:
            return
        try:
            self._action(due)
        except OSError:
            if self.due is None:
                self.after(RETRY_SECONDS)


class Timers:
    """All timers of one meter."""

    def __init__(self, clock: MeterClock, source: TimeSource) -> None:
        self._clock = clock
        self._source = source
        self._by_clock, self._elapsed = _Queue(by_clock=True), _Queue(by_clock=False)

    def monotonic(self) -> float:
        """The time that waiting is measured by, in seconds."""
        return self._source.monotonic()

    def timer(self, action: Callable[[float], None]) -> Timer:
        """A timer that is not armed; the action is given the moment for which it was armed."""
        return Timer(self, action)

    def arm(self, timer: Timer, due: float) -> None:
        """Sets when it runs, by the time that it goes by."""
        timer.due = due
        (self._by_clock if timer.by_clock else self._elapsed).put(timer, due)

    @property
    def deadline(self) -> float | None:
        """When the next one is due, on the monotonic clock; ``None`` while none is armed."""
        by_clock, elapsed = self._by_clock.first, self._elapsed.first
        if by_clock is None:
            return elapsed
        wait = min(LONGEST_WAIT_SECONDS, max(0.0, by_clock - self._clock.utc))
        due = self._source.monotonic() + wait
        return due if elapsed is None else min(due, elapsed)

    def advance(self) -> None:
        """Runs all that are due, those by the clock in the order of the clock."""
        for _ in range(MOST_AT_ONCE):
            timer = self._elapsed.take(self._source.monotonic()) or self._by_clock.take(self._clock.utc)
            if timer is None:
                return
            timer.run()


class _Queue:
    """Timers in the order of their moments.

    An entry stays when its timer is armed anew or stopped, and is dropped when it comes to the top, or when
    there are many more entries than timers.
    """

    def __init__(self, *, by_clock: bool) -> None:
        self._by_clock = by_clock
        self._entries: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._most = FEWEST_ENTRIES

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, timer: Timer, due: float) -> None:
        """Adds a timer."""
        heapq.heappush(self._entries, (due, next(self._order), timer))
        if len(self._entries) > self._most:
            held = {entry[2]: entry for entry in self._entries if self._is_armed(entry)}
            self._entries = list(held.values())
            heapq.heapify(self._entries)
            self._most = max(FEWEST_ENTRIES, 4 * len(self._entries))

    @property
    def first(self) -> float | None:
        """The earliest moment."""
        entries = self._entries
        while entries:
            if self._is_armed(entries[0]):
                return entries[0][0]
            heapq.heappop(entries)
        return None

    def take(self, now: float) -> Timer | None:
        """The earliest timer, if it is due."""
        due = self.first
        return None if due is None or due > now else heapq.heappop(self._entries)[2]

    def _is_armed(self, entry: tuple[float, int, Timer]) -> bool:
        return entry[2].due == entry[0] and entry[2].by_clock is self._by_clock
