"""A meter at the other end of a shaped link, in virtual time: hours of waiting in milliseconds.

A :class:`VirtualLine` keeps every event of the link and of the meter in order and moves one clock from one to
the next, as far as the client waits. It is for any peer of octets; a simulated meter fits as it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from dlms_fw.transports.base import closed_by_peer, no_answer
from dlms_fw.transports.faults.profiles import Cut, End, LinkProfile
from dlms_fw.transports.faults.shaped_link import ShapedLink
from dlms_fw.transports.loopback import Peer
from dlms_fw.transports.udp import datagrams, is_whole


class MovableTime(Protocol):
    """A clock that stands until it is moved, such as :class:`dlms_fw.meter.clock.VirtualTime`."""

    def monotonic(self) -> float:
        """Seconds since it began."""

    def advance(self, seconds: float) -> None:
        """Move it."""


class Agenda(Protocol):
    """What goes on at the peer by itself, such as a :class:`dlms_fw.meter.meter.SimulatedMeter`."""

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next."""

    def advance(self) -> None:
        """Do what is due."""


class VirtualLine:
    """The place where a meter is: connections to it over one kind of link.

    Give :meth:`open`, :meth:`clock` and :meth:`sleep` to a :class:`dlms_fw.client.Client`.

    Args:
        profile: What the link is like.
        connect: Makes the meter's side of a connection, given what to call when the meter ends it. Raises
            TransportError while the meter cannot be reached.
        time: The clock that is moved; the meter has the same.
        seed: Of the accidents; each connection has its own chances.
        cut: Where the line breaks, once, counted over all connections.
        agenda: What the meter does by itself.
        work: How many seconds the meter was busy since it was last asked; it is asked after whatever it
            takes. Until they are over it hears nothing and its answer does not leave.

    Attributes:
        connections: How many were made.
        octets: Let through so far, by each end.
        octets_on_medium: What has occupied the medium, over connections that have ended.
        accidents: How many pieces have met which accident, over connections that have ended.
    """

    def __init__(
        self,
        profile: LinkProfile,
        connect: Callable[[Callable[[], None]], Peer],
        time: MovableTime,
        *,
        seed: int = 0,
        cut: Cut | None = None,
        agenda: Agenda | None = None,
        work: Callable[[], float] | None = None,
    ) -> None:
        self.profile = profile
        self.connections = 0
        self.octets = dict.fromkeys(End, 0)
        self.octets_on_medium = 0
        self.accidents: Counter[str] = Counter()
        self._connect = connect
        self._time = time
        self._seed = seed
        self._cut = cut
        self._agenda = agenda
        self._work = work
        self._busy_until = 0.0
        self._unread: deque[tuple[VirtualTransport, bytes]] = deque()
        self._answers: deque[tuple[float, VirtualTransport, bytes]] = deque()
        self._open: VirtualTransport | None = None

    @property
    def cut_left(self) -> Cut | None:
        """What is left of the cut; ``None`` once it has happened."""
        return self._cut

    def clock(self) -> float:
        """The time, in seconds."""
        return self._time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass, and all that happens meanwhile."""
        end = self.clock() + seconds
        while self.step(end):
            pass

    def open(self, deadline: float) -> VirtualTransport:
        """A new connection, the old one's end. Raises TransportError, ResponseTimeout.

        Over a stream it takes a round trip.
        """
        self.end()
        if self.profile.flavour == "stream":
            self.sleep(min(self.profile.round_trip_s, max(0.0, deadline - self.clock())))
            if self.clock() >= deadline:
                raise no_answer("connecting")
        self.connections += 1
        link = ShapedLink(self.profile, self._seed + 1_000_003 * self.connections, self._cut)
        self._open = VirtualTransport(self, link, self._connect)
        return self._open

    def end(self) -> None:
        """End the connection that is there, as a client does that closes it."""
        if self._open is not None:
            self._open.close()
            self.octets_on_medium += self._open.link.octets_on_medium
            self.accidents.update(self._open.link.accidents)
            self._open = None

    def step(self, limit: float) -> bool:
        """Go to the next event, at most to ``limit``; whether there was one."""
        due = min((at for at in self._dues() if at is not None), default=None)
        now = self.clock()
        if due is None or due > limit:
            self._time.advance(max(0.0, limit - now))
            return False
        self._time.advance(max(0.0, due - now))
        now = max(now, due)
        if self._agenda is not None:
            self._agenda.advance()
        if self._open is not None:
            self._open.carry(now)
        self._answer(now)
        self._take(now)
        return True

    def _dues(self) -> Iterator[float | None]:
        if self._open is not None:
            yield self._open.link.due
        if self._agenda is not None:
            yield self._agenda.deadline
        if self._unread:
            yield self._busy_until
        if self._answers:
            yield self._answers[0][0]

    def note(self, link: ShapedLink, before: dict[End, int]) -> None:
        """A connection has taken octets: they count, and so does what is left of the cut."""
        self._cut = link.cut
        for end, octets in link.octets.items():
            self.octets[end] += octets - before[end]

    def meet(self, transport: VirtualTransport, data: bytes) -> None:
        """Octets for the meter; it takes them when it has time."""
        self._unread.append((transport, data))

    def _take(self, now: float) -> None:
        """The meter reads on where it is not busy; what it answers leaves when it is done."""
        while self._unread and self._busy_until <= now:
            transport, data = self._unread.popleft()
            answer = transport.peer.receive(data)
            self._busy_until = now + (0.0 if self._work is None else self._work())
            if answer:
                self._answers.append((self._busy_until, transport, answer))
            self._answer(now)

    def _answer(self, now: float) -> None:
        while self._answers and self._answers[0][0] <= now:
            _, transport, answer = self._answers.popleft()
            transport.answer(answer)


class VirtualTransport:
    """One connection of a :class:`VirtualLine`: a :class:`~dlms_fw.transports.base.Transport`.

    Where the link carries datagrams, what is sent must be wrapper messages, as over UDP.
    """

    def __init__(
        self, line: VirtualLine, link: ShapedLink, connect: Callable[[Callable[[], None]], Peer]
    ) -> None:
        self.link = link
        self._line = line
        self.peer = connect(self.close)
        self._is_datagram = link.profile.flavour == "datagram"
        self._received = bytearray()
        self._is_open = True

    def send(self, data: bytes, deadline: float) -> None:
        """Hand ``data`` to the link, and wait while it is full. Raises TransportError, ResponseTimeout."""
        if self.link.closed:
            raise closed_by_peer()
        self._hand_in(End.CLIENT, data)
        while (again := self.link.room_at(End.CLIENT, self._line.clock())) > self._line.clock():
            if self._line.clock() >= deadline:
                raise no_answer("sending")
            self._line.step(min(deadline, again))

    def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        while not self._received:
            if self.link.closed:
                raise closed_by_peer()
            if not self._line.step(deadline) and not self._received:
                raise no_answer("receiving")
        data = bytes(self._received)
        self._received.clear()
        return data

    def close(self) -> None:
        """The connection is over, whichever end says so."""
        self.link.close()
        if self._is_open:
            self._is_open = False
            self.peer.close()

    # Called by the line

    def carry(self, now: float) -> None:
        """Bring what has arrived by now to both ends."""
        for arrival in self.link.advance(now):
            if self._is_datagram and not is_whole(arrival.data):
                continue  # as a socket would drop it
            if arrival.end is End.CLIENT:
                self._received += arrival.data
            else:
                self._line.meet(self, arrival.data)
        if self.link.closed:
            self.close()

    def answer(self, data: bytes) -> None:
        """The meter sends."""
        self._hand_in(End.METER, data)

    def _hand_in(self, sender: End, data: bytes) -> None:
        before = self.link.octets
        for part in datagrams(data) if self._is_datagram else (data,):
            self.link.send(sender, part, self._line.clock())
        self._line.note(self.link, before)


class AsyncVirtualTransport:
    """The same for asyncio, a :class:`~dlms_fw.transports.base.AsyncTransport`."""

    def __init__(self, transport: VirtualTransport) -> None:
        self._transport = transport

    async def send(self, data: bytes, deadline: float) -> None:
        """As the blocking one."""
        self._transport.send(data, deadline)

    async def receive(self, deadline: float) -> bytes:
        """As the blocking one."""
        return self._transport.receive(deadline)

    async def close(self) -> None:
        """As the blocking one."""
        self._transport.close()
