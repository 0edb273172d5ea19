"""Listening on TCP and UDP for what meters push: sockets, timers and a queue around a ``Reception``.

Each connection and each source of datagrams has a receiver of its own; what they hear is judged in one place.
When nobody takes what has arrived, reading from TCP stops and datagrams are dropped. No input ends the
listener: a connection that makes no sense any more is closed, everything else is counted.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, cast

from dlms_fw._core import ApduReceiver, ReceivedApdu
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.journal import Journal
from dlms_fw.push.arrival import (
    Arrival,
    ListenerLimits,
    ListenerStatistics,
    Meters,
    PushTransport,
    Sender,
)
from dlms_fw.push.reception import Reception

__all__ = ["PushListener"]

_BACKLOG = 1024
"""Connections that the kernel keeps until they are taken: many meters come at the full hour."""
_FRAMINGS = {"tcp": "wrapper", "udp": "wrapper", "hdlc+tcp": "hdlc"}


class PushListener:
    """Hears what any number of meters push, at the same time and at several addresses.

    ``async with PushListener("tcp://:4059") as listener:`` and then ``async for arrival in listener:``. It
    ends with :meth:`close`, or at the end of the block; what is in the queue then is still given.

    Args:
        addresses: ``tcp://``, ``udp://`` (wrapper) or ``hdlc+tcp://`` (UI frames); port 0 is any free port.
        meters: Whose keys belong to whom: profiles by system title, or a function of the :class:`Sender`.
            Without, only plain messages can be understood.
        journal: Keeps the meters' invocation counters: no message is accepted twice, not even after a
            restart.
        accept_unprotected: Whether plain messages of unknown meters are handed on; by default only where no
            ``meters`` are given.
        limits: How much is taken.
    """

    def __init__(
        self,
        *addresses: str | Endpoint,
        meters: Meters | None = None,
        journal: Journal | None = None,
        accept_unprotected: bool | None = None,
        limits: ListenerLimits | None = None,
    ) -> None:
        if not addresses:
            raise ConfigurationError("a listener needs an address", hint="such as tcp://:4059")
        self._endpoints = [
            Endpoint.parse(address, listen=True) if isinstance(address, str) else address
            for address in addresses
        ]
        for endpoint in self._endpoints:
            if endpoint.scheme not in _FRAMINGS:
                raise ConfigurationError(f"{endpoint.scheme}:// cannot be listened on for pushed messages")
        self.limits = limits or ListenerLimits()
        self.statistics = ListenerStatistics()
        self._reception = Reception(
            meters,
            accept_unprotected=meters is None if accept_unprotected is None else accept_unprotected,
            journal=journal,
            randomness=os.urandom,
            max_meters=self.limits.max_meters,
            statistics=self.statistics,
        )
        self._queue: deque[Arrival] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._servers: list[asyncio.Server] = []
        self._ports: list[_Datagrams] = []
        self._connections: set[_Connection] = set()
        self._hosts: Counter[str] = Counter()
        self._stalled: set[_Connection] = set()
        self._closed = False

    @property
    def urls(self) -> list[str]:
        """Where it listens; with the ports that were picked, once it does."""
        return [str(endpoint) for endpoint in self._endpoints]

    @property
    def connections(self) -> int:
        """How many meters are connected."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen. Raises TransportError where an address cannot be listened on."""
        loop = asyncio.get_running_loop()
        try:
            for place, endpoint in enumerate(self._endpoints):
                self._endpoints[place] = await self._listen(loop, endpoint)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening and end all connections. What has arrived can still be taken."""
        self._closed = True
        for server in self._servers:
            server.close()
        for port in self._ports:
            port.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:  # the loop tells each of them in its next round
            await asyncio.sleep(0)
        self._wake(all_of_them=True)

    async def receive(self) -> Arrival | None:
        """The next notification; ``None`` when the listener is closed and nothing is left."""
        while not self._queue:
            if self._closed:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                if len(self._queue) > 1 or waiter.cancelled():
                    self._wake()  # there is more, or whoever was woken is gone
        return self.receive_nowait()

    def receive_nowait(self) -> Arrival | None:
        """The next notification, where one waits."""
        if not self._queue:
            return None
        arrival = self._queue.popleft()
        if self._stalled and len(self._queue) <= self.limits.queue_size // 2:
            self._go_on()
        return arrival

    async def run(self, callback: Callable[[Arrival], object]) -> None:
        """Give each notification to ``callback`` until the listener is closed."""
        async for arrival in self:
            callback(arrival)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Arrival]:
        while (arrival := await self.receive()) is not None:
            yield arrival

    async def _listen(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> Endpoint:
        try:
            if endpoint.scheme == "udp":
                _, port = await loop.create_datagram_endpoint(lambda: _Datagrams(self), **_local(endpoint))
                self._ports.append(port)
                return replace(endpoint, port=port.number)
            server = await self._serve(loop, endpoint)
        except OSError as error:
            raise TransportError(f"cannot listen on {endpoint}: {error.strerror or error}") from None
        self._servers.append(server)
        return replace(endpoint, port=server.sockets[0].getsockname()[1])

    async def _serve(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> asyncio.Server:
        def connection() -> _Connection:
            return _Connection(self, endpoint)

        if endpoint.host:
            return await loop.create_server(connection, endpoint.host, endpoint.port, backlog=_BACKLOG)
        listening = _everywhere(socket.SOCK_STREAM, endpoint.port)
        return await loop.create_server(connection, sock=listening, backlog=_BACKLOG)

    # Called by connections and ports

    def _admit(self, connection: _Connection, host: str) -> bool:
        limits = self.limits
        if (
            self._closed
            or len(self._connections) >= limits.max_connections
            or self._hosts[host] >= limits.max_connections_per_host
        ):
            self.statistics.refused["connections"] += 1
            return False
        self._connections.add(connection)
        self._hosts[host] += 1
        self.statistics.connections += 1
        return True

    def _forget(self, connection: _Connection, host: str) -> None:
        self._connections.discard(connection)
        self._stalled.discard(connection)
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    @property
    def _is_full(self) -> bool:
        return len(self._queue) >= self.limits.queue_size

    def _take(self, received: ReceivedApdu, sender: Sender) -> bytes | None:
        """Judge one message, queue what it says and give the APDU that confirms it."""
        taken = self._reception.take(received, sender, datetime.now(UTC))
        if taken is None:
            return None
        arrival, confirmation = taken
        self._queue.append(arrival)
        self.statistics.notifications += 1
        self._wake()
        return confirmation

    def _stall(self, connection: _Connection) -> None:
        self._stalled.add(connection)

    def _go_on(self) -> None:
        for connection in list(self._stalled):
            if self._is_full:
                return
            self._stalled.discard(connection)
            connection.go_on()

    def _wake(self, *, all_of_them: bool = False) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                if not all_of_them:
                    return


class _Connection(asyncio.Protocol):
    """One meter's TCP connection. One timer serves the limit of idleness."""

    def __init__(self, listener: PushListener, endpoint: Endpoint) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._receiver = ApduReceiver(
            "hdlc" if endpoint.scheme == "hdlc+tcp" else "wrapper",
            "server",
            max_apdu_size=listener.limits.max_apdu_size,
        )
        self._scheme = endpoint.scheme
        self._transport: asyncio.Transport | None = None
        self._sender: Sender | None = None
        self._backlog: deque[ReceivedApdu] = deque()
        self._broken = False
        self._dropped = 0
        self._active_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A meter is there."""
        # Not every event loop derives its transports from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        host, port = _place(transport.get_extra_info("peername"))
        if not self._listener._admit(self, host):
            self._transport.abort()
            return
        self._sender = Sender(transport=cast("PushTransport", self._scheme), host=host, port=port)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        if self._sender is None or self._broken:
            return
        statistics = self._listener.statistics
        statistics.octets_received += len(data)
        apdus, error = self._receiver.receive(data)
        if self._receiver.dropped != self._dropped:
            statistics.refused["damaged"] += self._receiver.dropped - self._dropped
            self._dropped = self._receiver.dropped
        if apdus:
            self._active_at = self._loop.time()
            self._backlog.extend(apdus)
        if error is not None:
            statistics.refused["stream"] += 1
            self._broken = True
        self.go_on()

    def go_on(self) -> None:
        """Judge what waits, as far as there is room in the queue."""
        transport, sender, listener = self._transport, self._sender, self._listener
        if transport is None or sender is None:
            return
        while self._backlog and not listener._is_full:
            received = self._backlog.popleft()
            confirmation = listener._take(received, sender)
            if confirmation is not None and not transport.is_closing():
                transport.write(self._receiver.answer(received, confirmation))
                listener.statistics.confirmed += 1
        if self._backlog:
            transport.pause_reading()
            listener._stall(self)
        elif self._broken:
            transport.abort()
        else:
            transport.resume_reading()

    def pause_writing(self) -> None:
        """The meter does not read its confirmations: nothing more is asked of it."""
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (gone is gone)
        """The connection is over, whoever ended it."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._sender is not None:
            self._listener._forget(self, self._sender.host)

    def _watch(self) -> None:
        silent_at = self._active_at + self._listener.limits.idle_timeout_s
        if self._backlog or self._loop.time() < silent_at:
            when = max(silent_at, self._loop.time() + 1.0) if self._backlog else silent_at
            self._timer = self._loop.call_at(when, self._watch)
        else:
            self._listener.statistics.refused["idle"] += 1
            self.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """A UDP port: one message in a datagram, or several; never half of one."""

    def __init__(self, listener: PushListener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None
        self._receivers: OrderedDict[tuple[str, int], ApduReceiver] = OrderedDict()

    @property
    def number(self) -> int:
        """The port."""
        assert self._transport is not None  # noqa: S101 (it is open)
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the port."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 makes it no subclass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A datagram has come."""
        listener = self._listener
        statistics = listener.statistics
        statistics.octets_received += len(data)
        host, port = _place(addr)
        receiver = self._receiver((host, port))
        before = receiver.dropped
        apdus, error = receiver.receive(data)
        damaged = receiver.dropped - before
        if error is not None or receiver.unfinished:
            damaged += 1
            del self._receivers[host, port]
        if damaged:
            statistics.refused["damaged"] += damaged
        sender = Sender(transport="udp", host=host, port=port)
        for received in apdus:
            if listener._is_full:
                statistics.refused["queue"] += 1
                continue
            confirmation = listener._take(received, sender)
            if confirmation is not None and self._transport is not None:
                self._transport.sendto(receiver.answer(received, confirmation), addr)
                statistics.confirmed += 1

    def error_received(self, exc: Exception) -> None:
        """A confirmation could not be delivered; its meter will say it again."""

    def _receiver(self, place: tuple[str, int]) -> ApduReceiver:
        receiver = self._receivers.get(place)
        if receiver is None:
            if len(self._receivers) >= self._listener.limits.max_udp_sources:
                self._receivers.popitem(last=False)
            size = self._listener.limits.max_apdu_size
            receiver = self._receivers[place] = ApduReceiver("wrapper", "server", max_apdu_size=size)
        else:
            self._receivers.move_to_end(place)
        return receiver


def _local(endpoint: Endpoint) -> dict[str, Any]:
    """What a port of datagrams is opened with."""
    if endpoint.host:
        return {"local_addr": (endpoint.host, endpoint.port)}
    return {"sock": _everywhere(socket.SOCK_DGRAM, endpoint.port)}


def _everywhere(kind: socket.SocketKind, port: int) -> socket.socket:
    """A socket bound to all addresses of this machine, IPv6 included where there is that."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    bound = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM and os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("", port))
    except BaseException:
        bound.close()
        raise
    return bound


def _place(name: object) -> tuple[str, int]:
    if not isinstance(name, tuple):
        return "", 0
    host = str(name[0])
    return host.removeprefix("::ffff:") if "." in host else host, int(name[1])
