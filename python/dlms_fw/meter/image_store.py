"""The server side of image transfer: what each call does in each image_transfer_status, and what is kept.

The answers are a table (:data:`ANSWERS`); the effects stand below it. An image that has been verified is
never disturbed: a block for it is refused, and one with other octets also takes the verification and any
schedule back. Judging and activating are done by others; access rights and associations are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final, Literal

from dlms_fw._core import ActionRequest, BitString, BlockStatus, store_image_blocks
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, DataAccessResult, ImageTransferStatus
from dlms_fw.errors import ImageRejected
from dlms_fw.image_octets import OctetsInMemory
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.activation import RETRY_SECONDS, Activation
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.judgement import ImageJudge
from dlms_fw.meter.state import ActivationStep, Firmware, Reception, StateMemory, Trigger
from dlms_fw.meter.storage import ImageBlockStore, LentBlocks

PART_UNKNOWN: Final = 0xFF
"""The event parameter while it is not known which part an image is for."""


class Call(Enum):
    """The four methods."""

    INITIATE = auto()
    BLOCK = auto()
    VERIFY = auto()
    ACTIVATE = auto()

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name for every block


class Answer(Enum):
    """What a call meets."""

    ACCEPT = auto()
    """It is carried out, where its parameters allow."""
    SUCCESS = auto()
    """Already so."""
    TEMPORARY_FAILURE = auto()
    OTHER_REASON = auto()


_ACCEPT, _SUCCESS, _BUSY, _REFUSED = Answer
_BLOCK: Final = Call.BLOCK

ANSWERS: Final[Mapping[Call, tuple[Answer, ...]]] = {
    # status        0 none    1 initiated 2 verifying 3 verified 4 failed  5 activating 6 active 7 failed
    Call.INITIATE: (_ACCEPT, _ACCEPT, _BUSY, _ACCEPT, _ACCEPT, _BUSY, _ACCEPT, _ACCEPT),
    Call.BLOCK: (_REFUSED, _ACCEPT, _BUSY, _REFUSED, _REFUSED, _BUSY, _REFUSED, _REFUSED),
    Call.VERIFY: (_REFUSED, _ACCEPT, _BUSY, _SUCCESS, _ACCEPT, _BUSY, _SUCCESS, _REFUSED),
    Call.ACTIVATE: (_REFUSED, _ACCEPT, _BUSY, _ACCEPT, _REFUSED, _BUSY, _SUCCESS, _REFUSED),
}

_Status = ImageTransferStatus
_INFORMED: Final = frozenset(
    {_Status.VERIFICATION_SUCCESSFUL, _Status.ACTIVATION_INITIATED, _Status.ACTIVATION_SUCCESSFUL}
)
_UNFINISHED: Final = frozenset(
    {
        _Status.TRANSFER_INITIATED,
        _Status.VERIFICATION_INITIATED,
        _Status.VERIFICATION_SUCCESSFUL,
        _Status.VERIFICATION_FAILED,
    }
)


_OWN: Final = frozenset({"power_up", "advance", "deadline", "activate", "judge_again", "lose", "lend"})


@dataclass(frozen=True, slots=True)
class LentImage:
    """An image that is being received, for who stores its blocks in place."""

    reception: Reception
    received: BlockStatus
    memory: LentBlocks
    note_written: Callable[[int], None]
    """To be told how many blocks were stored in place, at the end."""


class ImageStore(ServerObject, interface=ImageTransfer, own=_OWN):
    """The image transfer object of a meter."""

    def __init__(
        self,
        instance_id: LogicalNameLike,
        *,
        config: MeterConfig,
        memory: StateMemory,
        blocks: ImageBlockStore,
        judge: ImageJudge,
        log_event: Callable[[int, int], None],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(instance_id)
        self._config = config
        self._memory = memory
        self._blocks = blocks
        self._judge = judge
        self._log_event = log_event
        self._monotonic = monotonic
        self._blocks_received: BlockStatus | None = None
        self._activation: Activation | None = None
        self._judged: Firmware | None = None
        self.deadline: float | None = None
        """When a running verification ends, on the monotonic clock."""

    def power_up(self, activation: Activation) -> None:
        """Finds out what has survived; a block whose octets are not those acknowledged counts as missing."""
        self._activation = activation
        self.deadline = None
        state = self._memory.state
        reception = state.reception
        if reception is None:
            return
        with suppress(OSError):  # what cannot be recorded now is found out again before it matters
            self._take_stock(reception)

    def _take_stock(self, reception: Reception) -> None:
        status = self._memory.state.image_transfer_status
        lost = reception.block_size != self.image_block_size or self._config.transfer_after_restart == "lost"
        if status < _Status.VERIFICATION_SUCCESSFUL and lost:
            self._forget()
            return
        self._blocks.begin(reception.serial, reception.size, reception.block_size)
        received = BlockStatus(reception.block_count)
        for number, is_there in self._blocks.scan():
            if is_there:
                received.mark(number)
        self._blocks_received = received
        judged = status in {_Status.VERIFICATION_INITIATED, _Status.VERIFICATION_SUCCESSFUL}
        begins = status == _Status.TRANSFER_INITIATED and self._config.self_verify
        if status == _Status.VERIFICATION_INITIATED:
            self.deadline = self._monotonic() + self._config.verify_seconds
        if judged and not received.complete:
            self._cancel_verification()
        elif received.complete and begins:
            with suppress(CosemFault):
                self._begin_verification()

    def advance(self, now: float) -> None:
        """Ends a verification that is due."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = now + RETRY_SECONDS
            self._end_verification()
            self.deadline = None

    @property
    def image_block_size(self) -> int:
        """Octets."""
        return self._config.image_block_size

    @property
    def image_transferred_blocks_status(self) -> BitString:
        """One bit for each block of the image that was initiated; none before."""
        received = self._received
        return BitString() if received is None else received.to_bit_string()

    @property
    def image_first_not_transferred_block_number(self) -> int:
        """The lowest missing block; the number of blocks when complete."""
        received = self._received
        return 0 if received is None else received.first_not_transferred

    @property
    def image_transfer_enabled(self) -> bool:
        """While it is FALSE all methods are refused; the configuration says what becomes of a transfer."""
        return self._memory.state.image_transfer_enabled

    @image_transfer_enabled.setter
    def image_transfer_enabled(self, value: bool) -> None:
        dropped = not value and self._config.transfer_when_disabled == "dropped"
        try:
            if dropped and self.image_transfer_status in _UNFINISHED:
                self._forget(image_transfer_enabled=False)
            else:
                self._memory.commit(image_transfer_enabled=value)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None

    @property
    def image_transfer_status(self) -> ImageTransferStatus:
        """How far the process has come."""
        return self._memory.state.image_transfer_status

    @property
    def image_to_activate_info(self) -> list[ImageToActivateInfo]:
        """The verified image; its signature is the raw r||s of the container."""
        firmware = self._memory.state.verified
        if firmware is None or self.image_transfer_status not in _INFORMED:
            return []
        return [ImageToActivateInfo(firmware.size, firmware.identifier, firmware.signature)]

    def image_transfer_initiate(self, image_identifier: bytes, image_size: int) -> None:
        """Begins a transfer; everything received, verified or scheduled before is void."""
        if self._answer(Call.INITIATE) is _BUSY or self._memory.state.step is not ActivationStep.IDLE:
            raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        if self._config.initiate_in_transfer == "refuse" and self._is_receiving:
            raise CosemFault(ActionResult.OTHER_REASON)
        if len(image_identifier) != self._config.image_identifier_length:
            raise CosemFault(ActionResult.OTHER_REASON)
        if not 0 < image_size <= self._config.image_size_limit:
            raise CosemFault(ActionResult.OTHER_REASON)
        serial = self._memory.state.serial + 1
        reception = Reception(serial, image_identifier, image_size, self.image_block_size)
        try:
            self._blocks.reserve(image_size, reception.block_size)
            self._log_event(StandardEvent.FIRMWARE_TRANSFER_STARTED, PART_UNKNOWN)
            self._memory.commit(
                image_transfer_status=_Status.TRANSFER_INITIATED,
                serial=serial,
                reception=reception,
                verified=None,
                schedule=(),
            )
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None
        self._blocks.begin(serial, image_size, reception.block_size)
        self._blocks_received = BlockStatus(reception.block_count)

    def image_block_transfer(self, image_block_number: int, image_block_value: bytes) -> None:
        """Takes one block; after the last missing one the meter verifies by itself, where it is set so."""
        answer = self._answer(_BLOCK)
        state = self._memory.state
        reception = state.reception
        received = None if reception is None else self._blocks_received
        if answer is _BUSY:
            raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        if answer is not _ACCEPT or reception is None or received is None:
            if state.image_transfer_status == _Status.VERIFICATION_SUCCESSFUL and not self._is_stored(
                image_block_number, image_block_value
            ):
                self._take_back()
            raise CosemFault(ActionResult.OTHER_REASON)
        if len(image_block_value) != _block_length(reception, image_block_number):
            raise CosemFault(ActionResult.OTHER_REASON)
        if received[image_block_number]:
            if self._is_stored(image_block_number, image_block_value):
                return
            if self._config.differing_block == "refuse":
                raise CosemFault(ActionResult.OTHER_REASON)
            received.mark(image_block_number, transferred=False)
        try:
            self._blocks.write(image_block_number, image_block_value)
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None
        received.mark(image_block_number)
        if received.complete:
            self._log_event(StandardEvent.FIRMWARE_TRANSFER_FINISHED, PART_UNKNOWN)
            if self._config.self_verify:
                with suppress(CosemFault):  # the block itself is stored; image_verify will tell
                    self._begin_verification()

    def lend(self, reclaim: Callable[[], None]) -> LentImage | None:
        """The image, while a block of the right length that is missing is stored and no more happens.

        ``reclaim`` is called before the memory of the blocks changes otherwise; of a change of the state its
        owner tells. ``None`` where the memory is none that can be written in place.
        """
        open_now = self._open_reception
        if open_now is None:
            return None
        lent = self._blocks.lend(reclaim)
        return None if lent is None else LentImage(*open_now, lent, self._blocks.note_written)

    def take_many(self, requests: tuple[ActionRequest, ...], first: int) -> int:
        """Blocks of a list at once, where memory can be written in place and nothing else comes of them."""
        open_now = self._open_reception if self._config.block_sink else None
        lent = None if open_now is None else self._blocks.lend_to_itself()
        if open_now is None or lent is None:
            return 0
        reception, received = open_now
        stored = store_image_blocks(
            requests,
            first,
            received,
            lent.blocks,
            lent.digests,
            image_size=reception.size,
            image_block_size=reception.block_size,
            serial=reception.serial,
            most_blocks=lent.most,
        )
        self._blocks.note_written(stored)
        return stored

    def image_verify(self) -> None:
        """Verifies; ``temporary-failure`` while that takes time, then image_transfer_status tells."""
        answer = self._answer(Call.VERIFY)
        if answer is _SUCCESS:
            return
        if answer is _BUSY:
            raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        if answer is _REFUSED or not self._is_complete:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._begin_verification()
        self._raise_by_status()

    def image_activate(self) -> None:
        """Activates on demand, over any schedule, after a verification where there was none."""
        result = self.activate(Trigger.ON_DEMAND)
        if result is not ActionResult.SUCCESS:
            raise CosemFault(result)

    def activate(self, trigger: Trigger) -> ActionResult:
        """The same for any trigger. A schedule never activates what was not verified when it fell due.

        While a firmware waits on trial, a call confirms it where that is the way.
        """
        if trigger is Trigger.ON_DEMAND and self._is_confirmed_by_call:
            return ActionResult.SUCCESS
        answer = self._answer(Call.ACTIVATE)
        if answer is _SUCCESS:
            return ActionResult.SUCCESS
        if answer is _BUSY:
            return ActionResult.TEMPORARY_FAILURE
        if answer is _REFUSED or self._activation is None:
            return ActionResult.OTHER_REASON
        if self.image_transfer_status == _Status.TRANSFER_INITIATED:
            if trigger is not Trigger.ON_DEMAND or not self._is_complete:
                return ActionResult.OTHER_REASON
            self._begin_verification(at_once=True)
        if self.image_transfer_status != _Status.VERIFICATION_SUCCESSFUL:
            return ActionResult.OTHER_REASON
        try:
            return self._activation.command(trigger, self._monotonic())
        except OSError:
            return ActionResult.HARDWARE_FAULT

    def lose(self, keeps: Literal["half", "none", "nothing"]) -> None:
        """What a restart costs a meter with a poor memory: half of the blocks, all, or the initiation."""
        received = self._received
        if keeps == "nothing" or received is None:
            self._forget()
            return
        if self.image_transfer_status != _Status.TRANSFER_INITIATED:
            self._cancel_verification()
        for number in range(received.transferred // 2 if keeps == "half" else 0, len(received)):
            received.mark(number, transferred=False)

    def judge_again(self) -> tuple[Firmware, bytes] | None:
        """The verified firmware and its stored octets; ``None`` where they are no longer the same.

        What has been judged since power-up need only be the same octets still; the rest may have changed
        while the power was off: the trusted keys, the record, the rules. Raises OSError where they cannot be
        read; that is no verdict.
        """
        state = self._memory.state
        if state.reception is None or state.verified is None:
            return None
        try:
            data = self._blocks.read_image()
            if state.verified is self._judged and sha256(data).digest() == state.verified.sha256:
                return state.verified, data
            firmware = self._judge.judge(OctetsInMemory(data), state.reception, state.parts)
        except ImageRejected:
            return None
        return (firmware, data) if firmware == state.verified else None

    def _answer(self, call: Call) -> Answer:
        state = self._memory.state
        if not state.image_transfer_enabled:
            raise CosemFault(ActionResult.OTHER_REASON)
        return ANSWERS[call][state.image_transfer_status]

    @property
    def _received(self) -> BlockStatus | None:
        """Which blocks are there; nothing where no image is being received or was."""
        return None if self._memory.state.reception is None else self._blocks_received

    @property
    def _open_reception(self) -> tuple[Reception, BlockStatus] | None:
        """What blocks are taken for, and which of them are there; ``None`` where none is taken now."""
        state = self._memory.state
        if not state.image_transfer_enabled or ANSWERS[_BLOCK][state.image_transfer_status] is not _ACCEPT:
            return None
        reception, received = state.reception, self._blocks_received
        return None if reception is None or received is None else (reception, received)

    @property
    def _is_complete(self) -> bool:
        return self._received is not None and self._received.complete

    @property
    def _is_receiving(self) -> bool:
        received = self._received
        initiated = self.image_transfer_status == _Status.TRANSFER_INITIATED
        return initiated and received is not None and received.transferred > 0

    @property
    def _is_confirmed_by_call(self) -> bool:
        try:
            return self._activation is not None and self._activation.confirm("call", self._monotonic())
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None

    def _is_stored(self, number: int, value: bytes) -> bool:
        received = self._received
        if received is None or number >= len(received) or not received[number]:
            return False
        try:
            return self._blocks.read(number) == value
        except OSError:
            return False

    def _begin_verification(self, *, at_once: bool = False) -> None:
        """All blocks are made durable, then the status says that the check goes on."""
        try:
            self._blocks.barrier()
            self._memory.commit(image_transfer_status=_Status.VERIFICATION_INITIATED, verified=None)
            self.deadline = self._monotonic() + self._config.verify_seconds
            if at_once or self._config.verify_seconds <= 0:
                self._end_verification()
                self.deadline = None
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None

    def _end_verification(self) -> None:
        state = self._memory.state
        if state.reception is None:
            return
        try:
            firmware = self._judge.judge(self._blocks.octets(), state.reception, state.parts)
        except (ImageRejected, OSError):
            self._memory.commit(image_transfer_status=_Status.VERIFICATION_FAILED, verified=None, schedule=())
            self._log_event(StandardEvent.FIRMWARE_VERIFICATION_FAILED, PART_UNKNOWN)
        else:
            self._memory.commit(image_transfer_status=_Status.VERIFICATION_SUCCESSFUL, verified=firmware)
            self._judged = firmware
            self._log_event(StandardEvent.FIRMWARE_READY_FOR_ACTIVATION, firmware.part)

    def _forget(self, **changes: Any) -> None:
        """The transfer is gone, and everything that came of it; other fields change in the same moment."""
        self._memory.commit(
            image_transfer_status=_Status.TRANSFER_NOT_INITIATED,
            reception=None,
            verified=None,
            schedule=(),
            **changes,
        )
        self.deadline = None

    def _take_back(self) -> None:
        try:
            self._cancel_verification()
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None

    def _cancel_verification(self) -> None:
        self._memory.commit(image_transfer_status=_Status.TRANSFER_INITIATED, verified=None, schedule=())
        self.deadline = None

    def _raise_by_status(self) -> None:
        if self.image_transfer_status == _Status.VERIFICATION_INITIATED:
            raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        if self.image_transfer_status != _Status.VERIFICATION_SUCCESSFUL:
            raise CosemFault(ActionResult.OTHER_REASON)


def _block_length(reception: Reception, number: int) -> int | None:
    """How long a block must be, or ``None`` where there is no such block."""
    left = reception.size - number * reception.block_size
    return min(reception.block_size, left) if left > 0 else None
