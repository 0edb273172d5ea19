"""How long a conversation over TCP takes: a small model of it, for :mod:`benches.link_model`.

Two flows of octets, one each way. A flow sends segments as far as its congestion window goes. What has
arrived is told with what the other end says, and by itself for every second segment, for one that fills no
gap, and after 40 ms; each word includes all that came before, so a lost one costs nothing. A segment counts
as lost when three later ones have arrived, or when nothing has been heard for the time-out of RFC 6298. A
word by itself does not load the line: its direction is idle.
"""

from __future__ import annotations

import heapq
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final, NamedTuple

SEGMENT_OCTETS: Final = 1360
HEADER_OCTETS: Final = 40
_FIRST_WINDOW: Final = 10 * SEGMENT_OCTETS
_SMALLEST_WINDOW: Final = 2 * SEGMENT_OCTETS
_SHRINKS_TO: Final = 0.7
_OVERTAKEN: Final = 3
_DELAYED_S: Final = 0.04
_LEAST_TIMEOUT_S, _FIRST_TIMEOUT_S, _MOST_TIMEOUT_S = 0.2, 1.0, 60.0


@dataclass(frozen=True)
class StreamLink:
    """A link that carries TCP, the same in both directions.

    Attributes:
        rate: Bits per second.
        one_way_s: Shortest and longest time to the other end.
        loss: Share of segments.
    """

    rate: float
    one_way_s: tuple[float, float]
    loss: float

    @property
    def round_trip_s(self) -> float:
        """The mean one."""
        return sum(self.one_way_s)

    @property
    def is_by_chance(self) -> bool:
        """Whether two runs may differ."""
        return self.loss > 0 or self.one_way_s[0] != self.one_way_s[1]


class Message(NamedTuple):
    """What the client says, what it is answered, and for how many blocks the meter works before that."""

    octets: int
    answer: int
    blocks: int


class Conversation(ABC):
    """What the client wants to say."""

    @abstractmethod
    def next(self, backlog: int) -> list[Message]:
        """What is handed over together now, with so many octets not yet known to have arrived; or nothing."""

    @abstractmethod
    def answered(self, now: float) -> bool:
        """An answer has come; whether it was the last."""


class _Clock:
    """What happens, in order of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._serial = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._serial), what))

    def step(self) -> None:
        self.now, _, what = heapq.heappop(self._events)
        what()


class _Way:
    """One direction of the link: one segment after the other, and none overtakes."""

    def __init__(self, clock: _Clock, link: StreamLink, chance: random.Random) -> None:
        self._clock, self._link, self._chance = clock, link, chance
        self._free = self._latest = 0.0

    def carry(self, octets: int, arrived: Callable[[], None]) -> None:
        self._free = max(self._free, self._clock.now) + octets * 8 / self._link.rate
        self._arrive(self._free, arrived)

    def tell(self, arrived: Callable[[], None]) -> None:
        """A word that loads nothing."""
        self._arrive(self._clock.now + HEADER_OCTETS * 8 / self._link.rate, arrived)

    def _arrive(self, left: float, arrived: Callable[[], None]) -> None:
        at = left + self._chance.uniform(*self._link.one_way_s)
        if self._chance.random() >= self._link.loss:
            self._latest = at = max(at, self._latest)
            self._clock.at(at, arrived)


class _Segment:
    __slots__ = ("end", "is_lost", "is_repeated", "number", "octets", "overtaken", "sent_at")

    def __init__(self, number: int, octets: int, end: int) -> None:
        self.number, self.octets, self.end = number, octets, end
        self.sent_at = 0.0
        self.overtaken = 0
        self.is_repeated = self.is_lost = False


class _Flow:
    """Octets one way, in order."""

    def __init__(self, clock: _Clock, forth: _Way, back: _Way) -> None:
        self._clock, self._forth, self._back = clock, forth, back
        self.on_octets: Callable[[int], None] = lambda _: None
        self.on_told: Callable[[], None] = lambda: None
        self.reverse: _Flow = self
        self.written = self._sent = self._in_order = 0
        self._segments: dict[int, _Segment] = {}
        self._number = self._next_in_order = 0
        self._ahead: dict[int, int] = {}
        self._log: list[_Segment] = []
        self._read = self._owed = 0
        self._window, self._threshold = float(_FIRST_WINDOW), float("inf")
        self._shrunk_before = self._measured_before = 0
        self._smoothed, self._deviation, self._timeout = 0.0, 0.0, _FIRST_TIMEOUT_S
        self._timer = 0

    @property
    def backlog(self) -> int:
        return self.written - self._sent + sum(each.octets for each in self._segments.values())

    def write(self, octets: int) -> None:
        self.written += octets
        self._fill()

    def _fill(self) -> None:
        under_way = sum(each.octets for each in self._segments.values() if not each.is_lost)
        for each in self._segments.values():
            if each.is_lost and under_way + each.octets <= self._window:
                each.is_lost, each.is_repeated = False, True
                under_way += each.octets
                self._emit(each)
        while self._sent < self.written:
            octets = min(SEGMENT_OCTETS, self.written - self._sent)
            if under_way and under_way + octets > self._window:
                break
            self._sent += octets
            under_way += octets
            segment = self._segments[self._number] = _Segment(self._number, octets, self._sent)
            self._number += 1
            self._emit(segment)
        if self._segments and not self._timer:
            self._start_timer()

    def _emit(self, segment: _Segment) -> None:
        segment.sent_at = self._clock.now
        told, self.reverse._owed = len(self.reverse._log), 0
        self._forth.carry(segment.octets + HEADER_OCTETS, lambda: self._arrived(segment, told))

    def _arrived(self, segment: _Segment, told_of_reverse: int) -> None:
        self.reverse._told(told_of_reverse)
        self._log.append(segment)
        self._owed += 1
        if self._owed > 1 or segment.number != self._next_in_order:
            self._tell()
        else:
            self._clock.at(self._clock.now + _DELAYED_S, self._tell)
        if segment.number >= self._next_in_order:
            self._ahead[segment.number] = segment.end
            while (end := self._ahead.pop(self._next_in_order, None)) is not None:
                self._next_in_order += 1
                self._in_order = end
            self.on_octets(self._in_order)

    def _tell(self) -> None:
        if self._owed:
            told, self._owed = len(self._log), 0
            self._back.tell(lambda: self._told(told))

    def _told(self, upto: int) -> None:
        news, self._read = self._log[self._read : upto], max(self._read, upto)
        for segment in news:
            if self._segments.pop(segment.number, None) is not None:
                self._note(segment)
        if news:
            self._timer = 0
        self._fill()
        self.on_told()

    def _note(self, segment: _Segment) -> None:
        if not segment.is_repeated and segment.number >= self._measured_before:
            self._measured_before = self._number  # one for each round trip
            self._measure(self._clock.now - segment.sent_at)
        if (
            next(iter(self._segments), segment.number) >= self._shrunk_before
        ):  # nothing of that window is missing
            slow_start = self._window < self._threshold
            self._window += segment.octets if slow_start else SEGMENT_OCTETS * segment.octets / self._window
        for other in self._segments.values():
            if other.is_repeated:
                is_lost = segment.sent_at > other.sent_at
            else:
                other.overtaken += segment.number > other.number
                is_lost = other.overtaken >= _OVERTAKEN
            if is_lost and not other.is_lost:
                self._lose(other)

    def _lose(self, segment: _Segment) -> None:
        segment.is_lost = True
        if segment.number >= self._shrunk_before:
            self._shrunk_before = self._number
            self._window = self._threshold = max(_SHRINKS_TO * self._window, _SMALLEST_WINDOW)

    def _measure(self, seconds: float) -> None:
        if self._smoothed:
            self._deviation += (abs(seconds - self._smoothed) - self._deviation) / 4
            self._smoothed += (seconds - self._smoothed) / 8
        else:
            self._smoothed, self._deviation = seconds, seconds / 2
        self._timeout = self._smoothed + max(4 * self._deviation, _LEAST_TIMEOUT_S)

    def _start_timer(self) -> None:
        self._timer = mine = next(_timers)
        self._clock.at(self._clock.now + self._timeout, lambda: self._time_out(mine))

    def _time_out(self, mine: int) -> None:
        if self._timer != mine or not self._segments:
            return
        self._timer = 0
        self._timeout = min(2 * self._timeout, _MOST_TIMEOUT_S)
        self._threshold = max(self._window / 2, _SMALLEST_WINDOW)
        self._window = float(SEGMENT_OCTETS)
        self._shrunk_before = self._number
        for each in self._segments.values():
            each.is_lost = True
        self._fill()


_timers = count(1)


def seconds_of(conversation: Conversation, link: StreamLink, meter_s: float, seed: int) -> float:
    """How long it takes, from the first octet to the last answer. The meter takes one message at a time."""
    clock, chance = _Clock(), random.Random(seed)
    up, down = _Way(clock, link, chance), _Way(clock, link, chance)
    forth, back = _Flow(clock, up, down), _Flow(clock, down, up)
    forth.reverse, back.reverse = back, forth
    asked: list[tuple[int, Message]] = []
    answers: list[int] = []
    busy_until = 0.0
    is_over = False

    def say() -> None:
        while messages := conversation.next(forth.backlog):
            end = forth.written
            for message in messages:
                end += message.octets
                asked.append((end, message))
            forth.write(end - forth.written)

    def answer(octets: int) -> None:
        answers.append(back.written + octets)
        back.write(octets)

    def meter_reads(octets: int) -> None:
        nonlocal busy_until
        while asked and asked[0][0] <= octets:
            _, message = asked.pop(0)
            busy_until = max(busy_until, clock.now) + message.blocks * meter_s
            if message.answer:
                clock.at(busy_until, partial(answer, message.answer))

    def client_reads(octets: int) -> None:
        nonlocal is_over
        while answers and answers[0] <= octets:
            answers.pop(0)
            is_over = conversation.answered(clock.now) or is_over
            say()

    forth.on_octets, forth.on_told, back.on_octets = meter_reads, say, client_reads
    say()
    while not is_over:
        clock.step()
    return clock.now
