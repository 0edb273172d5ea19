"""A shaped link in real time: around any transport of a client, or on an event loop between two callbacks.

The two transports move octets while their driver waits in them, which it does for every answer; they need no
thread and no task. What the inner transport needs itself comes on top.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.transports.base import AsyncTransport, Transport, closed_by_peer, no_answer
from dlms_fw.transports.faults.profiles import Cut, End, LinkProfile
from dlms_fw.transports.faults.shaped_link import ShapedLink


class ShapedTransport:
    """A :class:`~dlms_fw.transports.base.Transport` that makes another one as slow and as bad as a link.

    Args:
        inner: The transport to the meter.
        profile: What the link is like.
        seed: Of its accidents.
        cut: Where it breaks.
        clock: The clock of the deadlines, also of ``inner``.
        sleep: Passes time.
    """

    def __init__(
        self,
        inner: Transport,
        profile: LinkProfile,
        *,
        seed: int = 0,
        cut: Cut | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._sleep = sleep
        self._link = ShapedLink(profile, seed, cut)
        self._received = bytearray()
        self._error: TransportError | None = None

    def send(self, data: bytes, deadline: float) -> None:
        """Hand ``data`` to the link, and wait while it is full. Raises TransportError, ResponseTimeout."""
        if self._link.closed:
            raise closed_by_peer()
        self._link.send(End.CLIENT, data, self._clock())
        self._carry(deadline)
        while (again := self._link.room_at(End.CLIENT, self._clock())) > self._clock():
            if self._clock() >= deadline:
                raise no_answer("sending")
            self._pass_time(min(again, deadline))
            self._carry(deadline)

    def receive(self, deadline: float) -> bytes:
        """What has come through the link, at least one octet. Raises TransportError, ResponseTimeout."""
        while not self._received:
            self._listen(deadline)
            self._carry(deadline)
            if self._received:
                break
            if self._link.closed:
                raise closed_by_peer()
            if self._error is not None and self._link.due is None:
                raise self._error
            if self._clock() >= deadline:
                raise no_answer("receiving")
        data = bytes(self._received)
        self._received.clear()
        return data

    def close(self) -> None:
        """Close the link and the inner transport."""
        self._link.close()
        self._inner.close()

    def _listen(self, deadline: float) -> None:
        """Take what the meter says, until something arrives at an end of the link."""
        due = self._link.due
        until = deadline if due is None else min(deadline, due)
        if self._error is not None:
            self._pass_time(until)
            return
        try:
            self._link.send(End.METER, self._inner.receive(until), self._clock())
        except ResponseTimeout:
            pass  # whose time it was is looked at by the caller
        except TransportError as error:
            self._error = error  # what is under way still arrives

    def _carry(self, deadline: float) -> None:
        for arrival in self._link.advance(self._clock()):
            if arrival.end is End.CLIENT:
                self._received += arrival.data
            else:
                self._inner.send(arrival.data, deadline)

    def _pass_time(self, until: float) -> None:
        self._sleep(max(0.0, until - self._clock()))


class AsyncShapedTransport:
    """The same as an :class:`~dlms_fw.transports.base.AsyncTransport`.

    Args:
        inner: The transport to the meter.
        profile: What the link is like.
        seed: Of its accidents.
        cut: Where it breaks.
    """

    def __init__(
        self, inner: AsyncTransport, profile: LinkProfile, *, seed: int = 0, cut: Cut | None = None
    ) -> None:
        self._inner = inner
        self._clock = asyncio.get_running_loop().time
        self._link = ShapedLink(profile, seed, cut)
        self._received = bytearray()
        self._error: TransportError | None = None

    async def send(self, data: bytes, deadline: float) -> None:
        """As the blocking one."""
        if self._link.closed:
            raise closed_by_peer()
        self._link.send(End.CLIENT, data, self._clock())
        await self._carry(deadline)
        while (again := self._link.room_at(End.CLIENT, self._clock())) > self._clock():
            if self._clock() >= deadline:
                raise no_answer("sending")
            await self._pass_time(min(again, deadline))
            await self._carry(deadline)

    async def receive(self, deadline: float) -> bytes:
        """As the blocking one."""
        while not self._received:
            await self._listen(deadline)
            await self._carry(deadline)
            if self._received:
                break
            if self._link.closed:
                raise closed_by_peer()
            if self._error is not None and self._link.due is None:
                raise self._error
            if self._clock() >= deadline:
                raise no_answer("receiving")
        data = bytes(self._received)
        self._received.clear()
        return data

    async def close(self) -> None:
        """As the blocking one."""
        self._link.close()
        await self._inner.close()

    async def _listen(self, deadline: float) -> None:
        due = self._link.due
        until = deadline if due is None else min(deadline, due)
        if self._error is not None:
            await self._pass_time(until)
            return
        try:
            self._link.send(End.METER, await self._inner.receive(until), self._clock())
        except ResponseTimeout:
            pass  # whose time it was is looked at by the caller
        except TransportError as error:
            self._error = error  # what is under way still arrives

    async def _carry(self, deadline: float) -> None:
        for arrival in self._link.advance(self._clock()):
            if arrival.end is End.CLIENT:
                self._received += arrival.data
            else:
                await self._inner.send(arrival.data, deadline)

    async def _pass_time(self, until: float) -> None:
        await asyncio.sleep(max(0.0, until - self._clock()))


class LinkOnLoop:
    """A shaped link on the running event loop, for a server: what arrives is handed over at its time.

    Args:
        link: The link.
        deliver: Gets what arrives, and at which end; it may send.
        broken: Called once when the link has broken so that both ends notice.
    """

    def __init__(
        self, link: ShapedLink, deliver: Callable[[End, bytes], None], broken: Callable[[], None]
    ) -> None:
        self._link = link
        self._deliver = deliver
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def send(self, sender: End, data: bytes) -> None:
        """An end hands in octets."""
        self._link.send(sender, data, self._loop.time())
        self._set_timer()

    def close(self) -> None:
        """The connection is over; what is under way is lost."""
        self._link.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _carry(self) -> None:
        self._timer = None
        for arrival in self._link.advance(self._loop.time()):
            self._deliver(arrival.end, arrival.data)
        if self._link.closed:
            self._broken()
        else:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._loop.time() if self._link.closed else self._link.due
        if due is not None:
            self._timer = self._loop.call_at(due, self._carry)
