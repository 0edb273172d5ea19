"""Meters that activate wrongly, each in one way, and groups; by the conformance case that is about it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal

import pytest

from dlms_fw.enums import ActionResult, ImageTransferStatus
from dlms_fw.meter import activation, firmware
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.activation import Activation, bank_region
from dlms_fw.meter.activation_table import TRANSITIONS, FirmwareBehaviour, Outcome
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.firmware import FirmwareUnit
from dlms_fw.meter.image_store import ANSWERS, Call, ImageStore
from dlms_fw.meter.schedule import Schedule, next_moment
from dlms_fw.meter.state import ActivationStep, FirmwarePart, ScheduleEntry, StateMemory
from dlms_fw.meter.time_objects import ActivationScripts
from mutants_of_reception import (
    READING,
    Mutation,
    Status,
    check_of_meter_forgotten,
    instead,
    schedule_survives,
    store,
)

Patch = pytest.MonkeyPatch
Poll = tuple[Literal["wait", "fire", "lapse"], ScheduleEntry]
Step = ActivationStep


def work(step: Step, made: Any) -> Mutation:
    """A step of an activation is done otherwise."""

    def mutate(patch: Patch) -> None:
        patch.setitem(activation._WORK, step, made(activation._WORK[step]))  # type: ignore[index]

    return mutate


def after_power_off(step: Step, *where: Step) -> Mutation:
    """A power cut in some steps leads elsewhere."""

    def mutate(patch: Patch) -> None:
        rows = {each: dict(row) for each, row in TRANSITIONS.items()}
        for each in where:
            rows[each][Outcome.POWER_OFF] = step
        patch.setattr(activation, "TRANSITIONS", rows)

    return mutate


def confirmed(action: Any) -> Mutation:
    """Something more happens when a new firmware is confirmed."""

    def made(right: Any) -> Any:
        def settle(self: Activation, now: float) -> None:
            right(self, now)
            action(self)

        return settle

    return instead(Activation, "_settle_on_new", made)


# --- On demand ---------------------------------------------------------------------------------------------


def failed_image_is_activated(patch: Patch) -> None:
    def commit(self: StateMemory, **changes: Any) -> None:
        if changes.get("image_transfer_status") == Status.VERIFICATION_FAILED:
            return
        right(self, **changes)

    right = StateMemory.commit
    patch.setattr(StateMemory, "commit", commit)
    answers = {call: list(row) for call, row in ANSWERS.items()}
    answers[Call.ACTIVATE][Status.VERIFICATION_INITIATED] = answers[Call.ACTIVATE][
        Status.ACTIVATION_SUCCESSFUL
    ]
    patch.setattr("dlms_fw.meter.image_store.ANSWERS", answers)


@store("image_activate")
def second_command_restarts(right: Any) -> Any:
    def activate(self: ImageStore) -> None:
        if self.image_transfer_status == Status.ACTIVATION_SUCCESSFUL:
            self._memory.commit(image_transfer_status=Status.VERIFICATION_SUCCESSFUL)
        right(self)

    return activate


def identifier_stays_the_old_one(patch: Patch) -> None:
    patch.setattr(FirmwarePart, "having_run", lambda self, identifier: self)


def activation_is_not_logged(patch: Patch) -> None:
    def settle(self: Activation, now: float) -> None:
        self.is_away = False
        self._discard(now)

    patch.setattr(Activation, "_settle_on_new", settle)


def metrology_is_touched(self: Activation) -> None:
    self._medium.write(bank_region(0, 0), 0, b"?")
    self._medium.sync(bank_region(0, 0))


def log_is_cleared(self: Activation) -> None:
    self._medium.erase("standard.log")
    log = self._log_event.__self__.standard_log  # type: ignore[attr-defined]
    log.clear()


def counters_begin_again(self: Activation) -> None:
    counters: CounterRecord = self._log_event.__self__.counters  # type: ignore[attr-defined]
    counters._accepted.clear()


def image_is_not_judged_again(patch: Patch) -> None:
    def judge_again(self: ImageStore) -> Any:
        verified = self._memory.state.verified
        if verified is None:
            return None
        data = self._blocks.read_image()
        return replace(verified, sha256=sha256(data).digest()), data

    patch.setattr(ImageStore, "judge_again", judge_again)


# --- By schedule -------------------------------------------------------------------------------------------


def schedule_fires_early(patch: Patch) -> None:
    class Early(Schedule):
        def poll(self, entry: ScheduleEntry, now: float) -> Poll:
            return "fire", entry

    patch.setattr(firmware, "Schedule", Early)


def past_is_made_up_for(patch: Patch) -> None:
    class Past(Schedule):
        def arm(self, time: bytes, date: bytes, now: float) -> ScheduleEntry:
            start = self._clock.naive(now - 30 * 86_400)
            moment = next_moment(time, date, start)
            return ScheduleEntry(time, date, None if moment is None else self._clock.instant(moment, 0.0))

        def poll(self, entry: ScheduleEntry, now: float) -> Poll:
            return "fire" if entry.due is not None and now >= entry.due else "wait", entry

    patch.setattr(firmware, "Schedule", Past)


def wildcards_come_again(patch: Patch) -> None:
    def poll(self: FirmwareUnit) -> None:
        before = self.memory.state.schedule
        right(self)
        if before and not self.memory.state.schedule:
            again = [self._schedule.arm(entry.time, entry.date, self._clock.utc) for entry in before]
            self.memory.commit(schedule=tuple(again))

    right = FirmwareUnit._poll_schedule
    patch.setattr(FirmwareUnit, "_poll_schedule", poll)
    schedule_survives(patch)


def schedule_outlives_the_command(patch: Patch) -> None:
    def command(self: Activation, trigger: Any, now: float) -> ActionResult:
        before = self._memory.state.schedule
        result = right(self, trigger, now)
        self._memory.commit(schedule=before)
        return result

    right = Activation.command
    patch.setattr(Activation, "command", command)
    schedule_survives(patch)


def clearing_is_ignored(patch: Patch) -> None:
    def set_schedule(self: FirmwareUnit, times: Any) -> None:
        entries = list(times)
        if entries:
            right(self, entries)

    right = FirmwareUnit.set_schedule
    patch.setattr(FirmwareUnit, "set_schedule", set_schedule)


def any_script_activates(patch: Patch) -> None:
    def execute(self: ActivationScripts, script_identifier: int) -> None:
        self._unit.image_store.image_activate()

    patch.setattr(ActivationScripts, "execute", execute)


# --- Two banks ---------------------------------------------------------------------------------------------


def greedy(right: Any) -> Any:
    def start(self: Activation) -> Outcome:
        part = self._memory.state.parts[1]
        self._medium.erase(bank_region(1, part.running))
        return right(self)

    return start


def everything_starts(_right: Any) -> Any:
    return lambda self: Outcome.DONE


def every_test_is_passed(_right: Any) -> Any:
    return lambda self: Outcome.CONFIRMED


def hanging_is_not_noticed(right: Any) -> Any:
    return lambda self: Outcome.CONFIRMED if self.behaviour is FirmwareBehaviour.HANGS else right(self)


def silence_confirms(_right: Any) -> Any:
    return lambda self: Outcome.CONFIRMED


def discard_is_forgotten(patch: Patch) -> None:
    """What is left of discarding is not done at power-up."""

    def power_up(self: Activation, now: float) -> None:
        state = self._memory.state
        if state.step is not Step.IDLE:
            status = state.image_transfer_status
            if status == ImageTransferStatus.ACTIVATION_INITIATED:
                status = ImageTransferStatus.VERIFICATION_SUCCESSFUL
            self._memory.commit(step=Step.IDLE, image_transfer_status=status)

    patch.setattr(Activation, "power_up", power_up)


def boot_loader_believes_everything(patch: Patch) -> None:
    patch.setattr(firmware, "bank_is_good", lambda medium, firmware, bank: True)


def boot_loader_knows_one_bank(patch: Patch) -> None:
    patch.setattr(StateMemory, "rescue", lambda self, part: None)


# --- Groups ------------------------------------------------------------------------------------------------


def counters_are_not_looked_at(patch: Patch) -> None:
    patch.setattr(CounterRecord, "last_accepted", lambda self, fingerprint: -1)
    patch.setattr(CounterRecord, "accepted", lambda self, fingerprint, counter: None)


MUTANTS: list[tuple[str, Mutation | dict[str, Any]]] = [
    ("AC-01", identifier_stays_the_old_one),
    ("AC-01", activation_is_not_logged),
    ("AC-02", failed_image_is_activated),
    ("AC-03", second_command_restarts),
    ("AC-04", {"access_rules": (AccessRule(class_id=22, clients=READING, attributes={4: 3}),)}),
    ("AC-04", {"access_rules": (AccessRule(class_id=9, clients=READING, methods={1: True}),)}),
    ("AC-05", schedule_fires_early),
    ("AC-06", past_is_made_up_for),
    ("AC-07", wildcards_come_again),
    ("AC-08", schedule_outlives_the_command),
    ("AC-09", schedule_survives),
    ("AC-10", clearing_is_ignored),
    ("AC-11", any_script_activates),
    ("AC-12", {"schedule_grace_seconds": 1.0}),
    ("AC-13", {"schedule_grace_seconds": 1.0}),
    ("AC-14", after_power_off(Step.DISCARD_NEW, Step.INSTALL, Step.START, Step.TEST)),
    ("AC-15", after_power_off(Step.DISCARD_NEW, Step.TEST)),
    ("AC-16", work(Step.START, everything_starts)),
    ("AC-17", work(Step.TEST, every_test_is_passed)),
    ("AC-18", work(Step.TEST, hanging_is_not_noticed)),
    ("AC-19", work(Step.START, greedy)),
    ("AC-20", discard_is_forgotten),
    ("AC-21", work(Step.CONFIRM, silence_confirms)),
    ("AC-22", identifier_stays_the_old_one),
    ("AC-23", confirmed(metrology_is_touched)),
    ("AC-24", confirmed(log_is_cleared)),
    ("AC-25", confirmed(counters_begin_again)),
    ("AC-26", image_is_not_judged_again),
    ("AC-27", boot_loader_knows_one_bank),
    ("AC-27", identifier_stays_the_old_one),
    ("AC-28", boot_loader_believes_everything),
    ("AC-29", check_of_meter_forgotten),
    ("MC-07", counters_are_not_looked_at),
]
