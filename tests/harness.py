"""Two real ends joined without a medium, on a clock that only moves when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    GetRequest,
    GetResponse,
    HdlcFraming,
    Key,
    RequestList,
    SetRequest,
    SetResponse,
    WrapperFraming,
)
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy, next_counters
from dlms_fw.session.client import ClientSession
from dlms_fw.session.server import ServerClient, ServerEvent, ServerSession
from dlms_fw.session.states import State

if TYPE_CHECKING:
    from dlms_fw._core import Event

CLIENT_TITLE = bytes.fromhex("4D4D4D0000BC614E")
METER_TITLE = bytes.fromhex("4D43530460BC614E")
UNICAST_KEY = bytes(range(16))
AUTHENTICATION_KEY = bytes(range(0xD0, 0xE0))
BROADCAST_KEY = bytes(range(0x50, 0x60))
PASSWORD = b"sesame-31415"
KEYS = Keys(global_unicast_encryption_key=Key(UNICAST_KEY), authentication_key=Key(AUTHENTICATION_KEY))
BROADCAST_KEYS = Keys(
    global_broadcast_encryption_key=Key(BROADCAST_KEY), authentication_key=Key(AUTHENTICATION_KEY)
)
FULL = SecurityPolicy.AUTHENTICATED_ENCRYPTED

CLOCK_TIME = (8, bytes((0, 0, 1, 0, 0, 255)), 2)
"""Class, logical name and attribute of something to read."""
COUNTER_OBJECT = (1, bytes((0, 0, 43, 1, 0, 255)), 2)

PROFILES: dict[str, Profile] = {
    "none": Profile(name="none", client_sap=1),
    "lls": Profile(name="lls", client_sap=1, mechanism=1, password=Key(PASSWORD)),
    "lls ciphered": Profile(
        name="lls ciphered",
        client_sap=1,
        mechanism=1,
        password=Key(PASSWORD),
        security_policy=FULL,
        system_title=CLIENT_TITLE,
        keys=KEYS,
    ),
    "gmac": Profile(
        name="gmac", client_sap=1, mechanism=5, security_policy=FULL, system_title=CLIENT_TITLE, keys=KEYS
    ),
    "gmac authenticated": Profile(
        name="gmac authenticated",
        client_sap=1,
        mechanism=5,
        security_policy=SecurityPolicy.AUTHENTICATED,
        system_title=CLIENT_TITLE,
        keys=KEYS,
    ),
    "gmac clear": Profile(name="gmac clear", client_sap=1, mechanism=5, system_title=CLIENT_TITLE, keys=KEYS),
}
"""One profile for each way to associate."""


def server_client(profile: Profile, **changed: Any) -> ServerClient:
    """What a meter must know to take the client of ``profile``."""
    client = ServerClient(
        mechanism=profile.mechanism,
        manufacturer=profile.manufacturer,
        secret=profile.password,
        keys=profile.keys if profile.needs_keys else None,
        security_suite=profile.security_suite,
        security_policy=profile.security_policy,
    )
    return replace(client, **changed)


class VirtualClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Challenges:
    """Challenges that are all different and known beforehand."""

    def __init__(self, first: int = 0) -> None:
        self.given = first

    def __call__(self) -> bytes:
        self.given += 1
        return self.given.to_bytes(16, "big")


class ClientCounters:
    """The counters of one client stream, in memory."""

    def __init__(self, reserved_to: int = 0) -> None:
        self.reserved_to = reserved_to

    def reserve(self, at_least: int, count: int) -> range:
        taken = next_counters(self.reserved_to, at_least, count)
        self.reserved_to = taken.stop
        return taken


@dataclass
class MeterCounters:
    """A meter's counters, in memory, together with all that was accepted."""

    reserved_to: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    history: list[int] = field(default_factory=list)

    def reserve(self, key_fingerprint: str, count: int) -> range:
        taken = next_counters(self.reserved_to.get(key_fingerprint, 0), 0, count)
        self.reserved_to[key_fingerprint] = taken.stop
        return taken

    def last_accepted(self, key_fingerprint: str) -> int:
        return self.last.get(key_fingerprint, -1)

    def accepted(self, key_fingerprint: str, counter: int) -> None:
        self.last[key_fingerprint] = counter
        self.history.append(counter)


class Responder:
    """A small meter: a server session that answers every request from a table.

    Attributes:
        values: What GET gives, by class, logical name and attribute; anything else is undefined.
        requests: All that arrived, with the client it came from.
        events: All that the session told beside requests.
    """

    def __init__(
        self,
        clients: Mapping[int, ServerClient],
        *,
        hdlc: bool = False,
        counters: MeterCounters | None = None,
        challenge: Callable[[], bytes] | None = None,
        system_title: bytes = METER_TITLE,
        max_info: int = 128,
        now: Callable[[], datetime] | None = None,
        randomness: Callable[[int], bytes] | None = None,
    ) -> None:
        self.counters = counters or MeterCounters()
        self.session = ServerSession(
            server_framing(max_info) if hdlc else WrapperFraming(1, 1),
            clients,
            system_title=system_title,
            challenge=challenge or Challenges(1000),
            counters=self.counters,
            now=now,
            randomness=randomness,
        )
        self.values: dict[tuple[int, bytes, int], bytes] = {CLOCK_TIME: axdr.octet_string.encode(bytes(12))}
        self.requests: list[tuple[int, Any]] = []
        self.events: list[ServerEvent] = []
        self.closed = False

    def receive(self, data: bytes) -> bytes:
        events, out = self.session.receive(data)
        while True:
            for event in events:
                if isinstance(event, GetRequest | SetRequest | ActionRequest | RequestList):
                    self.requests.append((self.session.client_sap, event))
                    out += self.session.respond(self.answer(event))
                else:
                    self.events.append(event)
            if not self.session.more:
                return out
            events, reply = self.session.receive(b"")
            out += reply

    def answer(self, request: Any) -> Any:
        invoke_id = request.invoke_id_and_priority
        if isinstance(request, GetRequest):
            target = (request.class_id, request.logical_name, request.attribute_id)
            value = self.counter() if target == COUNTER_OBJECT else self.values.get(target)
            return GetResponse(4 if value is None else 0, value, invoke_id_and_priority=invoke_id)
        if isinstance(request, SetRequest):
            return SetResponse(0, invoke_id_and_priority=invoke_id)
        return ActionResponse(0, invoke_id_and_priority=invoke_id)

    def counter(self) -> bytes:
        last = max(self.counters.last.values(), default=0)
        return axdr.double_long_unsigned.encode(max(0, last))

    def close(self) -> None:
        self.closed = True
        self.events += self.session.close()


def client_framing(
    profile: Profile, *, hdlc: bool = False, max_info: int = 128
) -> WrapperFraming | HdlcFraming:
    if not hdlc:
        return WrapperFraming(profile.client_sap, profile.server_sap)
    return HdlcFraming(
        profile.client_sap,
        profile.server_sap,
        max_info_field_length_transmit=max_info,
        max_info_field_length_receive=max_info,
    )


def server_framing(max_info: int = 128) -> HdlcFraming:
    return HdlcFraming(1, 1, max_info_field_length_transmit=max_info, max_info_field_length_receive=max_info)


CLIENT_OPTIONS = ("first_counter", "meter_counter", "seen_challenges", "now", "dedicated_key", "randomness")


class Pair:
    """A client session and a responder, joined back to back.

    Attributes:
        wire: What was sent, as (from the client, octets).
        to_client: Changes what the meter sends, for tests that lie.
        to_meter: Changes what the client sends.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        client: ServerClient | None = None,
        hdlc: bool = False,
        counters: ClientCounters | None = None,
        meter_counters: MeterCounters | None = None,
        **options: Any,
    ) -> None:
        self.profile = profile
        self.client_counters = counters or ClientCounters()
        self.session = ClientSession(
            client_framing(profile, hdlc=hdlc),
            profile,
            challenge=options.pop("client_challenge", Challenges()),
            counters=self.client_counters,
            **{name: options.pop(name) for name in CLIENT_OPTIONS if name in options},
        )
        self.meter = Responder(
            {profile.client_sap: client or server_client(profile)},
            hdlc=hdlc,
            counters=meter_counters,
            now=options.pop("meter_now", None),
            randomness=options.pop("meter_randomness", None),
            **options,
        )
        self.wire: list[tuple[bool, bytes]] = []
        self.to_client: Callable[[bytes], bytes] = lambda data: data
        self.to_meter: Callable[[bytes], bytes] = lambda data: data

    def drive(self, data: bytes) -> list[Event]:
        """Send until both are silent; what the client session told on the way."""
        events: list[Event] = []
        while data:
            data = self.to_meter(data)
            self.wire.append((True, data))
            answer = self.to_client(self.meter.receive(data))
            if not answer:
                break
            self.wire.append((False, answer))
            told, data = self.session.receive(answer)
            events += told
        return events

    def connect(self) -> None:
        self.drive(self.session.connect())
        assert self.session.state is State.CONNECTED

    def associate(self) -> None:
        if self.session.state is State.DISCONNECTED:
            self.connect()
        self.drive(self.session.associate())

    def get(self) -> GetResponse:
        (event,) = self.drive(self.session.send(GetRequest(*CLOCK_TIME)))
        assert isinstance(event, GetResponse)
        return event


def wrap(apdu: bytes, client_sap: int = 1) -> bytes:
    """An APDU of a client behind its wrapper header."""
    return bytes((0, 1, 0, client_sap, 0, 1)) + len(apdu).to_bytes(2, "big") + apdu


def unwrap(data: bytes) -> bytes:
    """The one APDU in what a meter answered."""
    assert data[:2] == b"\0\1"
    assert int.from_bytes(data[6:8], "big") == len(data) - 8
    return data[8:]


def exception(data: bytes) -> tuple[int, int]:
    """The two codes of the exception-response that a meter answered."""
    apdu = unwrap(data)
    assert apdu[0] == 0xD8
    return apdu[1], apdu[2]
