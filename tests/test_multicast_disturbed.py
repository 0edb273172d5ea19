"""Upgrades of groups in virtual time: what strangers may try, and members that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dlms_fw.conformance.benches.group import (
    GROUP_HOST,
    GROUP_KEY,
    counter_in,
    forged,
    image_transfer_status,
    intercept,
    stored,
)
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import (
    Busy,
    TransferError,
)
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import BusPort
from dlms_fw.multicast import MulticastPolicy
from dlms_fw.multicast.events import GroupPassSent
from dlms_fw.transfer import TransferPolicy
from group_bench import IMAGE_TRANSFER, SLOW, GroupBench, group_message, image, journal_in_memory, outcomes


@pytest.fixture
def journal() -> Iterator[Journal]:
    with journal_in_memory() as opened:
        yield opened


# --- What others may try -----------------------------------------------------------------------------------


def noting(heard: list[bytes]) -> Callable[[bytes], list[bytes]]:
    def note(message: bytes) -> list[bytes]:
        heard.append(message)
        return [message]

    return note


@pytest.mark.proves("image-transfer-multicast")
def test_mc_07_replayed_blocks_are_refused(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        station = bench.add()
        heard: list[bytes] = []
        intercept(station, noting(heard))
        await bench.upgrade(image(), journal).run()
        assert len(heard) == 12
        assert station.meter is not None
        store = station.meter.units.firmware.image_store
        store.image_transfer_initiate(b"MCS102", len(image().data))
        replayed = tuple(heard)
        for message in replayed:
            assert station.take(None, "wrapper", message) == b""
        assert stored(station) == 0

    run_virtually(body())


@pytest.mark.fault("G-07")
def test_whoever_has_the_key_of_the_group_can_neither_initiate_nor_verify_nor_activate(
    journal: Journal,
) -> None:
    async def body() -> None:
        bench = GroupBench()
        station = bench.add()
        await bench.upgrade(image(), journal).run()
        before = image_transfer_status(station)
        assert before == 3
        calls = (
            IMAGE_TRANSFER.image_transfer_initiate(b"MCS102", 64),
            IMAGE_TRANSFER.image_verify(),
            IMAGE_TRANSFER.image_activate(),
        )
        for counter, call in enumerate(calls, 50_000):
            assert station.take(None, "wrapper", forged(call, counter=counter)) == b""
            assert image_transfer_status(station) == before
        assert stored(station) == 12

    run_virtually(body())


def test_members_on_one_line_take_turns(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(4):
            bench.add(line="plc")
        most = 0

        async def open_transport(endpoint: Endpoint, deadline: float) -> BusPort:
            nonlocal most
            port = await bench.bus.open(endpoint, deadline)
            most = max(most, len(vars(bench.bus)["_ports"]))
            return port

        bench.open = open_transport  # type: ignore[method-assign]
        group = bench.group("plc")
        report = await bench.upgrade(image(), journal, TransferPolicy(), group=group).run()
        assert outcomes(report) == ["activated"] * 4
        assert most == 1, "the group is spoken to on the same line"

    run_virtually(body())


@pytest.mark.fault("G-07")
def test_mc_08_a_forged_block_leads_to_no_activation_but_to_unicast(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        station, other = bench.add(), bench.add()
        count = 0

        def forge(message: bytes) -> list[bytes]:
            nonlocal count
            count += 1
            return [group_message(3, b"!" * 64, counter=counter_in(message)) if count == 4 else message]

        intercept(station, forge)
        report = await bench.upgrade(image(), journal, TransferPolicy()).run()
        assert outcomes(report) == ["activated"] * 2
        assert [row.blocks_by_unicast for row in report.members] == [12, 0]
        for each in (station, other):
            assert each.meter is not None
            assert each.meter.units.firmware.running(1).sha256 == image().sha256

    run_virtually(body())


@pytest.mark.fault("G-06")
@pytest.mark.parametrize("rogue", [b"", b"\x00\x01\x00\x01\x00\x66\x00\x05\xc7\x01\x01\x00\x00"])
def test_mc_11_answers_from_a_group_are_counted_and_ignored(journal: Journal, rogue: bytes) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(3):
            bench.add()
        bench.bus.stations[1].rogue_answer = rogue
        report = await bench.upgrade(image(), journal, multicast=MulticastPolicy(burst_blocks=4)).run()
        assert outcomes(report) == ["verified"] * 3
        assert bool(report.unexpected_answers) == bool(rogue)

    run_virtually(body())


@pytest.mark.fault("G-08")
def test_one_sender_for_one_group_key(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench()
        bench.add()
        with (
            Journal(journal.path) as second,
            second.lease(f"group key {GROUP_KEY.fingerprint}"),
            pytest.raises(Busy),
        ):
            await bench.upgrade(image(), journal).run()
        assert (await bench.upgrade(image(), journal).run()).ok

    run_virtually(body())


def test_the_counter_goes_on_above_what_members_have_accepted(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        station = bench.add()
        station.take(None, "wrapper", group_message(0, b"?" * 64, counter=9_000))
        heard: list[bytes] = []
        intercept(station, noting(heard))
        report = await bench.upgrade(image(), journal).run()
        assert report.members[0].blocks_by_multicast == 12
        assert counter_in(heard[0]) > 9_000

    run_virtually(body())


@pytest.mark.fault("G-10")
def test_doubled_and_overtaken_blocks_do_no_harm(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        twice, late = bench.add(), bench.add()
        held: list[bytes] = []

        def overtaken(message: bytes) -> list[bytes]:
            held.append(message)
            return [held.pop(), held.pop()] if len(held) == 2 else []

        intercept(twice, lambda message: [message, message])
        intercept(late, overtaken)
        report = await bench.upgrade(image(), journal).run()
        assert outcomes(report) == ["verified"] * 2
        assert report.members[0].blocks_by_multicast == 12
        assert report.members[1].blocks_by_multicast == 6, "the counter of each other one was too old"

    run_virtually(body())


# --- Who comes and goes ------------------------------------------------------------------------------------


@pytest.mark.fault("G-04")
def test_mc_10_a_member_that_restarts_midway_completes(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(2):
            bench.add()
        station = bench.bus.stations[1]
        count = 0

        def restart(message: bytes) -> list[bytes]:
            nonlocal count
            count += 1
            if count == 6:
                bench.power_cycle(station, seconds=0.3)
            return [message]

        intercept(station, restart)
        report = await bench.upgrade(image(24), journal).run()
        assert outcomes(report) == ["verified"] * 2
        assert report.members[1].blocks_by_multicast < 24
        assert stored(station) == 24

    run_virtually(body())


@pytest.mark.fault("G-04")
def test_mc_12_a_member_that_leaves_is_reported_and_keeps_nobody(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(3):
            bench.add()
        gone = bench.bus.stations[1]

        def leave(member: str | None, event: Any) -> None:
            if isinstance(event, GroupPassSent):
                gone.meter = None

        report = await bench.upgrade(
            image(), journal, TransferPolicy(activate="never", losses_without_progress=3), on_event=leave
        ).run()
        assert outcomes(report) == ["verified", "failed", "verified"]
        assert isinstance(report.members[1].error, TransferError)
        assert report.members[1].error.retryable

    run_virtually(body())


@pytest.mark.fault("G-04")
def test_a_member_that_comes_late_gets_what_it_missed(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(2):
            bench.add()
        late = bench.bus.stations[1]
        meter, late.meter = late.meter, None
        asyncio.get_running_loop().call_later(12.0, setattr, late, "meter", meter)
        report = await bench.upgrade(image(200), journal, multicast=MulticastPolicy(gather_seconds=1.0)).run()
        assert outcomes(report) == ["verified"] * 2

    run_virtually(body())


def test_a_member_that_is_never_there_is_reported(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(2):
            bench.add()
        bench.bus.stations[0].meter = None
        report = await bench.upgrade(image(), journal).run()
        assert outcomes(report) == ["failed", "verified"]
        alone = GroupBench()
        alone.add().meter = None
        assert outcomes(await alone.upgrade(image(), journal).run()) == ["failed"]

    run_virtually(body())


@pytest.mark.fault("G-09")
def test_members_that_are_busy_writing_make_the_group_wait(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        for _ in range(12):
            bench.add(busy_seconds=0.15)
        report = await bench.upgrade(image(100), journal).run()
        assert report.ok
        assert report.pause_seconds > 0.0
        assert sum(row.blocks_by_unicast for row in report.members) < 200, "of 1200"

    run_virtually(body())


def test_a_second_run_goes_on_where_the_first_stopped(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        stations = [bench.add(line="plc") for _ in range(2)]
        upgrade = asyncio.create_task(bench.upgrade(image(100), journal, group=bench.group("plc")).run())
        while not stored(stations[0]) > 50:
            await asyncio.sleep(0.5)
        upgrade.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upgrade
        have = stored(stations[0])
        report = await bench.upgrade(image(100), journal, group=bench.group("plc")).run()
        assert outcomes(report) == ["verified"] * 2
        assert report.blocks_sent <= 100 - have + 1

    run_virtually(body())


def test_a_group_that_cannot_be_sent_to_goes_by_unicast(journal: Journal) -> None:
    async def body() -> None:
        bench = GroupBench(link=SLOW)
        bench.add()
        upgrade = bench.upgrade(image(), journal)
        bench.unreachable = GROUP_HOST
        report = await upgrade.run()
        assert report.ok
        assert report.group_error is not None
        assert report.members[0].blocks_by_unicast == 12

    run_virtually(body())
