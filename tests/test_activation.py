"""Using, testing, discarding: every step, every behaviour of the new firmware, every way to ask for it."""

from __future__ import annotations

from datetime import datetime

import pytest

from dlms_fw.enums import ActionResult
from dlms_fw.meter.activation_table import TRANSITIONS, Outcome
from dlms_fw.meter.schedule import check_entry, next_moment
from dlms_fw.meter.state import ActivationStep, FirmwarePart, Trigger, check_change
from dlms_fw.meter.storage import StorageError
from dlms_fw.signing_keys import generate
from meters import IDENTIFIER, Status, World, config, container

FACTORY = b"MCSF01"
WAYS = ["on demand", "on demand over a schedule", "scheduled"]
STEPS = [ActivationStep.INSTALL, ActivationStep.START, ActivationStep.TEST]


def ask(world: World, way: str) -> None:
    """Asks for the activation in one of the ways that there are."""
    if way == "scheduled":
        moment = world.clock.local.timetuple()
        time = bytes((moment.tm_hour, moment.tm_min, moment.tm_sec, 0))
        date = moment.tm_year.to_bytes(2, "big") + bytes((moment.tm_mon, moment.tm_mday, 0xFF))
        world.unit.set_schedule([(_later(time), date)])
        world.pass_time(1)
        return
    if way == "on demand over a schedule":
        world.unit.set_schedule([(b"\x02\x1e\x00\x00", b"\x07\xf0\x01\x01\xff")])
    assert world.activate() == ActionResult.TEMPORARY_FAILURE


def _later(time: bytes) -> bytes:
    hour, minute, second, hundredths = time
    return bytes((hour, minute, second + 1, hundredths))


def reach(world: World, step: ActivationStep) -> None:
    """Lets time pass until the step begins."""
    for _ in range(100):
        if world.unit.memory.state.step is step:
            return
        due = world.unit.activation.deadline
        assert due is not None
        world.time.advance(max(0.0, due - world.time.elapsed))
        world.unit.advance()
    raise AssertionError(f"{step} was never reached")


def identifier(world: World) -> bytes:
    return world.unit.running(1).identifier


@pytest.mark.parametrize("way", WAYS)
def test_a_good_firmware_is_used_tested_and_confirmed(way: str) -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    ask(world, way)
    assert world.unit.memory.state.schedule == ()
    expected = Trigger.SCHEDULED if way == "scheduled" else Trigger.ON_DEMAND
    assert world.unit.memory.state.trigger is expected
    seen = []
    for step in STEPS:
        reach(world, step)
        seen.append((step, identifier(world), world.unit.activation.is_away))
        other = world.unit.memory.state.parts[1].other
        assert world.bank_holds_verified_firmware(1), "the old one is there until confirmation"
        assert (other == 1) == (step is not ActivationStep.DISCARD_OLD)
    assert seen == [
        (ActivationStep.INSTALL, FACTORY, False),
        (ActivationStep.START, FACTORY, True),
        (ActivationStep.TEST, FACTORY, False),
    ]
    world.pass_time(60)
    assert (world.status, identifier(world)) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)
    part = world.unit.memory.state.parts[1]
    assert part.identifiers == (FACTORY, IDENTIFIER)
    assert part.banks[part.other] is None
    assert world.unit.activation.reboots == 1
    assert world.codes == [30, 31, 17, 18]
    assert [entry.parameter for entry in world.log.entries[2:]] == [1, 1]
    assert world.unit.memory.state.parts[0].identifiers == (b"MCSF00",)
    world.power_cycle()
    assert (world.status, identifier(world)) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)


def test_a_bank_that_cannot_be_written_fails_the_activation() -> None:
    world = World()
    world.reach(Status.ACTIVATION_INITIATED)
    world.medium.failing.add("part-1.bank-1")
    world.pass_time(5)
    assert (world.status, identifier(world)) == (Status.ACTIVATION_FAILED, FACTORY)


@pytest.mark.fault("M-05")
def test_an_installed_bank_that_rots_before_its_first_boot_is_not_booted() -> None:
    world = World()
    world.reach(Status.ACTIVATION_INITIATED)
    reach(world, ActivationStep.START)
    world.medium.rot("part-1.bank-1", 100)
    world.pass_time(60)
    assert (world.status, identifier(world)) == (Status.ACTIVATION_FAILED, FACTORY)


@pytest.mark.fault("M-05")
def test_a_verified_image_that_rots_is_not_activated() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.medium.rot("incoming.blocks", 300)
    assert world.activate() != ActionResult.TEMPORARY_FAILURE
    assert world.status == Status.VERIFICATION_FAILED


def test_an_image_verified_before_a_power_cycle_is_judged_by_the_keys_of_today() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.config = config(trusted=(generate().public_key(),))
    world.power_cycle()
    assert world.status == Status.VERIFICATION_SUCCESSFUL
    assert world.activate() != ActionResult.TEMPORARY_FAILURE
    assert world.status == Status.VERIFICATION_FAILED


def test_a_running_bank_that_rots_is_replaced_by_the_other_verified_one_if_there_is_one() -> None:
    world = World()
    world.reach(Status.ACTIVATION_INITIATED)
    reach(world, ActivationStep.TEST)
    world.medium.rot("part-1.bank-0", 3)
    world.power_cycle()
    assert identifier(world) == IDENTIFIER
    assert world.unit.damaged_parts == ()
    assert 12 in world.codes
    world.medium.rot("part-1.bank-1", 3)
    world.power_cycle()
    assert world.unit.damaged_parts == (1,)


def test_a_second_upgrade_uses_the_first_bank_again() -> None:
    world = World()
    for number, name in enumerate((b"MCS001", b"MCS002", b"MCS003")):
        world.receive(container(identifier=name, version=f"2.0.{number}"), name)
        world.pass_time(3)
        world.activate()
        world.pass_time(60)
        assert identifier(world) == name
        assert world.unit.memory.state.parts[1].running == (number + 1) % 2
        world.power_cycle()
    assert world.unit.memory.state.parts[1].identifiers == (FACTORY, b"MCS001", b"MCS002", b"MCS003")


def test_the_identifiers_of_a_part_are_kept_up_to_a_limit() -> None:
    world = World(config=config(verify_seconds=0))
    for number in range(18):
        name = f"MCS{number:03}".encode()
        world.receive(container(identifier=name), name)
        world.activate()
        world.pass_time(60)
    assert len(world.unit.memory.state.parts[1].identifiers) == 16
    assert world.unit.memory.state.parts[1].identifiers[-1] == b"MCS017"


@pytest.mark.parametrize("part", [0, 2])
def test_another_part_is_upgraded_alone(part: int) -> None:
    world = World()
    world.receive(container(part=part))
    world.pass_time(3)
    world.activate()
    world.pass_time(60)
    parts = [world.unit.running(number).identifier for number in range(3)]
    assert [name == IDENTIFIER for name in parts] == [number == part for number in range(3)]


def entry(text: str) -> tuple[bytes, bytes]:
    """``hh:mm:ss`` and ``yyyy-mm-dd`` in UTC as a time and a date."""
    date, time = text.split()
    year, month, day = map(int, date.split("-"))
    return bytes(map(int, time.split(":"))) + b"\0", year.to_bytes(2, "big") + bytes((month, day, 0xFF))


START = "2025-11-24 16:00:00"  # where the virtual clock stands


@pytest.mark.fault("M-23")
@pytest.mark.parametrize(
    ("execution_time", "clock_shifts", "fires"),
    [
        pytest.param("2025-11-24 16:10:00", [], True, id="in ten minutes"),
        pytest.param("2025-11-24 16:00:00", [], False, id="now is not in the future"),
        pytest.param("2025-11-24 15:59:59", [], False, id="past"),
        pytest.param("2025-11-23 23:00:00", [3600], False, id="past stays past"),
        pytest.param("2025-11-25 16:00:00", [], False, id="tomorrow is not yet"),
        pytest.param("2025-11-25 16:00:00", [86_400], True, id="clock set forward to it"),
        pytest.param("2025-11-25 16:00:00", [90_000], True, id="clock set forward over it, within the grace"),
        pytest.param("2025-11-25 16:00:00", [3 * 86_400], False, id="clock set forward over it, beyond"),
        pytest.param("2025-11-24 16:10:00", [-800_000_000], False, id="clock set back to 2000"),
        pytest.param("2025-11-24 16:10:00", [-800_000_000, 800_000_000], True, id="back and forth"),
    ],
)
def test_when_a_schedule_fires(execution_time: str, clock_shifts: list[int], *, fires: bool) -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.clock.shift(-3)  # what reaching the status took
    world.unit.set_schedule([entry(execution_time)])
    for shift in clock_shifts:
        world.clock.shift(shift)
    world.pass_time(1200)
    assert (identifier(world) == IDENTIFIER) is fires
    assert world.unit.activation.reboots == (1 if fires else 0)


@pytest.mark.fault("M-23")
def test_a_schedule_with_wildcards_fires_once_and_never_in_a_burst() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.unit.set_schedule([(b"\x02\x1e\x00\x00", b"\xff\xff\xff\xff\xff")])
    world.clock.shift(-800_000_000)
    world.pass_time(10)
    assert world.unit.activation.reboots == 0
    world.clock.shift(800_000_000)
    world.pass_time(86_400)
    assert identifier(world) == IDENTIFIER
    assert world.unit.activation.reboots == 1
    assert world.unit.memory.state.schedule == ()


def test_a_schedule_goes_on_over_a_power_cycle_and_lapses_beyond_its_grace() -> None:
    for hours, fires in ((2, True), (30, False)):
        world = World()
        world.reach(Status.VERIFICATION_SUCCESSFUL)
        world.unit.set_schedule([entry("2025-11-24 17:00:00")])
        world.medium.cut_now("lost")
        world.time.advance(hours * 3600)
        world.power_cycle()
        world.pass_time(100)
        assert (identifier(world) == IDENTIFIER) is fires


def test_a_schedule_that_is_emptied_or_replaced() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    world.unit.set_schedule([entry("2025-11-24 16:10:00")])
    world.unit.set_schedule([])
    world.pass_time(1200)
    assert world.unit.activation.reboots == 0
    world.unit.set_schedule([entry("2025-11-24 17:00:00")])
    world.unit.set_schedule([entry("2025-11-24 18:00:00")])
    world.pass_time(3600)
    assert world.unit.activation.reboots == 0
    world.pass_time(3700)
    assert world.unit.activation.reboots == 1


def test_a_schedule_never_activates_what_is_not_verified_and_never_a_time_of_nothing_but_wildcards() -> None:
    world = World(config=config(self_verify=False))
    world.receive(container())
    world.unit.set_schedule([entry("2025-11-24 16:10:00")])
    world.pass_time(1200)
    assert world.status == Status.TRANSFER_INITIATED
    world.verify()
    world.pass_time(3)
    world.unit.set_schedule([(b"\xff" * 4, b"\xff" * 5)])
    world.pass_time(100)
    assert world.status == Status.VERIFICATION_SUCCESSFUL


def test_execution_times_that_are_none() -> None:
    world = World()
    for times in (
        [entry("2025-11-24 16:10:00")] * 2,
        [(b"\x18\0\0\0", b"\xff" * 5)],
        [(b"\0" * 3, b"\xff" * 5)],
    ):
        with pytest.raises(ValueError, match=r"."):
            world.unit.set_schedule(times)
    for date in ("07e90d01ff", "07e9010 0ff".replace(" ", ""), "07e9012000", "07e9ff20ff"):
        with pytest.raises(ValueError, match=r"no "):
            check_entry(bytes(4), bytes.fromhex(date))


@pytest.mark.parametrize(
    ("time", "date", "expected"),
    [
        ("021e0000", "ffffffffff", "2025-11-25 02:30:00"),
        ("ff000000", "ffffffffff", "2025-11-24 17:00:00"),
        ("ffffff00", "ffffffffff", "2025-11-24 16:00:01"),
        ("02000000", "ffffff01ff", "2025-12-01 02:00:00"),
        ("02000000", "fffffffeff", "2025-11-30 02:00:00"),
        ("02000000", "fffffffdff", "2025-11-29 02:00:00"),
        ("03000000", "ffff0afe07", "2026-10-25 03:00:00"),
        ("03000000", "ffff0afd07", "2026-10-18 03:00:00"),
        ("02000000", "ffffffff01", "2025-12-01 02:00:00"),
        ("11000000", "ffffffff01", "2025-11-24 17:00:00"),
        ("02000000", "07ea021dff", None),
        ("02000000", "ffff021dff", "2028-02-29 02:00:00"),
        ("02000000", "07e80101ff", None),
        ("021e0000", "07e90c18ff", "2025-12-24 02:30:00"),
        ("021e0000", "07e90c1801", None),
    ],
)
def test_the_next_moment_of_a_time_and_date(time: str, date: str, expected: str | None) -> None:
    after = next_moment(bytes.fromhex("10000000"), bytes.fromhex("07e90b18ff"), _epoch())
    assert after is not None
    assert str(after) == START
    moment = next_moment(bytes.fromhex(time), bytes.fromhex(date), after)
    assert (None if moment is None else str(moment)) == expected


def _epoch() -> datetime:
    return datetime(1970, 1, 1)


def test_every_step_has_a_row_that_leads_somewhere_and_survives_power_off() -> None:
    assert set(TRANSITIONS) == set(ActivationStep)
    reached = {target for row in TRANSITIONS.values() for target in row.values()}
    assert reached == set(ActivationStep)
    for step, row in TRANSITIONS.items():
        if step is not ActivationStep.IDLE:
            assert row[Outcome.POWER_OFF] in {ActivationStep.IDLE, step}


@pytest.mark.fault("M-10")
def test_changes_that_would_break_a_rule_of_the_banks_are_not_written() -> None:
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    verified = world.unit.memory.state
    world.activate()
    reach(world, ActivationStep.TEST)
    testing = world.unit.memory.state
    part = testing.parts[1]
    emptied = FirmwarePart(part.running, (part.banks[0], None))
    broken = {
        "the running bank emptied": (
            verified,
            verified.having(parts=verified.parts_with(1, FirmwarePart(1, (part.banks[0], None)))),
        ),
        "the new one discarded before confirmation": (
            testing,
            testing.having(parts=testing.parts_with(1, emptied)),
        ),
        "the new one booted without a test": (
            verified,
            verified.having(parts=verified.parts_with(1, FirmwarePart(1, verified.parts[1].banks))),
        ),
        "the image forgotten on trial": (testing, testing.having(reception=None)),
        "verified without a verification": (verified, verified.having(verified=None)),
        "status and step apart": (
            testing,
            testing.having(image_transfer_status=Status.VERIFICATION_SUCCESSFUL),
        ),
    }
    for old, new in broken.values():
        with pytest.raises(StorageError):
            check_change(old, new)
