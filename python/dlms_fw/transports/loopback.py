"""A medium without a medium: a peer in the same process, joined by plain calls.

What is sent is given to the peer at once and its answer kept until it is asked for. Time is whatever the
caller says it is: where nothing has come, the deadline is slept to by the given function, which may be
that of a virtual clock, so hours pass in microseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from dlms_fw.transports.base import closed_by_peer, no_answer


class Peer(Protocol):
    """The other end: octets in, octets out."""

    def receive(self, data: bytes) -> bytes:
        """Take what was sent and give what it answers at once, possibly nothing."""
        ...

    def close(self) -> object:
        """The medium is gone."""
        ...


class LoopbackTransport:
    """A :class:`~dlms_fw.transports.base.Transport` to a peer in the same process.

    Args:
        peer: The other end.
        clock: Gives the time that deadlines are compared with.
        sleep: Sleeps for some seconds; during it the peer may :meth:`feed` something.

    Attributes:
        octets_sent: Towards the peer.
        octets_received: From the peer.
    """

    def __init__(self, peer: Peer, *, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._peer = peer
        self._clock = clock
        self._sleep = sleep
        self._inbox: deque[bytes] = deque()
        self._closed = False
        self.octets_sent = 0
        self.octets_received = 0

    def feed(self, data: bytes) -> None:
        """Octets that the peer sends by itself."""
        if data:
            self._inbox.append(data)

    def send(self, data: bytes, deadline: float) -> None:  # noqa: ARG002 (never waits)
        """Give ``data`` to the peer and keep its answer. Raises TransportError when closed."""
        if self._closed:
            raise closed_by_peer()
        self.octets_sent += len(data)
        if answer := self._peer.receive(data):
            self._inbox.append(answer)

    def receive(self, deadline: float) -> bytes:
        """What the peer has answered. Raises TransportError, ResponseTimeout."""
        if not self._inbox and not self._closed:
            self._sleep(max(0.0, deadline - self._clock()))
        if self._inbox:
            data = self._inbox.popleft()
            self.octets_received += len(data)
            return data
        raise closed_by_peer() if self._closed else no_answer("receiving")

    def close(self) -> None:
        """Tell the peer that the medium is gone."""
        if not self._closed:
            self._closed = True
            self._peer.close()

    def cut(self) -> None:
        """Break the medium: nothing more gets through in either direction, what is under way is lost."""
        self._inbox.clear()
        self.close()


class AsyncLoopbackTransport:
    """A :class:`~dlms_fw.transports.base.AsyncTransport` over a :class:`LoopbackTransport`."""

    def __init__(self, loopback: LoopbackTransport) -> None:
        self._loopback = loopback

    async def send(self, data: bytes, deadline: float) -> None:
        """As the blocking one."""
        self._loopback.send(data, deadline)

    async def receive(self, deadline: float) -> bytes:
        """As the blocking one."""
        return self._loopback.receive(deadline)

    async def close(self) -> None:
        """As the blocking one."""
        self._loopback.close()
