"""What every medium looks like to the drivers: octets out, octets in, closed.

Deadlines are absolute times of one monotonic clock, the same that the driver uses. A transport knows no
frame and no APDU; its failures are TransportError, a passed deadline is ResponseTimeout, and nothing else
leaves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from dlms_fw.errors import ResponseTimeout, TransportError


class Transport(Protocol):
    """A medium for a blocking driver."""

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the medium. Raises TransportError, ResponseTimeout."""
        ...

    def receive(self, deadline: float) -> bytes:
        """At least one octet. Raises TransportError (also where the peer has closed), ResponseTimeout."""
        ...

    def close(self) -> None:
        """Give the medium back; never raises, may be called twice."""
        ...


class AsyncTransport(Protocol):
    """A medium for an asyncio driver."""

    async def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the medium. Raises TransportError, ResponseTimeout."""
        ...

    async def receive(self, deadline: float) -> bytes:
        """At least one octet. Raises TransportError (also where the peer has closed), ResponseTimeout."""
        ...

    async def close(self) -> None:
        """Give the medium back; never raises, may be called twice."""
        ...


TransportFactory: TypeAlias = Callable[[float], Transport]
"""Opens a medium before a deadline; called anew to reconnect. Raises TransportError, ResponseTimeout."""

AsyncTransportFactory: TypeAlias = Callable[[float], Awaitable[AsyncTransport]]
"""As :data:`TransportFactory`, for asyncio."""


def closed_by_peer() -> TransportError:
    """The error of a medium whose other end is gone."""
    return TransportError("the peer closed the connection", code="transport.closed")


def transport_error(error: OSError, doing: str) -> TransportError:
    """An error of the operating system as ours; ``doing`` completes 'while …'."""
    text = error.strerror or str(error) or type(error).__name__
    return TransportError(f"{text} (while {doing})")


def no_answer(doing: str) -> ResponseTimeout:
    """The error of a passed deadline; ``doing`` completes 'while …'."""
    return ResponseTimeout(f"nothing came in time (while {doing})")
