"""A meter on TCP: the wrapper, or HDLC in a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import cast

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import LinkError, SecurityError, TransportError
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.listeners.base import Host, Line
from dlms_fw.transports.polled import PolledLine
from dlms_fw.transports.tcp import keep_alive, receive_buffer


class TcpListener:
    """A listening socket."""

    def __init__(self, server: asyncio.Server, endpoint: Endpoint) -> None:
        self._server = server
        self.endpoint = endpoint

    @classmethod
    async def open(
        cls, host: Host, endpoint: Endpoint, line: Callable[[Host, Framing], TcpLine] | None = None
    ) -> TcpListener:
        """Listen; ``line`` makes the line of each client, if not a plain one. Raises TransportError."""
        framing: Framing = "wrapper" if endpoint.scheme == "tcp" else "hdlc"
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: (line or TcpLine)(host, framing), endpoint.host, endpoint.port
            )
        except OSError as error:
            raise TransportError(f"cannot listen on {endpoint}: {error.strerror or error}") from None
        return cls(server, replace(endpoint, port=server.sockets[0].getsockname()[1]))

    async def close(self) -> None:
        """Take no more clients."""
        self._server.close()


class TcpLine(PolledLine, Line, asyncio.BufferedProtocol):
    """One client's connection, as the loop sees it.

    Image blocks go the short way where it is open, below Python. All lines of a loop receive into one buffer,
    which is empty again before the next of them is read.
    """

    def __init__(self, host: Host, framing: Framing) -> None:
        super().__init__(host, framing)
        self._transport: asyncio.Transport | None = None
        self._buffer = receive_buffer(self._loop)

    def abort(self) -> None:
        """Close at once; the loop tells in its next round that the client is lost."""
        self.abort_transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        # Not every event loop derives its transports from asyncio's.
        own = cast("asyncio.Transport", transport)
        connection = self.open_polled(own, self._buffer, monotonic)
        if self.open():
            self.follow_sink(self._connection)
            if connection is not None:
                keep_alive(connection)
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Octets have come: the meter answers at once."""
        if self._transport is None:
            return
        answer = self.take(data)
        if not self.is_open:
            self.abort()
        elif answer:
            self.write(answer)

    def write(self, data: bytes) -> None:
        """To the client."""
        self.put(data)

    def eof_received(self) -> None:
        """The client says no more; nobody waits for an answer."""
        self.abort()

    def pause_writing(self) -> None:
        """The client does not read its answers: it is not asked for more."""
        self.pause_reading()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        self.active_at = self._loop.time()
        self.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (gone is gone)
        """The connection is over, whoever ended it."""
        self.close_polled()
        self.lost()

    def _ended(self) -> None:
        """How does not matter, and whoever waits for the place of this client may come at once."""
        self.abort()

    def _come(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def _unanswered(self) -> None:
        """Blocks that ask for no answer, or a part of one."""

    def _failed(self, error: Exception) -> None:
        if self._connection is None or not isinstance(error, LinkError | SecurityError):
            raise error
        self._connection.drop()
