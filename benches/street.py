"""A group of simulated meters on one shared medium, in virtual time, cheap enough for a thousand of them.

Real clients, real meters and a bus that takes its time; each meter loses by a chance of its own. Two things
are spared, and neither changes a second: memories know no power cuts, and over datagrams a block that a meter
has heard is not brought to it again, which would change nothing there.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dlms_fw._core import ActionRequest, Channel, SecurityContext, WrapperFraming
from dlms_fw.async_client import AsyncClient
from dlms_fw.conformance.benches.group import (
    AUTHENTICATION_KEY,
    CHALLENGES,
    CLIENT_TITLE,
    GROUP_HOST,
    GROUP_KEY,
    PRE_ESTABLISHED,
)
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.cosem import ImageTransfer
from dlms_fw.events import Phase
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import BusPort, MeterBus, Station
from dlms_fw.meter.connection import Framing
from dlms_fw.multicast import MulticastReport
from dlms_fw.transfer import TransferPolicy, TransferResult, WantedStrategy
from dlms_fw.transports.faults import LINKS, LinkProfile

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import meters
from group_bench import GroupBench

BLOCK_SIZE = 128
SEED = 1


@dataclass(frozen=True)
class Medium:
    """One shared medium.

    Attributes:
        response_timeout_s: After which a frame is repeated; a datagram after a quarter of it at the latest.
    """

    name: str
    framing: Framing
    link: LinkProfile
    response_timeout_s: float


POWER_LINE = Medium("power line, 20 kbit/s, 5 % of fragments lost", "datagrams", LINKS["plc"], 3.0)
MEDIA = (
    POWER_LINE,
    Medium(
        "RS-485, 19,200 bit/s, 0.1 % of frames lost", "hdlc", replace(LINKS["rs485-19200"], loss=0.001), 0.5
    ),
    Medium(
        "RS-485, 115,200 bit/s, 0.1 % of frames lost", "hdlc", replace(LINKS["rs485-115200"], loss=0.001), 0.5
    ),
)


class ThriftyBus(MeterBus):
    """A bus on which nobody hears a block to the group that it has heard before."""

    def __init__(self, link: LinkProfile, *, seed: int) -> None:
        super().__init__("datagrams", link, seed=seed)
        self._lacking: dict[int, list[Station]] = defaultdict(lambda: list(self.stations))
        self._listener = Channel("server", WrapperFraming(PRE_ESTABLISHED, 1))
        self._listener.connect()
        self._listener.security = SecurityContext(
            0,
            0x30,
            system_title=b"LISTENER",
            peer_system_title=CLIENT_TITLE,
            authentication_key=AUTHENTICATION_KEY,
            global_broadcast_encryption_key=GROUP_KEY,
            invocation_counter=1,
            counter_limit=2,
            general=True,
        )

    def reach(self, port: BusPort, message: bytes) -> None:
        """As on any bus, but for blocks to the group."""
        if port.host != GROUP_HOST:
            super().reach(port, message)
            return
        number, pieces = self._block_number(message), self.pieces(len(message))
        missed = []
        for station in self._lacking[number]:
            if station.loses(station.group_loss, pieces):
                missed.append(station)
            else:
                station.take(port, "datagrams", message)
        self._lacking[number] = missed

    def _block_number(self, message: bytes) -> int:
        events, _ = self._listener.receive(message)
        while not isinstance(events[-1], ActionRequest):
            events, _ = self._listener.receive(b"")
        number, _ = ImageTransfer.image_block_transfer.decode_parameter(events[-1].parameter)
        return int(number)


class Street(GroupBench):
    """So many members on a medium; made inside a running loop."""

    def __init__(self, medium: Medium, members: int) -> None:
        super().__init__(medium.framing, medium.link, seed=SEED, volatile=True)
        if medium.framing == "datagrams":
            self.bus = ThriftyBus(medium.link, seed=SEED)
        for _ in range(members):
            self.add(image_block_size=BLOCK_SIZE, line="medium", response_timeout_s=medium.response_timeout_s)


def image(octets: int) -> Image:
    """An image of about that size for the meters."""
    return Image.from_bytes(meters.container(blocks=octets // meters.BLOCK_SIZE))


def to_group(medium: Medium, what: Image, members: int) -> MulticastReport:
    """The image to all at once; it is verified and not activated."""

    async def upgrade(journal: Journal) -> MulticastReport:
        street = Street(medium, members)
        return await street.upgrade(what, journal, group=street.group("medium")).run()

    with _journal() as journal:
        report = run_virtually(upgrade(journal))
    assert report.ok, [row.error for row in report.members if row.error]
    return report


def to_one(medium: Medium, what: Image, strategy: WantedStrategy) -> TransferResult:
    """The same to one meter, alone on the medium."""

    async def upgrade(journal: Journal) -> TransferResult:
        street = Street(medium, 1)
        member = street.members[0]
        client = AsyncClient(
            member.url,
            member.profile,
            journal=journal,
            open_transport=lambda deadline: street.open(client.endpoint, deadline),
            clock=asyncio.get_running_loop().time,
            challenge=lambda: next(CHALLENGES).to_bytes(16),
        )
        async with client:
            return await client.upgrade(what, TransferPolicy(activate="never", strategy=strategy))

    with _journal() as journal:
        return run_virtually(upgrade(journal))


def seconds_for_blocks(result: TransferResult | MulticastReport) -> float:
    """From the first block to the last answer; to a group, with all that comes after the last look."""
    if isinstance(result, MulticastReport):
        return result.seconds.sending + result.seconds.looking + result.seconds.completion
    return sum(phase.seconds for phase in result.phases if phase.phase is Phase.TRANSFER)


def seconds_altogether(result: TransferResult | MulticastReport) -> float:
    """From the first association to the verified image, in the last meter."""
    if isinstance(result, MulticastReport):
        parts = result.seconds
        return parts.survey + parts.preparation + parts.distribution + parts.completion
    return result.seconds


@contextmanager
def _journal() -> Iterator[Journal]:
    """A new one, in memory where there is such a file system: the meters have the titles of those before."""
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        Journal(Path(folder) / "journal.sqlite3") as journal,
    ):
        yield journal
