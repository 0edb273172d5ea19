"""VERIFY, POLL_VERIFY and CHECK_IMAGE: the meter finds the image good, and it is exactly ours.

Some meters verify by themselves after the last block; then image_verify is not called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlms_fw._core import ActionResponse, ExceptionResponse
from dlms_fw.cosem.image_transfer import ImageToActivateInfo
from dlms_fw.cosem.single_action_schedule import ExecutionTime, SingleActionSchedule
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import (
    ForeignTransfer,
    RemoteProtocolError,
    TransferError,
    TransferIncomplete,
    VerificationFailed,
)
from dlms_fw.transfer import decisions
from dlms_fw.transfer.identify import SIGNATURE_OCTETS
from dlms_fw.transfer.job import Asked, Job, Response, Step, status_name
from dlms_fw.transfer.prepare import known_status
from dlms_fw.transfer.questions import Get, Interview
from dlms_fw.transfer.table import Outcome

_STATUS = ImageTransferStatus


class Verify(Step):
    """Calls image_verify, unless the meter is at it or through with it."""

    waits_for = "the meter verifies the image"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.pause_first = job.policy.verify_poll_first_seconds
        self.pause_longest = job.policy.verify_poll_longest_seconds
        self.patience = job.policy.verify_seconds
        job.verify_answer = Outcome.LOST
        if job.verify_since is None:
            job.verify_since = job.now

    def ask(self) -> Asked:
        """Call it, unless the status says that there is no need."""
        job = self.job
        if job.image_transfer_status in (_STATUS.VERIFICATION_INITIATED, _STATUS.VERIFICATION_SUCCESSFUL):
            return Outcome.COMPLETE
        job.changed = True
        return job.image_transfer.image_verify().request

    def read(self, response: Response) -> Outcome:
        """Keep the answer: it must agree with the status later."""
        if isinstance(response, ExceptionResponse):
            outcome = decisions.outcome_of_exception(response)
        elif isinstance(response, ActionResponse):
            outcome = decisions.outcome_of_action(response.result, long_running=True)
        else:
            raise RemoteProtocolError(f"a {type(response).__name__} to image_verify")
        self.job.verify_answer = outcome
        return outcome

    def waiting_since(self) -> float | None:
        """Since the verification was first due."""
        return self.job.verify_since


class PollVerify(Interview):
    """Looks at the status until the verification has ended."""

    waits_for = "the meter verifies the image"
    answers_are_progress = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.pause_first = job.policy.verify_poll_first_seconds
        self.pause_longest = job.policy.verify_poll_longest_seconds
        self.patience = job.policy.verify_seconds
        self._look()

    def _look(self) -> None:
        self._status = Get(self.job.image_transfer.image_transfer_status)
        self._open = [self._status]

    def soon(self) -> Sequence[Get[Any]]:
        """What would be activated, compared once the image is verified."""
        return (_image_to_activate(self.job),)

    def judge(self) -> Outcome:
        """Look up what this status means after that answer."""
        job = self.job
        status = known_status(job, self._status)
        self._look()
        outcome = decisions.VERIFICATION[job.verify_answer][status]
        if outcome is Outcome.REFUSED:
            raise job.error(
                VerificationFailed, f"the meter refused image_verify, yet its status is {status_name(status)}"
            )
        if status == _STATUS.VERIFICATION_FAILED:
            job.verification_failed = True
        if outcome is Outcome.INCOMPLETE and status == _STATUS.TRANSFER_INITIATED:
            self._count_refusal()
        return outcome

    def _count_refusal(self) -> None:
        """The meter has all blocks and does not begin to verify: look again, but not for ever."""
        job = self.job
        job.rounds += 1
        if job.rounds > job.policy.block_rounds:
            raise job.error(VerificationFailed, "the meter has all blocks and does not verify them")

    def waiting_since(self) -> float | None:
        """Since the verification was first due."""
        return self.job.verify_since

    def out_of_patience(self) -> TransferError:
        """Still verifying, or never begun."""
        job = self.job
        if job.image_transfer_status == _STATUS.TRANSFER_INITIATED:
            return job.error(VerificationFailed, "image_verify was accepted, yet the meter does not verify")
        return job.error(
            TransferIncomplete,
            f"the meter has not verified the image after {self.patience:.0f} s",
            hint="run it again later: it goes on with the verification",
            retryable=True,
        )


def _image_to_activate(job: Job) -> Get[list[ImageToActivateInfo]]:
    info = job.image_transfer.image_to_activate_info
    return Get(info, octets=len(job.image.image_identifier) + SIGNATURE_OCTETS + 20)


class CheckImage(Interview):
    """Reads the status and image_to_activate_info: only what is exactly our image may be activated.

    Where it is not to be activated, an older schedule may do that all the same; that is told.
    """

    waits_for = "the meter cannot show the image to activate now"

    def __init__(self, job: Job) -> None:
        self._status = Get(job.image_transfer.image_transfer_status)
        self._info = _image_to_activate(job)
        self._schedule: Get[list[ExecutionTime]] | None = None
        super().__init__(job, self._status, self._info)

    def judge(self) -> Outcome:
        """Which way to activate, after an exact comparison."""
        job = self.job
        status = known_status(job, self._status)
        if status == _STATUS.VERIFICATION_FAILED:
            raise job.error(VerificationFailed, "the meter found the image wrong")
        if status != _STATUS.VERIFICATION_SUCCESSFUL:
            raise job.error(
                ForeignTransfer,
                f"the image was verified, now the status is {status_name(status)}: somebody else is at work",
            )
        image = job.image
        fault = decisions.activate_info_fault(
            self._info.value,
            image_size=image.size,
            image_identifier=image.image_identifier,
            signature=image.signature if job.policy.compare_signature else None,
        )
        if fault is not None:
            reason = f" ({self._info.fault})" if self._info.fault else ""
            raise job.error(
                VerificationFailed,
                f"the meter would not activate our image: {fault}{reason}",
                hint="restart discards what the meter holds",
            )
        if job.policy.activate == "immediate":
            return Outcome.OK
        if job.policy.activate != "never":
            return Outcome.INCOMPLETE
        if self._schedule is None:
            scheduler = SingleActionSchedule(job.policy.objects.activation_scheduler)
            self._schedule = Get(scheduler.execution_time)
            return self.then(self._schedule)
        if self._schedule.value:
            moments = ", ".join(map(decisions.shown_moment, self._schedule.value))
            job.warn(
                "schedule-left",
                f"the activation scheduler holds {moments}: the meter activates the image by itself then; "
                "cancel takes that back",
            )
        return Outcome.COMPLETE
