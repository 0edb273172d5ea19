"""The meter's memory under power cuts at every single operation, torn writes, rot and strangers."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.errors import Busy, ConfigurationError
from dlms_fw.image import Image
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.event_log import EventLog
from dlms_fw.meter.firmware import factory_memory, format_memory
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.power_cut import Cut, PowerCut, SimulatedMedium, Unsynced, When
from dlms_fw.meter.state import state_from_json, state_record
from dlms_fw.meter.storage import Directory, ImageBlockStore, RecordLost, Records
from dlms_fw.signing_keys import generate
from meters import IDENTIFIER, Status, World, block_count, config, container

FACTORY = b"MCSF01"
IMAGE = container(blocks=12)
WHENS: list[When] = ["before", "inside", "after"]
FATES: list[Unsynced] = ["lost", "kept", "mixed"]


@pytest.mark.fault("M-09")
@pytest.mark.parametrize("behaviour", [FirmwareBehaviour.NO_BOOT, FirmwareBehaviour.FAILS_SELF_TEST])
def test_power_cut_at_every_operation_of_an_activation_that_fails(behaviour: FirmwareBehaviour) -> None:
    def start(cut: Cut | None) -> SimulatedMedium:
        world = World()
        world.reach(Status.VERIFICATION_SUCCESSFUL)
        return world.medium.survivor(cut)

    def fail(medium: SimulatedMedium) -> World | None:
        with contextlib.suppress(PowerCut):
            world = World(medium=medium, config=config(behaviour=behaviour))
            if world.status == Status.VERIFICATION_SUCCESSFUL:
                world.activate()
            world.pass_time(60)
            return world
        return None

    medium = start(None)
    assert fail(medium) is not None
    for operation in range(medium.operations):
        cut = start(Cut(operation, "inside", "mixed", operation))
        assert fail(cut) is None
        world = World(medium=cut.survivor())
        assert world.unit.running(1).identifier == FACTORY
        assert world.bank_holds_verified_firmware(1)
        assert world.status in {Status.VERIFICATION_SUCCESSFUL, Status.ACTIVATION_FAILED}
        if world.status == Status.VERIFICATION_SUCCESSFUL:
            assert world.stored_image() == IMAGE
        ended = fail(world.medium)
        assert ended is not None
        assert ended.status == Status.ACTIVATION_FAILED


def test_a_power_cut_during_verification_never_counts_as_verified() -> None:
    world = World()
    world.reach(Status.VERIFICATION_INITIATED)
    world.power_cycle()
    assert world.status == Status.VERIFICATION_INITIATED
    world.pass_time(3)
    assert world.status == Status.VERIFICATION_SUCCESSFUL


@pytest.mark.fault("M-05")
def test_rot_in_a_stored_block_is_found() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.medium.rot("incoming.blocks", 130)
    world.power_cycle()
    assert world.status == Status.TRANSFER_INITIATED
    assert world.unit.image_store.image_first_not_transferred_block_number == 2
    world.send(IMAGE, 2)
    world.pass_time(3)
    assert world.status == Status.VERIFICATION_SUCCESSFUL


@pytest.mark.fault("M-05")
@pytest.mark.parametrize("offset", [0, 4, 12, 20, 40, 200])
def test_rot_in_one_copy_of_a_record_is_healed_and_in_both_is_told(offset: int) -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    newest = max((0, 1), key=lambda copy: world.medium.read(f"firmware.{copy}", 4, 8))
    world.medium.rot(f"firmware.{newest}", offset)
    assert Records(world.medium.survivor()).require("firmware")["image_transfer_status"] == 2
    world.medium.rot(f"firmware.{1 - newest}", offset)
    with pytest.raises(RecordLost, match="firmware"):
        world.power_cycle()


def test_a_record_is_replaced_whole_or_not_at_all() -> None:
    for operation, when, seed in itertools.product(range(2), WHENS, range(40)):
        medium = SimulatedMedium()
        Records(medium).create("r", {"value": "old"})
        medium = medium.survivor(Cut(operation, when, "mixed", seed))
        records = Records(medium)
        assert records.load("r") == {"value": "old"}
        with contextlib.suppress(PowerCut):
            records.store("r", {"value": "new" * 50})
        found = Records(medium.survivor()).load("r")
        assert found in ({"value": "old"}, {"value": "new" * 50})
        if (operation, when) == (1, "after"):
            assert found == {"value": "new" * 50}


def test_a_record_never_written_is_none_and_one_that_must_be_there_is_lost() -> None:
    records = Records(SimulatedMedium())
    assert records.load("r") is None
    with pytest.raises(RecordLost):
        records.require("r")


def test_a_record_in_the_place_of_another_is_not_taken() -> None:
    medium = SimulatedMedium()
    Records(medium).create("a", {"value": 1})
    moved = SimulatedMedium({"b.0": medium.read("a.0", 0, 999), "b.1": medium.read("a.1", 0, 999)})
    with pytest.raises(RecordLost):
        Records(moved).load("b")


@pytest.mark.fault("M-04")
def test_a_record_keeps_its_value_when_the_memory_fails() -> None:
    medium = SimulatedMedium()
    records = Records(medium)
    records.create("r", {"value": 1})
    medium.failing |= {"r.0", "r.1"}
    with pytest.raises(OSError, match="fails"):
        records.store("r", {"value": 2})
    medium.failing.clear()
    assert records.load("r") == {"value": 1}
    records.store("r", {"value": 3})
    assert Records(medium.survivor()).load("r") == {"value": 3}


def test_blocks_of_an_earlier_transfer_do_not_count() -> None:
    medium = SimulatedMedium()
    blocks = ImageBlockStore(medium)
    blocks.begin(1, 200, 64)
    for number in range(4):
        blocks.write(number, bytes(min(64, 200 - number * 64)))
    blocks.barrier()
    assert all(there for _, there in blocks.scan())
    blocks.begin(2, 200, 64)
    assert not any(there for _, there in blocks.scan())


def test_the_blocks_are_synced_as_often_as_promised() -> None:
    for stride in (1, 3, 64):
        medium = SimulatedMedium()
        blocks = ImageBlockStore(medium, sync_every_blocks=stride)
        blocks.begin(1, 640, 64)
        for number in range(10):
            blocks.write(number, bytes([number]) * 64)
        medium.cut_now("lost")
        after = ImageBlockStore(medium.survivor())
        after.begin(1, 640, 64)
        assert sum(there for _, there in after.scan()) == 10 // stride * stride
    with pytest.raises(ValueError, match="at least 1"):
        ImageBlockStore(SimulatedMedium(), sync_every_blocks=0)


def test_nothing_is_written_outside_the_image() -> None:
    blocks = ImageBlockStore(SimulatedMedium())
    blocks.begin(1, 100, 64)
    for number, length in ((1, 37), (1, 64), (2, 1), (1 << 26, 64)):
        with pytest.raises(ValueError, match="outside"):
            blocks.write(number, bytes(length))


@pytest.mark.fault("M-24")
def test_a_full_log_drops_the_oldest_and_keeps_firmware_events_apart() -> None:
    medium = SimulatedMedium()
    log = EventLog(medium, "standard", 100)
    log.append(18, bytes(12), 1)
    for number in range(350):
        log.append(2, number.to_bytes(12, "big"))
    for found in (log, EventLog(medium.survivor(), "standard", 100)):
        entries = found.entries
        assert len(entries) == 100
        assert entries[0].code == 18
        assert [entry.time for entry in entries[1:]] == [n.to_bytes(12, "big") for n in range(251, 350)]
    for number in range(200):
        log.append(51, bytes(12), number)
    codes = [entry.code for entry in log.entries]
    assert (codes.count(51), codes.count(2)) == (64, 36)
    log.clear()
    assert EventLog(medium.survivor(), "standard", 100).entries == []


@pytest.mark.fault("M-02")
def test_a_torn_log_entry_costs_at_most_the_oldest() -> None:
    for seed in range(50):
        medium = SimulatedMedium()
        log = EventLog(medium, "standard", 10)
        for number in range(25):
            log.append(2, number.to_bytes(12, "big"))
        medium = medium.survivor(Cut(0, "inside", "mixed", seed))
        with contextlib.suppress(PowerCut):
            EventLog(medium, "standard", 10).append(2, (25).to_bytes(12, "big"))
        times = [
            int.from_bytes(entry.time, "big") for entry in EventLog(medium.survivor(), "standard", 10).entries
        ]
        assert times in (list(range(15, 25)), list(range(16, 25)), list(range(16, 26)))


# --- Real files --------------------------------------------------------------------------------------------


def test_a_large_image_is_judged_where_it_is_stored() -> None:
    key = generate()
    data = dfw.build(
        random.Random(1).randbytes(5 << 20),
        image_identifier=b"LARGE1",
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=key,
    )
    store, block_size = ImageBlockStore(MemoryMedium()), 60_000
    store.begin(1, len(data), block_size)
    for number in range(-(-len(data) // block_size)):
        store.write(number, data[number * block_size : (number + 1) * block_size])
    tracemalloc.start()
    try:
        image = Image.of(store.octets(), trusted=[key.public_key()])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert image == Image.from_bytes(data)
    assert image.data == data
    assert peak < 2 << 20


@pytest.mark.fault("M-25")
@pytest.mark.parametrize(
    "changes",
    [
        {"system_title": b"MCS\x03\x60\xbc\x61\x4e"},
        {"model": "MCS302"},
        {"logical_device_name": b"MCS0040699999999"},
        {"part_count": 2},
    ],
)
def test_the_state_of_another_meter_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    medium = Directory(tmp_path)
    format_memory(medium, Records(medium), config())
    medium.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    medium = Directory(tmp_path)
    with pytest.raises(ConfigurationError, match="another meter"):
        format_memory(medium, Records(medium), config(**changes))
    medium.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.fault("M-25")
def test_the_state_of_another_version_is_refused(tmp_path: Path) -> None:
    medium = Directory(tmp_path)
    records = Records(medium)
    format_memory(medium, records, config())
    identity = records.require("identity")
    records.store("identity", identity | {"format": 2})
    with pytest.raises(ConfigurationError, match="format"):
        format_memory(medium, records, config())
    medium.close()


def test_a_state_directory_belongs_to_one_meter_at_a_time(tmp_path: Path) -> None:
    first = Directory(tmp_path / "a" / "b")
    with pytest.raises(Busy):
        Directory(tmp_path / "a" / "b")
    first.close()
    Directory(tmp_path / "a" / "b").close()


def test_files_hold_what_a_simulated_medium_holds(tmp_path: Path) -> None:
    for medium in (Directory(tmp_path), SimulatedMedium(), MemoryMedium()):
        assert medium.read("r", 0, 10) == b""
        medium.reserve("r", 8)
        medium.write("r", 4, b"abcd")
        medium.write("r", 0, b"xy")
        medium.sync("r")
        assert medium.read("r", 0, 100) == b"xy\0\0abcd"
        assert medium.read("r", 6, 1) == b"c"
        medium.erase("r")
        assert medium.read("r", 0, 100) == b""
        medium.write("r", 0, b"whole")
        medium.write("r", 1, b"-")
        assert medium.read("r", 0, 100) == b"w-ole"
        medium.close()


def test_memory_shares_what_is_written_whole_and_knows_its_capacity() -> None:
    octets = bytes(1000)
    first = MemoryMedium({"bank": octets}, capacity=1500)
    first.write("other", 0, first.read("bank", 0, 1000))
    second = MemoryMedium(first.content())
    assert second.content()["bank"] is second.content()["other"] is octets
    second.write("bank", 0, b"x")
    assert first.read("bank", 0, 1) == b"\0"
    first.reserve("other", 500)
    with pytest.raises(OSError, match="no room"):
        first.reserve("other", 501)


def _receive_until_killed(path: str, acknowledged: multiprocessing.connection.Connection) -> None:
    world = World(medium=Directory(path))  # type: ignore[arg-type]
    world.initiate(IMAGE)
    for number in range(block_count(IMAGE)):
        world.send(IMAGE, number)
        acknowledged.send(number)
        if number == 7:
            signal.pause()


def test_kill_9_takes_no_acknowledged_block(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_receive_until_killed, args=(str(tmp_path), theirs))
    process.start()
    while ours.recv() != 7:
        pass
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    world = World(medium=Directory(tmp_path))  # type: ignore[arg-type]
    assert world.status == Status.TRANSFER_INITIATED
    assert world.unit.image_store.image_first_not_transferred_block_number == 8
    for number in range(8, 12):
        world.send(IMAGE, number)
    world.pass_time(3)
    world.activate()
    world.pass_time(60)
    assert world.unit.running(1).identifier == IDENTIFIER
    world.medium.close()


@pytest.mark.parametrize("status", [Status.TRANSFER_INITIATED, Status.VERIFICATION_SUCCESSFUL])
def test_the_record_of_the_firmware_is_written_as_all_records_are(status: Status) -> None:
    world = World()
    world.reach(status)
    world.unit.set_schedule([(bytes((1, 2, 3, 0)), bytes((0x07, 0xEA, 12, 24, 0xFF)))])
    quoted = replace(world.unit.memory.state.parts[0].firmware, version='"\\ä')
    part = replace(world.unit.memory.state.parts[0], banks=(quoted, None))
    state = world.unit.memory.state
    state = state.having(parts=state.parts_with(0, part))
    text = state_record(state)
    value = json.loads(text)
    assert text == json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert state_from_json(value) == state
    world.unit.memory.commit_state(state)
    assert Records(world.medium.survivor()).require("firmware") == value


def test_a_memory_from_the_factory_is_one_that_was_formatted() -> None:
    for each in (config(), config(part_count=2, factory_version="1.2.3")):
        medium = MemoryMedium()
        format_memory(medium, Records(medium), each)
        assert medium.content() == factory_memory(each)
    first, second = (MemoryMedium(factory_memory(config())) for _ in range(2))
    Records(first).store("identity", {})
    assert second.content() == factory_memory(config())


def test_the_record_of_the_counters_is_written_as_all_records_are() -> None:
    records = Records(MemoryMedium())
    CounterRecord.create(records)
    counters = CounterRecord(records, stride=16)
    for fingerprint in ("b0", "0a"):
        counters.reserve(fingerprint, 8)
        counters.accepted(fingerprint, 3)
    text = records.load_text(CounterRecord.RECORD)
    assert text is not None
    value = json.loads(text)
    assert value == {name: {"sent": 7, "accepted": 19} for name in ("0a", "b0")}
    assert text == json.dumps(value, sort_keys=True, separators=(",", ":"))
