"""Meters that are broken on purpose: what holds the rules must catch each of them, or it proves nothing.

Each mutant takes one care out of the meter. The same cuts that a right meter survives must then break a rule.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.meter import activation
from dlms_fw.meter.activation import Activation, bank_region
from dlms_fw.meter.activation_table import TRANSITIONS, FirmwareBehaviour, Outcome
from dlms_fw.meter.firmware import FirmwareUnit
from dlms_fw.meter.image_store import ImageStore
from dlms_fw.meter.state import ActivationStep
from dlms_fw.meter.storage import ImageBlockStore, Json, Medium, Records, StorageError
from mutants_of_activation import after_power_off, discard_is_forgotten
from power_cuts import points, record, strike, variants
from upgrade_rules import Plan, Violation

PLAN = Plan(12, "on demand", "call", FirmwareBehaviour.FAILS_SELF_TEST, after_another=True)
Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]


def blocks_without_digest(patch: Patch) -> None:
    """A block counts as soon as something stands in its place of the table."""

    def scan(self: ImageBlockStore) -> Iterator[tuple[int, bool]]:
        for number in range(-(-self._image_size // self._image_block_size)):
            yield number, any(self._medium.read(self.DIGESTS, number * self.DIGEST_SIZE, self.DIGEST_SIZE))

    patch.setattr(ImageBlockStore, "scan", scan)


def digests_without_octets(patch: Patch) -> None:
    """The bit is made durable before the block, and says nothing of its octets."""
    write = ImageBlockStore.write

    def bit_first(self: ImageBlockStore, image_block_number: int, image_block_value: bytes) -> None:
        digest = self._digest(image_block_number, image_block_value)
        self._medium.write(self.DIGESTS, image_block_number * self.DIGEST_SIZE, digest)
        self._medium.sync(self.DIGESTS)
        write(self, image_block_number, image_block_value)

    patch.setattr(ImageBlockStore, "write", bit_first)
    patch.setattr(ImageBlockStore, "_digest", lambda self, number, value: number.to_bytes(16, "big"))


_RECORD_HEADER = struct.Struct(">4xQI16x")


def records_without_checksum(patch: Patch) -> None:
    """Whatever can be read as a record is one."""

    def decode(name: str, octets: bytes) -> tuple[int, str] | None:
        if len(octets) < _RECORD_HEADER.size:
            return None
        generation, length = _RECORD_HEADER.unpack_from(octets)
        return generation, octets[_RECORD_HEADER.size :][:length].decode(errors="replace")

    patch.setattr("dlms_fw.meter.storage.decode_record", decode)


def records_in_one_copy(patch: Patch) -> None:
    """A record is replaced in its place."""
    store = Records.store

    def in_place(self: Records, name: str, value: Json, *, wipe: bool = False) -> None:
        generation, newest = self._newest.get(name, (0, 1))
        self._newest[name] = generation, 1 - newest
        store(self, name, value, wipe=wipe)

    patch.setattr(Records, "store", in_place)


def records_without_barrier(patch: Patch) -> None:
    """The client hears that something is recorded before it is."""
    store = Records.store

    def unsynced(self: Records, name: str, value: Json, *, wipe: bool = False) -> None:
        medium = self._medium
        self._medium = _WithoutSync(medium)
        try:
            store(self, name, value, wipe=wipe)
        finally:
            self._medium = medium

    patch.setattr(Records, "store", unsynced)


class _WithoutSync:
    """A medium whose barriers do nothing."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium

    def __getattr__(self, name: str) -> Any:
        return getattr(self._medium, name)

    def sync(self, region: str) -> None:
        """Nothing."""


def blocks_without_barrier(patch: Patch) -> None:
    """Verified and activated is what no barrier has covered."""
    patch.setattr(ImageBlockStore, "barrier", lambda self: None)


def bank_without_barrier(patch: Patch) -> None:
    """The new bank counts as installed before it is durable."""

    def write_in_passing(medium: Medium, region: str, data: bytes) -> None:
        medium.erase(region)
        medium.write(region, 0, data)

    patch.setattr(activation, "write_durably", write_in_passing)


def old_bank_erased_too_early(patch: Patch) -> None:
    """The old firmware is erased when the new one starts, not when it is confirmed."""
    start = Activation._start

    def greedy(self: Activation) -> Outcome:
        part = self._memory.state.parts[1]
        self._medium.erase(bank_region(1, part.running))
        self._medium.sync(bank_region(1, part.running))
        return start(self)

    patch.setitem(activation._WORK, ActivationStep.START, greedy)  # type: ignore[arg-type]


def old_record_forgotten_too_early(patch: Patch) -> None:
    """The bank that boots is changed when the new firmware starts, not when it is confirmed."""
    change = Activation._change

    def hasty(self: Activation, step: ActivationStep) -> None:
        change(self, step)
        if step is ActivationStep.TEST:
            state = self._memory.state
            part = state.parts[1]
            self._memory._store(state.having(parts=state.parts_with(1, replace(part, running=part.other))))

    patch.setattr(Activation, "_change", hasty)
    patch.setattr("dlms_fw.meter.state.check_change", lambda old, new: None)


def trial_started_again(patch: Patch) -> None:
    """After a power cut the activation goes on by itself."""
    rows = {step: dict(row) for step, row in TRANSITIONS.items()}
    for step in (ActivationStep.INSTALL, ActivationStep.START, ActivationStep.TEST):
        rows[step][Outcome.POWER_OFF] = step
    patch.setattr(activation, "TRANSITIONS", rows)


def image_thrown_away_with_the_power(patch: Patch) -> None:
    """A power cut during the activation counts as a failure of the firmware."""
    step = ActivationStep
    after_power_off(step.DISCARD_NEW, step.INSTALL, step.START, step.TEST)(patch)


def verified_before_it_is_whole(patch: Patch) -> None:
    """At power-up a verification is believed without a look at the blocks."""

    def power_up(self: ImageStore, activation: Activation) -> None:
        scan = ImageBlockStore.scan
        state = self._memory.state
        complete = state.image_transfer_status >= ImageTransferStatus.VERIFICATION_INITIATED
        if complete:
            self._blocks.scan = lambda: ((n, True) for n, _ in scan(self._blocks))  # type: ignore[method-assign]
        original(self, activation)

    original = ImageStore.power_up
    patch.setattr(ImageStore, "power_up", power_up)
    blocks_without_barrier(patch)


def serials_not_in_digests(patch: Patch) -> None:
    """Blocks of an earlier transfer count for the next one."""
    digest = ImageBlockStore._digest

    def of_any_transfer(self: ImageBlockStore, image_block_number: int, value: bytes) -> bytes:
        serial, self._serial = self._serial, 0
        try:
            return digest(self, image_block_number, value)
        finally:
            self._serial = serial

    patch.setattr(ImageBlockStore, "_digest", of_any_transfer)


def log_silent_after_a_cut(patch: Patch) -> None:
    """An event that the power went before is never told."""
    patch.setattr(FirmwareUnit, "_complete_log", lambda self, newest: None)


MUTATIONS: dict[Mutation, str] = {
    blocks_without_digest: "a bit stands for a stored block",
    digests_without_octets: "a bit stands for a stored block",
    records_without_checksum: "JSONDecodeError",
    records_in_one_copy: "both copies",
    records_without_barrier: "both copies",
    blocks_without_barrier: "the new image is kept",
    bank_without_barrier: "boots what was verified",
    old_bank_erased_too_early: "the old firmware boots",
    old_record_forgotten_too_early: "only what is confirmed runs",
    trial_started_again: "the new image is kept and waits",
    image_thrown_away_with_the_power: "the new image is kept and waits",
    discard_is_forgotten: "what was replaced is discarded",
    verified_before_it_is_whole: "a bit stands for a stored block",
    serials_not_in_digests: "a bit stands for a stored block",
    log_silent_after_a_cut: "the log says how it ended",
}
"""Each with what tells it first."""

MOST_CUTS = 1500
"""Until it counts as not caught."""


def first_violation(plan: Plan) -> str | None:
    """The first rule that breaks, of cuts everywhere in an upgrade; ``None`` where all hold."""
    everywhere = [point.apart() for point in points(plan, record(plan))]
    chance = random.Random(1)
    for _ in range(MOST_CUTS):
        point = chance.choice(everywhere)
        try:
            strike(point, chance.choice(variants(chance.getrandbits(32))))
        except (Violation, StorageError, ValueError) as broken:
            return f"{type(broken).__name__}: {broken}"
    return None


@pytest.mark.fault("M-10")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_broken_meter_is_caught(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    told = first_violation(PLAN)
    assert told is not None, mutation.__doc__
    assert MUTATIONS[mutation] in told
