"""A meter to connect to again and again, behind media that break on demand, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ResponseList,
    SetResponse,
)
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.cosem import ImageTransfer
from dlms_fw.errors import TransportError
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.session.server import ServerClient, ServerEvent
from dlms_fw.transports.base import closed_by_peer
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from harness import (
    COUNTER_OBJECT,
    PROFILES,
    Challenges,
    MeterCounters,
    Responder,
    VirtualClock,
    server_client,
)
from scripted_meter import ScriptedMeter

PUBLIC = {16: ServerClient()}


class WiredMeter(ScriptedMeter):
    """The scripted meter behind a wire: blocks come as octets."""

    def _take(self, request: ActionRequest) -> int:
        assert isinstance(request.parameter, bytes)
        number, value = ImageTransfer.image_block_transfer.decode_parameter(request.parameter)
        self.blocks_taken.append(number)
        if self.status != 1 or self.incoming is None or not number < self.blocks_total:
            return 250
        self.blocks[number] = value
        return 0

    def __init__(self, *, block_size: int = 64) -> None:
        super().__init__(block_size=block_size)
        self.blocks_taken: list[int] = []


class Line(LoopbackTransport):
    """A connection to the meter; the site decides when it breaks."""

    def __init__(self, site: Site, peer: Responder) -> None:
        super().__init__(peer, clock=site.clock, sleep=site.clock.sleep)
        self.site = site

    def send(self, data: bytes, deadline: float) -> None:
        site = self.site
        site.sent += 1
        fate = site.fate(site.sent)
        if fate == "lost request":
            self.cut()
        if fate == "silence":
            return
        super().send(data, deadline)
        if fate == "lost answer":
            self.cut()
        if fate == "killed":
            raise Killed


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Site:
    """One meter at one address.

    Attributes:
        connections: Every connection that was made, in order.
        sent: Pieces that clients have sent in all.
        fate: What becomes of the n-th piece: ``lost request``, ``lost answer``, ``silence``, ``killed``.
        unreachable: No connection can be made.
    """

    def __init__(
        self,
        way: str = "gmac",
        *,
        hdlc: bool = False,
        clients: Mapping[int, ServerClient] | None = None,
        meter: WiredMeter | None = None,
        max_info: int = 128,
        **changed: Any,
    ) -> None:
        self.profile = PROFILES[way]
        self.hdlc = hdlc
        self.max_info = max_info
        self.clients = (
            {1: server_client(self.profile, **changed), **PUBLIC} if clients is None else dict(clients)
        )
        self.clock = VirtualClock()
        self.counters = MeterCounters()
        self.challenge = Challenges(5000)
        self.client_challenge = Challenges()
        self.meter = meter
        self.connections: list[SiteResponder] = []
        self.sent = 0
        self.fate: Callable[[int], str] = lambda _: ""
        self.unreachable = False
        self.counter_result: int | None = None

    @property
    def url(self) -> str:
        return ("hdlc+tcp" if self.hdlc else "tcp") + "://meter.example:4059"

    def open(self, deadline: float) -> Line:
        if self.unreachable:
            raise TransportError("unreachable")
        responder = SiteResponder(self)
        self.connections.append(responder)
        return Line(self, responder)

    async def aopen(self, deadline: float) -> AsyncLoopbackTransport:
        return AsyncLoopbackTransport(self.open(deadline))

    def client(
        self, journal: Journal | None = None, profile: Profile | None = None, **options: Any
    ) -> Client:
        return Client(
            self.url,
            profile or self.profile,
            journal=journal,
            open_transport=self.open,
            clock=self.clock,
            sleep=self.clock.sleep,
            challenge=self.client_challenge,
            **options,
        )

    def async_client(
        self, journal: Journal | None = None, profile: Profile | None = None, **options: Any
    ) -> AsyncClient:
        return AsyncClient(
            self.url,
            profile or self.profile,
            journal=journal,
            open_transport=self.aopen,
            clock=self.clock,
            sleep=self.clock.asleep,
            challenge=self.client_challenge,
            **options,
        )

    @property
    def events(self) -> list[ServerEvent]:
        return [event for connection in self.connections for event in connection.events]

    def saps(self) -> list[int]:
        """Which client spoke on each connection."""
        return [connection.session.client_sap for connection in self.connections]


class SiteResponder(Responder):
    """One connection to the meter of a site."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            site.clients,
            hdlc=site.hdlc,
            counters=site.counters,
            challenge=site.challenge,
            max_info=site.max_info,
        )
        self.site = site
        self.silent = False

    def receive(self, data: bytes) -> bytes:
        if self.closed:
            raise closed_by_peer()
        answer = super().receive(data)
        return b"" if self.silent else answer

    def answer(self, request: Any) -> Any:
        site = self.site
        if isinstance(request, GetRequest) and site.counter_result is not None:
            target = (request.class_id, request.logical_name, request.attribute_id)
            if target == COUNTER_OBJECT:
                return GetResponse(
                    site.counter_result, invoke_id_and_priority=request.invoke_id_and_priority or 0
                )
        other = (
            isinstance(request, GetRequest) and request.class_id == 1 and request.logical_name[2] in {42, 43}
        )
        if site.meter is None or other:
            return super().answer(request)
        answer = site.meter.answer(request, site.clock())
        self.silent = answer is None
        invoke_id = request.invoke_id_and_priority
        match answer:
            case GetResponse():
                return GetResponse(answer.result, answer.data, invoke_id_and_priority=invoke_id)
            case SetResponse():
                return SetResponse(answer.result, invoke_id_and_priority=invoke_id)
            case ActionResponse():
                return ActionResponse(answer.result, answer.data, invoke_id_and_priority=invoke_id)
            case ResponseList():
                return ResponseList(answer.items, invoke_id_and_priority=invoke_id)
            case None:
                return ExceptionResponse(1, 1)
        return answer


def nonces_are_unique(site: Site) -> bool:
    """No counter was accepted twice, and they came in order."""
    history = site.counters.history
    return history == sorted(set(history))


def journal_at(folder: Path) -> Journal:
    return Journal(folder / "journal.sqlite3")
