"""Memory that fails, is full or rots at any operation of an upgrade: the running firmware is not the price.

The client is told hardware-fault and comes again; when the memory works again the upgrade is finished. What
rots is found by its checksum. A sample is tried each time, everything in the long campaign.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Literal

import pytest

from dlms_fw.enums import ActionResult
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.power_cut import Cut, SimulatedMedium
from dlms_fw.meter.storage import RecordLost, Records
from meters import World
from power_cuts import Point, points
from upgrade_rules import FACTORY, Client, Plan, Violation, check, rule

SEED = int(os.environ.get("DLMS_FW_SEED", datetime.now(UTC).toordinal()))
PLANS = (
    Plan(12),
    Plan(12, "scheduled", "read-back"),
    Plan(12, "on demand", "call", FirmwareBehaviour.NO_BOOT),
)
Kind = Literal["error", "torn", "full", "read"]
KINDS: tuple[Kind, ...] = ("error", "torn", "full", "read")
LENGTHS = (1, 4, 1 << 30)
"""How many operations fail one after the other; the last one is a memory that has to be replaced."""


@dataclass(frozen=True)
class Fault:
    """Where the memory begins to fail, how, and how often."""

    kind: Kind
    at: int
    length: int

    def falls_on(self, number: int) -> bool:
        return self.at <= number < self.at + self.length


class FailingMedium(SimulatedMedium):
    """Memory with a fault."""

    def __init__(self, content: dict[str, bytes], fault: Fault) -> None:
        super().__init__(content)
        self.fault: Fault | None = fault
        self.reads = 0
        self.on_operation = self._operation

    def read(self, region: str, offset: int, size: int) -> bytes:
        self.reads += 1
        if self.fault and self.fault.kind == "read" and self.fault.falls_on(self.reads - 1):
            raise OSError(errno.EIO, "cannot be read")
        return super().read(region, offset, size)

    def write(self, region: str, offset: int, data: bytes) -> None:
        fault = self.fault
        if fault and fault.kind == "torn" and fault.falls_on(self.operations):
            self.fault = None
            super().write(region, offset, data[: len(data) // 2])
            self.fault = fault
            raise OSError(errno.EIO, "half of it is written")
        super().write(region, offset, data)

    def _operation(self, operation: str, region: str) -> None:
        fault = self.fault
        if fault is None or not fault.falls_on(self.operations):
            return
        if fault.kind == "error":
            self.operations += 1
            raise OSError(errno.EIO, f"{operation} fails")
        if fault.kind == "full" and operation in {"write", "reserve"}:
            self.operations += 1
            raise OSError(errno.ENOSPC, "no room left")


class Again(Exception):
    """The meter has said hardware-fault, or that it still tries to discard something."""


class PatientClient(Client):
    """A client that comes again after a hardware-fault, so many times."""

    def try_to_finish(self, world: World, tries: int) -> bool:
        for _ in range(tries):
            try:
                self.finish(world)
            except (Again, OSError):
                _wait(world)
            except Violation as ended:
                if "does not come to an end" not in str(ended):
                    raise
                return False
            else:
                return True
        return False

    def _need(self, result: ActionResult, text: str, wanted: ActionResult = ActionResult.SUCCESS) -> None:
        if result == ActionResult.HARDWARE_FAULT or result == ActionResult.TEMPORARY_FAILURE != wanted:
            raise Again
        super()._need(result, text, wanted)


def _wait(world: World) -> None:
    """A second; a meter whose memory fails goes on trying by itself."""
    try:
        world.pass_time(1)
    except OSError:
        world.time.advance(1)


@cache
def factory(plan: Plan) -> dict[str, bytes]:
    """The memory of a new meter."""
    return contents(World(config=plan.config).medium)


def contents(medium: SimulatedMedium) -> dict[str, bytes]:
    """What is seen in all regions."""
    return {region: medium.read(region, 0, 1 << 20) for region in medium.regions}


@cache
def extent(plan: Plan, kind: Kind) -> int:
    """How many operations, or readings, an upgrade has."""
    medium = FailingMedium(factory(plan), Fault(kind, 1 << 30, 0))
    Client(plan).finish(World(medium=medium, config=plan.config))
    return medium.reads if kind == "read" else medium.operations


def suffer(plan: Plan, fault: Fault) -> None:
    """An upgrade with a fault, then a repair, a restart, and the end."""
    client = PatientClient(plan)
    medium = FailingMedium(factory(plan), fault)
    try:
        world = World(medium=medium, config=plan.config)
        client.try_to_finish(world, tries=8)
        medium.fault = None
        check_running(world, client)
    except RecordLost:
        rule(fault.kind == "read", "only what cannot be read counts as lost")
    world = World(medium=medium.survivor(), config=plan.config)
    check_running(world, client)
    rule(client.try_to_finish(world, tries=3), "once it is repaired the upgrade is finished")
    world.power_cycle()
    check(world, client, undamaged=False)


def check_running(world: World, client: Client) -> None:
    """Whatever fails, the firmware that runs is whole and was verified."""
    rule(all(world.bank_holds_verified_firmware(part) for part in range(3)), "it runs what was verified")
    running = world.unit.memory.state.parts[1].firmware.identifier
    rule(running != FACTORY or not client.done, "what was confirmed stays")


def suffered(plan: Plan, fault: Fault) -> None:
    try:
        suffer(plan, fault)
    except Violation as broken:
        raise Violation(f"seed {SEED}: {plan}, {fault}: {broken}") from broken


@pytest.mark.fault("M-04")
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_failures(kind: Kind) -> None:
    chance = random.Random(f"{SEED} {kind}")
    for plan in PLANS:
        for _ in range(8):
            suffered(plan, Fault(kind, chance.randrange(extent(plan, kind)), chance.choice(LENGTHS)))


def wake_up(point: Point, fault: Fault) -> None:
    """A restart in the middle of an upgrade, with memory that fails while the meter recovers."""
    survivor = point.survivor(Cut(0, "before", "kept"))
    medium = FailingMedium(contents(survivor), fault)
    client = PatientClient(point.plan)
    client.done = point.done
    try:
        world = World(medium=medium, config=point.plan.config)
        client.try_to_finish(world, tries=3)
    except RecordLost:
        rule(fault.kind == "read", "only what cannot be read counts as lost")
    medium.fault = None
    world = World(medium=medium.survivor(), config=point.plan.config)
    check_running(world, client)
    rule(client.try_to_finish(world, tries=3), "once it is repaired the upgrade is finished")


def wake_ups(plan: Plan, kind: Kind, step: int, first: int) -> Iterator[tuple[Point, Fault]]:
    """Every so many-th place of a fault in the power-ups of a meter."""
    number = 0
    for point in points(plan):
        if Records(point.medium).load("identity") is None:
            continue  # it is still being made
        for at, length in product(range(RECOVERY_READS if kind == "read" else 8), LENGTHS):
            number += 1
            if number % step == first:
                yield point, Fault(kind, at, length)


RECOVERY_READS = 24


def woken_up(kind: Kind, step: int) -> int:
    count = 0
    for plan in PLANS:
        for point, fault in wake_ups(plan, kind, step, SEED % step):
            count += 1
            try:
                wake_up(point, fault)
            except (Violation, OSError) as broken:
                raise Violation(
                    f"seed {SEED}: {plan}, operation {point.number}, {fault}: {broken}"
                ) from broken
    return count


@pytest.mark.fault("M-04")
@pytest.mark.fault("M-06")
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_failures_at_power_up(kind: Kind) -> None:
    assert woken_up(kind, step=601 if kind == "read" else 211) > 10


# --- Rot ---------------------------------------------------------------------------------------------------

PLACES = ("incoming.blocks", "incoming.digests", "part-1.bank-0", "part-1.bank-1", "standard.firmware-log")
RECORDS = ("firmware", "clock", "identity")


def rot(medium: SimulatedMedium, place: str, chance: random.Random) -> bool:
    """Turns one bit there, if there is anything."""
    size = len(medium.read(place, 0, 1 << 20))
    if size:
        medium.rot(place, chance.randrange(size))
    return size > 0


def newest_copy(medium: SimulatedMedium, name: str) -> str:
    """The copy of a record that counts."""
    return max((f"{name}.0", f"{name}.1"), key=lambda region: medium.read(region, 4, 8))


def decay(point: Point, what: str, chance: random.Random) -> None:
    """Something rots while there is no power; then the meter is powered up, and the client goes on."""
    medium = point.survivor(Cut(0, "before", "kept"))
    if what in RECORDS:
        rot(medium, newest_copy(medium, what), chance)
    elif not rot(medium, what, chance):
        return
    world = World(medium=medium, config=point.plan.config)
    client = PatientClient(point.plan)
    if world.unit.damaged_parts:
        rule(what in {"part-1.bank-0", "part-1.bank-1"}, "only a bank that rots damages a part")
        rule(12 in world.codes, "the log says so")
        running = world.unit.memory.state.parts[1]
        rule(what.endswith(str(running.running)), "it is the one that was to run")
        rule(running.banks[running.other] is None, "there was no other one")
        return
    check_running(world, client)
    rule(client.try_to_finish(world, tries=3), "what has rotted is sent again")
    world.power_cycle()
    check(world, client, undamaged=False)


def decayed(step: int) -> int:
    """Rot in each place at every so many-th operation."""
    chance = random.Random(f"{SEED} rot")
    count = 0
    for plan in PLANS:
        for point in points(plan):
            if Records(point.medium).load("identity") is None:
                continue
            for what in (*PLACES, *RECORDS):
                if chance.randrange(step):
                    continue
                count += 1
                try:
                    decay(point, what, chance)
                except (Violation, OSError, RecordLost) as broken:
                    told = f"{plan}, operation {point.number}, {what}"
                    raise Violation(f"seed {SEED}: {told}: {broken}") from broken
    return count


@pytest.mark.fault("M-05")
def test_a_sample_of_rot() -> None:
    assert decayed(step=24) > 20


@pytest.mark.soak
def test_rot_everywhere() -> None:
    print(f"{decayed(step=1)} places of rot")


# --- All of it ---------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_failures_at_every_power_up(kind: Kind) -> None:
    print(f"{kind}, at power-up: {woken_up(kind, step=5)} failures")


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_failure(kind: Kind) -> None:
    count = 0
    for plan in PLANS:
        for at in range(extent(plan, kind)):
            for length in LENGTHS:
                suffered(plan, Fault(kind, at, length))
                count += 1
    print(f"{kind}: {count} failures")
