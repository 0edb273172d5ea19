"""A simulated meter at the other end of a link of the field, in virtual time, and clients of it."""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import replace
from functools import cache
from typing import Any

import meters
from dlms_fw._core import Key
from dlms_fw.client import Client
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.events import Event, StrategyChosen
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.slow_memory import SlowMemory
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys
from dlms_fw.transfer import TransferPolicy, TransferResult
from dlms_fw.transports.faults import Cut, LinkProfile, VirtualLine
from meter_bench import GMAC
from meters import IDENTIFIER, VENDOR_KEY

SECONDS_PER_BLOCK = 0.005
"""What the meter needs for a block, whatever its size."""
MAX_PDU_SIZE = 2048

_WAYS: dict[str, tuple[str, Framing]] = {
    "line": ("hdlc+tcp", "hdlc"),
    "stream": ("tcp", "wrapper"),
    "datagram": ("udp", "datagrams"),
}

_serial = itertools.count(1)
_challenges = itertools.count(1)


class LinkSite:
    """One new meter behind one link.

    Args:
        link: What the link is like; a line carries HDLC, everything else the wrapper.
        profile: Of the client, and so of the meter.
        hdlc: What both ends agree to.
        image_block_size: The meter's.
        max_pdu_size: What each end receives.
        seed: Of the link.
        cut: Where it breaks.
        changes: Of the meter's configuration.

    Attributes:
        window: Blocks that may have been on their way at a time, at most.
    """

    def __init__(
        self,
        link: LinkProfile,
        *,
        profile: Profile = GMAC,
        hdlc: HdlcSettings | None = None,
        image_block_size: int = 256,
        max_pdu_size: int = MAX_PDU_SIZE,
        seed: int = 0,
        cut: Cut | None = None,
        **changes: Any,
    ) -> None:
        hdlc = hdlc or HdlcSettings()
        self.scheme, framing = _WAYS[link.flavour]
        # Never the same meter again, so records of another run say nothing about it.
        self.system_title = b"MCS" + next(_serial).to_bytes(5, "big")
        self.profile = replace(
            profile,
            hdlc=hdlc,
            max_pdu_size=max_pdu_size,
            general_block_transfer="when-needed",
            keys=self._keys() if profile.needs_keys else profile.keys,
            first_invocation_counter=1,
        )
        settings = {
            "trusted": (VENDOR_KEY.public_key(),),
            "timings": meters.TIMINGS,
            "image_block_size": image_block_size,
            "system_title": self.system_title,
        }
        self.config = mcs301.configured(self.profile, **(settings | changes))
        self.window = 1
        self.time = VirtualTime()
        self.memory = SlowMemory(SimulatedMedium(), SECONDS_PER_BLOCK)
        self.meter = SimulatedMeter(
            self.memory, self.config, self.time, challenge=lambda: next(_challenges).to_bytes(16, "big")
        )
        self.line = VirtualLine(
            link,
            lambda on_drop: self.meter.connect(framing, on_drop),
            self.time,
            seed=seed,
            cut=cut,
            agenda=self.meter,
            work=self.memory.work,
        )

    def upgrade(self, journal: Journal, image: Image, policy: TransferPolicy) -> TransferResult:
        """One run of an upgrade; the widest window in it is noted."""
        with self.client(journal) as client:
            return client.upgrade(image, policy, on_event=self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, StrategyChosen):
            self.window = max(self.window, event.burst, event.blocks_per_request * event.depth)

    def tells_a_key(self, text: str) -> bool:
        """Whether somebody who reads this has a key."""
        own = hashlib.sha256(self.system_title).digest()
        return any(key.hex() in text.lower() or repr(key)[2:-1] in text for key in (own[:16], own[16:]))

    def _keys(self) -> Keys:
        own = hashlib.sha256(self.system_title).digest()
        return Keys(global_unicast_encryption_key=Key(own[:16]), authentication_key=Key(own[16:]))

    def client(self, journal: Journal, **changes: Any) -> Client:
        return Client(
            f"{self.scheme}://meter",
            replace(self.profile, **changes),
            journal=journal,
            open_transport=self.line.open,
            clock=self.line.clock,
            sleep=self.line.sleep,
        )


@cache
def image_of(octets: int) -> Image:
    """A signed container of exactly that many octets."""
    fields: dict[str, Any] = {
        "image_identifier": IDENTIFIER,
        "part": 1,
        "meter_type": "MCS301",
        "firmware_version": Version(2, 0, 0),
        "key": VENDOR_KEY,
    }
    around = len(dfw.build(b"x", **fields)) - 1
    image = Image.from_bytes(dfw.build(random.Random(octets).randbytes(octets - around), **fields))
    assert len(image.data) == octets
    return image
