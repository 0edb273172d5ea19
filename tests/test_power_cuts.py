"""Power cuts at every operation of the memory, over whole upgrades: no version is lost, none is unverified.

A thousand cuts are tried each time, other ones every day; all of them in the long campaign. Cuts in a row,
also while the meter recovers from the last one, go the same way.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.image import Image
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.power_cut import TEARS, Cut, SimulatedMedium
from dlms_fw.meter.state import ActivationStep
from dlms_fw.simulation import CIPHERED, Simulation, VirtualMeter
from dlms_fw.transfer import TransferPolicy
from meters import IDENTIFIER, VENDOR_KEY, container
from power_cuts import FATES, MOST_RECOVERY_OPERATIONS, Point, points, recorded, strike, tape_of, variants
from upgrade_rules import PLANS, Plan, Violation

SEED = int(os.environ.get("DLMS_FW_SEED", datetime.now(UTC).toordinal()))
SHORT = (
    Plan(64),
    Plan(24, "scheduled", "read-back"),
    Plan(24, "on demand", "call", FirmwareBehaviour.FAILS_SELF_TEST, after_another=True),
)
"""The plans of the daily sample."""
WAYS_AT_A_TIME = {328: 4, 1024: 2}
"""Of the 24 ways of a cut, at one operation of the longer upgrades."""
SAMPLE = 250
"""Cuts of a part of the daily sample."""


def struck(point: Point, cut: Cut, further: tuple[Cut, ...] = ()) -> int:
    """A blow; a rule that it breaks is told with all that repeats it."""
    try:
        return strike(point, cut, further)
    except Violation as broken:
        told = f"{point.plan}, operation {point.number} {point.operation[:3]}, {cut}, then {further}"
        raise Violation(f"seed {SEED}: {told}: {broken}") from broken


def chosen(plan: Plan, chance: random.Random, count: int) -> Iterator[Point]:
    """So many operations of a plan, spread over all of it, in their order and some of them twice."""
    width = len(tape_of(plan).notes) / count
    wanted = Counter(int((number + chance.random()) * width) for number in range(count))
    for point in points(plan):
        for _ in range(wanted[point.number]):
            yield point


def any_cut(chance: random.Random, operation: int = 0) -> Cut:
    """A cut of any kind."""
    drawn = chance.choice(variants(chance.getrandbits(32)))
    return Cut(operation, drawn.when, drawn.unsynced, drawn.tear, drawn.seed)


@pytest.mark.fault("M-01")
@pytest.mark.fault("M-02")
@pytest.mark.fault("M-03")
@pytest.mark.fault("M-07")
@pytest.mark.fault("M-09")
@pytest.mark.fault("M-10")
@pytest.mark.parametrize("part", range(4))
def test_a_thousand_cuts(part: int) -> None:
    chance = random.Random(f"{SEED} cuts {part}")
    for point in chosen(SHORT[part % len(SHORT)], chance, SAMPLE):
        struck(point, any_cut(chance))


def in_a_row(point: Point, chance: random.Random, cuts: int) -> None:
    """A cut, and the next ones while the meter recovers or soon afterwards."""
    further = tuple(any_cut(chance, chance.randrange(12)) for _ in range(cuts - 1))
    struck(point, any_cut(chance), further)


@pytest.mark.fault("M-06")
@pytest.mark.parametrize("cuts", [2, 5])
def test_cuts_in_a_row(cuts: int) -> None:
    chance = random.Random(f"{SEED} in a row {cuts}")
    for point in chosen(SHORT[0], chance, 60):
        in_a_row(point, chance, cuts)


def test_every_way_of_a_cut_is_tried() -> None:
    ways = {(cut.when, cut.unsynced, cut.tear) for cut in variants(0)}
    assert len(ways) == 12 + 6 + 6
    assert {way for way in ways if way[0] == "inside"} == {
        ("inside", fate, tear) for fate in FATES for tear in TEARS
    }


def test_the_blows_fall_in_every_step_of_an_upgrade() -> None:
    regions = {point.operation[1].split(".")[0] for plan in SHORT for point in points(plan)}
    assert regions >= {"firmware", "incoming", "part-1", "identity", "clock", "standard"}
    statuses = set()
    for point in points(SHORT[2]):
        state = recorded(point.medium)
        if state is not None:
            statuses |= {state.image_transfer_status, state.step}
    assert statuses >= {*ImageTransferStatus, *ActivationStep} - {ImageTransferStatus.VERIFICATION_FAILED}


# --- With a whole client -----------------------------------------------------------------------------------

BLOCKS = 40


class Mains(Simulation):
    """Where the power comes back with the next pause of the client."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        for meter in self.meters:
            if not has_power(meter):
                meter.power_up()


def has_power(meter: VirtualMeter) -> bool:
    try:
        return meter.powered is not None
    except LookupError:
        return False


@contextmanager
def counters_watched() -> Iterator[None]:
    """No invocation counter is taken twice, over all lives of the meter (I7)."""
    ends: dict[str, int] = {}
    take = CounterRecord.reserve

    def reserve(self: CounterRecord, key_fingerprint: str, count: int) -> range:
        taken = take(self, key_fingerprint, count)
        assert taken.start >= ends.get(key_fingerprint, 0), "a counter is taken twice"
        ends[key_fingerprint] = taken.stop
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CounterRecord, "reserve", reserve)
        yield
    assert ends, "the meter has spoken under its keys"


def upgraded(cut: Cut | None) -> int:
    """An upgrade in whose middle the power goes; the operations of the memory from the association on."""
    simulation = Mains()
    settings = {"trusted": (VENDOR_KEY.public_key(),), "image_block_size": 64, "sync_every_blocks": 5}
    factory = simulation.meter(CIPHERED, memory=SimulatedMedium(), **settings)
    factory.cut_power()
    assert isinstance(factory.memory, SimulatedMedium)
    factory.memory = ours = factory.memory.survivor()
    factory.power_up()
    with counters_watched(), factory.client() as client:
        ours.arm(cut)
        begun = ours.operations
        result = client.upgrade(Image.from_bytes(container(blocks=BLOCKS)), TransferPolicy())
    assert result.outcome == "activated", cut
    assert result.blocks_sent <= BLOCKS + 32, f"what was on its way and what no barrier had covered: {cut}"
    unit = factory.powered.units.firmware
    assert unit.running(1).identifier == IDENTIFIER
    assert unit.identifiers(1).count(IDENTIFIER) == 1, cut
    codes = [entry.code for entry in factory.powered.units.standard_log.entries]
    assert codes.count(18) == 1, cut
    assert has_power(factory)
    assert (factory.memory is ours) == (cut is None)
    return ours.operations - begun


def client_cuts(step: int) -> int:
    """Cuts at every so many-th operation, from another one each day."""
    operations = upgraded(None)
    chance = random.Random(f"{SEED} client")
    first = chance.randrange(step)
    for operation in range(first, operations, step):
        upgraded(any_cut(chance, operation))
    return len(range(first, operations, step))


@pytest.mark.fault("T-28")
@pytest.mark.fault("M-22")
@pytest.mark.fault("T-10")
def test_a_client_outlives_cuts_of_its_meter() -> None:
    assert client_cuts(step=4) > 20


# --- All of it ---------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_every_cut(plan: Plan) -> None:
    """Every way at every operation; of the longer upgrades a few ways at each, in turn."""
    count = 0
    for point in points(plan):
        ways = variants(point.number)
        share = WAYS_AT_A_TIME.get(plan.blocks, len(ways))
        for cut in [ways[(point.number * share + step) % len(ways)] for step in range(share)]:
            struck(point, cut)
            count += 1
    print(f"{plan}: {len(tape_of(plan).notes)} operations, {count} cuts")


@pytest.mark.soak
@pytest.mark.parametrize("plan", PLANS[:3], ids=str)
def test_every_second_cut_during_a_recovery(plan: Plan) -> None:
    """At each operation a cut of any kind, and a second one at each operation of the power-up after it."""
    chance = random.Random(SEED)
    count = 0
    for point in points(plan):
        first = any_cut(chance)
        for operation in range(recovery_operations(point, first) + 1):
            struck(point, first, (any_cut(chance, operation),))
            count += 1
    print(f"{plan}: {count} double cuts")


def recovery_operations(point: Point, cut: Cut) -> int:
    """How many operations the power-up after a cut takes."""
    operations = strike(point, cut)
    assert operations < MOST_RECOVERY_OPERATIONS
    return operations


@pytest.mark.soak
def test_many_cuts_in_a_row() -> None:
    chance = random.Random(SEED)
    for plan in PLANS[:4]:
        for point in chosen(plan, chance, 250):
            in_a_row(point, chance, 5)
    print("five cuts in a row: 1000 times")


@pytest.mark.soak
def test_cuts_at_every_operation_of_an_upgrade_by_a_client() -> None:
    print(f"with a whole client: {client_cuts(step=1)} cuts")
