"""A group of simulated meters on one medium, in virtual time, an upgrade of all of them, and what others say.

Their keys are known to everybody.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dlms_fw._core import Channel, Key, SecurityContext, WrapperFraming
from dlms_fw.cosem.interface import MethodCall
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import BusPort, LoopTime, MeterBus, Station
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.storage import Medium
from dlms_fw.multicast import Group, Member, MulticastUpgrade
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.signing_keys import PublicKey
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LinkProfile

AUTHENTICATION_KEY, GROUP_KEY, OTHER_GROUP_KEY = (Key(bytes(range(n, n + 16))) for n in (16, 32, 48))
CLIENT_TITLE: Final = bytes.fromhex("4D4D4D0000BC614E")
GROUP_HOST: Final = "239.20.0.1"
GROUP_HDLC: Final = (1, 0x3000)
HDLC: Final = HdlcSettings(address_size=4, max_info_field_length=2030, window_size=7)
PRE_ESTABLISHED: Final = 102
CHALLENGES: Final = itertools.count(1)
_WRAPPER_HEADER: Final = 8
_CONFORMANCE: Final = 0x0040_1F1D


def unicast_profile(number: int, **changes: Any) -> Profile:
    """How one member is spoken to alone."""
    settings: dict[str, Any] = {
        "name": f"meter {number}",
        "client_sap": 1,
        "mechanism": 5,
        "security_policy": SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        "system_title": CLIENT_TITLE,
        "keys": Keys(
            global_unicast_encryption_key=Key(b"unicast" + number.to_bytes(9)),
            authentication_key=AUTHENTICATION_KEY,
        ),
        "response_timeout_s": 5.0,
        "hdlc": HDLC,
        "first_invocation_counter": 1,
    }
    return Profile(**(settings | changes))


def group_profile(**changes: Any) -> Profile:
    """How all members are spoken to together."""
    settings: dict[str, Any] = {
        "name": "group",
        "client_sap": PRE_ESTABLISHED,
        "pre_established": True,
        "security_policy": SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        "system_title": CLIENT_TITLE,
        "keys": Keys(global_broadcast_encryption_key=GROUP_KEY, authentication_key=AUTHENTICATION_KEY),
        "invocation_counter_object": 2,
        "hdlc": HDLC,
    }
    return Profile(**(settings | changes))


class SimulatedGroup:
    """Meters on a bus; made inside a running loop.

    Args:
        framing: How messages are told apart.
        link: How long they take, and how many get lost.
        seed: Of what gets lost.
        trusted: The vendor's keys that members trust.
        volatile: Members have memories that know no power cuts, and are faster.
        settings: Further settings of every member.

    Attributes:
        bus: The medium.
        members: As a client knows them.
        memory: Of each member, unless they are volatile.
        unreachable: A host that cannot be opened.
    """

    def __init__(
        self,
        framing: Framing = "wrapper",
        link: LinkProfile | None = None,
        *,
        seed: int = 0,
        trusted: tuple[PublicKey, ...] = (),
        volatile: bool = False,
        **settings: Any,
    ) -> None:
        self.bus = MeterBus(framing, link, seed=seed)
        self.framing: Framing = framing
        self.time = LoopTime()
        self.scheme = "udp" if framing == "datagrams" else "tcp"
        self.members: list[Member] = []
        self.memory: list[SimulatedMedium] = []
        self.unreachable = ""
        self._volatile = volatile
        self._settings: dict[str, Any] = {"trusted": trusted, "image_block_size": 64, **settings}

    def add(
        self,
        *,
        key: Key = GROUP_KEY,
        line: str | None = None,
        joined: bool = True,
        response_timeout_s: float = 5.0,
        **more: Any,
    ) -> Station:
        """One more member; ``more`` are settings of the meter, or of the station on the bus."""
        number = len(self.members)
        profile = unicast_profile(number, response_timeout_s=response_timeout_s)
        on_bus = {name: more.pop(name) for name in ("loss", "group_loss", "busy_seconds") if name in more}
        settings: dict[str, Any] = self._settings | {
            "image_size_limit": 1 << 20,
            "system_title": b"MCS\x00" + number.to_bytes(4),
            "logical_device_name": b"MCS%013d" % number,
            "global_broadcast_encryption_key": key,
            "authentication_tries": 0,
        }
        if self.framing == "hdlc":
            settings["hdlc"] = replace(HDLC, server_lower=number + 1)
            settings["hdlc_group_addresses"] = (GROUP_HDLC,) if joined else ()
        config = mcs301.configured(profile, **(settings | more))
        medium = MemoryMedium() if self._volatile else SimulatedMedium()
        if isinstance(medium, SimulatedMedium):
            self.memory.append(medium)
        meter = self._powered(medium, config)
        host = f"meter{number}.example"
        groups = (GROUP_HOST,) if joined else ()
        station = self.bus.add(meter, host, groups=groups, **on_bus)
        url = (
            f"hdlc+tcp://bus.example?server=1/{number + 1}"
            if self.framing == "hdlc"
            else f"{self.scheme}://{host}"
        )
        self.members.append(Member(url, profile, line=line, name=f"meter {number}"))
        return station

    def group(self, line: str | None = None, **changes: Any) -> Group:
        """All of them; ``changes`` are settings of the profile."""
        url = f"{self.scheme}://{GROUP_HOST}"
        if self.framing == "hdlc":
            upper, lower = GROUP_HDLC
            url = f"hdlc+tcp://bus.example?server={upper}/{lower}"
        return Group(url, group_profile(**changes), line=line)

    def power_cycle(self, station: Station, seconds: float) -> None:
        """Take the power away now, and give it back after some time."""
        number = self.bus.stations.index(station)
        meter, station.meter = station.meter, None
        if meter is None:
            raise LookupError("the meter has no power")
        self.memory[number].cut_now("kept")
        self.memory[number] = self.memory[number].survivor()

        def power_up() -> None:
            station.lines.clear()
            station.meter = self._powered(self.memory[number], meter.config)

        asyncio.get_running_loop().call_later(seconds, power_up)

    async def open(self, endpoint: Endpoint, deadline: float) -> BusPort:
        """The client's end of the medium. Raises TransportError where it is unreachable."""
        if endpoint.host == self.unreachable:
            raise TransportError("unreachable")
        return await self.bus.open(endpoint, deadline)

    def upgrade(
        self,
        image: Image,
        journal: Journal,
        policy: TransferPolicy | None = None,
        **more: Any,
    ) -> MulticastUpgrade:
        """An upgrade of all of them, which is not activated unless the policy says so."""
        loop = asyncio.get_running_loop()
        return MulticastUpgrade(
            image,
            self.members,
            more.pop("group", None) or self.group(**more.pop("group_changes", {})),
            policy or TransferPolicy(activate="never"),
            journal=journal,
            open_transport=self.open,
            clock=loop.time,
            challenge=_challenge,
            **more,
        )

    def _powered(self, medium: Medium, config: MeterConfig) -> SimulatedMeter:
        return SimulatedMeter(medium, config, self.time, challenge=_challenge)


def _challenge() -> bytes:
    return next(CHALLENGES).to_bytes(16)


# What others may say: whoever is a member holds the key of the group


def forged(call: MethodCall[None], *, counter: int) -> bytes:
    """A message to the group as any member could make it, over the wrapper."""
    channel = Channel("client", WrapperFraming(PRE_ESTABLISHED, 1))
    channel.connect()
    channel.negotiate(_CONFORMANCE, 1024)
    channel.security = SecurityContext(
        0,
        0x30,
        system_title=CLIENT_TITLE,
        peer_system_title=b"MCS\x00\x00\x00\x00\x00",
        authentication_key=AUTHENTICATION_KEY,
        global_broadcast_encryption_key=GROUP_KEY,
        invocation_counter=counter,
        counter_limit=counter + 1,
        general=True,
    )
    return channel.send(call.unconfirmed().request)


def counter_in(message: bytes) -> int:
    """The invocation counter in a message to the group, over the wrapper."""
    place = _WRAPPER_HEADER + 1 + 9  # behind the tag and the title with its length
    place += 1 if message[place] < 0x80 else 1 + (message[place] & 0x7F)
    return int.from_bytes(message[place + 1 : place + 5])


def intercept(station: Station, change: Callable[[bytes], list[bytes]]) -> None:
    """Have what the group says reach this station changed, over the wrapper."""
    original = station.take

    def take(port: object, framing: Framing, data: bytes) -> bytes:
        if data[3] != PRE_ESTABLISHED:
            return original(port, framing, data)
        return b"".join(original(port, framing, message) for message in change(data))

    station.take = take  # type: ignore[method-assign]


# What members have


def stored(station: Station) -> int:
    """How many blocks a member has."""
    return sum(powered(station).units.firmware.image_store.image_transferred_blocks_status)


def image_transfer_status(station: Station) -> int:
    """The status of a member."""
    return powered(station).units.firmware.image_store.image_transfer_status


def powered(station: Station) -> SimulatedMeter:
    """The meter. Raises LookupError while it has no power."""
    if station.meter is None:
        raise LookupError("the meter has no power")
    return station.meter
