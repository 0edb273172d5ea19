"""ACTIVATE, CONFIRM and TIDY: order the activation, then believe only what the meter runs afterwards.

The meter restarts, so a missing answer proves nothing, and neither does a good one: what counts is the
active identifier, read over a new association.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlms_fw._core import ActionResponse, Data, ExceptionResponse
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric
from dlms_fw.cosem.single_action_schedule import ExecutionTime, SingleActionSchedule
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import ActivationFailed, RemoteProtocolError, TransferError
from dlms_fw.events import LoggedEvent
from dlms_fw.transfer import decisions
from dlms_fw.transfer.identify import ActiveFirmware
from dlms_fw.transfer.job import Asked, Job, Request, Response, Step, action_result_name, status_name
from dlms_fw.transfer.orders import Reconnect
from dlms_fw.transfer.questions import Get, Interview, Put, Question
from dlms_fw.transfer.table import Outcome, TransferState

_NEWEST_ENTRIES = 10
_ENTRY_OCTETS = 40
"""A time, a code, and what else a log may have in a line."""
_STATUS = ImageTransferStatus


class Activate(Step):
    """Calls image_activate, once it is on record that we do."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._recorded = False

    def ask(self) -> Asked:
        """Record the order first, then give it."""
        job = self.job
        blocks, _ = job.known_blocks()
        if not self._recorded:
            self._recorded = True
            return job.save(TransferState.ACTIVATE, len(blocks))
        job.changed = True
        job.activations += 1
        job.activated_at = job.now
        job.activation_refused = None
        job.old_firmware_looks = 0
        job.reconnect_wanted = True
        return job.image_transfer.image_activate().request

    def read(self, response: Response) -> Outcome:
        """Note a refusal; whatever it is, what the meter runs decides."""
        job = self.job
        if isinstance(response, ExceptionResponse):
            outcome = decisions.outcome_of_exception(response)
            fault = f"exception-response {response.service_error}"
        elif isinstance(response, ActionResponse):
            outcome = decisions.outcome_of_action(response.result, long_running=True)
            fault = action_result_name(response.result)
        else:
            raise RemoteProtocolError(f"a {type(response).__name__} to image_activate")
        if outcome is Outcome.REFUSED:
            job.activation_refused = fault
            job.reconnect_wanted = False
        return outcome

    def pause(self, seconds: float) -> None:
        """No pause: what follows begins with one."""


class Confirm(Interview):
    """Reconnects and looks what runs, until that is clear or the deadline has passed.

    The event log is read where its events are told, or may explain a failure.
    """

    waits_for = "the meter does not show the new firmware yet"
    answers_are_progress = True
    outlasts_losses = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        if job.activated_at is None:
            job.activated_at = job.now
        self.pause_first = job.policy.reconnect_first_seconds
        self.pause_longest = job.policy.reconnect_longest_seconds
        self.patience = job.policy.activation_seconds
        self._verdict: Outcome | None = None
        self._confirmation: _Confirmation | None = None
        self._events: list[str] = []
        self._look()

    def _look(self) -> None:
        self._active = ActiveFirmware(self.job)
        self._status = Get(self.job.image_transfer.image_transfer_status)
        log = ProfileGeneric(self.job.policy.objects.event_log)
        self._log_size = Get(log.entries_in_use)
        self._log = log
        self._newest: Get[list[Data]] | None = None
        self._open: list[Question] = [*self._active.questions, self._status]

    def soon(self) -> Sequence[Get[Any]]:
        """The size of the log, if it is told and the verdict is not known yet; what may need tidying."""
        schedule = Get(_activation_schedule(self.job))
        if self._verdict is not None or self.job.emit is None:
            return (schedule,)
        return Get(self._log.entries_in_use), schedule

    def ask(self) -> Asked:
        """Begin with a new association, then ask."""
        job = self.job
        if job.reconnect_wanted:
            job.reconnect_wanted = False
            since = job.now if job.activated_at is None else job.activated_at
            seconds = min(max(self.pause_first, job.now - since), self.pause_longest)
            return Reconnect(seconds, "the meter restarts")
        confirmation = self._confirmation
        if confirmation is not None and confirmation in self._open:
            if confirmation.sent:  # whatever came of it is to be seen; it might activate a second time
                self._look()
            confirmation.sent = True
        return super().ask()

    def judge(self) -> Outcome:
        """New firmware, old firmware for good, or not clear yet."""
        if self._verdict is None:
            verdict = self._what_runs()
            if verdict is Outcome.BUSY:
                if self._is_on_trial and self._confirmation is None and self.job.policy.confirm_on_trial:
                    self._confirmation = _Confirmation(self.job)
                    return self.then(self._confirmation)
                self._look()
                return verdict
            self._verdict = verdict
            if self.job.emit is None and verdict is not Outcome.REFUSED:
                return verdict  # the log explains a failure, and is told to who listens
            return self.then(self._log_size)
        if self._newest is None and self._log_size.value:
            entries = self._log_size.value
            newest = EntryDescriptor(max(1, entries - _NEWEST_ENTRIES + 1), entries)
            octets = _NEWEST_ENTRIES * _ENTRY_OCTETS
            self._newest = Get(self._log.buffer, newest.selection, octets=octets)
            return self.then(self._newest)
        if self._newest is not None and self._newest.value:
            self._tell_events(self._newest.value)
        if self._verdict is Outcome.REFUSED:
            raise self._failed()
        return self._verdict

    @property
    def _is_on_trial(self) -> bool:
        return self._status.value == _STATUS.ACTIVATION_INITIATED and self._active.is_image()

    def _what_runs(self) -> Outcome:
        job = self.job
        status = self._status.value
        if status is not None:
            job.take_status(status)
        if self._is_on_trial:
            return Outcome.BUSY
        if self._active.is_image():
            if status == _STATUS.ACTIVATION_FAILED:
                job.warn(
                    "activation-anomaly",
                    "the meter says that the activation failed, yet it runs the new firmware",
                )
            return Outcome.OK
        if status is None:
            return Outcome.BUSY
        outcome = decisions.OLD_FIRMWARE.get(status, Outcome.REFUSED)
        if outcome is Outcome.BUSY:
            return outcome
        job.old_firmware_looks += 1
        plain = status == _STATUS.ACTIVATION_FAILED or job.activation_refused is not None
        if not plain and job.old_firmware_looks < job.policy.confirm_looks:
            return Outcome.BUSY
        spent = job.activations >= job.policy.activations or job.policy.activate != "immediate"
        if outcome is Outcome.INCOMPLETE and (spent or job.activation_refused is not None):
            return Outcome.REFUSED
        return outcome

    def _tell_events(self, entries: list[Data]) -> None:
        job = self.job
        for code, meter_time in decisions.firmware_events(entries):
            name = decisions.FIRMWARE_EVENTS[code]
            self._events.append(f"{name} ({code})")
            job.tell(LoggedEvent, code, name, meter_time)

    def _failed(self) -> ActivationFailed:
        job = self.job
        status = self._status.value
        reason = decisions.OLD_FIRMWARE_REASONS.get(
            status, f"the meter runs the old firmware ({status_name(status or 0)})"
        )
        if job.activation_refused is not None:
            reason = f"the meter refused image_activate ({job.activation_refused}); {reason}"
        elif not any(self._active.identifiers):
            reason = f"the meter shows no active identifier, so nothing confirms the activation; {reason}"
        events = f"; the newest firmware event in its log: {self._events[-1]}" if self._events else ""
        kept = status == _STATUS.VERIFICATION_SUCCESSFUL
        return job.error(
            ActivationFailed,
            f"{reason}{events}",
            hint="run it again: the image is kept and only has to be activated" if kept else None,
            retryable=kept,
        )

    def waiting_since(self) -> float | None:
        """Since image_activate was called."""
        return self.job.activated_at

    def pause(self, seconds: float) -> Reconnect:
        """A restarting meter is waited for without a link."""
        return Reconnect(seconds, self.waits_for)

    def out_of_patience(self) -> TransferError:
        """Neither confirmed nor clearly failed in time."""
        job = self.job
        return job.error(
            ActivationFailed,
            f"not confirmed within {self.patience:.0f} s after the activation",
            hint="look at the meter with `info`; running it again looks once more before anything is sent",
            retryable=True,
        )


class _Confirmation:
    """image_activate once more, which confirms a firmware on trial; asked once, whatever becomes of it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.sent = False

    def request(self) -> Request:
        """The ACTION request."""
        return self._job.image_transfer.image_activate().request

    def read(self, response: Response) -> Outcome:
        """No answer counts: the status tells."""
        if not isinstance(response, ActionResponse | ExceptionResponse):
            raise RemoteProtocolError(f"a {type(response).__name__} to image_activate")
        return Outcome.OK


def _activation_schedule(job: Job) -> AttributeRef[list[ExecutionTime]]:
    return SingleActionSchedule(job.policy.objects.activation_scheduler).execution_time


class Tidy(Interview):
    """After a confirmed activation: no schedule is left to fire, the enabled flag is as wanted."""

    may_be_left = True

    def __init__(self, job: Job) -> None:
        self._schedule = _activation_schedule(job)
        self._entries = Get(self._schedule)
        self._cleared: Put[list[ExecutionTime]] | None = None
        self._disabled: Put[bool] | None = None
        super().__init__(job, self._entries)

    def judge(self) -> Outcome:
        """Clear what is there; what cannot be cleared is told, and does not make the upgrade a failure."""
        job = self.job
        if self._cleared is None and self._entries.value:
            self._cleared = Put(self._schedule, [])
            return self.then(self._cleared)
        if self._disabled is None and job.policy.restore_enabled and job.enabled_at_start is False:
            self._disabled = Put(job.image_transfer.image_transfer_enabled, value=False)
            return self.then(self._disabled)
        if self._cleared is not None and self._cleared.fault is not None:
            job.warn("schedule-left", f"the activation schedule could not be cleared: {self._cleared.fault}")
        if self._disabled is not None and self._disabled.fault is not None:
            job.warn("enabled-left", f"image_transfer_enabled could not be restored: {self._disabled.fault}")
        return Outcome.OK
