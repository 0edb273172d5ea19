"""From a verified image to a running firmware, or back: what is done in each step of the table.

The order is :data:`~dlms_fw.meter.activation_table.ROWS`, with its rules. Time is an argument: the owner
calls :meth:`Activation.advance` at :attr:`Activation.deadline`. How an image was received and judged is not
known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dlms_fw.enums import ActionResult, ImageTransferStatus
from dlms_fw.meter.activation_table import TRANSITIONS, Confirmation, FirmwareBehaviour, Outcome
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.state import ActivationStep, Firmware, StateMemory, Trigger
from dlms_fw.meter.storage import Medium, write_durably

RETRY_SECONDS: Final = 1.0
"""When a step is tried again whose record could not be written."""


_Step = ActivationStep
_CONFIRM: Final = _Step.CONFIRM  # by this name it costs nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationTimings:
    """How long the steps take, in seconds."""

    install_seconds: float = 0.05
    reboot_seconds: float = 1.0
    self_test_seconds: float = 0.2
    watchdog_seconds: float = 1.0
    """Until the watchdog ends a firmware that hangs."""
    confirmation_seconds: float = 600.0
    """How long a firmware that is not confirmed by its self-test may run on trial."""


class Activation:
    """The activation machine of one meter."""

    def __init__(
        self,
        memory: StateMemory,
        medium: Medium,
        *,
        timings: ActivationTimings,
        judge_image: Callable[[], tuple[Firmware, bytes] | None],
        log_event: Callable[[int, int], None],
        confirmation: Confirmation = "self-test",
        restarts: bool = True,
    ) -> None:
        """``judge_image`` verifies the stored octets once more; ``log_event`` takes a code and a part.

        Without ``restarts`` a new firmware takes over while the meter goes on answering.
        """
        self._memory = memory
        self._medium = medium
        self._timings = timings
        self._judge_image = judge_image
        self._log_event = log_event
        self._confirmation: Confirmation = confirmation
        self._restarts = restarts
        self._image = b""
        self._powers_up = False
        self._discard_failed = False
        self.behaviour = FirmwareBehaviour.GOOD
        self.deadline: float | None = None
        """When ``advance`` has something to do, on the monotonic clock; ``None`` while nothing goes on."""
        self.is_away = False
        """Whether the meter does not answer: it is rebooting, or a firmware on trial is silent."""
        self.reboots = 0

    def power_up(self, now: float) -> None:
        """What the boot loader does first, at each power-up: nothing on trial is started again by itself.

        Where that cannot be recorded, ``advance`` tries it again; the old firmware runs in any case.
        """
        step = self._memory.state.step
        if step is _Step.IDLE:
            return
        try:
            self._change(TRANSITIONS[step][Outcome.POWER_OFF])
        except OSError:
            self._powers_up, self.deadline = True, now + RETRY_SECONDS
            return
        self._powers_up = False
        if self._memory.state.step is not _Step.IDLE:
            self._discard(now)

    def command(self, trigger: Trigger, now: float) -> ActionResult:
        """Begins the activation of the verified image; a schedule is void from here on.

        The stored octets are judged again first. ``temporary-failure`` says that the activation goes on
        (image_transfer_status 5), as the Blue Book has it. Raises OSError, and then nothing has begun.
        """
        state = self._memory.state
        if _Step.INSTALL is not TRANSITIONS[state.step].get(Outcome.COMMANDED):
            return ActionResult.TEMPORARY_FAILURE
        judged = self._judge_image()
        if judged is None:
            self._memory.commit(
                image_transfer_status=ImageTransferStatus.VERIFICATION_FAILED, verified=None, schedule=()
            )
            self._log_event(
                StandardEvent.FIRMWARE_VERIFICATION_FAILED, state.verified.part if state.verified else 0
            )
            return ActionResult.OTHER_REASON
        firmware, self._image = judged
        part = state.parts[firmware.part]
        self._memory.commit_state(
            state.having(
                parts=state.parts_with(firmware.part, part.with_bank(part.other, None)),
                step=_Step.INSTALL,
                image_transfer_status=ImageTransferStatus.ACTIVATION_INITIATED,
                verified=firmware,
                trigger=trigger,
                schedule=(),
            )
        )
        self.deadline = now + self._timings.install_seconds
        return ActionResult.TEMPORARY_FAILURE

    @property
    def on_trial(self) -> Firmware | None:
        """The firmware that runs without being confirmed yet, once its self-test is passed."""
        waits = self._memory.state.step is _CONFIRM and not self._powers_up
        return self._trial() if waits else None

    def confirm(self, by: Confirmation, now: float) -> bool:
        """Confirms what runs on trial where this is the way; durable when it returns. Raises OSError.

        Returns whether it was confirmed.
        """
        if self.on_trial is None or by != self._confirmation:
            return False
        self._change(TRANSITIONS[_Step.CONFIRM][Outcome.CONFIRMED])
        self.deadline = None
        self._settle_on_new(now)
        return True

    def advance(self, now: float) -> None:
        """Takes all steps that are due. Raises OSError where the record of a step cannot be written."""
        while self.deadline is not None and now >= self.deadline:
            due, self.deadline = self.deadline, None
            step = self._memory.state.step
            if self._powers_up:
                self.power_up(now)
            elif step in _WORK:
                try:
                    self._change(TRANSITIONS[step][_WORK[step](self)])
                except OSError:
                    self.deadline = now + RETRY_SECONDS  # nothing was recorded: the step is taken again
                    raise
                self._enter(due)
            else:
                self.is_away = False  # the old firmware is up again
                if step is not _Step.IDLE:
                    self._discard(now)

    def _enter(self, now: float) -> None:
        """What begins with the step that has just been recorded."""
        step, timings = self._memory.state.step, self._timings
        if step is _Step.START:
            self._image = b""
            if self._restarts:
                self._reboot(now)
            else:
                self.deadline = now
        elif step is _Step.TEST:
            self.is_away = self.behaviour in _SILENT
            hangs = self.behaviour is FirmwareBehaviour.HANGS
            self.deadline = now + (timings.watchdog_seconds if hangs else timings.self_test_seconds)
        elif step is _Step.CONFIRM:
            self.deadline = now + timings.confirmation_seconds
        elif step is _Step.DISCARD_OLD:
            self._settle_on_new(now)
        elif step is _Step.DISCARD_NEW:
            self._image = b""
            self._log_event(StandardEvent.FIRMWARE_ACTIVATION_FAILED, self._active_part())
            self._reboot(now)
            self._discard(now)

    def _reboot(self, now: float) -> None:
        self.reboots += 1
        self.is_away = True
        self.deadline = now + self._timings.reboot_seconds

    def _install(self) -> Outcome:
        firmware = self._trial()
        part = self._memory.state.parts[firmware.part]
        try:
            write_durably(self._medium, bank_region(firmware.part, part.other), self._image)
        except OSError:
            return Outcome.FAILED
        return Outcome.DONE

    def _start(self) -> Outcome:
        firmware = self._trial()
        part = self._memory.state.parts[firmware.part]
        if self.behaviour is FirmwareBehaviour.NO_BOOT or not bank_is_good(
            self._medium, firmware, part.other
        ):
            return Outcome.FAILED  # the watchdog, or the boot loader's own check
        return Outcome.DONE

    def _test(self) -> Outcome:
        if self.behaviour in {FirmwareBehaviour.FAILS_SELF_TEST, FirmwareBehaviour.HANGS}:
            return Outcome.FAILED
        return Outcome.CONFIRMED if self._confirmation == "self-test" else Outcome.DONE

    def _wait_in_vain(self) -> Outcome:
        return Outcome.FAILED

    def _settle_on_new(self, now: float) -> None:
        self.is_away = False
        self._log_event(StandardEvent.FIRMWARE_ACTIVATED, self._active_part())
        self._discard(now)

    def _discard(self, now: float) -> None:
        """Erases the bank that does not run, and ends the activation; what fails is tried again."""
        number = self._active_part()
        region = bank_region(number, self._memory.state.parts[number].other)
        try:
            self._medium.erase(region)
            self._medium.sync(region)
            self._change(TRANSITIONS[self._memory.state.step][Outcome.DONE])
            self._discard_failed = False
        except OSError:
            if not self._discard_failed:
                self._log_event(StandardEvent.PROGRAM_MEMORY_ERROR, number)
            self._discard_failed = True
            self.deadline = max(self.deadline or now, now + RETRY_SECONDS)

    def _change(self, step: ActivationStep) -> None:
        """Records a step together with all that it means."""
        state = self._memory.state
        changes: dict[str, Any] = {"step": step}
        if step is _Step.START:
            firmware = self._trial()
            part = state.parts[firmware.part]
            changes["parts"] = state.parts_with(firmware.part, part.with_bank(part.other, firmware))
        elif step is _Step.DISCARD_OLD and state.step is not _Step.DISCARD_OLD:
            firmware = self._trial()
            part = state.parts[firmware.part]
            part = replace(part.having_run(firmware.identifier), running=part.other)
            changes["parts"] = state.parts_with(firmware.part, part)
            changes["image_transfer_status"] = ImageTransferStatus.ACTIVATION_SUCCESSFUL
        elif step is _Step.DISCARD_NEW and state.step is not _Step.DISCARD_NEW:
            changes |= {"image_transfer_status": ImageTransferStatus.ACTIVATION_FAILED, "reception": None}
        elif step is _Step.IDLE:
            changes["trigger"] = None
            if state.step in {_Step.DISCARD_OLD, _Step.DISCARD_NEW}:
                number = self._active_part()
                part = state.parts[number]
                changes["parts"] = state.parts_with(number, part.with_bank(part.other, None))
                if state.step is _Step.DISCARD_NEW:
                    changes["verified"] = None
            else:
                changes["image_transfer_status"] = ImageTransferStatus.VERIFICATION_SUCCESSFUL
        self._memory.commit_state(state.having(**changes))

    def _trial(self) -> Firmware:
        """The firmware that the activation is about; the rules of the state guarantee that it is there."""
        firmware = self._memory.state.verified
        if firmware is None:
            raise AssertionError("an activation without a verified image")
        return firmware

    def _active_part(self) -> int:
        return self._trial().part


_WORK: Final[Mapping[ActivationStep, Callable[[Activation], Outcome]]] = {
    _Step.INSTALL: Activation._install,
    _Step.START: Activation._start,
    _Step.TEST: Activation._test,
    _Step.CONFIRM: Activation._wait_in_vain,
}
_SILENT: Final = frozenset({FirmwareBehaviour.HANGS, FirmwareBehaviour.MUTE})


def bank_region(part: int, bank: int) -> str:
    """The region of a bank."""
    return f"part-{part}.bank-{bank}"


def bank_is_good(medium: Medium, firmware: Firmware, bank: int) -> bool:
    """Whether a bank holds exactly the firmware that was verified: the boot loader's check."""
    try:
        octets = medium.read(bank_region(firmware.part, bank), 0, firmware.size + 1)
    except OSError:
        return False
    return len(octets) == firmware.size and hashlib.sha256(octets).digest() == firmware.sha256
