"""A client that upgrades a firmware unit, and the rules of the two banks that hold whatever happens.

A rule that does not hold is a :class:`Violation`, whoever was at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from dlms_fw.enums import ActionResult
from dlms_fw.meter.activation import bank_region
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.state import ActivationStep
from dlms_fw.meter.storage import ImageBlockStore
from meters import BLOCK_SIZE, IDENTIFIER, Status, World, block, block_count, config, container

FACTORY = b"MCSF01"
OTHER = b"OTHER1"
_MOST_STEPS = 40


class Violation(AssertionError):
    """A rule of the two banks does not hold."""


def rule(holds: object, text: str) -> None:
    """Raises Violation."""
    if not holds:
        raise Violation(text)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a client upgrades, and how the meter is set."""

    blocks: int = 12
    activate: Literal["on demand", "scheduled"] = "on demand"
    confirmation: Literal["self-test", "call", "read-back"] = "self-test"
    first: FirmwareBehaviour = FirmwareBehaviour.GOOD
    """What the firmware does when it is tried for the first time; the second time it is good."""
    after_another: bool = False
    """Whether another image was on its way before."""

    def __str__(self) -> str:
        return f"{self.blocks}, {self.activate}, {self.confirmation}, {self.first.value}"

    @property
    def image(self) -> bytes:
        """What is to run in the end."""
        return container(blocks=self.blocks)

    @property
    def other_image(self) -> bytes:
        """What was on its way before."""
        return container(blocks=self.blocks, identifier=OTHER, fill=99)

    @property
    def config(self) -> MeterConfig:
        """Of the meter."""
        return _config(self.confirmation)


@cache
def _config(confirmation: str) -> MeterConfig:
    return config(confirmation=confirmation, image_size_limit=1 << 20)


PLANS = (
    Plan(64),
    Plan(64, "scheduled", "read-back"),
    Plan(64, "on demand", "call", FirmwareBehaviour.FAILS_SELF_TEST, after_another=True),
    Plan(328, "scheduled"),
    Plan(1024, "on demand", "read-back"),
)


class Client:
    """A client that wants an image to run, and what it has learnt on the way."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sent = 0
        self.failures = 0
        self.done = False
        self.on_done: Callable[[], None] | None = None

    def copy(self) -> Client:
        """The same client in another fate."""
        twin = Client(self.plan)
        twin.sent, twin.failures, twin.done = self.sent, self.failures, self.done
        return twin

    def finish(self, world: World) -> None:
        """Goes on from whatever status the meter is in until the firmware is confirmed."""
        if self.plan.after_another and world.status == Status.TRANSFER_NOT_INITIATED:
            self._need(world.initiate(self.plan.other_image, OTHER), "it begins")
            for number in range(self.plan.blocks - 1):
                world.send(self.plan.other_image, number)
        for _ in range(_MOST_STEPS):
            status = world.status
            if status == Status.ACTIVATION_SUCCESSFUL:
                self._note_done()
                return
            self._step(world, status)
        raise Violation(f"the upgrade does not come to an end: status {world.status}")

    def _step(self, world: World, status: Status) -> None:
        if world.unit.activation.is_away:
            world.pass_time(10)
        elif status == Status.TRANSFER_INITIATED and not is_other(world):
            self._send_missing(world)
        elif status == Status.VERIFICATION_INITIATED:
            world.pass_time(3)
        elif status == Status.VERIFICATION_SUCCESSFUL:
            self._activate(world)
        elif status == Status.ACTIVATION_INITIATED:
            world.pass_time(4)
            if world.unit.activation.on_trial is not None:
                self._confirm(world)
        else:
            if status == Status.ACTIVATION_FAILED:
                self.failures += 1
            self._need(world.initiate(self.plan.image), "an image can be sent again")

    def _send_missing(self, world: World) -> None:
        image = self.plan.image
        for number, there in enumerate(world.unit.image_store.image_transferred_blocks_status):
            if not there:
                self._need(world.send(image, number), "a missing block is taken")
                self.sent += 1
        if world.status == Status.TRANSFER_INITIATED:
            world.verify()

    def _activate(self, world: World) -> None:
        first = self.plan.first if self.failures == 0 else FirmwareBehaviour.GOOD
        world.unit.activation.behaviour = first
        if self.plan.activate == "scheduled":
            world.unit.set_schedule([world.entry_in(seconds=5)])
            world.pass_time(6)
        else:
            self._need(world.activate(), "what is verified can be activated", ActionResult.TEMPORARY_FAILURE)

    def _confirm(self, world: World) -> None:
        if self.plan.confirmation == "call":
            self._need(world.activate(), "a call confirms")
        else:
            rule(world.unit.read_back(1)[-1] == IDENTIFIER, "what runs on trial is shown")

    def _need(self, result: ActionResult, text: str, wanted: ActionResult = ActionResult.SUCCESS) -> None:
        rule(result == wanted, f"{text} ({result})")

    def _note_done(self) -> None:
        self.done = True
        if self.on_done is not None:
            self.on_done()


def is_other(world: World) -> bool:
    """Whether it is not our image that the meter has received."""
    reception = world.unit.memory.state.reception
    return reception is not None and reception.identifier == OTHER


def check(world: World, client: Client, *, undamaged: bool = True) -> None:
    """The rules that hold after each power-up and at the end (I1 to I6, I12, I14, I16, I18).

    Where the memory has been damaged, events may be missing, and octets of an image that runs already.
    """
    image = client.plan.image
    state, store = world.unit.memory.state, world.unit.image_store
    for number, part in enumerate(state.parts):
        rule(world.bank_holds_verified_firmware(number), "it boots what was verified (I1, I2)")
        rule(number == 1 or part.running == 0, "the other parts stay as they are (I18)")
    part = state.parts[1]
    running = part.firmware.identifier
    rule(running in {FACTORY, IDENTIFIER}, "it runs one of the two (I1)")
    if running == IDENTIFIER:
        octets = world.medium.read(bank_region(1, part.running), 0, len(image) + 1)
        rule(octets == image, "what runs is what was sent (I2)")
        rule(world.status == Status.ACTIVATION_SUCCESSFUL, "only what is confirmed runs (I3)")
    else:
        rule(part.running == 0 and not client.done, "the version never goes back (I14)")
    rule(state.step is ActivationStep.IDLE, "nothing is started again by itself (M-07)")
    rule(part.identifiers.count(IDENTIFIER) <= 1, "nothing is activated twice (I12)")
    _check_bitmap(world, client.plan.other_image if is_other(world) else image)
    needed = undamaged or world.status == Status.VERIFICATION_SUCCESSFUL
    if world.status >= Status.VERIFICATION_SUCCESSFUL and state.reception is not None and needed:
        rule(world.stored_image() == image, "what is verified is whole (I2, I4)")
    if world.status == Status.VERIFICATION_SUCCESSFUL:
        information = [(len(image), IDENTIFIER, image[-64:])]
        rule(store.image_to_activate_info == information, "the note is about this image (I2)")
    stored = world.medium.read(ImageBlockStore.BLOCKS, 0, 1 << 24)
    rule(len(stored) <= len(image), "nothing is written behind the image (I18)")
    if undamaged:
        _check_log(world)


def _check_bitmap(world: World, image: bytes) -> None:
    store = world.unit.image_store
    bits = list(store.image_transferred_blocks_status)
    octets = world.medium.read(ImageBlockStore.BLOCKS, 0, len(image))
    for number, there in enumerate(bits):
        stored = octets[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]
        rule(not there or stored == block(image, number), "a bit stands for a stored block (I5)")
    first = bits.index(False) if False in bits else len(bits)
    rule(store.image_first_not_transferred_block_number == first, "the first missing is the first 0 (I6)")


_LAST_EVENT = {
    Status.VERIFICATION_SUCCESSFUL: 17,
    Status.VERIFICATION_FAILED: 51,
    Status.ACTIVATION_SUCCESSFUL: 18,
    Status.ACTIVATION_FAILED: 32,
}


def _check_log(world: World) -> None:
    serials = [entry.serial for entry in world.log.entries]
    rule(serials == sorted(set(serials)), "the log is in order (M-24)")
    rule(world.unit.memory.state.serial == 0 or 30 in world.codes, "the log says that it began (I16)")
    if world.status in _LAST_EVENT:
        rule(world.codes[-1:] == [_LAST_EVENT[world.status]], "the log says how it ended (I16)")


def check_end(world: World, client: Client, *, cuts: int) -> None:
    blocks = block_count(client.plan.image)
    rule(world.unit.running(1).identifier == IDENTIFIER, "the client finishes (I11)")
    rule(world.codes.count(18) == 1, "activated once (I12)")
    part = world.unit.memory.state.parts[1]
    rule(part.banks[part.other] is None, "what was replaced is discarded (M-09)")
    rule(world.medium.read(bank_region(1, part.other), 0, 1) == b"", "its bank is empty (M-09)")
    restarts = 1 + client.failures
    rule(
        client.sent <= restarts * blocks + cuts * (1 + client.plan.config.sync_every_blocks),
        "few again (I15)",
    )
