"""READ_PARAMETERS, READ_STATUS, ENABLE, INITIATE and POLL_INITIATE: up to a meter that waits for blocks.

Whether there is anything to go on with is the table `START`'s to say; initiating is never a way to resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlms_fw._core import ActionResponse, BlockStatus, ExceptionResponse
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import (
    ForeignTransfer,
    RemoteProtocolError,
    TransferIncomplete,
    TransferNotEnabled,
    TransferRefused,
    VerificationFailed,
)
from dlms_fw.transfer import decisions
from dlms_fw.transfer.completeness import bitmap_octets, blocks_questions
from dlms_fw.transfer.job import Asked, Job, Response, Step, action_result_name, status_name
from dlms_fw.transfer.orders import Wait
from dlms_fw.transfer.questions import Get, Interview, Put
from dlms_fw.transfer.table import START, Outcome, Ownership, TransferState

_SMALL_BITMAP_OCTETS = 70
"""A longer one is not worth asking for before it is known to be needed."""
_RESTART_HINT = "restart discards what the meter holds"


class ReadParameters(Interview):
    """Reads the block size and whether transfers are enabled; nothing is initiated with a bad block size."""

    def __init__(self, job: Job) -> None:
        self._size = Get(job.image_transfer.image_block_size)
        self._enabled = Get(job.image_transfer.image_transfer_enabled)
        super().__init__(job, self._size, self._enabled)

    def soon(self) -> Sequence[Get[Any]]:
        """The status, and what is asked for at once where it says that we may go on."""
        return (Get(self.job.image_transfer.image_transfer_status), *_if_blocks_were_sent(self.job))

    def judge(self) -> Outcome:
        """Take the block size, unless it cannot be used or is another one than before."""
        job = self.job
        size = self._size.value
        if size is None:
            raise job.error(TransferRefused, f"image_block_size cannot be read: {self._size.fault}")
        if job.blocks is not None and size != job.blocks.image_block_size:
            raise job.error(
                TransferRefused,
                f"image_block_size changed from {job.blocks.image_block_size} to {size} on the way",
                hint=_RESTART_HINT,
            )
        image_size = job.image.size
        if size == 0 or -(-image_size // size) > job.policy.most_blocks:
            raise job.error(
                TransferRefused, f"image_block_size is {size}, for an image of {image_size} octets"
            )
        if not job.link.carries(size):
            raise job.error(
                TransferRefused,
                f"a block of {size} octets does not fit in the negotiated {job.link.max_pdu_size}, "
                "and block transfer was not negotiated",
                hint="a meter that takes larger APDUs, or blocks of ACTION, or general_block_transfer in the "
                "profile",
            )
        if job.blocks is None:
            job.blocks = job.image.blocks(size, pad_last_block=job.policy.pad_last_block)
            job.block_status = BlockStatus(len(job.blocks))
        job.transfer_enabled = self._enabled.value
        if job.enabled_at_start is None:
            job.enabled_at_start = self._enabled.value
        return Outcome.OK


class ReadStatus(Interview):
    """Reads image_transfer_status and looks up what it means for us."""

    waits_for = "the meter is activating another image"

    def __init__(self, job: Job) -> None:
        self._status = Get(job.image_transfer.image_transfer_status)
        super().__init__(job, self._status)

    def soon(self) -> Sequence[Get[Any]]:
        """What has arrived."""
        return _if_blocks_were_sent(self.job)

    def judge(self) -> Outcome:
        """What `START` says, by whose transfer it is."""
        job = self.job
        status = known_status(job, self._status)
        # A restart discards what is found at the start; what we have initiated since is not found, but ours.
        whose = Ownership.RESTART if job.restart else job.ownership()
        outcome = START[whose][status]
        if outcome is Outcome.REFUSED:
            raise job.error(
                ForeignTransfer,
                f"the meter's transfer is not provably ours ({status_name(status)}; {whose.value})",
                hint=_RESTART_HINT,
            )
        if outcome is Outcome.BUSY:
            if job.foreign_activation_since is None:
                job.foreign_activation_since = job.now
            self.patience = job.policy.activation_seconds
        if job.policy.dry_run:
            return Outcome.MORE
        job.fresh = outcome is Outcome.OK
        if outcome is Outcome.INCOMPLETE and whose is Ownership.OURS:
            job.sendings = max(job.sendings, 1)
        if job.fresh and whose in (Ownership.OURS, Ownership.UNSENT) and job.sendings == 0:
            job.warn(
                "transfer-gone",
                f"an earlier transfer of this image is not in the meter any more ({status_name(status)})",
            )
        return outcome

    def waiting_since(self) -> float | None:
        """Since the activation of others was first seen."""
        return self.job.foreign_activation_since


def _if_blocks_were_sent(job: Job) -> Sequence[Get[Any]]:
    """The questions for what has arrived, where they are likely to be asked and cost little."""
    sent = job.checkpoint is not None and job.checkpoint.blocks_bound > 0
    if job.blocks is None or not sent or bitmap_octets(len(job.blocks)) > _SMALL_BITMAP_OCTETS:
        return ()
    return blocks_questions(job)


class Enable(Interview):
    """Writes image_transfer_enabled where it is FALSE, and believes it only when it reads TRUE."""

    def __init__(self, job: Job) -> None:
        enabled = job.image_transfer.image_transfer_enabled
        self._put = Put(enabled, value=True)
        self._read = Get(enabled)
        super().__init__(job, *((self._put, self._read) if job.transfer_enabled is False else ()))

    def judge(self) -> Outcome:
        """On to the initiation, or to what the meter already has."""
        job = self.job
        if job.transfer_enabled is False:
            if self._read.value is not True:
                why = self._put.fault or "it was written, and still reads so"
                raise job.error(TransferNotEnabled, f"image_transfer_enabled stays FALSE: {why}")
            job.transfer_enabled = True
        return Outcome.OK if job.fresh else Outcome.INCOMPLETE


class Initiate(Step):
    """Calls image_transfer_initiate, once it is on record that we do so and that no block has been sent."""

    waits_for = "the meter cannot initiate a transfer now"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._recorded = False

    def ask(self) -> Asked:
        """Record that nothing has been sent yet, then initiate."""
        job = self.job
        if job.sendings > job.policy.full_restarts:
            self._no_restart_left()
        if not self._recorded:
            self._recorded = True
            return job.save(TransferState.INITIATE, 0)
        if job.initiate_since is None:
            job.initiate_since = job.now
        job.changed = True
        job.status_before_initiate = job.image_transfer_status
        return job.image_transfer.image_transfer_initiate(job.image.image_identifier, job.image.size).request

    def _no_restart_left(self) -> None:
        job = self.job
        if job.verification_failed:
            raise job.error(
                VerificationFailed,
                f"the meter found the image wrong, {job.sendings} times",
                hint="is the image signed for this meter, with a key that the meter knows?",
            )
        raise job.error(
            TransferIncomplete,
            f"the meter forgot the transfer {job.sendings} times",
            retryable=True,
        )

    def read(self, response: Response) -> Outcome:
        """Accepted, busy, or refused for good."""
        job = self.job
        if isinstance(response, ExceptionResponse):
            outcome = decisions.outcome_of_exception(response)
            fault = f"exception-response {response.service_error}"
        elif isinstance(response, ActionResponse):
            outcome = decisions.outcome_of_action(response.result)
            fault = action_result_name(response.result)
        else:
            raise RemoteProtocolError(f"a {type(response).__name__} to image_transfer_initiate")
        if outcome is Outcome.REFUSED:
            raise job.error(TransferRefused, f"the meter refused image_transfer_initiate: {fault}")
        job.initiate_answer = outcome
        return outcome

    def waiting_since(self) -> float | None:
        """Since the first of these calls."""
        return self.job.initiate_since


class PollInitiate(Step):
    """Looks until the status is 1: memory may have to be erased first."""

    waits_for = "the initiation does not show in the status yet"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.patience = job.policy.initiate_seconds
        self._status = Get(job.image_transfer.image_transfer_status)
        self._settled = job.policy.settle_after_initiate_seconds == 0
        self._initiated = False

    def ask(self) -> Asked:
        """Ask for the status; once it is 1, pause where the policy says so."""
        if not self._initiated:
            return self._status.request()
        if not self._settled:
            self._settled = True
            return Wait(self.job.policy.settle_after_initiate_seconds, "pause after the initiation")
        return Outcome.OK

    def read(self, response: Response) -> Outcome:
        """Answer and status must agree."""
        job = self.job
        outcome = self._status.read(response)
        if outcome is Outcome.BUSY or outcome is Outcome.LOST:
            return outcome
        status = known_status(job, self._status)
        accepted = job.initiate_answer is Outcome.OK
        if status != ImageTransferStatus.TRANSFER_INITIATED:
            return Outcome.BUSY if accepted else Outcome.INCOMPLETE
        if not accepted and job.status_before_initiate == status:
            # It was busy, and what we see may be the transfer that was there before.
            return Outcome.INCOMPLETE
        self._note_initiation()
        return Outcome.MORE if not self._settled else Outcome.OK

    def _note_initiation(self) -> None:
        job = self.job
        blocks, _ = job.known_blocks()
        self._initiated = True
        job.sendings += 1
        job.initiate_since = None
        job.restart = False
        job.block_status = BlockStatus(len(blocks))
        job.blocks_high = 0
        job.attempts.clear()
        job.rounds = 0
        job.verify_answer = Outcome.LOST
        job.verify_since = None

    def waiting_since(self) -> float | None:
        """Since the first call of image_transfer_initiate."""
        return self.job.initiate_since

    def out_of_patience(self) -> TransferRefused | TransferIncomplete:
        """Busy all the time, or accepted without effect."""
        job = self.job
        if job.initiate_answer is not Outcome.OK:
            return job.error(
                TransferIncomplete,
                f"the meter is busy for {self.patience:.0f} s: {self.waits_for}",
                retryable=True,
            )
        return job.error(
            TransferRefused,
            "image_transfer_initiate succeeded, yet the status does not say that a transfer is initiated",
        )


def known_status(job: Job, question: Get[ImageTransferStatus]) -> int:
    """The status read; raises TransferRefused where there is none or it is none of the standard's."""
    status = question.value
    if status is None:
        raise job.error(TransferRefused, f"image_transfer_status cannot be read: {question.fault}")
    job.take_status(status)
    if status not in START[Ownership.NONE]:
        raise job.error(
            TransferRefused, f"image_transfer_status is {int(status)}, which the standard does not know"
        )
    return int(status)
