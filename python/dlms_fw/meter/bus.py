"""Several simulated meters on one medium in this process: a bus, or a group of stations on a network.

Octets take the time that the link needs, on the clock of the running event loop, and each station loses
what it loses by a seed of its own. Over HDLC everybody hears everything, and the addresses in the frames
decide; with the wrapper a host name is one station, and a group's name all that joined it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.transports.base import closed_by_peer, no_answer
from dlms_fw.transports.faults import LinkProfile

_WRAPPER_HEADER = 8
_START = 1_764_000_000.0


class LoopTime:
    """A time source on the clock of the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def monotonic(self) -> float:
        """The loop's time."""
        return self._loop.time()

    def wall(self) -> float:
        """Some day, and the loop's time."""
        return _START + self._loop.time()


@dataclass(eq=False)
class Station:
    """One meter on the bus.

    Attributes:
        meter: The meter; ``None`` while it has no power.
        host: Its name on the network; unused over HDLC.
        groups: Names of the groups that it has joined; unused over HDLC.
        loss: Share of messages that it does not get, and of its own that get lost.
        group_loss: The same for what is sent to a group.
        busy_seconds: After a message to the group it misses what comes for so long.
        rogue_answer: What it says whenever something is sent to a group, though it must not.
        heard: Messages that reached it.
    """

    meter: SimulatedMeter | None
    host: str = ""
    groups: frozenset[str] = frozenset()
    loss: float = 0.0
    group_loss: float = 0.0
    busy_seconds: float = 0.0
    rogue_answer: bytes = b""
    heard: int = 0
    busy_until: float = -math.inf
    chance: random.Random = field(default_factory=random.Random)
    lines: dict[object, MeterConnection] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None

    def take(self, port: object, framing: Framing, data: bytes) -> bytes:
        """What the meter answers to a message."""
        if self.meter is None:
            return b""
        line = self.lines.get(port)
        if line is None or not line.is_open:
            if self.meter.is_away:
                return b""
            line = self.lines[port] = self.meter.connect(framing)
        self.heard += 1
        sink = line.sink
        answer = line.receive(data)
        if sink is None or line.sink is not sink:  # blocks alone change nothing that the meter waits for
            self.set_timer()
        return answer

    def set_timer(self) -> None:
        """Let the meter do what is due, when it is."""
        if self.timer is not None:
            self.timer.cancel()
        due = None if self.meter is None else self.meter.deadline
        if due is not None:
            self.timer = asyncio.get_running_loop().call_at(due, self._advance)

    def _advance(self) -> None:
        if self.meter is not None:
            self.meter.advance()
            self.set_timer()

    def loses(self, share: float, pieces: int) -> bool:
        """Whether a message of so many pieces is lost."""
        return share > 0 and self.chance.random() < (share if pieces == 1 else 1.0 - (1.0 - share) ** pieces)


class MeterBus:
    """A medium with meters on it.

    Args:
        framing: How messages are told apart.
        link: How long messages take; at once where none is given. Its loss is every station's own.
        seed: Of what gets lost.

    Attributes:
        stations: The meters.
        octets: Sent on the medium in both directions, overhead included.
        opened: Times that a client has opened the medium.
    """

    def __init__(
        self, framing: Framing = "wrapper", link: LinkProfile | None = None, *, seed: int = 0
    ) -> None:
        self.stations: list[Station] = []
        self.octets = 0
        self.opened = 0
        self._framing: Framing = framing
        self._link = link
        self._seed = seed
        self._ports: list[BusPort] = []
        self._named: dict[str, list[Station]] = {}
        self._free_at = 0.0
        self._talker: object = None
        self._loop = asyncio.get_running_loop()

    def add(
        self,
        meter: SimulatedMeter,
        host: str = "",
        *,
        groups: Iterable[str] = (),
        loss: float | None = None,
        group_loss: float | None = None,
        busy_seconds: float = 0.0,
    ) -> Station:
        """One more meter; where no loss is given, it is the link's."""
        share = (0.0 if self._link is None else self._link.loss) if loss is None else loss
        station = Station(
            meter,
            host,
            frozenset(groups),
            share,
            share if group_loss is None else group_loss,
            busy_seconds,
            chance=random.Random(f"{self._seed} {len(self.stations)}"),  # noqa: S311 (a simulation)
        )
        self.stations.append(station)
        for name in {host, *station.groups}:
            self._named.setdefault(name, []).append(station)
        return station

    async def open(self, endpoint: Endpoint, deadline: float) -> BusPort:  # noqa: ARG002 (at once)
        """The client's end of the medium; what it says goes to that address."""
        self.opened += 1
        port = BusPort(self, endpoint.host)
        self._ports.append(port)
        return port

    def say(self, port: BusPort, data: bytes) -> float:
        """A client sends; gives when all of it will have been said."""
        end = self._loop.time()
        for message in self._messages(data):
            end = self._occupy(port, len(message))
            self._at(end, port, message)
        return end

    def forget(self, port: BusPort) -> None:
        """A client has closed the medium; over the wrapper its stations' lines end with it."""
        self._ports.remove(port)
        if self._framing != "hdlc":
            for station in self._named.get(port.host, ()):
                line = station.lines.pop(port, None)
                if line is not None:
                    line.close()

    def _at(self, when: float, port: BusPort, message: bytes) -> None:
        if self._link is None:
            self.reach(port, message)
        else:
            self._loop.call_at(when, self.reach, port, message)

    def reach(self, port: BusPort, message: bytes) -> None:
        """A message has been said: those hear it who are meant and do not miss it."""
        pieces = self.pieces(len(message))
        for station in self.stations if self._framing == "hdlc" else self._named.get(port.host, ()):
            is_group = port.host in station.groups if self._framing != "hdlc" else _is_unnumbered(message)
            if station.loses(station.group_loss if is_group else station.loss, pieces):
                continue
            if is_group and self._is_busy(station):
                continue
            answer = station.take(None if self._framing == "hdlc" else port, self._framing, message)
            if is_group:
                answer += station.rogue_answer
            if answer:
                self._answer(station, port, answer)

    def _is_busy(self, station: Station) -> bool:
        now = self._loop.time()
        if now < station.busy_until:
            return True
        station.busy_until = now + station.busy_seconds
        return False

    def _answer(self, station: Station, port: BusPort, data: bytes) -> None:
        for message in self._messages(data):
            end = self._occupy(station, len(message))
            if station.loses(station.loss, self.pieces(len(message))):
                continue
            hearers = list(self._ports) if self._framing == "hdlc" else [port]
            for hearer in hearers:
                if self._link is None:
                    hearer.hear(message)
                else:
                    self._loop.call_at(end, hearer.hear, message)

    def _occupy(self, talker: object, octets: int) -> float:
        """When a message of so many octets will have been said, after all that is under way."""
        now, link = self._loop.time(), self._link
        if link is None:
            self.octets += octets
            return now
        start = self._free_at
        if self._talker is not None and self._talker is not talker:
            start += link.turn_round_s
        self._talker = talker
        on_medium = octets + self.pieces(octets) * link.piece_overhead
        self.octets += on_medium
        self._free_at = max(now, start) + link.seconds(on_medium)
        return self._free_at

    def pieces(self, octets: int) -> int:
        """In how many a message of so many octets goes; it arrives where none of them is lost."""
        longest = 0 if self._link is None else self._link.piece_octets
        return max(1, math.ceil(octets / longest)) if longest else 1

    def _messages(self, data: bytes) -> Iterator[bytes]:
        """The frames, or the wrapper's messages, in what a channel has given."""
        start = 0
        while start < len(data):
            if self._framing == "hdlc":
                length = 2 + ((data[start + 1] & 0x07) << 8 | data[start + 2])
            else:
                length = _WRAPPER_HEADER + int.from_bytes(data[start + 6 : start + 8])
            yield data[start : start + length]
            start += length


class BusPort:
    """A client's end: an :class:`~dlms_fw.transports.base.AsyncTransport`."""

    def __init__(self, bus: MeterBus, host: str) -> None:
        self.host = host
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[bytes] = deque()
        self._arrival = asyncio.Event()
        self._is_open = True

    async def send(self, data: bytes, deadline: float) -> None:
        """Say ``data``, and wait until it has been said. Raises TransportError, ResponseTimeout."""
        if not self._is_open:
            raise closed_by_peer()
        end = self._bus.say(self, data)
        if end > self._loop.time():
            await asyncio.sleep(min(end, deadline) - self._loop.time())
            if end > deadline:
                raise no_answer("sending")

    async def receive(self, deadline: float) -> bytes:
        """What has come, at least one message. Raises TransportError, ResponseTimeout."""
        while not self._inbox:
            if not self._is_open:
                raise closed_by_peer()
            if deadline <= self._loop.time():
                raise no_answer("receiving")
            self._arrival.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._arrival.wait()
        return self._inbox.popleft()

    async def close(self) -> None:
        """Close this end."""
        if self._is_open:
            self._is_open = False
            self._arrival.set()
            self._bus.forget(self)

    def hear(self, data: bytes) -> None:
        """Something has come."""
        if self._is_open:
            self._inbox.append(data)
            self._arrival.set()


def _is_unnumbered(frame: bytes) -> bool:
    """Whether an HDLC frame is a UI frame, to whomever it goes."""
    place = 3
    for _ in range(2):  # destination and source addresses end with an octet whose lowest bit is set
        while not frame[place] & 1:
            place += 1
        place += 1
    return frame[place] & 0xEF == 0x03
