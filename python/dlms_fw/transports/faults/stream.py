"""One end of a reliable stream, as TCP makes it: what is lost comes late, and all that follows waits for it.

What matters for the time of a transfer is here and nothing else: segments, selective acknowledgements,
delayed acknowledgements, retransmission after three later segments or after a time-out that doubles
(RFC 6298, RFC 6675), and a congestion window that grows by slow start and then by one segment each round
trip (RFC 5681, RFC 6928). There is no connection set-up, no receive window and no Nagle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

_FIRST_WINDOW: Final = 10
"""Segments that may be sent before anything is acknowledged."""
_FIRST_TIMEOUT_S: Final = 1.0
_SHORTEST_TIMEOUT_S: Final = 0.2
_LONGEST_TIMEOUT_S: Final = 60.0
_DELAYED_ACKNOWLEDGEMENT_S: Final = 0.04
_LATER_SEGMENTS: Final = 3
"""A segment is lost when so many later ones have been received."""
_AFTER_LOSS: Final = 0.7
"""What is left of the congestion window."""


class Segment(NamedTuple):
    """What travels: octets from ``start`` on, perhaps none, and what its sender has received itself.

    ``acknowledged`` is the first octet that is missing, ``received`` are ranges beyond it.
    """

    start: int
    data: bytes
    acknowledged: int
    received: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Outstanding:
    """A segment that was sent and is not yet acknowledged as part of the whole."""

    data: bytes
    sent_at: float
    resent: bool = False
    received: bool = False
    lost: bool = False


class StreamEnd:
    """One end; ``emit`` takes each segment that it sends, with the time.

    Args:
        segment_octets: The most data in one segment.
        emit: Puts a segment on the medium.
    """

    def __init__(self, segment_octets: int, emit: Callable[[Segment, float], None]) -> None:
        self._segment_octets = segment_octets
        self._emit = emit
        self._unsent = bytearray()
        self._next = 0
        self._outstanding: dict[int, _Outstanding] = {}
        self._window = float(_FIRST_WINDOW * segment_octets)
        self._threshold = float("inf")
        self._recovered_at = 0
        self._round_trip_s: float | None = None
        self._variation_s = 0.0
        self._timeout_s = _FIRST_TIMEOUT_S
        self._resend_at: float | None = None
        self._expected = 0
        self._ahead: dict[int, bytes] = {}
        self._unacknowledged = 0
        self._acknowledge_at: float | None = None

    @property
    def due(self) -> float | None:
        """When :meth:`wake` must be called."""
        timers = [at for at in (self._resend_at, self._acknowledge_at) if at is not None]
        return min(timers, default=None)

    @property
    def backlog(self) -> int:
        """Octets written and not yet known to have been received."""
        return len(self._unsent) + sum(len(each.data) for each in self._outstanding.values())

    def write(self, data: bytes, now: float) -> None:
        """Send these octets after all earlier ones."""
        self._unsent += data
        self._fill_window(now)

    def wake(self, now: float) -> None:
        """A timer has run out."""
        if self._acknowledge_at is not None and self._acknowledge_at <= now:
            self._send(self._next, b"", now)
        if self._resend_at is not None and self._resend_at <= now:
            self._time_out(now)

    def arrive(self, segment: Segment, now: float) -> bytes:
        """Take a segment; gives the octets that are in order now."""
        data = self._take(segment, now) if segment.data else b""
        self._note_received(segment, now)
        self._fill_window(now)
        return data

    # Receiving

    def _take(self, segment: Segment, now: float) -> bytes:
        is_new = segment.start >= self._expected and segment.start not in self._ahead
        if is_new:
            self._ahead[segment.start] = segment.data
        data = b""
        while (following := self._ahead.pop(self._expected, None)) is not None:
            data += following
            self._expected += len(following)
        self._unacknowledged += 1
        if self._ahead or not is_new or self._unacknowledged >= 2:
            self._send(self._next, b"", now)
        elif self._acknowledge_at is None:
            self._acknowledge_at = now + _DELAYED_ACKNOWLEDGEMENT_S
        return data

    # Sending

    def _send(self, start: int, data: bytes, now: float) -> None:
        """Every segment acknowledges, so no acknowledgement is owed after it."""
        self._unacknowledged = 0
        self._acknowledge_at = None
        received = tuple((at, at + len(ahead)) for at, ahead in self._ahead.items())
        self._emit(Segment(start, data, self._expected, received), now)

    def _fill_window(self, now: float) -> None:
        in_flight = sum(
            len(each.data) for each in self._outstanding.values() if not each.received and not each.lost
        )
        for start, each in self._outstanding.items():
            if each.lost and in_flight + len(each.data) <= self._window:
                each.lost, each.resent, each.sent_at = False, True, now
                in_flight += len(each.data)
                self._send(start, each.data, now)
        while self._unsent:
            data = bytes(self._unsent[: self._segment_octets])
            if in_flight and in_flight + len(data) > self._window:
                break
            del self._unsent[: len(data)]
            self._outstanding[self._next] = _Outstanding(data, now)
            in_flight += len(data)
            start, self._next = self._next, self._next + len(data)
            self._send(start, data, now)
        if self._outstanding and self._resend_at is None:
            self._resend_at = now + self._timeout_s

    def _time_out(self, now: float) -> None:
        """Nothing has come back: begin anew with one segment."""
        self._resend_at = None
        self._timeout_s = min(2 * self._timeout_s, _LONGEST_TIMEOUT_S)
        self._threshold = max(self._window / 2, 2.0 * self._segment_octets)
        self._window = float(self._segment_octets)
        self._recovered_at = self._next
        for each in self._outstanding.values():
            each.lost = not each.received
        self._fill_window(now)

    # Acknowledgements

    def _note_received(self, segment: Segment, now: float) -> None:
        octets, sample = 0, None
        for start in list(self._outstanding):
            each = self._outstanding[start]
            end = start + len(each.data)
            whole = end <= segment.acknowledged
            if whole and not each.resent:
                sample = now - each.sent_at
            if not each.received and (whole or any(a <= start and end <= b for a, b in segment.received)):
                each.received = True
                octets += len(each.data)
            if whole:
                del self._outstanding[start]
        if sample is not None:
            self._measure(sample)
        if octets:
            self._resend_at = None
            self._grow(octets, segment.acknowledged)
            self._find_lost()

    def _measure(self, sample: float) -> None:
        if self._round_trip_s is None:
            self._round_trip_s, self._variation_s = sample, sample / 2
        else:
            self._variation_s += (abs(self._round_trip_s - sample) - self._variation_s) / 4
            self._round_trip_s += (sample - self._round_trip_s) / 8
        self._timeout_s = self._round_trip_s + max(4 * self._variation_s, _SHORTEST_TIMEOUT_S)

    def _grow(self, octets: int, acknowledged: int) -> None:
        if acknowledged < self._recovered_at:
            return
        if self._window < self._threshold:
            self._window += octets
        else:
            self._window += self._segment_octets * octets / self._window

    def _find_lost(self) -> None:
        """Lost is what later segments have overtaken; what was sent again, what a later sending has."""
        later, last_sent = 0, 0.0
        for start in reversed(self._outstanding):
            each = self._outstanding[start]
            if each.received:
                later += 1
                last_sent = max(last_sent, each.sent_at)
            elif not each.lost and (last_sent > each.sent_at if each.resent else later >= _LATER_SEGMENTS):
                each.lost = True
                self._shrink(start)

    def _shrink(self, lost: int) -> None:
        """Once for all that was lost of one window."""
        if lost >= self._recovered_at:
            self._recovered_at = self._next
            self._window = self._threshold = max(_AFTER_LOSS * self._window, 2.0 * self._segment_octets)
