"""A bare echo under asyncio: what a transfer is held against, as nothing that waits for answers is faster.

Requests and answers are as long as those of the transfer and as many are on their way, over the same event
loop and the same kind of socket. Nothing is computed and nothing copied, and what has come in one read is
answered in one write.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.spent import Spent, Stopwatch

_SIZES: Final = struct.Struct(">II")
"""What a client says first: octets of each request and of each answer."""
_BUFFER_OCTETS: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Traffic:
    """What goes to and fro.

    Attributes:
        round_trips: Requests, each with an answer.
        request: Octets of a request.
        answer: Octets of an answer.
        window: Requests on their way at a time.
    """

    round_trips: int
    request: int
    answer: int
    window: int = 1


class EchoServer(asyncio.BufferedProtocol):
    """Answers each request; all connections of a server read into one buffer."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._begun = bytearray()
        self._request = 0
        self._answer = b""
        self._pending = 0

    @classmethod
    async def open(cls) -> tuple[asyncio.Server, int]:
        """A server on a free port of this machine, and the port."""
        buffer = memoryview(bytearray(_BUFFER_OCTETS))
        server = await asyncio.get_running_loop().create_server(lambda: cls(buffer), "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        # Not every event loop derives its transports from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's signature)
        """Where to read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Octets have come."""
        if not self._request:
            nbytes = self._begin(nbytes)
        requests, self._pending = divmod(self._pending + nbytes, self._request or 1)
        if requests and self._transport is not None:
            self._transport.write(self._answer * requests)

    def _begin(self, nbytes: int) -> int:
        """Learn the sizes; how many octets came behind them."""
        self._begun += self._buffer[:nbytes]
        if len(self._begun) < _SIZES.size:
            return 0
        self._request, answer = _SIZES.unpack_from(self._begun)
        self._answer = bytes(answer)
        return len(self._begun) - _SIZES.size


class EchoClient(asyncio.BufferedProtocol):
    """Sends requests and waits for their answers.

    Args:
        traffic: How many, and of which lengths.
        buffer: Where all connections of a loop may read.
        done: Gets its result with the last answer.
    """

    def __init__(self, traffic: Traffic, buffer: memoryview, done: asyncio.Future[None]) -> None:
        self.done = done
        self._traffic = traffic
        self._buffer = buffer
        self._requests = bytes(traffic.request)
        self._to_send = traffic.round_trips
        self._to_receive = traffic.round_trips * traffic.answer
        self._pending = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the sizes."""
        # Not every event loop derives its transports from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport.write(_SIZES.pack(self._traffic.request, self._traffic.answer))

    def begin(self) -> None:
        """Send the first requests."""
        self._send(self._traffic.window)

    def abort(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's signature)
        """Where to read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Answers have come: as many requests more."""
        answers, self._pending = divmod(self._pending + nbytes, self._traffic.answer)
        self._to_receive -= nbytes
        if self._to_receive <= 0:
            if not self.done.done():
                self.done.set_result(None)
        elif answers:
            self._send(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server is gone."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the echo has ended"))

    def _send(self, requests: int) -> None:
        requests = min(requests, self._to_send)
        self._to_send -= requests
        if requests and self._transport is not None:
            self._transport.write(self._requests if requests == 1 else self._requests * requests)


async def echo(
    port: int, traffic: Traffic, *, connections: int = 1, peer_cpu: Callable[[], float] = lambda: 0.0
) -> Spent:
    """So many round trips with the server at that port, on each of so many connections at once.

    Raises:
        MeasurementFailed: the server is not there, or gone.
    """
    loop = asyncio.get_running_loop()
    buffer = memoryview(bytearray(_BUFFER_OCTETS))
    clients: list[EchoClient] = []
    try:
        for _ in range(connections):
            _, client = await loop.create_connection(
                lambda: EchoClient(traffic, buffer, loop.create_future()), "127.0.0.1", port
            )
            clients.append(client)
        watch = Stopwatch(peer_cpu)
        for client in clients:
            client.begin()
        for client in clients:
            await client.done
        return watch.spent()
    except OSError as error:
        raise MeasurementFailed(f"the echo has failed: {error.strerror or error}") from error
    finally:
        for client in clients:
            client.abort()
