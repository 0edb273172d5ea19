"""Power cuts at any operation of a meter's memory, without living through an upgrade for each of them.

An upgrade is lived through once, on memory that notes every operation (:class:`Tape`). Then the operations
are played back one by one, and at each of them the memory is forked and its power cut (:func:`points`): what
is left is powered up, held against the rules, upgraded to the end by the client, and held against them again
(:func:`strike`). A rule that does not hold is a :class:`Violation`, whoever was at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from typing import Literal, TypeAlias

from dlms_fw.meter.power_cut import TEARS, Cut, PowerCut, SimulatedMedium, Tear, Unsynced, When
from dlms_fw.meter.state import ActivationStep, MeterState, state_from_json
from dlms_fw.meter.storage import ImageBlockStore, RecordLost, Records
from meters import BLOCK_SIZE, IDENTIFIER, Status, World
from upgrade_rules import Client, Plan, Violation, check, check_end, rule

FATES: tuple[Unsynced, ...] = ("lost", "kept", "mixed")
MOST_RECOVERY_OPERATIONS = 50
"""What a power-up may do to the memory; reading is bounded by the size of the image."""
_ON_TRIAL = frozenset(
    {ActivationStep.INSTALL, ActivationStep.START, ActivationStep.TEST, ActivationStep.CONFIRM}
)


# --- The tape --------------------------------------------------------------------------------------------

Operation: TypeAlias = tuple[Literal["write", "erase", "reserve", "sync"], str, int, bytes]


class Tape(SimulatedMedium):
    """Memory that notes what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[Operation] = []
        self.done_at: list[int] = []

    def write(self, region: str, offset: int, data: bytes) -> None:
        self.notes.append(("write", region, offset, bytes(data)))
        super().write(region, offset, data)

    def erase(self, region: str) -> None:
        self.notes.append(("erase", region, 0, b""))
        super().erase(region)

    def reserve(self, region: str, size: int) -> None:
        self.notes.append(("reserve", region, size, b""))
        super().reserve(region, size)

    def sync(self, region: str) -> None:
        self.notes.append(("sync", region, 0, b""))
        super().sync(region)


def play(medium: SimulatedMedium, operation: Operation) -> None:
    """Does what was noted."""
    kind, region, number, data = operation
    if kind == "write":
        medium.write(region, number, data)
    elif kind == "erase":
        medium.erase(region)
    elif kind == "reserve":
        medium.reserve(region, number)
    else:
        medium.sync(region)


@cache
def tape_of(plan: Plan) -> Tape:
    """An upgrade from a new meter to a confirmed firmware, as it always is."""
    return record(plan)


def record(plan: Plan) -> Tape:
    """The same, lived through."""
    tape = Tape()
    client = Client(plan)
    client.on_done = lambda: tape.done_at.append(tape.operations)
    client.finish(World(medium=tape, config=plan.config))
    return tape


@dataclass
class Durable:
    """Which blocks barriers have made durable, by what was noted."""

    written: dict[str, set[int]] = field(default_factory=lambda: {"blocks": set(), "digests": set()})
    synced: dict[str, set[int]] = field(default_factory=lambda: {"blocks": set(), "digests": set()})

    @property
    def blocks(self) -> frozenset[int]:
        return frozenset(self.synced["blocks"] & self.synced["digests"])

    def note(self, operation: Operation) -> None:
        """After the operation."""
        kind, region, offset, _ = operation
        if kind == "reserve" and region == ImageBlockStore.BLOCKS:
            self.__init__()  # type: ignore[misc]  # a new transfer
        sizes = {"blocks": BLOCK_SIZE, "digests": ImageBlockStore.DIGEST_SIZE}
        for name, size in sizes.items():
            if region != f"incoming.{name}":
                continue
            if kind == "write":
                self.written[name].add(offset // size)
            elif kind == "sync":
                self.synced[name] |= self.written[name]


@dataclass(frozen=True, slots=True)
class Point:
    """One operation of an upgrade, and the memory just before it: until the next point is asked for."""

    plan: Plan
    number: int
    medium: SimulatedMedium
    operation: Operation
    durable: frozenset[int]
    done: bool

    def apart(self) -> Point:
        """The same with memory of its own, which later operations do not change."""
        return replace(self, medium=self.medium.fork(Cut(-1)))

    def survivor(self, cut: Cut) -> SimulatedMedium:
        """The memory that is left when the power goes there."""
        fork = self.medium.fork(cut)
        try:
            play(fork, self.operation)
        except PowerCut:
            return fork.survivor()
        raise AssertionError("the power did not go")


def points(plan: Plan, tape: Tape | None = None) -> Iterator[Point]:
    """Every operation of an upgrade, by its tape."""
    tape = tape or tape_of(plan)
    medium = SimulatedMedium()
    durable = Durable()
    done_at = min(tape.done_at)
    for number, operation in enumerate(tape.notes):
        yield Point(plan, number, medium, operation, durable.blocks, done=number >= done_at)
        play(medium, operation)
        durable.note(operation)


def variants(seed: int) -> list[Cut]:
    """Every way of a cut at one operation: before, inside, after; each tear; each fate of the unsynced."""
    inside: list[tuple[When, Unsynced, Tear | None]] = [("inside", *row) for row in product(FATES, TEARS)]
    around: list[tuple[When, Unsynced, Tear | None]] = [
        (when, unsynced, tear)
        for when in ("before", "after")
        for unsynced, tear in (("lost", None), ("kept", None), *(("mixed", tear) for tear in TEARS))
    ]
    return [Cut(0, when, unsynced, tear, seed) for when, unsynced, tear in (*inside, *around)]


# --- The blow --------------------------------------------------------------------------------------------


def strike(point: Point, cut: Cut, further: tuple[Cut, ...] = ()) -> int:
    """Cuts the power there, and again at each of ``further``, then lets the client finish.

    Returns how many operations the last power-up took.
    """
    client = Client(point.plan)
    client.done = point.done
    medium = point.survivor(cut)
    for again in further:
        medium = medium.survivor(again)
        _live_on(medium, client)
        medium = medium.survivor()
    before = recorded(medium)
    world = _powered_up(medium, point.plan)
    operations = medium.operations
    rule(operations < MOST_RECOVERY_OPERATIONS, "a power-up does a bounded amount of work (M-06)")
    if not further:
        _check_blocks_kept(world, point)
    _check_step(world, before)
    check(world, client)
    client.finish(world)
    check(world, client)
    check_end(world, client, cuts=1 + len(further))
    return operations


def _live_on(medium: SimulatedMedium, client: Client) -> None:
    """A life that ends with the next cut, or with the upgrade."""
    try:
        client.finish(_powered_up(medium, client.plan))
    except PowerCut:
        return


def _powered_up(medium: SimulatedMedium, plan: Plan) -> World:
    try:
        return World(medium=medium, config=plan.config)
    except RecordLost as lost:
        raise Violation(f"a cut alone never takes both copies of a record: {lost}") from lost


def recorded(medium: SimulatedMedium) -> MeterState | None:
    """The state as it lies in the memory, before a power-up changes it."""
    value = Records(medium).load("firmware")
    return None if value is None else state_from_json(value)


def _check_blocks_kept(world: World, point: Point) -> None:
    """What a barrier has covered stays."""
    if world.unit.memory.state.reception is None:
        return
    there = {
        number
        for number, present in enumerate(world.unit.image_store.image_transferred_blocks_status)
        if present
    }
    rule(point.durable <= there, "a cut takes no block that a barrier has covered (M-03)")


def _check_step(world: World, before: MeterState | None) -> None:
    """What the manual wants of each step that the power went in."""
    if before is None:
        return
    state = world.unit.memory.state
    running = state.parts[1].firmware.identifier
    if before.step in _ON_TRIAL:
        rule(running == before.parts[1].firmware.identifier, "the old firmware boots (I4)")
        rule(world.status == Status.VERIFICATION_SUCCESSFUL, "the new image is kept and waits (I4)")
    elif before.step is ActivationStep.DISCARD_OLD:
        rule(running == IDENTIFIER, "what is confirmed boots (M-09)")
    elif before.step is ActivationStep.DISCARD_NEW:
        rule(running != IDENTIFIER, "what was found bad does not boot (M-08)")
