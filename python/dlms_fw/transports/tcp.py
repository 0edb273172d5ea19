"""TCP, for the wrapper as well as for HDLC through a modem or gateway.

A stream of octets and nothing more. Small APDUs are not held back (TCP_NODELAY) and a silent peer is
noticed by deadlines, not by the kernel's keep-alive alone. The clock is ``time.monotonic``, in asyncio the
loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time

from dlms_fw.errors import TransportError
from dlms_fw.transports.base import closed_by_peer, no_answer, transport_error

_CHUNK = 65_536
_LONGEST_POLL_S = 3600.0
"""A deadline may be farther away than the kernel can count; then it is looked at again."""
_BUFFER_LIMIT = 1 << 20
"""Octets that a peer may pour in unread before reading from it is paused."""


class TcpTransport:
    """A connected socket for the blocking driver; made by :meth:`open`.

    The socket itself never blocks; a timeout of Python's would cost two calls of the kernel for each of ours.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(connection, select.POLLIN)
        self._writable.register(connection, select.POLLOUT)
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    @classmethod
    def open(cls, host: str, port: int, deadline: float) -> TcpTransport:
        """Connect before ``deadline``. Raises TransportError, ResponseTimeout."""
        doing = f"connecting to {host} port {port}"
        try:
            return cls(socket.create_connection((host, port), timeout=_remaining(deadline, doing)))
        except TransportError:
            raise
        except TimeoutError:
            raise no_answer(doing) from None
        except OSError as error:
            raise transport_error(error, doing) from error

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the kernel. Raises TransportError, ResponseTimeout."""
        try:
            _remaining(deadline, "sending")
            sent = self._send(data)
            while sent < len(data):
                _wait(self._writable, deadline, "sending")
                sent += self._send(memoryview(data)[sent:])
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "sending") from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        try:
            _wait(self._readable, deadline, "receiving")
            data = self._socket.recv(_CHUNK)
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "receiving") from error
        if not data:
            raise closed_by_peer()
        return data

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _send(self, data: bytes | memoryview) -> int:
        """How many octets the kernel has taken, without waiting."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0


class AsyncTcpTransport(asyncio.Protocol):
    """A connected socket for the asyncio driver; made by :meth:`open`.

    Octets are collected as they come. One timer serves all deadlines: it is moved only when it fires too
    early, so an exchange costs no timer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._writable = True
        self._error: TransportError | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, host: str, port: int, deadline: float) -> AsyncTcpTransport:
        """Connect before ``deadline``. Raises TransportError, ResponseTimeout."""
        loop = asyncio.get_running_loop()
        doing = f"connecting to {host} port {port}"
        try:
            async with asyncio.timeout_at(deadline):
                _, protocol = await loop.create_connection(lambda: cls(loop), host, port)
        except TimeoutError:
            raise no_answer(doing) from None
        except OSError as error:
            raise transport_error(error, doing) from error
        return protocol

    async def send(self, data: bytes, deadline: float) -> None:
        """Hand ``data`` to the loop and wait while it is full. Raises TransportError, ResponseTimeout."""
        if self._error is not None:
            raise self._error
        if self._transport is None:
            raise closed_by_peer()
        self._transport.write(data)
        while not self._writable:
            await self._wait(deadline, "sending")

    async def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        while not self._received:
            if self._error is not None:
                raise self._error
            await self._wait(deadline, "receiving")
        data = bytes(self._received)
        self._received.clear()
        if len(data) >= _BUFFER_LIMIT and self._transport is not None:
            self._transport.resume_reading()
        return data

    async def close(self) -> None:
        """Close the socket at once; what was not sent is dropped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_connection makes)
        self._transport = transport
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        """Collect octets and wake the driver."""
        self._received += data
        if len(self._received) >= _BUFFER_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember why, for the next call."""
        self._error = transport_error(exc, "connected") if isinstance(exc, OSError) else closed_by_peer()
        self._transport = None
        self._writable = True
        self._wake()

    def pause_writing(self) -> None:
        """The loop's buffer is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """The loop's buffer has room again."""
        self._writable = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, deadline: float, doing: str) -> None:
        if deadline <= self._loop.time():
            raise no_answer(doing)
        self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._ring)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        else:
            self._wake()


def _wait(poller: select.poll, deadline: float, doing: str) -> None:
    """Until the socket is ready, or has failed, which the next call on it tells."""
    while not poller.poll(min(_remaining(deadline, doing), _LONGEST_POLL_S) * 1000.0):
        pass


def _remaining(deadline: float, doing: str) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise no_answer(doing)
    return remaining
