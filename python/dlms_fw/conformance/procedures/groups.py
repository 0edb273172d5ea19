"""MC-01 to MC-12: one image for a group of simulated meters, over one medium in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

from dlms_fw.conformance.benches.group import (
    GROUP_HOST,
    OTHER_GROUP_KEY,
    SimulatedGroup,
    counter_in,
    forged,
    group_profile,
    image_transfer_status,
    intercept,
    powered,
    stored,
)
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.conformance.image_process import Status
from dlms_fw.conformance.registry import Procedure, case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, expect
from dlms_fw.containers import dfw
from dlms_fw.cosem import well_known
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.errors import ConfigurationError, LocalProtocolError
from dlms_fw.image import Image, Version
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.bus import Station
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.storage import ImageBlockStore
from dlms_fw.multicast import Group, MulticastPolicy, MulticastReport
from dlms_fw.multicast.lines import Line, Turn
from dlms_fw.multicast.sender import GroupClient
from dlms_fw.profiles import HdlcSettings
from dlms_fw.signing_keys import generate
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LINKS

SLOW: Final = replace(LINKS["plc"], loss=0.0)
BLOCKS: Final = 12
_BLOCK_SIZE: Final = 64
_SHARE: Final = 0.2
_OBJECT: Final = ImageTransfer(well_known.IMAGE_TRANSFER)
_ROGUE: Final = bytes.fromhex("0001000100660005C701010000")
_HIGH_COUNTER: Final = 50_000
_ALL_LOGICAL_DEVICES: Final = 0x7F
BROADCASTS: Final = (
    f"tcp://{GROUP_HOST}?server=127",
    "hdlc+tcp://bus.example?server=127",
    "hdlc+tcp://bus.example?server=1/127",
    "hdlc+tcp://bus.example?server=16383/16383",
    "udp://255.255.255.255",
    "udp://192.0.2.255",
)


class Town:
    """A group, its image and the records of its client."""

    def __init__(self, site: Site, *, seed: int = 0) -> None:
        self.site = site
        key = generate()
        self.group = SimulatedGroup(link=SLOW, seed=seed, trusted=(key.public_key(),))
        self.journal = MemoryJournal()
        self._key = key

    def image(self, blocks: int = BLOCKS) -> Image:
        """An image of so many blocks; the last one is short."""
        fields: dict[str, Any] = {
            "image_identifier": b"MCS102",
            "part": 1,
            "meter_type": MeterConfig().model,
            "firmware_version": Version(2, 0, 0),
            "key": self._key,
        }
        size = blocks * _BLOCK_SIZE - 7 - (len(dfw.build(b"?", **fields)) - 1)
        return Image.from_bytes(dfw.build(bytes(n * 7 & 0xFF for n in range(size)), **fields))

    async def upgrade(
        self, blocks: int = BLOCKS, policy: TransferPolicy | None = None, **more: Any
    ) -> MulticastReport:
        """Have our client upgrade all members, without activation unless the policy says so."""
        report = await self.group.upgrade(self.image(blocks), self.journal, policy, **more).run()
        for member in report.members:
            self.site.step(
                f"{member.member}: {member.outcome}, {member.blocks_by_multicast} blocks by multicast, "
                f"{member.blocks_by_unicast} alone{'' if member.error is None else f', {member.error.code}'}"
            )
        return report


Told: TypeAlias = Callable[[Town], Awaitable[None]]


def group_case(number: str) -> Callable[[Told], Told]:
    """Make an asynchronous function on a group the procedure of a case."""

    def register(tell: Told) -> Told:
        def procedure(site: Site) -> None:
            async def run() -> None:
                await tell(Town(site))

            run_virtually(run())

        made: Procedure = procedure
        case(number)(made)
        return tell

    return register


@group_case("MC-01")
async def five_members(town: Town) -> None:
    """All get all blocks from the group, each sent once."""
    stations = [town.group.add() for _ in range(5)]
    report = await town.upgrade()
    expect_outcomes(report, ["verified"] * 5)
    for member, station in zip(report.members, stations, strict=True):
        blocks = member.blocks_by_multicast, member.blocks_by_unicast
        expect(blocks == (BLOCKS, 0), f"{BLOCKS} blocks by multicast and none alone", blocks)
        expect(stored(station) == BLOCKS, f"{BLOCKS} blocks in the meter", stored(station))
    expect(report.blocks_sent == BLOCKS, "each block sent once", report.blocks_sent)


@group_case("MC-02")
async def losses(town: Town) -> None:
    """All gaps are filled, whoever has missed what."""
    many = 5 * BLOCKS
    stations = [town.group.add(group_loss=_SHARE, line="plc") for _ in range(6)]
    report = await town.upgrade(many, group=town.group.group("plc"))
    expect_outcomes(report, ["verified"] * 6)
    for station in stations:
        expect(stored(station) == many, f"{many} blocks in the meter", stored(station))
    town.site.step(f"{report.blocks_sent} blocks sent to the group in {report.passes} passes")
    expect(report.blocks_sent > many, "blocks to have been lost", "none was")


@group_case("MC-03")
async def bystander(town: Town) -> None:
    """A meter that was not initiated stores nothing."""
    for _ in range(2):
        town.group.add()
    station = town.group.add()
    town.group.members.pop()
    expect_outcomes(await town.upgrade(), ["verified"] * 2)
    expect(station.heard >= BLOCKS, f"the bystander to hear {BLOCKS} blocks", station.heard)
    expect_untouched(station)


@group_case("MC-04")
async def all_stations(town: Town) -> None:
    """No client makes a group of everybody, and no meter takes blocks for everybody."""
    for url in BROADCASTS:
        try:
            Group(url, group_profile(hdlc=HdlcSettings())).endpoint()
        except ConfigurationError as error:
            town.site.step(f"{url}: {error}")
        else:
            raise Failed(f"{url} to be refused", "it is taken for a group")
    station = town.group.add()
    meter = powered(station)
    meter.units.firmware.image_store.image_transfer_initiate(b"MCS102", BLOCKS * _BLOCK_SIZE)
    message = forged(_OBJECT.image_block_transfer(0, b"?" * _BLOCK_SIZE), counter=5)
    to_all = message[:4] + _ALL_LOGICAL_DEVICES.to_bytes(2, "big") + message[6:]
    expect_silence(station, to_all, "a block for all logical devices")
    expect(stored(station) == 0, "no block in the meter", stored(station))
    expect_silence(station, message, "the same block for the group")
    expect(stored(station) == 1, "the block for the group in the meter", stored(station))


@group_case("MC-05")
async def other_kinds(town: Town) -> None:
    """Meters that the image is not for are left out and left alone."""
    good = [town.group.add() for _ in range(3)]
    wrong = [
        town.group.add(model="OTHER1"),
        town.group.add(image_block_size=2 * _BLOCK_SIZE),
        town.group.add(factory_version="9.0.0"),
    ]
    report = await town.upgrade()
    expect_outcomes(report, ["verified"] * 3 + ["excluded"] * 3)
    codes = [None if member.error is None else member.error.code for member in report.members[3:]]
    reasons = ["image.meter-type", "image.block-size", "image.version"]
    expect(codes == reasons, f"the reasons {', '.join(reasons)}", codes)
    for station in wrong:
        expect_untouched(station)
    for station in good:
        expect(stored(station) == BLOCKS, f"{BLOCKS} blocks in the meter", stored(station))


@group_case("MC-06")
async def wrong_key(town: Town) -> None:
    """Who has another group key takes nothing from the group."""
    for _ in range(3):
        town.group.add()
    town.group.add(key=OTHER_GROUP_KEY)
    report = await town.upgrade()
    expect_outcomes(report, ["verified"] * 4)
    shares = [(member.blocks_by_multicast, member.blocks_by_unicast) for member in report.members]
    expected = [(BLOCKS, 0)] * 3 + [(0, BLOCKS)]
    expect(shares == expected, f"blocks by multicast and alone {expected}", shares)


@group_case("MC-07")
async def replayed(town: Town) -> None:
    """What was said to the group once is not taken a second time."""
    station = town.group.add()
    heard: list[bytes] = []

    def note(message: bytes) -> list[bytes]:
        heard.append(message)
        return [message]

    intercept(station, note)
    expect_outcomes(await town.upgrade(), ["verified"])
    expect(len(heard) == BLOCKS, f"{BLOCKS} messages to the group", len(heard))
    store = powered(station).units.firmware.image_store
    store.image_transfer_initiate(b"MCS102", len(town.image().data))
    for message in tuple(heard):
        expect_silence(station, message, "a replayed block")
    expect(stored(station) == 0, "no replayed block to be stored", stored(station))
    fresh = forged(_OBJECT.image_block_transfer(0, b"?" * _BLOCK_SIZE), counter=_HIGH_COUNTER)
    expect_silence(station, fresh, "a fresh block")
    expect(stored(station) == 1, "a fresh block to be stored", stored(station))


@group_case("MC-08")
async def forged_block(town: Town) -> None:
    """A forged block costs a transfer, and never leads to an activation."""
    station, other = town.group.add(), town.group.add()
    count = 0

    def forge(message: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        if count != BLOCKS // 2:
            return [message]
        call = _OBJECT.image_block_transfer(count - 1, b"!" * _BLOCK_SIZE)
        return [forged(call, counter=counter_in(message))]

    intercept(station, forge)
    report = await town.upgrade(policy=TransferPolicy())
    expect_outcomes(report, ["activated"] * 2)
    alone = [member.blocks_by_unicast for member in report.members]
    expect(alone == [BLOCKS, 0], f"{BLOCKS} blocks alone for the one that was deceived", alone)
    for each in (station, other):
        running = powered(each).units.firmware.running(1).sha256
        expect(running == town.image().sha256, "exactly our image to run", running.hex())


@group_case("MC-09")
async def nothing_but_blocks(town: Town) -> None:
    """Initiation, verification and activation go to each meter alone."""
    station = town.group.add()
    expect_outcomes(await town.upgrade(), ["verified"])
    calls = {
        "image_transfer_initiate": _OBJECT.image_transfer_initiate(b"MCS102", _BLOCK_SIZE),
        "image_verify": _OBJECT.image_verify(),
        "image_activate": _OBJECT.image_activate(),
    }
    sender: GroupClient = GroupClient(
        Group(f"tcp://{GROUP_HOST}", group_profile()),
        Turn(Line()),
        first_counter=1,
        journal=town.journal,
        open_transport=lambda deadline: town.group.bus.open(sender.endpoint, deadline),
    )
    async with sender:
        for what, call in calls.items():
            try:
                await sender.send(call.unconfirmed().request)
            except LocalProtocolError as error:
                town.site.step(f"{what} to a group: {error}")
            else:
                raise Failed(f"the client to refuse {what} to a group", "it was sent")
    for counter, (what, call) in enumerate(calls.items(), _HIGH_COUNTER):
        expect_silence(station, forged(call, counter=counter), f"a forged {what}")
        status = image_transfer_status(station)
        expect(status == Status.VERIFICATION_SUCCESSFUL, f"no effect of a forged {what}", f"status {status}")


@group_case("MC-10")
async def restart_midway(town: Town) -> None:
    """A member that was away gets the rest, and holds nobody up."""
    many = 2 * BLOCKS
    station, other = town.group.add(), town.group.add()
    count = 0

    def restart(message: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        if count == BLOCKS // 2:
            town.group.power_cycle(station, seconds=0.3)
        return [message]

    intercept(station, restart)
    report = await town.upgrade(many)
    expect_outcomes(report, ["verified"] * 2)
    first = report.members[0].blocks_by_multicast
    expect(first < many, "blocks to be missed during the restart", "none was")
    for each in (station, other):
        expect(stored(each) == many, f"{many} blocks in the meter", stored(each))


@group_case("MC-11")
async def no_answers(town: Town) -> None:
    """Members say nothing to what is said to the group; what comes all the same is believed by nobody."""
    stations = [town.group.add() for _ in range(3)]
    multicast = MulticastPolicy(burst_blocks=4)
    report = await town.upgrade(multicast=multicast)
    expect_outcomes(report, ["verified"] * 3)
    expect(report.unexpected_answers == 0, "no answer from the group", report.unexpected_answers)
    stations[1].rogue_answer = _ROGUE
    policy = TransferPolicy(activate="never", restart=True)
    report = await town.upgrade(2 * BLOCKS, policy, multicast=multicast)
    expect_outcomes(report, ["verified"] * 3)
    expect(report.unexpected_answers > 0, "answers that should not be to be counted", 0)
    town.site.step(f"{report.unexpected_answers} answers that should not be, counted")


@group_case("MC-12")
async def hopeless(town: Town) -> None:
    """Members that never get ready stop nobody, and are reported with the reason."""
    stations = [town.group.add() for _ in range(4)]
    stations[0].meter = None
    town.group.memory[1].failing.add(ImageBlockStore.BLOCKS)
    policy = TransferPolicy(activate="never", losses_without_progress=3)
    report = await town.upgrade(policy=policy)
    expect_outcomes(report, ["failed", "failed", "verified", "verified"])
    for member in report.members[:2]:
        if member.error is None:
            raise Failed(f"a reason for {member.member}", "none")
        town.site.step(f"{member.member}: {member.error}")


def expect_outcomes(report: MulticastReport, outcomes: list[str]) -> None:
    """Raises Failed unless the members have ended so."""
    found: list[str] = [member.outcome for member in report.members]
    expect(found == outcomes, f"the outcomes {', '.join(outcomes)}", ", ".join(found))


def expect_untouched(station: Station) -> None:
    """Raises Failed where a transfer was begun in a meter."""
    status = image_transfer_status(station)
    expect(status == Status.TRANSFER_NOT_INITIATED, "status 0 in a meter that is not meant", status)
    expect(stored(station) == 0, "no block in a meter that is not meant", stored(station))


def expect_silence(station: Station, message: bytes, what: str) -> None:
    """Raises Failed where a meter answers a message to the group."""
    answer = station.take(None, "wrapper", message)
    expect(answer == b"", f"no answer to {what}", f"{len(answer)} octets")
