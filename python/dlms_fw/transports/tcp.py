"""TCP, for the wrapper as well as for HDLC through a modem or gateway.

A stream of octets and nothing more. Small APDUs are not held back (TCP_NODELAY). A silent peer is noticed by
deadlines; the kernel's keep-alive tells a peer that is gone while nothing is asked of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Final, cast
from weakref import WeakKeyDictionary

from dlms_fw._core import BlockRun, converse
from dlms_fw.errors import TransportError
from dlms_fw.transports.base import Conversation, closed_by_peer, no_answer, transport_error
from dlms_fw.transports.polled import PolledLine
from dlms_fw.transports.waiting import (
    BUFFER_LIMIT,
    CHUNK,
    LONGEST_WAIT_S,
    WAITING_SLOTS,
    Waiter,
    remaining,
    wait,
)

_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Seconds of silence before the first probe, seconds between probes, probes until the peer counts as gone."""
_TIMEVAL: Final = "@ll"
_PIECE: Final = 4096
"""Octets asked for at a time in a conversation: the answers to a window of requests are shorter."""
_BUFFERS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview]] = WeakKeyDictionary()
"""What the connections of a loop receive into: each takes out its octets before the loop reads the next."""


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
        keep_alive(connection)

    @classmethod
    def open(cls, host: str, port: int, deadline: float) -> TcpTransport:
        """Connect before ``deadline``. Raises TransportError, ResponseTimeout."""
        doing = f"connecting to {host} port {port}"
        try:
            return cls(socket.create_connection((host, port), timeout=remaining(deadline, doing)))
        except TransportError:
            raise
        except TimeoutError:
            raise no_answer(doing) from None
        except OSError as error:
            raise transport_error(error, doing) from error

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the kernel. Raises TransportError, ResponseTimeout."""
        try:
            remaining(deadline, "sending")
            sent = self._send(data)
            while sent < len(data):
                wait(self._writable, deadline, "sending")
                sent += self._send(memoryview(data)[sent:])
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "sending") from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        try:
            wait(self._readable, deadline, "receiving")
            data = self._socket.recv(CHUNK)
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "receiving") from error
        if not data:
            raise closed_by_peer()
        return data

    def converse(self, conversation: Conversation) -> None:
        """Receive and send until the conversation is over. Raises TransportError, ResponseTimeout.

        The kernel itself keeps the deadline here, so that a piece and its reply cost one call each.
        """
        try:
            self._socket.settimeout(None)
            self._keep(conversation.deadline)
            if isinstance(conversation, BlockRun):
                self._carry_on(conversation)
            else:
                self._converse(conversation)
        except TransportError:
            raise
        except EOFError:
            raise closed_by_peer() from None
        except OSError as error:
            raise transport_error(error, "conversing") from error
        finally:
            with contextlib.suppress(OSError):
                self._socket.settimeout(0)

    def abort(self) -> None:
        """Close the socket by a reset: what is under way is lost, and the peer is not told in order."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _carry_on(self, run: BlockRun) -> None:
        """As :meth:`_converse`, by the core, which comes back where time is up or there is nothing to say."""
        while (rest := converse(run, self._socket.fileno(), time.monotonic())) is not None:
            if rest:
                self.send(rest, run.deadline)
            else:
                self._keep(run.deadline)

    def _converse(self, conversation: Conversation) -> None:
        receive, send, answer = self._socket.recv, self._socket.send, conversation.receive
        while True:
            try:
                data = receive(_PIECE)
            except BlockingIOError:
                self._keep(conversation.deadline)
                continue
            if not data:
                raise closed_by_peer()
            reply = answer(data, time.monotonic())
            if reply is None:
                return
            if not reply:
                self._keep(conversation.deadline)
                continue
            try:
                sent = send(reply)
            except BlockingIOError:
                sent = 0
            if sent < len(reply):
                self.send(reply[sent:], conversation.deadline)

    def _keep(self, deadline: float) -> None:
        """Let the kernel wait until then at most. Raises ResponseTimeout."""
        seconds = min(remaining(deadline, "receiving"), LONGEST_WAIT_S)
        limit = struct.pack(_TIMEVAL, int(seconds), max(1, int(seconds % 1 * 1_000_000)))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def _send(self, data: bytes | memoryview) -> int:
        """How many octets the kernel has taken, without waiting."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0


class AsyncTcpTransport(PolledLine, Waiter, asyncio.BufferedProtocol):
    """A connected socket for the asyncio driver; made by :meth:`open`. Octets are collected as they come.

    In a run of image blocks they are answered below Python, see :class:`~dlms_fw._core.BlockProtocol`.
    """

    __slots__ = ("_buffer", "_conversation", "_received", "_transport", *WAITING_SLOTS)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._buffer = receive_buffer(loop)
        self._conversation: Conversation | None = None

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
        self.put(data)
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
        if len(data) >= BUFFER_LIMIT:
            self.resume_reading()
        return data

    async def converse(self, conversation: Conversation) -> None:
        """Receive and send until the conversation is over. Raises TransportError, ResponseTimeout.

        The replies are given where the octets come in; whoever awaits is woken only at the end.
        """
        self._conversation = conversation
        if isinstance(conversation, BlockRun):
            self.begin_run(conversation)
        try:
            if self._received:
                data = bytes(self._received)
                self._received.clear()
                self._answer(conversation, data)
            while self._conversation is not None:
                if self._error is not None:
                    raise self._error
                await self._wait(conversation.deadline, "receiving")
        finally:
            self._conversation = None
            self.end_run()

    async def close(self) -> None:
        """Close the socket at once; what was not sent is dropped."""
        self._stop_timer()
        self.abort_transport()
        self._transport = None

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin to receive."""
        # Not every event loop derives its transports from asyncio's.
        own = cast("asyncio.Transport", transport)
        connection = self.open_polled(own, self._buffer, clock_of(self._loop))
        if connection is not None:
            keep_alive(connection)

    def _come(self, nbytes: int) -> None:
        """Answer octets, or collect them and wake the driver."""
        data = self._buffer[:nbytes]
        if self._conversation is not None:
            self._answer(self._conversation, data)
            return
        self._received += data
        if len(self._received) >= BUFFER_LIMIT:
            self.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember why, for the next call."""
        self.close_polled()
        self._fail(transport_error(exc, "connected") if isinstance(exc, OSError) else closed_by_peer())

    def _ring(self) -> None:
        """Time may be up; what comes in a conversation moves its deadline on, but not the timer."""
        if self._conversation is not None:
            self._deadline = self._conversation.deadline
        super()._ring()

    def _answer(self, conversation: Conversation, data: bytes | memoryview) -> None:
        reply = conversation.receive(data, self._loop.time())
        if reply is None:
            self._run_over()
        elif reply:
            self.put(reply)
        else:
            self._unanswered()

    def _run_over(self) -> None:
        self._conversation = None
        self.end_run()
        self._wake()

    def _unanswered(self) -> None:
        if self._conversation is not None:
            self._move(self._conversation.deadline)

    def _failed(self, error: Exception) -> None:
        raise error


def receive_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """What all connections of a loop receive into, clients' and meters' alike."""
    buffer = _BUFFERS.get(loop)
    if buffer is None:
        buffer = _BUFFERS[loop] = memoryview(bytearray(CHUNK))
    return buffer


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The clock of a loop, by the shortest way."""
    is_usual = getattr(type(loop), "time", None) is asyncio.BaseEventLoop.time
    return time.monotonic if is_usual else loop.time


def keep_alive(connection: socket.socket) -> None:
    """Let the kernel find out within two minutes that the peer of an idle connection is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        option = getattr(socket, name, None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
