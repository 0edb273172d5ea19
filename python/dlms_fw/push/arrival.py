"""What a listener hands on, what it counts, and how much it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from dlms_fw._core import Gateway
from dlms_fw.notifications import Notification
from dlms_fw.profiles import Profile

PushTransport: TypeAlias = Literal["tcp", "hdlc+tcp", "udp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Where a message came from, as it says itself; nothing of it has been verified.

    Attributes:
        transport: ``"tcp"``, ``"hdlc+tcp"`` or ``"udp"``.
        host: The address of its socket.
        port: The port of its socket.
        client_sap: Whom it is for.
        server_sap: The logical device; in HDLC the upper address.
        server_lower: The lower HDLC address, where there is one.
        gateway: The meter behind a gateway, where there is one.
        system_title: 8 octets, where a protected message says so.
    """

    transport: PushTransport
    host: str
    port: int
    client_sap: int = 0
    server_sap: int = 0
    server_lower: int | None = None
    gateway: Gateway | None = None
    system_title: bytes | None = None

    @property
    def url(self) -> str:
        """The socket as an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"


Meters: TypeAlias = Mapping[bytes, Profile] | Callable[[Sender], Profile | None]
"""Whose keys belong to whom: profiles by system title, or a function of the sender; ``None`` for strangers.

The function is called for each message, on the loop of the listener: it must not wait.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One notification that was accepted.

    Attributes:
        notification: What it says, with its values decoded.
        sender: Where it came from.
        arrived_at: When, by our clock, in UTC.
        meter: The name of the meter's profile; ``None`` for one that is not known.
        system_title: The meter's. It is proved where ``protection`` has authentication or a signature, else
            only claimed; ``None`` where nothing says it.
        protection: How it was protected, in the bits of a security policy; 0 for a plain message.
    """

    notification: Notification
    sender: Sender
    arrived_at: datetime
    meter: str | None = None
    system_title: bytes | None = None
    protection: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """How much a listener takes. Whatever is above is refused and counted.

    Attributes:
        max_connections: At the same time; a further one is closed at once.
        max_connections_per_host: Of one address at the same time.
        max_apdu_size: Octets of one APDU, put together from blocks.
        queue_size: Notifications that wait to be taken. When it is full, nothing is read from TCP until there
            is room; what comes by UDP then is dropped.
        idle_timeout_s: After so many seconds without a whole message a connection is closed.
        max_meters: Protected meters whose invocation counters are kept in memory.
        max_udp_sources: Sources of datagrams whose blocks are put together; those silent longest give way.
    """

    max_connections: int = 1000
    max_connections_per_host: int = 1000
    max_apdu_size: int = 65_535
    queue_size: int = 1000
    idle_timeout_s: float = 300.0
    max_meters: int = 100_000
    max_udp_sources: int = 1024


@dataclass(slots=True)
class ListenerStatistics:
    """What a listener has done since it was made.

    Attributes:
        connections: TCP connections taken.
        notifications: Notifications accepted.
        confirmed: Of those, confirmed.
        octets_received: From all.
        refused: What was not accepted, by reason: the kind of a SecurityError or DecodeError (``"replay"``,
            ``"authentication-tag"``, ``"downgrade"``, …), ``"unknown-meter"``, ``"not-a-notification"``,
            ``"damaged"`` (frames and messages that led to nothing), ``"stream"`` (a connection that made no
            sense any more), ``"connections"``, ``"queue"``, ``"idle"``, ``"meters"``, ``"lookup"`` (the
            function of meters failed), ``"journal"`` (a counter could not be recorded).
        unconfirmed: Notifications that asked to be confirmed and were not, by reason.
    """

    connections: int = 0
    notifications: int = 0
    confirmed: int = 0
    octets_received: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unconfirmed: Counter[str] = field(default_factory=Counter)
