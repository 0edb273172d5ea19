"""What every medium of a simulated meter has in common: lines, each with one client at its end.

A medium gives a line octets and gets the meter's answer back in the same call, so an exchange costs one round
of the loop and no task. Which meter answers, and whether it has power, only the host of the line knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.meter import SimulatedMeter


class Host(Protocol):
    """The server of a meter, as its lines see it."""

    inactivity_seconds: float

    def admit(self, line: Line, framing: Framing) -> tuple[SimulatedMeter, MeterConnection] | None:
        """The meter's side of a new line, or ``None`` where nobody is to be talked to."""
        ...

    def receive(self, connection: MeterConnection, data: bytes) -> bytes:
        """What the meter answers."""
        ...

    def forget(self, line: Line, meter: SimulatedMeter, connection: MeterConnection) -> None:
        """A line is over."""
        ...


class Listener(Protocol):
    """A medium on which clients may come.

    Attributes:
        endpoint: Where, with the port or the device that was picked.
    """

    endpoint: Endpoint

    async def close(self) -> None:
        """Take no more clients."""
        ...


class Line:
    """One client's way to the meter.

    One timer serves the limit of inactivity: it looks when it fires how long ago something moved.
    """

    def __init__(self, host: Host, framing: Framing) -> None:
        self._host = host
        self._framing: Framing = framing
        self._loop = asyncio.get_running_loop()
        self._meter: SimulatedMeter | None = None
        self._connection: MeterConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.active_at = self._loop.time()

    @property
    def is_open(self) -> bool:
        """Whether the meter listens to this line."""
        return self._connection is not None and self._connection.is_open

    @property
    def is_linked(self) -> bool:
        """Whether the link is up, which without HDLC it always is."""
        return self._connection is not None and self._connection.is_linked

    @property
    def is_associated(self) -> bool:
        """Whether the client has an association."""
        return self._connection is not None and self._connection.is_associated

    def open(self) -> bool:
        """A client is there; whether the meter listens to it."""
        admitted = self._host.admit(self, self._framing)
        if admitted is None:
            return False
        self._meter, self._connection = admitted
        self.active_at = self._loop.time()
        self._watch()
        return True

    def take(self, data: bytes) -> bytes:
        """Octets have come: what the meter answers at once."""
        if self._connection is None:
            return b""
        self.active_at = self._loop.time()
        return self._host.receive(self._connection, data)

    def lost(self) -> None:
        """The client is gone, or the meter listens no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        meter, connection = self._meter, self._connection
        self._meter = self._connection = None
        if meter is not None and connection is not None:
            self._host.forget(self, meter, connection)

    def abort(self) -> None:
        """End it at once; what was not sent is dropped."""
        self.lost()

    def _watch(self) -> None:
        if self._connection is not None:
            self.active_at = max(self.active_at, self._connection.last_heard)
        silent_at = self.active_at + self._host.inactivity_seconds
        if self._loop.time() < silent_at:
            self._timer = self._loop.call_at(silent_at, self._watch)
        else:
            self.abort()


def longest_silent(lines: Iterable[Line]) -> Line | None:
    """Of the lines without an association the one that has been silent for the longest time."""
    return min(
        (line for line in lines if not line.is_associated), key=lambda line: line.active_at, default=None
    )
