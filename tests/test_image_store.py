"""What the meter answers to each call in each status, and what it does with blocks, wrong and right ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dlms_fw.containers.description import HardwareRange
from dlms_fw.enums import ActionResult
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.signing_keys import generate
from meters import (
    BLOCK_SIZE,
    IDENTIFIER,
    Status,
    World,
    block,
    block_count,
    config,
    container,
    result_of,
)

OK, BUSY, REFUSED = ActionResult.SUCCESS, ActionResult.TEMPORARY_FAILURE, ActionResult.OTHER_REASON

# call -> (result, status afterwards) for the statuses 0 to 7; the image is complete from 2 on.
TABLE: dict[str, list[tuple[ActionResult, int]]] = {
    "initiate": [(OK, 1), (OK, 1), (BUSY, 2), (OK, 1), (OK, 1), (BUSY, 5), (OK, 1), (OK, 1)],
    "block": [
        (REFUSED, 0),
        (OK, 1),
        (BUSY, 2),
        (REFUSED, 3),
        (REFUSED, 4),
        (BUSY, 5),
        (REFUSED, 6),
        (REFUSED, 7),
    ],
    "verify": [(REFUSED, 0), (REFUSED, 1), (BUSY, 2), (OK, 3), (BUSY, 2), (BUSY, 5), (OK, 6), (REFUSED, 7)],
    "activate": [
        (REFUSED, 0),
        (REFUSED, 1),
        (BUSY, 2),
        (BUSY, 5),
        (REFUSED, 4),
        (BUSY, 5),
        (OK, 6),
        (REFUSED, 7),
    ],
}
CASES = [(call, status, *row) for call, rows in TABLE.items() for status, row in enumerate(rows)]


def perform(world: World, call: str) -> ActionResult:
    image = container()
    return {
        "initiate": lambda: world.initiate(image),
        "block": lambda: world.send(image, 0),
        "verify": world.verify,
        "activate": world.activate,
    }[call]()


@pytest.mark.parametrize(("call", "status", "result", "after"), CASES)
@pytest.mark.fault("M-11")
@pytest.mark.fault("M-15")
def test_each_call_in_each_status(call: str, status: int, result: ActionResult, after: int) -> None:
    world = World()
    world.reach(Status(status))
    assert (perform(world, call), world.status) == (result, after)


@pytest.mark.parametrize("call", TABLE)
@pytest.mark.parametrize("status", list(Status))
def test_nothing_works_while_the_transfer_is_not_enabled(call: str, status: Status) -> None:
    world = World()
    world.reach(status)
    before = world.unit.memory.state
    world.unit.image_store.image_transfer_enabled = False
    assert perform(world, call) == REFUSED
    world.unit.image_store.image_transfer_enabled = True
    assert world.unit.memory.state == before


def test_a_complete_image_is_verified_on_demand_where_the_meter_does_not_begin_by_itself() -> None:
    world = World(config=config(self_verify=False))
    world.receive(container())
    assert world.status == Status.TRANSFER_INITIATED
    assert world.verify() == BUSY
    assert world.status == Status.VERIFICATION_INITIATED
    world.pass_time(2)
    assert world.status == Status.VERIFICATION_SUCCESSFUL
    assert world.verify() == OK


def test_verification_that_takes_no_time_answers_with_its_verdict() -> None:
    good = World(config=config(self_verify=False, verify_seconds=0))
    good.receive(container())
    assert (good.verify(), good.status) == (OK, Status.VERIFICATION_SUCCESSFUL)
    bad = World(config=config(self_verify=False, verify_seconds=0))
    bad.receive(container(key=generate()))
    assert (bad.verify(), bad.status) == (REFUSED, Status.VERIFICATION_FAILED)


def test_activating_an_image_that_was_not_verified_verifies_it_first() -> None:
    world = World(config=config(self_verify=False))
    world.receive(container())
    assert (world.activate(), world.status) == (BUSY, Status.ACTIVATION_INITIATED)
    bad = World(config=config(self_verify=False))
    bad.receive(container(key=generate()))
    assert (bad.activate(), bad.status) == (REFUSED, Status.VERIFICATION_FAILED)


def test_initiate_forgets_everything_before() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.unit.set_schedule([(b"\x02\x1e\x00\x00", b"\x07\xf0\x01\x01\xff")])
    assert world.initiate(container(), b"OTHER1") == OK
    store = world.unit.image_store
    assert not any(store.image_transferred_blocks_status)
    assert store.image_first_not_transferred_block_number == 0
    assert store.image_to_activate_info == []
    assert world.unit.memory.state.schedule == ()


def test_the_information_about_a_verified_image_is_that_of_its_container() -> None:
    world = World()
    image = container()
    world.reach(Status.VERIFICATION_SUCCESSFUL, image)
    assert world.unit.image_store.image_to_activate_info == [(len(image), IDENTIFIER, image[-64:])]


@pytest.mark.fault("M-17")
@pytest.mark.parametrize(
    ("identifier", "size", "result"),
    [
        (IDENTIFIER, 0, REFUSED),
        (IDENTIFIER, 64 * 1024, OK),
        (IDENTIFIER, 64 * 1024 + 1, REFUSED),
        (IDENTIFIER, 0xFFFF_FFFF, REFUSED),
        (b"", 100, REFUSED),
        (b"MCS10", 100, REFUSED),
        (b"MCS1022", 100, REFUSED),
        (bytes(255), 100, REFUSED),
    ],
)
def test_what_may_be_initiated(identifier: bytes, size: int, result: ActionResult) -> None:
    world = World()
    store = world.unit.image_store
    assert result_of(lambda: store.image_transfer_initiate(identifier, size)) == result
    assert world.status == (1 if result is OK else 0)


@pytest.mark.fault("M-17")
def test_initiate_in_the_middle_drops_the_old_transfer() -> None:
    world = World()
    old, new = container(fill=1), container(fill=2)
    world.initiate(old)
    for number in range(5):
        world.send(old, number)
    world.initiate(new)
    world.power_cycle()
    assert not any(world.unit.image_store.image_transferred_blocks_status)


@pytest.mark.fault("M-12")
@pytest.mark.parametrize(
    ("number", "value"),
    [
        (3, lambda image: block(image, 3)[:-1]),
        (3, lambda image: block(image, 3) + b"\0"),
        (3, lambda image: b""),
        (11, lambda image: block(image, 11) + b"\0"),
        (11, lambda image: block(image, 11).ljust(BLOCK_SIZE, b"\0")),
        (11, lambda image: block(image, 11)[:-1]),
        (12, lambda image: b""),
        (12, lambda image: bytes(BLOCK_SIZE)),
        (13, lambda image: bytes(BLOCK_SIZE)),
        (1 << 16, lambda image: block(image, 0)),
        ((1 << 16) + 3, lambda image: block(image, 3)),
        (0xFFFF_FFFF, lambda image: block(image, 3)),
    ],
)
@pytest.mark.fault("M-11")
def test_a_block_of_wrong_number_or_length_leaves_everything_as_it_is(
    number: int, value: Callable[[bytes], bytes]
) -> None:
    world = World()
    image = container()
    world.initiate(image)
    before = world.medium.operations
    store = world.unit.image_store
    assert result_of(lambda: store.image_block_transfer(number, value(image))) == REFUSED
    assert world.medium.operations == before
    assert not any(store.image_transferred_blocks_status)


def test_blocks_in_any_order_and_the_first_missing_at_each_step() -> None:
    world = World(config=config(self_verify=False))
    image = container()
    world.initiate(image)
    store = world.unit.image_store
    for number in (11, 0, 2, 1, 5, 4, 3, 10, 9, 8, 7, 6):
        assert world.send(image, number) == OK
        bits = list(store.image_transferred_blocks_status)
        expected = bits.index(False) if False in bits else 12
        assert store.image_first_not_transferred_block_number == expected
    assert world.stored_image() == image


@pytest.mark.fault("M-14")
def test_the_same_block_again_is_stored_once_and_another_one_replaces_it() -> None:
    world = World()
    image, other = container(fill=0), container(fill=9)
    world.initiate(image)
    world.send(image, 5)
    before = world.medium.operations
    assert world.send(image, 5) == OK
    assert world.medium.operations == before
    assert world.send(other, 5) == OK
    world.power_cycle()
    assert world.stored_image()[5 * BLOCK_SIZE : 6 * BLOCK_SIZE] == block(other, 5)
    assert list(world.unit.image_store.image_transferred_blocks_status).count(True) == 1


@pytest.mark.fault("M-13")
def test_a_block_after_verification_takes_verification_and_schedule_back_unless_it_is_the_same() -> None:
    world = World()
    image, other = container(fill=0), container(fill=9)
    world.reach(Status.VERIFICATION_SUCCESSFUL, image)
    world.unit.set_schedule([(b"\x02\x1e\x00\x00", b"\x07\xf0\x01\x01\xff")])
    assert (world.send(image, 5), world.status) == (REFUSED, Status.VERIFICATION_SUCCESSFUL)
    assert world.unit.memory.state.schedule
    assert (world.send(other, 5), world.status) == (REFUSED, Status.TRANSFER_INITIATED)
    assert world.unit.memory.state.schedule == ()
    assert world.unit.image_store.image_to_activate_info == []
    assert world.stored_image() == image


@pytest.mark.fault("M-13")
def test_stored_octets_that_change_after_verification_are_not_activated() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.medium.rot("incoming.blocks", 300)
    assert world.activate() == REFUSED
    assert world.status == Status.VERIFICATION_FAILED
    assert world.codes[-1] == 51


@pytest.mark.fault("M-16")
@pytest.mark.fault("M-20")
@pytest.mark.parametrize(
    "image",
    [
        pytest.param(container(key=None), id="unsigned"),
        pytest.param(container(key=generate()), id="other key"),
        pytest.param(container(part=5), id="part that the meter has not"),
        pytest.param(container(meter_type="MCS302"), id="other meter type"),
        pytest.param(container(hardware=HardwareRange(2, 9)), id="other hardware"),
        pytest.param(container(version="0.9.9"), id="older version"),
        pytest.param(container(minimum_previous_version="1.0.1"), id="running version too old"),
        pytest.param(container(identifier=b"MCS103"), id="other identifier than initiated"),
        pytest.param(container()[:-1] + bytes([container()[-1] ^ 1]), id="bit of the signature"),
        pytest.param(container()[:200] + b"\xff" + container()[201:], id="octet of the payload"),
        pytest.param(container() + b"\0", id="an octet more"),
        pytest.param(container()[:-1], id="an octet less"),
        pytest.param(bytes(700), id="no container"),
    ],
)
def test_an_image_that_must_not_pass(image: bytes) -> None:
    world = World()
    world.receive(image)
    world.pass_time(3)
    assert world.status == Status.VERIFICATION_FAILED
    assert world.unit.image_store.image_to_activate_info == []
    assert world.codes == [30, 31, 51]
    assert world.activate() == REFUSED
    world.receive(container())
    world.pass_time(3)
    assert world.status == Status.VERIFICATION_SUCCESSFUL


def test_older_versions_and_raw_images_pass_where_the_meter_is_set_so() -> None:
    older = World(config=config(allow_downgrade=True))
    older.receive(container(version="0.9.9"))
    older.pass_time(3)
    assert older.status == Status.VERIFICATION_SUCCESSFUL
    raw = World(config=config(accept_raw=True))
    raw.receive(bytes(700))
    raw.pass_time(3)
    assert raw.unit.image_store.image_to_activate_info == [(700, IDENTIFIER, b"")]


def test_without_trusted_keys_a_signature_is_still_demanded() -> None:
    world = World(config=config(trusted=()))
    world.receive(container(key=generate()))
    world.pass_time(3)
    assert world.status == Status.VERIFICATION_SUCCESSFUL
    unsigned = World(config=config(trusted=()))
    unsigned.receive(container(key=None))
    unsigned.pass_time(3)
    assert unsigned.status == Status.VERIFICATION_FAILED


@pytest.mark.fault("M-04")
def test_memory_that_fails_gives_a_hardware_fault_and_keeps_the_old_firmware() -> None:
    world = World()
    image = container()
    world.initiate(image)
    world.medium.failing.add("incoming.blocks")
    assert world.send(image, 0) == ActionResult.HARDWARE_FAULT
    assert not any(world.unit.image_store.image_transferred_blocks_status)
    world.medium.failing.clear()
    assert world.send(image, 0) == OK
    world.medium.failing |= {"firmware.0", "firmware.1"}
    assert world.initiate(image) == ActionResult.HARDWARE_FAULT
    assert world.bank_holds_verified_firmware(1)


@pytest.mark.fault("M-04")
def test_initiate_is_refused_where_the_memory_is_full() -> None:
    world = World(medium=SimulatedMedium(capacity=16 * 1024))
    assert world.initiate(bytes(60_000)) == ActionResult.HARDWARE_FAULT
    assert world.status == Status.TRANSFER_NOT_INITIATED


@pytest.mark.fault("M-04")
def test_a_repaired_memory_ends_an_activation_that_could_not_be_recorded() -> None:
    world = World()
    world.reach(Status.ACTIVATION_INITIATED)
    world.medium.failing |= {"firmware.0", "firmware.1"}
    with pytest.raises(OSError, match="fails"):
        world.pass_time(2)
    world.medium.failing.clear()
    world.pass_time(60)
    assert world.status == Status.ACTIVATION_SUCCESSFUL


def test_another_block_size_drops_an_unfinished_transfer() -> None:
    world = World()
    world.reach(Status.TRANSFER_INITIATED)
    world.config = config(image_block_size=32)
    world.power_cycle()
    assert world.status == Status.TRANSFER_NOT_INITIATED
    assert world.unit.image_store.image_block_size == 32


def test_sizes_around_a_block() -> None:
    for size, blocks in ((1, 1), (64, 1), (65, 2), (128, 2), (64 * 1024, 1024)):
        world = World()
        world.initiate(bytes(size))
        assert (
            len(world.unit.image_store.image_transferred_blocks_status) == blocks == block_count(bytes(size))
        )
