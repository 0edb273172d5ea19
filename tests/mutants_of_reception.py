"""Meters that take images wrongly, each in one way; by the conformance case that is about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw._core import BitString
from dlms_fw.containers import dfw
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, ImageTransferStatus
from dlms_fw.image import Image
from dlms_fw.image_octets import ImageOctets
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.image_store import ANSWERS, Call, ImageStore
from dlms_fw.meter.judgement import ImageJudge
from dlms_fw.meter.ownership import TransferOwnership
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.state import Firmware, Reception, StateMemory
from dlms_fw.meter.storage import ImageBlockStore

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]
Status = ImageTransferStatus

OTHER_REASON = CosemFault(ActionResult.OTHER_REASON)
READING = frozenset({2})


def instead(owner: type, name: str, made: Callable[[Any], Any]) -> Mutation:
    """A mutation: the function or the getter of that name, made from the right one."""

    def mutate(patch: Patch) -> None:
        original = vars(owner)[name]
        if isinstance(original, property):
            patch.setattr(owner, name, property(made(original.fget), original.fset))
        else:
            patch.setattr(owner, name, made(original))

    return mutate


def store(name: str) -> Callable[[Callable[[Any], Any]], Mutation]:
    """The same of the image store, as a decorator."""
    return lambda made: instead(ImageStore, name, made)


# --- Attributes --------------------------------------------------------------------------------------------


@store("image_to_activate_info")
def tells_of_an_image_before_there_is_one(right: Any) -> Any:
    from dlms_fw.cosem.image_transfer import ImageToActivateInfo

    return lambda self: right(self) or [ImageToActivateInfo(1, b"GHOST1", b"")]


@store("image_first_not_transferred_block_number")
def first_missing_stays_0(_right: Any) -> Any:
    return lambda self: 0


@store("image_first_not_transferred_block_number")
def first_missing_is_highest_and_one(_right: Any) -> Any:
    def highest(self: ImageStore) -> int:
        bits = [n for n, bit in enumerate(self.image_transferred_blocks_status) if bit]
        return max(bits, default=-1) + 1

    return highest


@store("image_transferred_blocks_status")
def bits_in_whole_octets(right: Any) -> Any:
    return lambda self: BitString([*right(self), *[False] * (-len(right(self)) % 8)])


def enabled_is_only_shown(patch: Patch) -> None:
    patch.setattr(ImageStore, "_answer", lambda self, call: ANSWERS[call][self.image_transfer_status])


# --- Initiation --------------------------------------------------------------------------------------------


@store("image_transfer_initiate")
def any_identifier(right: Any) -> Any:
    return lambda self, image_identifier, image_size: right(
        self, image_identifier.ljust(6, b"?")[:6], image_size
    )


@store("image_transfer_initiate")
def sizes_are_cut(right: Any) -> Any:
    return lambda self, image_identifier, image_size: right(
        self, image_identifier, min(image_size, self._config.image_size_limit)
    )


@store("image_transfer_initiate")
def first_block_survives(right: Any) -> Any:
    def initiate(self: ImageStore, image_identifier: bytes, image_size: int) -> None:
        had = self._received is not None and self._received[0]
        right(self, image_identifier, image_size)
        if had and self._blocks_received is not None:
            self._blocks_received.mark(0)

    return initiate


@store("image_transfer_initiate")
def schedule_survives(right: Any) -> Any:
    def initiate(self: ImageStore, image_identifier: bytes, image_size: int) -> None:
        schedule = self._memory.state.schedule
        right(self, image_identifier, image_size)
        self._memory.commit(schedule=schedule)

    return initiate


# --- Blocks ------------------------------------------------------------------------------------------------


def block(change: Callable[[ImageStore, int, bytes], tuple[int, bytes] | None]) -> Mutation:
    """Another block is stored than the one that was sent, or none while success is said."""

    def made(right: Any) -> Any:
        def take(self: ImageStore, image_block_number: int, image_block_value: bytes) -> None:
            changed = change(self, image_block_number, image_block_value)
            if changed is not None:
                right(self, *changed)

        return take

    return instead(ImageStore, "image_block_transfer", made)


def _length(self: ImageStore, number: int) -> int:
    reception = self._memory.state.reception
    size = 0 if reception is None else reception.size
    return min(self.image_block_size, size - number * self.image_block_size)


numbers_of_16_bits = block(lambda self, number, value: (number & 0xFFFF, value))
short_blocks_are_filled_up = block(
    lambda self, number, value: (number, value.ljust(max(0, _length(self, number)), b"\0"))
)
long_blocks_are_cut = block(lambda self, number, value: (number, value[: max(0, _length(self, number))]))
second_octets_are_dropped = block(
    lambda self, number, value: (
        None if self._received is not None and self._received[number] else (number, value)
    )
)


@store("image_block_transfer")
def repeated_block_is_refused(right: Any) -> Any:
    def take(self: ImageStore, image_block_number: int, image_block_value: bytes) -> None:
        if self._is_stored(image_block_number, image_block_value):
            raise OTHER_REASON
        right(self, image_block_number, image_block_value)

    return take


@store("image_block_transfer")
def verified_image_is_overwritten(right: Any) -> Any:
    def take(self: ImageStore, image_block_number: int, image_block_value: bytes) -> None:
        if self.image_transfer_status == Status.VERIFICATION_SUCCESSFUL:
            self._blocks.write(image_block_number, image_block_value)
            return
        right(self, image_block_number, image_block_value)

    return take


def write_errors_are_not_told(patch: Patch) -> None:
    def write(self: ImageBlockStore, image_block_number: int, image_block_value: bytes) -> None:
        try:
            right(self, image_block_number, image_block_value)
        except OSError:
            return

    right = ImageBlockStore.write
    patch.setattr(ImageBlockStore, "write", write)


def room_is_not_looked_for(patch: Patch) -> None:
    patch.setattr(ImageBlockStore, "reserve", lambda self, image_size, image_block_size: None)


def bit_before_block(patch: Patch) -> None:
    def write(self: ImageBlockStore, image_block_number: int, image_block_value: bytes) -> None:
        noted = self._digest(image_block_number, image_block_value)
        self._medium.write(self.DIGESTS, image_block_number * self.DIGEST_SIZE, noted)
        self._medium.sync(self.DIGESTS)
        right(self, image_block_number, image_block_value)

    right = ImageBlockStore.write
    patch.setattr(ImageBlockStore, "write", write)
    patch.setattr(ImageBlockStore, "_digest", lambda self, number, value: (number + 1).to_bytes(16, "big"))


# --- Associations, restarts, clients -----------------------------------------------------------------------


def transfer_dies_with_its_association(patch: Patch) -> None:
    stores: list[ImageStore] = []
    init, release = ImageStore.__init__, TransferOwnership.release

    def remember(self: ImageStore, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        stores.append(self)

    def forget(self: TransferOwnership, connection: object, client_sap: int) -> None:
        if self._owner == (connection, client_sap) and stores[-1]._is_receiving:
            stores[-1]._forget()
        release(self, connection, client_sap)

    patch.setattr(ImageStore, "__init__", remember)
    patch.setattr(TransferOwnership, "release", forget)


@store("power_up")
def transfer_dies_with_the_power(right: Any) -> Any:
    def power_up(self: ImageStore, activation: Any) -> None:
        right(self, activation)
        if self._is_receiving:
            self._forget()

    return power_up


anybody_owns_the_transfer: Mutation = instead(
    TransferOwnership, "admits", lambda right: lambda self, caller, method_id: True
)
reading_client_may_enable = {"access_rules": (AccessRule(class_id=18, clients=READING, attributes={5: 3}),)}
reading_client_may_transfer = {
    "access_rules": (AccessRule(class_id=18, clients=READING, methods={1: True, 2: True}),)
}


# --- Verification ------------------------------------------------------------------------------------------


def judge(made: Callable[[Any], Any]) -> Mutation:
    return instead(ImageJudge, "judge", made)


incomplete_is_judged: Mutation = instead(ImageStore, "_is_complete", lambda right: lambda self: True)


@store("image_to_activate_info")
def size_without_container(right: Any) -> Any:
    return lambda self: [
        entry._replace(image_to_activate_size=entry.image_to_activate_size - 200) for entry in right(self)
    ]


@judge
def everything_is_good(right: Any) -> Any:
    def take(self: ImageJudge, octets: ImageOctets, reception: Reception, parts: Any) -> Firmware:
        try:
            firmware: Firmware = right(self, octets, reception, parts)
        except Exception:  # noqa: BLE001 - that is the mutation
            return replace(self._raw(octets, reception), signature=bytes(64))
        return firmware

    return take


def check_of_meter_forgotten(patch: Patch) -> None:
    patch.setattr(Image, "check_meter", lambda self, **facts: None)


def octets_behind_the_end(patch: Patch) -> None:
    patch.setattr(dfw, "_refuse_octets_after", lambda rest: None)


@judge
def identifiers_by_their_beginning(right: Any) -> Any:
    def take(self: ImageJudge, octets: ImageOctets, reception: Reception, parts: Any) -> Any:
        own = Image.of(octets).image_identifier
        alike = own[:5] == reception.identifier[:5]
        return right(self, octets, replace(reception, identifier=own) if alike else reception, parts)

    return take


@store("image_verify")
def second_verification_fails(right: Any) -> Any:
    def verify(self: ImageStore) -> None:
        if self.image_transfer_status == Status.VERIFICATION_SUCCESSFUL:
            self._memory.commit(image_transfer_status=Status.VERIFICATION_FAILED, verified=None)
            raise OTHER_REASON
        right(self)

    return verify


@store("image_transfer_status")
def status_wavers(right: Any) -> Any:
    looks = iter(range(1 << 30))

    def status(self: ImageStore) -> ImageTransferStatus:
        true: ImageTransferStatus = right(self)
        wavers = true == Status.VERIFICATION_INITIATED and next(looks) % 3 == 2
        return Status.TRANSFER_INITIATED if wavers else true

    return status


@store("_begin_verification")
def good_until_found_bad(right: Any) -> Any:
    def begin(self: ImageStore, *, at_once: bool = False) -> None:
        right(self, at_once=at_once)
        state = self._memory.state
        if state.reception is not None and state.image_transfer_status == Status.VERIFICATION_INITIATED:
            firmware = Firmware(
                part=1,
                identifier=state.reception.identifier,
                version="9.9.9",
                size=state.reception.size,
                sha256=bytes(32),
                signature=bytes(64),
            )
            self._memory.commit(image_transfer_status=Status.VERIFICATION_SUCCESSFUL, verified=firmware)

    return begin


def failed_verification_starts_over(patch: Patch) -> None:
    def commit(self: StateMemory, **changes: Any) -> None:
        if changes.get("image_transfer_status") == Status.VERIFICATION_FAILED:
            changes |= {"image_transfer_status": Status.TRANSFER_NOT_INITIATED, "reception": None}
        right(self, **changes)

    right = StateMemory.commit
    patch.setattr(StateMemory, "commit", commit)


@store("_end_verification")
def ready_is_told_twice(right: Any) -> Any:
    def end(self: ImageStore) -> None:
        right(self)
        if self.image_transfer_status == Status.VERIFICATION_SUCCESSFUL:
            self._log_event(StandardEvent.FIRMWARE_READY_FOR_ACTIVATION, 1)

    return end


def each_erasure_leaves_something_behind(patch: Patch) -> None:
    right = SimulatedMedium.erase

    def erase(self: SimulatedMedium, region: str) -> None:
        right(self, region)
        if not region.startswith("leak."):
            self.write(f"leak.{self.operations % 1000}", 0, bytes(32))

    patch.setattr(SimulatedMedium, "erase", erase)


def failed_image_takes_blocks(patch: Patch) -> None:
    answers = {call: list(row) for call, row in ANSWERS.items()}
    answers[Call.BLOCK][Status.VERIFICATION_FAILED] = answers[Call.BLOCK][Status.TRANSFER_INITIATED]
    patch.setattr("dlms_fw.meter.image_store.ANSWERS", answers)


MUTANTS: list[tuple[str, Mutation | dict[str, Any]]] = [
    ("IT-01", tells_of_an_image_before_there_is_one),
    ("IT-02", enabled_is_only_shown),
    ("IT-03", reading_client_may_enable),
    ("IT-04", tells_of_an_image_before_there_is_one),
    ("IT-05", any_identifier),
    ("IT-05", sizes_are_cut),
    ("IT-07", first_missing_stays_0),
    ("IT-08", first_missing_is_highest_and_one),
    ("IT-09", numbers_of_16_bits),
    ("IT-10", short_blocks_are_filled_up),
    ("IT-11", long_blocks_are_cut),
    ("IT-12", repeated_block_is_refused),
    ("IT-13", second_octets_are_dropped),
    ("IT-14", verified_image_is_overwritten),
    ("IT-15", bits_in_whole_octets),
    ("IT-16", first_block_survives),
    ("IT-17", first_missing_is_highest_and_one),
    ("IT-21", transfer_dies_with_its_association),
    ("IT-22", transfer_dies_with_its_association),
    ("IT-23", transfer_dies_with_the_power),
    ("IT-24", bit_before_block),
    ("IT-25", anybody_owns_the_transfer),
    ("IT-26", reading_client_may_transfer),
    ("IT-27", incomplete_is_judged),
    ("IT-28", size_without_container),
    ("IT-29", everything_is_good),
    ("IT-30", {"trusted": ()}),
    ("IT-31", check_of_meter_forgotten),
    ("IT-32", {"allow_downgrade": True}),
    ("IT-33", octets_behind_the_end),
    ("IT-34", second_verification_fails),
    ("IT-35", status_wavers),
    ("IT-36", good_until_found_bad),
    ("IT-37", schedule_survives),
    ("IT-38", {"self_verify": False}),
    ("IT-48", identifiers_by_their_beginning),
    ("IT-49", each_erasure_leaves_something_behind),
    ("IT-50", write_errors_are_not_told),
    ("IT-51", room_is_not_looked_for),
    ("IT-52", {"shortcomings": frozenset({"ignores-unconfirmed"})}),
    ("IT-53", ready_is_told_twice),
    ("IT-54", failed_verification_starts_over),
    ("IT-54", failed_image_takes_blocks),
]
