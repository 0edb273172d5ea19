"""How far a strategy is opened: requests on their way at a time, and unconfirmed blocks between two looks.

Both begin small and grow while that pays. Time is an argument, nothing here waits.
"""

from __future__ import annotations

from typing import Final

from dlms_fw.transfer.strategies import FIRST_BURST

_FEWEST_ANSWERS: Final = 4
_LINE_IS_IDLE: Final = 1.25
"""Where the last step has brought blocks faster by this factor, the line has room for more."""
_WINDOWS_OF_MOST: Final = 3
"""Windows of answers at the last step. The first is of requests of the step before; one may meet a loss."""

_LONGEST_BURST: Final = 4096
_LOOK_SECONDS: Final = 12.0
"""Time between two looks that bursts grow towards, at least."""
_LOOK_ROUND_TRIPS: Final = 30
"""The same in round trips, so that looking costs little."""
_SHARE_OF_TIMEOUT: Final = 0.4
"""A burst may wait in a buffer on the way: the answer to a look must come before the link counts as lost."""
_GROWTH: Final = 4
_MUCH_LOST: Final = 0.4
"""A larger share than this is not the line's doing: the meter drops what comes too fast."""
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 2.0
_CLOSE: Final = 1.25
"""A pause is settled when one shorter by this factor was too short."""


class DepthProbe:
    """Opens the number of requests on their way at a time, step by step while all are answered.

    On a line that is full already more of them only wait in its buffers and cost nothing, while chance and
    the beginnings of TCP make a measured gain of a step say little. So a step is taken back only after a
    loss.

    Attributes:
        depth: That number, as far as it is known.
        settled: Whether it grows no more.
        saturated: Whether the most possible was reached, and the last step had still been worth it.
        proven: Whether several requests at a time have been answered in order.
    """

    __slots__ = (
        "_answers",
        "_blocks",
        "_rate_before",
        "_since",
        "_windows",
        "depth",
        "most",
        "proven",
        "saturated",
        "settled",
    )

    def __init__(self, most: int) -> None:
        self.most = most
        self.depth = 1
        self.settled = most == 1
        self.saturated = False
        self.proven = False
        self._answers = 0
        self._blocks = 0
        self._since: float | None = None
        self._rate_before = 0.0
        self._windows = 0

    @property
    def wanted(self) -> int:
        """How many answers it takes to know more; 0 where it is settled."""
        if self.settled:
            return 0
        if self._since is None:
            return 1
        return max(_FEWEST_ANSWERS, self.depth) - self._answers

    def answered(self, blocks: int, now: float, *, answers: int = 1) -> None:
        """Answers came, for requests of so many blocks together."""
        if self._since is None:
            # The first answer only starts the clock, and shows that such requests are understood.
            self._since = now
            if self.depth == 1:
                self._grow()
            return
        self._answers += answers
        self._blocks += blocks
        if self._answers < max(_FEWEST_ANSWERS, self.depth):
            return
        if self.depth > 1:
            self.proven = True
        elapsed = now - self._since
        rate = self._blocks / elapsed if elapsed > 0 else 0.0
        self._answers = self._blocks = 0
        self._since = now
        self._windows += 1
        if self.depth == self.most:
            self.saturated |= self._windows > 1 and rate > self._rate_before * _LINE_IS_IDLE
            self.settled = self.saturated or self._windows == _WINDOWS_OF_MOST
        elif 2 * self.depth < self.most or self._windows > 1:
            self._rate_before = rate
            self._windows = 0
            self._grow()

    def restart(self) -> None:
        """The link is new: measure again from here."""
        self._since = None
        self._answers = self._blocks = 0

    def lower(self) -> None:
        """Half as many at a time from now on."""
        self.depth = max(1, self.depth // 2)
        self.settled = True

    def _grow(self) -> None:
        self.depth = min(self.depth * 2, self.most)


class BurstPace:
    """How many unconfirmed blocks are sent between two looks, and how long after each.

    A meter that writes to its memory may drop what comes meanwhile. The pause between blocks is searched
    between the longest that was too short and the shortest that was long enough.

    Attributes:
        burst: Blocks until the next look.
        pause_seconds: After each block.
        round_trip_seconds: What a look costs.
    """

    __slots__ = (
        "_least",
        "_long_enough",
        "_longest_seconds",
        "_since",
        "_too_short",
        "burst",
        "pause_seconds",
        "round_trip_seconds",
    )

    def __init__(self, least_pause_seconds: float, response_timeout_seconds: float) -> None:
        self.burst = FIRST_BURST
        self._longest_seconds = response_timeout_seconds * _SHARE_OF_TIMEOUT
        self.pause_seconds = least_pause_seconds
        self._least = least_pause_seconds
        self.round_trip_seconds = 0.0
        self._too_short = 0.0
        self._long_enough: float | None = None
        self._since: float | None = None

    def begin(self, now: float) -> None:
        """A burst begins."""
        self._since = now

    def looked(self, sent: int, taken: int, now: float) -> None:
        """So many of the blocks sent have been taken."""
        elapsed = 0.0 if self._since is None else now - self._since
        if sent - taken > sent * _MUCH_LOST:
            self._slow_down()
            return
        if taken == sent:
            self._speed_up()
        wanted = max(_LOOK_SECONDS, _LOOK_ROUND_TRIPS * self.round_trip_seconds)
        wanted = min(wanted, self._longest_seconds)
        factor = _GROWTH if elapsed <= 0 else min(_GROWTH, wanted / elapsed)
        self.burst = max(FIRST_BURST, min(int(self.burst * factor), _LONGEST_BURST))

    def lower(self) -> bool:
        """Half as many at a time; whether there is a half."""
        smaller = self.burst // 2
        if smaller < 1:
            return False
        self.burst = smaller
        return True

    def _slow_down(self) -> None:
        self._too_short = max(self._too_short, self.pause_seconds)
        if self._long_enough is not None and self._long_enough > self._too_short:
            self.pause_seconds = self._long_enough
        else:
            self._long_enough = None
            self.pause_seconds = min(max(2 * self.pause_seconds, _FIRST_PAUSE), _LONGEST_PAUSE)
            self.burst = max(FIRST_BURST, self.burst // 2)

    def _speed_up(self) -> None:
        self._long_enough = self.pause_seconds
        if self.pause_seconds > self._too_short * _CLOSE:
            self.pause_seconds = max((self._too_short + self.pause_seconds) / 2, self._least)
