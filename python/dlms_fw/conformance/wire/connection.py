"""A connection with nothing on it: octets out, octets in."""

from __future__ import annotations

from collections.abc import Callable

from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.transports.base import Transport


class Connection:
    """One connection to the meter.

    Args:
        transport: The medium, open.
        clock: Monotonic seconds.
        silence_s: So long without an octet is no answer.

    Attributes:
        is_closed: Whether the meter, or we, have ended it.
    """

    def __init__(self, transport: Transport, clock: Callable[[], float], silence_s: float) -> None:
        self._transport = transport
        self._clock = clock
        self.silence_s = silence_s
        self.is_closed = False

    def send(self, octets: bytes) -> None:
        """Send octets; where the meter has ended the connection nothing happens."""
        try:
            self._transport.send(octets, self._clock() + self.silence_s)
        except ResponseTimeout:
            raise
        except TransportError:
            self.is_closed = True

    def receive(self, seconds: float | None = None) -> bytes:
        """What comes next within so many seconds; empty where nothing does, or the meter has ended it."""
        if self.is_closed:
            return b""
        try:
            return self._transport.receive(self._clock() + (self.silence_s if seconds is None else seconds))
        except ResponseTimeout:
            return b""
        except TransportError:
            self.is_closed = True
            return b""

    def abort(self) -> None:
        """End it without a farewell, as a client that has crashed; where the medium knows a difference."""
        self.is_closed = True
        end: Callable[[], None] = getattr(self._transport, "abort", self._transport.close)
        end()

    def close(self) -> None:
        """End it."""
        self.is_closed = True
        self._transport.close()
