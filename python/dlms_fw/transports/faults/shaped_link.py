"""A link between a client and a meter as a pure machine: octets and the time in, octets and times out.

Call :meth:`ShapedLink.send` when an end says something and :meth:`ShapedLink.advance` when
:attr:`ShapedLink.due` has come. Nothing here waits and nothing is random: the same seed and the same calls
give the same link.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from dlms_fw.transports.faults.profiles import Cut, End, LinkProfile
from dlms_fw.transports.faults.stream import Segment, StreamEnd
from dlms_fw.transports.faults.wire import Wire

_UNFINISHED_DATAGRAMS: Final = 16
"""Datagrams of which some fragments are there; the oldest is given up for another."""

_FLAG: Final = 0x7E
_FRAME_FORMAT: Final = 0xA
_BEHIND_LENGTH: Final = 2
"""The last octet of the length of a frame."""


class Arrival(NamedTuple):
    """Octets that have come out at an end, and when."""

    at: float
    end: End
    data: bytes


class _Carrier(Protocol):
    """A flavour of link, without cuts."""

    @property
    def due(self) -> float | None: ...

    def send(self, sender: End, data: bytes, now: float) -> None: ...

    def advance(self, now: float) -> list[Arrival]: ...

    def room_at(self, sender: End, now: float) -> float: ...

    @property
    def wire(self) -> Wire[Any]: ...


class ShapedLink:
    """One connection over a link.

    Args:
        profile: What the link is like.
        seed: Of its accidents.
        cut: Where it breaks, or ``None``.

    Attributes:
        closed: Whether the link has broken in a way that both ends notice.
        cut: What is left of the cut; ``None`` where there is none, or it has happened.
    """

    def __init__(self, profile: LinkProfile, seed: int = 0, cut: Cut | None = None) -> None:
        self.profile = profile
        self.closed = False
        self.cut = cut
        self._carrier = _CARRIERS[profile.flavour](profile, seed)
        self._dead: set[End] = set()
        self._sent = dict.fromkeys(End, 0)
        self._delivered = dict.fromkeys(End, 0)
        self._closes_after: dict[End, int] | None = None

    @property
    def due(self) -> float | None:
        """When to call :meth:`advance` next; ``None`` while nothing is under way."""
        return None if self.closed else self._carrier.due

    @property
    def octets(self) -> dict[End, int]:
        """What each end has handed in so far and was let through."""
        return dict(self._sent)

    @property
    def octets_on_medium(self) -> int:
        """What has occupied the medium so far, overhead and all that was sent again included."""
        return self._carrier.wire.octets

    @property
    def accidents(self) -> Mapping[str, int]:
        """How many pieces have met which accident so far, by its name in the profile."""
        return self._carrier.wire.accidents

    def room_at(self, sender: End, now: float) -> float:
        """When this end should look again whether it may send more; not after ``now`` where it may."""
        return now if self.closed else self._carrier.room_at(sender, now)

    def send(self, sender: End, data: bytes, now: float) -> None:
        """An end hands in octets; in a datagram link they are one datagram."""
        if self.closed or sender in self._dead or not data:
            return
        let_through = self._let_through(sender, data)
        self._sent[sender] += len(let_through)
        if let_through:
            self._carrier.send(sender, let_through, now)
        if len(let_through) < len(data):
            self._break(sender)

    def advance(self, now: float) -> list[Arrival]:
        """What has arrived up to now, in order of time."""
        if self.closed:
            return []
        arrivals = self._carrier.advance(now)
        for arrival in arrivals:
            self._delivered[arrival.end.other] += len(arrival.data)
        if self._closes_after is not None:
            self._close_if_delivered()
        return arrivals

    def close(self) -> None:
        """An end has closed the link; what is under way is lost."""
        self.closed = True

    def _let_through(self, sender: End, data: bytes) -> bytes:
        cut = self.cut
        if cut is None or cut.sender not in {None, sender}:
            return data
        let_through = data[: cut.after]
        self.cut = Cut(cut.after - len(let_through), cut.sender, cut.how)
        return let_through

    def _break(self, sender: End) -> None:
        cut, self.cut = self.cut, None
        assert cut is not None  # noqa: S101 (something was held back)
        self._dead.update({sender} if cut.how == "half-open" else set(End))
        if cut.how == "closed":
            self._closes_after = dict(self._sent)
            self._close_if_delivered()

    def _close_if_delivered(self) -> None:
        """Close behind the last octets that are let through; where they are lost, the link stays silent."""
        assert self._closes_after is not None  # noqa: S101 (the caller looked)
        self.closed = all(self._delivered[end] >= sent for end, sent in self._closes_after.items())


class _Line:
    """Octets on a wire: pieces stand for themselves, and what is lost leaves a gap.

    Frames that are handed in together arrive one after the other, so the other end works on the first while
    the next is on its way.
    """

    def __init__(self, profile: LinkProfile, seed: int) -> None:
        self._profile = profile
        self.wire: Wire[bytes] = Wire(profile, seed, with_wrong_bit)

    @property
    def due(self) -> float | None:
        return self.wire.due

    def send(self, sender: End, data: bytes, now: float) -> None:
        for frame in frames(data):
            for piece in pieces(frame, self._profile.piece_octets):
                self.wire.carry(sender, piece, len(piece), now)

    def advance(self, now: float) -> list[Arrival]:
        arrivals = []
        while (arrived := self.wire.arrived(now)) is not None:
            arrivals.append(Arrival(*arrived))
        return arrivals

    def room_at(self, sender: End, now: float) -> float:  # noqa: ARG002 (a line has a timetable)
        return self.wire.free_at(sender) - self._profile.seconds(self._profile.send_buffer)


class _Fragment(NamedTuple):
    """A part of a datagram."""

    datagram: int
    position: int
    parts: int
    data: bytes


class _Datagrams:
    """Datagrams in fragments; one that lacks a fragment does not arrive."""

    def __init__(self, profile: LinkProfile, seed: int) -> None:
        self._profile = profile
        # A damaged datagram is dropped by the checksum of UDP.
        self.wire: Wire[_Fragment] = Wire(profile, seed, None)
        self._serial = 0
        self._unfinished: dict[tuple[End, int], dict[int, bytes]] = {}

    @property
    def due(self) -> float | None:
        return self.wire.due

    def send(self, sender: End, data: bytes, now: float) -> None:
        self._serial += 1
        fragments = pieces(data, self._profile.piece_octets)
        for index, part in enumerate(fragments):
            fragment = _Fragment(self._serial, index, len(fragments), part)
            self.wire.carry(sender, fragment, len(part), now)

    def advance(self, now: float) -> list[Arrival]:
        arrivals = []
        while (arrived := self.wire.arrived(now)) is not None:
            at, end, fragment = arrived
            data = self._joined(end, fragment)
            if data is not None:
                arrivals.append(Arrival(at, end, data))
        return arrivals

    def room_at(self, sender: End, now: float) -> float:  # noqa: ARG002 (a line has a timetable)
        return self.wire.free_at(sender) - self._profile.seconds(self._profile.send_buffer)

    def _joined(self, end: End, fragment: _Fragment) -> bytes | None:
        key = (end, fragment.datagram)
        parts = self._unfinished.setdefault(key, {})
        parts[fragment.position] = fragment.data
        if len(parts) == fragment.parts:
            del self._unfinished[key]
            return b"".join(parts[index] for index in range(fragment.parts))
        if len(self._unfinished) > _UNFINISHED_DATAGRAMS:
            del self._unfinished[next(iter(self._unfinished))]
        return None


class _Stream:
    """A stream each way; what arrives at an end is in order and whole, only late."""

    def __init__(self, profile: LinkProfile, seed: int) -> None:
        # Order and checksums are the stream's own affair: below it, what is damaged is lost.
        self.wire: Wire[Segment] = Wire(profile, seed, None)
        self._send_buffer = profile.send_buffer
        self._ends = {end: StreamEnd(profile.piece_octets, partial(self._emit, end)) for end in End}

    @property
    def due(self) -> float | None:
        timers = (self.wire.due, *(end.due for end in self._ends.values()))
        return min((at for at in timers if at is not None), default=None)

    def send(self, sender: End, data: bytes, now: float) -> None:
        self._ends[sender].write(data, now)

    def advance(self, now: float) -> list[Arrival]:
        arrivals = []
        while (due := self.due) is not None and due <= now:
            arrived = self.wire.arrived(due)
            if arrived is None:
                for end in self._ends.values():
                    end.wake(due)
                continue
            at, to, segment = arrived
            data = self._ends[to].arrive(segment, at)
            if data:
                arrivals.append(Arrival(at, to, data))
        return arrivals

    def room_at(self, sender: End, now: float) -> float:
        if self._ends[sender].backlog < self._send_buffer or self.due is None:
            return now
        return self.due

    def _emit(self, sender: End, segment: Segment, now: float) -> None:
        self.wire.carry(sender, segment, len(segment.data), now)


class _CarrierFactory(Protocol):
    def __call__(self, profile: LinkProfile, seed: int) -> _Carrier: ...


_CARRIERS: Final[dict[str, _CarrierFactory]] = {"line": _Line, "stream": _Stream, "datagram": _Datagrams}


def pieces(data: bytes, longest: int) -> list[bytes]:
    """``data`` in pieces of at most ``longest`` octets; whole where that is 0."""
    if longest == 0 or len(data) <= longest:
        return [data]
    return [data[start : start + longest] for start in range(0, len(data), longest)]


def frames(data: bytes) -> list[bytes]:
    """HDLC frames, each for itself; whatever is none is left together."""
    found = []
    while len(data) > _BEHIND_LENGTH and data[0] == _FLAG and data[1] >> 4 == _FRAME_FORMAT:
        length = 2 + ((data[1] & 0x07) << 8 | data[2])
        found.append(data[:length])
        data = data[length:]
    return [*found, data] if data else found


def with_wrong_bit(data: bytes, chance: random.Random) -> bytes:
    """The same octets with one bit turned over."""
    damaged = bytearray(data)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)
