"""What every medium looks like to the drivers: octets out, octets in, closed.

Deadlines are absolute times of one monotonic clock, the same that the driver uses. A transport knows no
frame and no APDU; its failures are TransportError, a passed deadline is ResponseTimeout, and nothing else
leaves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from dlms_fw.errors import ResponseTimeout, TransportError

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on


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


class Conversation(Protocol):
    """Somebody who knows what to say to each piece that comes, without asking the driver."""

    @property
    def deadline(self) -> float:
        """When the next octets must have come; moved on by each piece."""
        ...

    def receive(self, data: Buffer, now: float) -> bytes | None:
        """What to send now, possibly nothing; ``None`` where the conversation is over. Keeps no ``data``."""
        ...


def converse(transport: Transport, conversation: Conversation, clock: Callable[[], float]) -> None:
    """Let a medium carry on a conversation, piece by piece where it cannot do so itself.

    One that can has a method ``converse(conversation)``, which sends what is said to each piece that comes,
    until there is an end of it, and raises the same.

    Raises TransportError, ResponseTimeout.
    """
    carry_on: Callable[[Conversation], None] | None = getattr(transport, "converse", None)
    if carry_on is not None:
        carry_on(conversation)
        return
    reply: bytes | None = b""
    while reply is not None:
        if reply:
            transport.send(reply, conversation.deadline)
        reply = conversation.receive(transport.receive(conversation.deadline), clock())


def converse_async(
    transport: AsyncTransport, conversation: Conversation, clock: Callable[[], float]
) -> Awaitable[None]:
    """The same for asyncio; a medium that can do it is awaited itself, with nobody in between."""
    carry_on: Callable[[Conversation], Awaitable[None]] | None = getattr(transport, "converse", None)
    if carry_on is not None:
        return carry_on(conversation)
    return _converse_by_pieces(transport, conversation, clock)


async def _converse_by_pieces(
    transport: AsyncTransport, conversation: Conversation, clock: Callable[[], float]
) -> None:
    reply: bytes | None = b""
    while reply is not None:
        if reply:
            await transport.send(reply, conversation.deadline)
        reply = conversation.receive(await transport.receive(conversation.deadline), clock())


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
