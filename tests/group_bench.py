"""A group of simulated meters on one medium, in virtual time, and an upgrade of all of them."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import meters
from dlms_fw._core import Key
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import BusPort, LoopTime, MeterBus, Station
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import Framing, SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.multicast import Group, Member, MulticastUpgrade
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LinkProfile
from meters import VENDOR_KEY

AUTHENTICATION_KEY, GROUP_KEY, OTHER_GROUP_KEY = (Key(bytes(range(n, n + 16))) for n in (16, 32, 48))
CLIENT_TITLE = bytes.fromhex("4D4D4D0000BC614E")
GROUP_HOST = "239.20.0.1"
GROUP_HDLC = (1, 0x3000)
HDLC = HdlcSettings(address_size=4, max_info_field_length=2030, window_size=7)
CHALLENGES = itertools.count(1)


def unicast_profile(number: int, **changes: Any) -> Profile:
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
    settings: dict[str, Any] = {
        "name": "group",
        "client_sap": 102,
        "pre_established": True,
        "security_policy": SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        "system_title": CLIENT_TITLE,
        "keys": Keys(global_broadcast_encryption_key=GROUP_KEY, authentication_key=AUTHENTICATION_KEY),
        "invocation_counter_object": 2,
        "hdlc": HDLC,
    }
    return Profile(**(settings | changes))


class GroupBench:
    """Meters on a bus; made inside a running loop."""

    def __init__(
        self, framing: Framing = "wrapper", link: LinkProfile | None = None, *, seed: int = 0
    ) -> None:
        self.bus = MeterBus(framing, link, seed=seed)
        self.framing: Framing = framing
        self.time = LoopTime()
        self.scheme = "udp" if framing == "datagrams" else "tcp"
        self.members: list[Member] = []
        self.unreachable = ""

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
        settings: dict[str, Any] = {
            "trusted": (VENDOR_KEY.public_key(),),
            "timings": meters.TIMINGS,
            "image_block_size": 64,
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
        meter = self._powered(SimulatedMedium(), config)
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

    def _powered(self, medium: SimulatedMedium, config: MeterConfig) -> SimulatedMeter:
        return SimulatedMeter(medium, config, self.time, challenge=lambda: next(CHALLENGES).to_bytes(16))

    def power_cycle(self, station: Station, seconds: float) -> None:
        """Take the power away now, and give it back after some time."""
        meter, station.meter = station.meter, None
        assert meter is not None
        medium = vars(meter)["_medium"]
        assert isinstance(medium, SimulatedMedium)
        medium.cut_now("kept")

        def power_up() -> None:
            station.lines.clear()
            station.meter = self._powered(medium.survivor(), meter.config)

        asyncio.get_running_loop().call_later(seconds, power_up)

    async def open(self, endpoint: Endpoint, deadline: float) -> BusPort:
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
        loop = asyncio.get_running_loop()
        return MulticastUpgrade(
            image,
            self.members,
            more.pop("group", None) or self.group(**more.pop("group_changes", {})),
            policy or TransferPolicy(activate="never"),
            journal=journal,
            open_transport=self.open,
            clock=loop.time,
            challenge=lambda: next(CHALLENGES).to_bytes(16),
            **more,
        )


def image(blocks: int = 12) -> Image:
    return Image.from_bytes(meters.container(blocks=blocks))


def stored(station: Station) -> int:
    assert station.meter is not None
    bits = station.meter.units.firmware.image_store.image_transferred_blocks_status
    return sum(bool(bit) for bit in bits)
