"""Connected sockets of an event loop whose image blocks pass neither the loop nor a transport.

The loop watches one ``epoll`` for all of them, and the core does the rest
(:class:`~dlms_fw._core.LinePoller`). The transport of each still sends whatever else there is, finds out how
its connection has ended, and closes it. On a loop or a system that cannot do this, the transport also
receives, as usual.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable
from typing import Final
from weakref import ReferenceType, WeakKeyDictionary, ref

from dlms_fw._core import BlockProtocol, LinePoller

_POLLERS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ReferenceType[LinePoller]]] = WeakKeyDictionary()
"""Held by their loops."""


class PolledLine(BlockProtocol):
    """A protocol on a connected socket; its class gives the loop and what :class:`BlockProtocol` asks for."""

    __slots__ = ("_descriptor", "_poller")
    _loop: asyncio.AbstractEventLoop
    _transport: asyncio.Transport | None

    def open_polled(
        self, transport: asyncio.Transport, buffer: memoryview, clock: Callable[[], float]
    ) -> socket.socket | None:
        """Begin to receive; gives the socket, where the transport has one."""
        self._transport = transport
        self.open_line(buffer, transport, clock)
        connection: socket.socket | None = transport.get_extra_info("socket")
        self._descriptor = -1 if connection is None else connection.fileno()
        self._poller = None if connection is None else _poller_of(self._loop)
        if self._poller is not None and self._register(self._poller):
            transport.pause_reading()
        return connection

    def pause_reading(self) -> None:
        """Leave in the kernel what comes."""
        if self._poller is not None:
            self._unregister(self._poller)
        elif self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again, after a pause."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._poller is not None:
            self._unregister(self._poller)
            if self._register(self._poller):
                return
        self._transport.resume_reading()

    def abort_transport(self) -> None:
        """Close at once: nothing is received any more, and the loop tells in its next round."""
        if self._transport is not None:
            if self._poller is not None:
                self._unregister(self._poller)
            self.close_line()
            self._transport.abort()

    def close_polled(self) -> None:
        """The connection is lost."""
        self._transport = None
        if self._poller is not None:
            self._unregister(self._poller)
            self._poller = None
        self.close_line()

    def _register(self, poller: LinePoller) -> bool:
        """Whether the poller receives from now on; if not, the transport does for good."""
        try:
            poller.add(self, self._descriptor)
        except OSError:
            self._poller = None  # the kernel watches no more for this user
        return self._poller is not None

    def _unregister(self, poller: LinePoller) -> None:
        with contextlib.suppress(OSError):
            poller.remove(self, self._descriptor)

    def _ended(self) -> None:
        """The transport finds out how, by what it finds when it reads."""
        poller, self._poller = self._poller, None
        if poller is not None:
            self._unregister(poller)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _broken(self, error: BaseException) -> None:
        """As an event loop does it with what a protocol raises."""
        self.abort_transport()
        if not isinstance(error, Exception):
            raise error
        told = {"message": "receiving has failed", "exception": error, "protocol": self}
        self._loop.call_exception_handler(told)


def _poller_of(loop: asyncio.AbstractEventLoop) -> LinePoller | None:
    """What receives for all lines of a loop; none where it cannot."""
    known = _POLLERS.get(loop)
    poller = None if known is None else known()
    if poller is None and hasattr(select, "epoll") and isinstance(loop, asyncio.SelectorEventLoop):
        epoll = select.epoll()
        poller = LinePoller(epoll)
        loop.add_reader(epoll, poller.receive)
        _POLLERS[loop] = ref(poller)
    return poller
