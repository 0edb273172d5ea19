"""When a request over datagrams is sent again: soon after its answer usually comes, later each time.

No clock: time is an argument. Without it a lost datagram costs the time that the slowest meter may take.
"""

from __future__ import annotations

from typing import Final

_SMOOTHING: Final = 1 / 8
_VARIATION_SMOOTHING: Final = 1 / 4
_VARIATIONS: Final = 4
_ASSOCIATION: Final = 4
"""An association has two exchanges; this is twice what they usually take."""
_SHORTEST_SHARE: Final = 1 / 8
"""Of the longest wait: what is only a little slower than usual is not repeated."""


class RoundTrips:
    """The waits of one client, by the round trips that it has seen: as TCP does, RFC 6298.

    A request that was sent again says nothing of the round trip, so the wait stays as long as it had grown
    until one has been answered at once (Karn's algorithm). The last wait lasts until all the time is over
    that a request has.

    Args:
        repetitions: How often a request may be sent again.
        altogether_s: How long its answer is waited for altogether.
    """

    def __init__(self, repetitions: int, altogether_s: float) -> None:
        self._repetitions = repetitions
        self._altogether_s = altogether_s
        self._usual_s = 0.0
        self._variation_s = 0.0
        self._growth = 1
        self._asked_at: float | None = None
        self._repeated = 0
        self._line_is_full = False

    def asked(self, now: float) -> None:
        """A request has been sent."""
        # Behind a burst it waits in the buffers of the line.
        self._asked_at = None if self._line_is_full else now
        self._line_is_full = False
        self._repeated = 0

    def answered(self, now: float) -> None:
        """Its answer has come."""
        if self._asked_at is not None and not self._repeated:
            self._measure(now - self._asked_at)
            self._growth = 1
        self._asked_at = None

    def forget(self, *, line_is_full: bool = False) -> None:
        """No request is waited for; perhaps because much was sent that is not answered."""
        self._asked_at = None
        self._line_is_full = line_is_full

    def repeated(self) -> None:
        """No answer has come in time."""
        self._repeated += 1
        self._growth *= 2

    def wait_s(self, longest_s: float, now: float) -> float:
        """How long to wait for the answer now, where it is ``longest_s`` while nothing is known."""
        if self._asked_at is None or not self._usual_s:
            return longest_s
        if self._repeated >= self._repetitions:
            return max(longest_s, self._asked_at + self._altogether_s - now)
        usual_s = self._usual_s + max(_VARIATIONS * self._variation_s, self._usual_s)
        return min(longest_s, self._growth * max(usual_s, _SHORTEST_SHARE * longest_s))

    def association_s(self, longest_s: float) -> float:
        """How long to wait at first for both answers of an association."""
        if not self._usual_s:
            return 2 * longest_s
        return min(2 * longest_s, max(_ASSOCIATION * self._usual_s, longest_s / 2))

    def _measure(self, seconds: float) -> None:
        if self._usual_s:
            self._variation_s += (abs(seconds - self._usual_s) - self._variation_s) * _VARIATION_SMOOTHING
            self._usual_s += (seconds - self._usual_s) * _SMOOTHING
        else:
            self._usual_s, self._variation_s = seconds, seconds / 2
