"""Upgrades of groups of simulated meters, in virtual time: what each kind of member comes to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.conformance.benches.group import (
    GROUP_HOST,
    GROUP_KEY,
    HDLC,
    OTHER_GROUP_KEY,
    group_profile,
    image_transfer_status,
    stored,
    unicast_profile,
)
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.errors import (
    ConfigurationError,
    ImageRejected,
    LocalProtocolError,
)
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import MeterBus
from dlms_fw.multicast import Group, Member
from dlms_fw.multicast.lines import Line, Turn
from dlms_fw.multicast.sender import GroupClient
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LINKS
from group_bench import IMAGE_TRANSFER, SLOW, GroupBench, group_message, image, journal_in_memory, outcomes


@pytest.fixture
def journal() -> Iterator[Journal]:
    with journal_in_memory() as opened:
        yield opened


# --- The good way ------------------------------------------------------------------------------------------


@pytest.mark.proves("image-transfer-multicast")
def test_mc_01_five_members_get_the_image_from_the_group(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        stations = [bench.add() for _ in range(5)]
        events: list[tuple[str | None, Any]] = []
        upgrade = bench.upgrade(image(), journal, on_event=lambda *told: events.append(told))
        report = await upgrade.run()
        assert report.ok
        assert outcomes(report) == ["verified"] * 5
        assert [(row.blocks_by_multicast, row.blocks_by_unicast) for row in report.members] == [(12, 0)] * 5
        assert (report.passes, report.blocks_sent, report.looks) == (1, 12, 5)
        assert [stored(station) for station in stations] == [12] * 5
        assert report.to_dict()["members"][4]["meter"] == "4D43530000000004"
        assert {member for member, _ in events} == {None, *(f"meter {number}" for number in range(5))}

    run_virtually(body())


def test_and_activates_it_by_unicast(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        stations = [bench.add(line="plc") for _ in range(3)]
        report = await bench.upgrade(image(), journal, TransferPolicy()).run()
        assert outcomes(report) == ["activated"] * 3
        for station in stations:
            assert station.meter is not None
            assert station.meter.units.firmware.running(1).identifier == image().image_identifier
        again = await bench.upgrade(image(), journal, TransferPolicy()).run()
        assert outcomes(again) == ["already-current"] * 3
        assert again.blocks_sent == 0

    run_virtually(body())


@pytest.mark.fault("G-02")
def test_mc_02_gaps_are_filled(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW, seed=7)
        stations = [bench.add(group_loss=0.2, line="plc") for _ in range(6)]
        report = await bench.upgrade(image(60), journal, group=bench.group("plc")).run()
        assert outcomes(report) == ["verified"] * 6
        assert [stored(station) for station in stations] == [60] * 6
        assert sum(row.blocks_by_unicast for row in report.members) < 60

    run_virtually(body())


def test_mc_03_who_was_not_initiated_stores_nothing(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench()
        for _ in range(2):
            bench.add()
        bystander = bench.add()
        bench.members.pop()
        report = await bench.upgrade(image(), journal).run()
        assert report.ok
        assert bystander.heard >= 12
        assert stored(bystander) == 0
        assert image_transfer_status(bystander) == 0

    run_virtually(body())


# --- Who is refused, and what ------------------------------------------------------------------------------


@pytest.mark.fault("G-01")
@pytest.mark.parametrize(
    "url",
    [
        f"tcp://{GROUP_HOST}?server=127",
        "hdlc+tcp://bus.example?server=127",
        "hdlc+tcp://bus.example?server=1/127",
        "hdlc+tcp://bus.example?server=16383/16383",
        "udp://255.255.255.255",
        "udp://192.0.2.255",
        "udp://meter.example",
    ],
)
def test_mc_04_no_address_of_all_stations(url: str) -> None:
    member, profile = Member("tcp://meter.example", unicast_profile(0)), group_profile(hdlc=HdlcSettings())
    with pytest.raises(ConfigurationError):
        Group(url, profile).endpoint()
    with pytest.raises(ConfigurationError), Journal(Path(tempfile.mkdtemp()) / "journal") as journal:
        make(journal, [member], Group(url, profile))


def make(journal: Journal | None, members: list[Member], group: Group, **more: Any) -> Any:
    from dlms_fw.multicast import MulticastUpgrade

    return MulticastUpgrade(image(), members, group, journal=journal, **more)


def test_mc_04_a_meter_ignores_what_goes_to_all(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench()
        station = bench.add()
        await bench.upgrade(image(), journal, TransferPolicy(dry_run=True)).run()
        sealed = group_message(0, b"?" * 64, counter=5)
        to_all = sealed[:4] + b"\x00\x7f" + sealed[6:]
        assert station.take(None, "wrapper", to_all) == b""
        assert stored(station) == 0

    run_virtually(body())


@pytest.mark.fault("G-03")
def test_mc_05_a_member_of_another_kind_is_not_touched(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        good = [bench.add() for _ in range(3)]
        wrong = [
            bench.add(model="OTHER1"),
            bench.add(image_block_size=128),
            bench.add(factory_version="9.0.0"),
        ]
        report = await bench.upgrade(image(), journal).run()
        assert outcomes(report) == ["verified"] * 3 + ["excluded"] * 3
        assert [row.error.code for row in report.members[3:] if row.error] == [
            "image.meter-type",
            "image.block-size",
            "image.version",
        ]
        assert not any(row.changed for row in report.members[3:])
        assert [image_transfer_status(station) for station in wrong] == [0, 0, 0]
        assert [stored(station) for station in good] == [12] * 3
        assert not report.ok

    run_virtually(body())


@pytest.mark.fault("G-03")
def test_a_meter_that_is_listed_twice_is_upgraded_once(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench()
        bench.add()
        bench.members.append(replace(bench.members[0], name="the same", line="another"))
        report = await bench.upgrade(image(), journal).run()
        assert outcomes(report) == ["verified", "excluded"]
        assert isinstance(report.members[1].error, ImageRejected)
        with pytest.raises(ConfigurationError, match="listed twice"):
            make(journal, [bench.members[0]] * 2, Group(f"tcp://{GROUP_HOST}", group_profile()))

    run_virtually(body())


@pytest.mark.fault("G-03")
def test_in_a_large_group_who_does_not_belong_there_is_found_when_its_turn_comes(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW, volatile=True)
        for number in range(12):
            bench.add(line="medium", image_block_size=128 if number == 7 else 64)
        bench.members[9] = replace(bench.members[1], name="the same")
        opened = bench.bus.opened
        report = await bench.upgrade(image(), journal, group=bench.group("medium")).run()
        assert [row.error.code for row in report.members if row.error] == [
            "image.block-size",
            "image.listed-twice",
        ]
        assert [number for number, outcome in enumerate(outcomes(report)) if outcome == "excluded"] == [7, 9]
        assert image_transfer_status(bench.bus.stations[7]) == 0
        assert not report.members[7].changed
        assert stored(bench.bus.stations[1]) == 12
        # Five are asked ahead; each of the others gets ready over the association in which it is asked.
        assert bench.bus.opened - opened < 12 + 5 + 12 * 2

    run_virtually(body())


def test_a_large_group_whose_first_members_are_away_asks_the_others(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW, volatile=True)
        for _ in range(11):
            bench.add(line="medium")
        for number in (0, 2, 4, 6, 8):
            bench.bus.stations[number].meter = None
        report = await bench.upgrade(image(), journal, group=bench.group("medium")).run()
        assert outcomes(report) == [
            "failed" if number in {0, 2, 4, 6, 8} else "verified" for number in range(11)
        ]

    run_virtually(body())


@pytest.mark.fault("G-05")
def test_mc_06_under_another_group_key_nothing_is_stored_and_unicast_fills(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(3):
            bench.add()
        bench.add(key=OTHER_GROUP_KEY)
        bench.add(joined=False)
        report = await bench.upgrade(image(24), journal).run()
        assert outcomes(report) == ["verified"] * 5
        assert [row.blocks_by_multicast for row in report.members] == [24, 24, 24, 0, 0]
        assert [row.blocks_by_unicast for row in report.members] == [0, 0, 0, 24, 24]

    run_virtually(body())


def test_mc_09_nothing_but_blocks_goes_to_a_group(journal: Journal) -> None:
    async def body() -> None:
        bus = MeterBus()
        sender: GroupClient = GroupClient(
            Group(f"tcp://{GROUP_HOST}", group_profile()),
            Turn(Line()),
            first_counter=1,
            journal=journal,
            open_transport=lambda deadline: bus.open(sender.endpoint, deadline),
        )
        async with sender:
            for call in (
                IMAGE_TRANSFER.image_activate(),
                IMAGE_TRANSFER.image_verify(),
                IMAGE_TRANSFER.image_transfer_initiate(b"MCS102", 64),
            ):
                with pytest.raises(LocalProtocolError, match="only image blocks"):
                    await sender.send(call.unconfirmed().request)
                with pytest.raises(LocalProtocolError):
                    await sender.action(call)
            with pytest.raises(LocalProtocolError):
                await sender.send(IMAGE_TRANSFER.image_block_transfer(0, b"?" * 64).request)
            await sender.send(IMAGE_TRANSFER.image_block_transfer(0, b"?" * 64).unconfirmed().request)

    run_virtually(body())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pre_established": False, "mechanism": 0}, "pre-established"),
        ({"keys": unicast_profile(0).keys}, "global_broadcast_encryption_key: missing"),
        ({"security_policy": 0, "keys": type(unicast_profile(0).keys)()}, "not authenticated"),
    ],
)
def test_a_group_needs_a_key_of_its_own(journal: Journal, changes: dict[str, Any], words: str) -> None:
    member = Member("tcp://meter.example", unicast_profile(0))
    with pytest.raises(ConfigurationError, match=words):
        make(journal, [member], Group(f"tcp://{GROUP_HOST}", group_profile(**changes)))


def test_what_cannot_be_a_group(journal: Journal) -> None:
    group = Group(f"tcp://{GROUP_HOST}", group_profile())
    member = Member("tcp://meter.example", unicast_profile(0))
    with pytest.raises(ConfigurationError, match="needs members"):
        make(journal, [], group)
    with pytest.raises(ConfigurationError, match="needs a journal"):
        make(None, [member], group)
    with pytest.raises(ConfigurationError, match="never answered"):
        make(journal, [replace(member, profile=group_profile())], group)
    shared = replace(unicast_profile(0).keys, global_unicast_encryption_key=GROUP_KEY)
    with pytest.raises(ConfigurationError, match="is the key of the group"):
        make(journal, [replace(member, profile=unicast_profile(0, keys=shared))], group)
    with pytest.raises(ConfigurationError, match="neither side proves itself"):
        make(journal, [replace(member, profile=Profile(client_sap=1))], group)


def test_a_block_that_fits_no_message_is_noticed_before_anything_is_written(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench()
        station = bench.add()
        with pytest.raises(ConfigurationError, match="does not fit one message"):
            await bench.upgrade(image(), journal, group_changes={"max_pdu_size": 100}).run()
        assert image_transfer_status(station) == 0

    run_virtually(body())


# --- On a bus ----------------------------------------------------------------------------------------------


@pytest.mark.proves("image-transfer-multicast")
def test_over_hdlc_blocks_go_in_ui_frames_to_a_group_address(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench("hdlc", replace(LINKS["rs485-115200"], loss=0.0), seed=3)
        stations = [bench.add(group_loss=0.1, line="bus") for _ in range(4)]
        stations.append(bench.add(line="bus", joined=False))
        report = await bench.upgrade(image(60), journal, TransferPolicy(), group=bench.group("bus")).run()
        assert outcomes(report) == ["activated"] * 5
        assert report.group_error is None
        assert all(row.blocks_by_multicast > 40 for row in report.members[:4])
        assert (report.members[4].blocks_by_multicast, report.members[4].blocks_by_unicast) == (0, 60)

    run_virtually(body())


def test_over_hdlc_a_block_must_fit_one_frame(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench("hdlc")
        bench.add(line="bus")
        changes = {"hdlc": replace(HDLC, max_info_field_length=100)}
        with pytest.raises(ConfigurationError, match="does not fit one message"):
            await bench.upgrade(image(), journal, group_changes=changes).run()

    run_virtually(body())
