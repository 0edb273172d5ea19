"""Activation, its confirmation and its schedule: only what the meter runs afterwards counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.single_action_schedule import ExecutedScript
from dlms_fw.enums import ScriptService
from dlms_fw.errors import (
    ActivationFailed,
    ScheduleRefused,
    TransferError,
)
from dlms_fw.events import (
    Finished,
    LinkLost,
    LoggedEvent,
    Warned,
)
from dlms_fw.logical_name import LogicalName
from dlms_fw.transfer import (
    Reconnect,
    TransferPolicy,
    TransferState,
    withdraw_schedule,
)
from scripted_meter import START_OF_TIME, ScriptedMeter, raw_image
from virtual_driver import Run, drive

TEN_MINUTES = START_OF_TIME + timedelta(minutes=10)


# --- Activation ---------------------------------------------------------------------------------------------


@pytest.mark.fault("T-25")
@pytest.mark.parametrize("answer", [0, 2, 1, None])
def test_what_activate_answers_does_not_matter(answer: int | None) -> None:
    meter = ScriptedMeter()
    act = meter._act

    def acted(name: str, request: Any) -> int | None:
        result = act(name, request)
        return answer if name == "image_activate" else result

    meter._act = acted  # type: ignore[method-assign]
    meter.restart_seconds = 1.0
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert len(run.of(LinkLost)) == (1 if answer is None else 0)
    assert isinstance(run.waits[0], Reconnect)
    assert [event.code for event in run.of(LoggedEvent)] == [17, 18]


@pytest.mark.fault("T-25")
def test_a_meter_that_never_comes_back_has_a_deadline() -> None:
    meter = ScriptedMeter()
    meter.restart_seconds = 1e9
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "3600 s")
    pauses = [wait.after_seconds for wait in run.waits if isinstance(wait, Reconnect)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 60.0
    assert run.seconds < 3_700


def test_a_refused_activation_says_so_and_can_be_tried_again() -> None:
    meter = ScriptedMeter()
    meter.always["image_activate"] = 3
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "read-write-denied")
    assert isinstance(run.error, TransferError)
    assert run.error.retryable
    assert not any(isinstance(wait, Reconnect) for wait in run.waits)
    meter.always.clear()
    transfer, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.blocks_sent) == ("activated", 0)


@pytest.mark.proves("image-transfer-fallback")
def test_firmware_that_falls_back_is_no_success() -> None:
    meter = ScriptedMeter()
    meter.activation = "falls-back"
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "activation failed")
    assert meter.activations == 1
    assert run.saved[-1].state is TransferState.FAILED


@pytest.mark.fault("T-26")
def test_activation_successful_with_the_old_identifier_is_no_success() -> None:
    meter = ScriptedMeter()
    meter.activation = "silent-old"
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "yet it runs the old firmware", "firmware ready for activation (17)")
    assert run.requests.count("identifier") == 1 + 3


@pytest.mark.parametrize(("activation", "reads"), [("good", 0), ("silent-old", 1)])
def test_where_nobody_listens_the_log_is_read_to_explain_a_failure_only(activation: str, reads: int) -> None:
    meter = ScriptedMeter()
    meter.activation = activation
    _, run = drive(meter, raw_image(), on_event=None)
    assert run.requests.count("entries_in_use") == reads
    assert run.events == []
    if reads:
        assert "firmware ready for activation (17)" in str(run.error)
    else:
        assert run.error is None


@pytest.mark.fault("T-27")
def test_activation_failed_with_the_new_identifier_is_an_anomaly() -> None:
    meter = ScriptedMeter()
    meter.lies["image_transfer_status"] = lambda true: 7 if true == 6 else true
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert [warning.code for warning in run.of(Warned)] == ["activation-anomaly"]


@pytest.mark.fault("T-28")
@pytest.mark.proves("image-transfer-fallback")
def test_power_off_during_activation_activates_once_more_without_a_transfer() -> None:
    meter = ScriptedMeter()
    meter.activation = "power-off"
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert (meter.activations, run.requests.count("image_block_transfer")) == (2, 12)


@pytest.mark.fault("T-28")
def test_power_off_during_every_activation_is_reported_with_the_image_kept() -> None:
    meter = ScriptedMeter()
    meter.activation = "power-off-always"
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "waits for activation")
    assert meter.activations == 2
    assert run.requests.count("identifier") == 1 + 3 + 3
    meter.activation = "good"
    transfer, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.state is TransferState.DONE
    assert "image_block_transfer" not in run.requests


def test_firmware_still_being_tested_is_not_done_yet() -> None:
    meter = ScriptedMeter()
    meter.lies["image_transfer_status"] = lambda true: 5 if true == 6 and meter.now < 300 else true
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert run.seconds > 300


def test_without_an_identifier_nothing_is_confirmed() -> None:
    meter = ScriptedMeter()
    meter.absent = {"identifier"}
    meter.lies["identifier"] = None
    _, run = drive(meter, raw_image())
    run.failed(ActivationFailed, "no active identifier")


# --- Schedule -----------------------------------------------------------------------------------------------


def scheduled(meter: ScriptedMeter, at: datetime = TEN_MINUTES, **policy: Any) -> Run:
    _, run = drive(meter, raw_image(), TransferPolicy(activate=at, **policy))
    return run


@pytest.mark.fault("T-29")
@pytest.mark.parametrize(
    "at",
    [TEN_MINUTES, TEN_MINUTES.astimezone(UTC), TEN_MINUTES.replace(tzinfo=None)],
    ids=["offset", "utc", "naive"],
)
def test_a_schedule_is_written_in_the_meters_local_time_and_read_back(at: datetime) -> None:
    meter = ScriptedMeter()
    run = scheduled(meter, at)
    assert run.error is None
    assert run.of(Finished)[0].outcome == "scheduled"
    (entry,) = meter.schedule.entries
    assert entry.time.to_bytes() == bytes([12, 10, 0, 0])
    assert entry.date.to_bytes() == bytes([0x07, 0xEA, 3, 1, 0xFF])
    assert run.requests[-5:] == ["scripts", "executed_script", "time", "execution_time", "execution_time"]
    assert run.saved[-1].state is TransferState.SCHEDULED
    assert meter.activations == 0


@pytest.mark.fault("T-29")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda meter: setattr(meter, "clock_offset", timedelta(seconds=90)), "off by +90 s"),
        (lambda meter: setattr(meter, "clock_offset", timedelta(seconds=-3600)), "off by -3600 s"),
        (lambda meter: setattr(meter, "clock_status", 1), "invalid"),
        (lambda meter: meter.lies.update(time=b"\x09\x0c" + b"\xff" * 12), "no usable time"),
        (lambda meter: meter.absent.add("time"), "clock cannot be read"),
        (lambda meter: meter.absent.add("scripts"), "scripts cannot be read"),
        (lambda meter: setattr(meter, "scripts", []), "no script"),
        (
            lambda meter: setattr(
                meter.schedule, "script", ExecutedScript(LogicalName("0-0:10.0.107.255"), 2)
            ),
            "does not run",
        ),
        (
            lambda meter: setattr(
                meter.schedule, "script", ExecutedScript(LogicalName("0-0:10.0.106.255"), 1)
            ),
            "does not run",
        ),
        (lambda meter: meter.lies.update(execution_time=[]), "read back"),
    ],
)
def test_a_schedule_that_would_not_do_what_it_should_is_refused(change: Any, words: str) -> None:
    meter = ScriptedMeter()
    change(meter)
    run = scheduled(meter)
    run.failed(ScheduleRefused, words)
    if words != "read back":
        assert meter.schedule.entries == []
    assert meter.status == 3


@pytest.mark.fault("T-29")
def test_a_script_for_another_object_does_not_count() -> None:
    meter = ScriptedMeter()
    meter.scripts = [
        Script(
            1,
            [
                ActionSpecification(
                    ScriptService.EXECUTE_METHOD, 18, LogicalName("0-1:44.0.0.255"), 4, Data(Tag.INTEGER, 0)
                )
            ],
        )
    ]
    scheduled(meter).failed(ScheduleRefused, "no script")


@pytest.mark.fault("T-29")
@pytest.mark.parametrize("minutes", [-60, 0, 4])
def test_a_time_that_is_past_or_too_near_is_refused(minutes: int) -> None:
    meter = ScriptedMeter()
    run = scheduled(meter, START_OF_TIME + timedelta(minutes=minutes))
    run.failed(ScheduleRefused, "not at least 300 s")
    assert meter.schedule.entries == []


@pytest.mark.fault("T-29")
def test_a_clock_without_a_deviation_takes_local_times_only() -> None:
    meter = ScriptedMeter()
    meter.lies["time"] = bytes([9, 12, 0x07, 0xEA, 3, 1, 0xFF, 12, 0, 0, 0, 0x80, 0, 0])
    scheduled(meter).failed(ScheduleRefused, "local time")
    meter = ScriptedMeter()
    meter.lies["time"] = bytes([9, 12, 0x07, 0xEA, 3, 1, 0xFF, 12, 0, 0, 0, 0x80, 0, 0])
    run = scheduled(meter, TEN_MINUTES.replace(tzinfo=None))
    assert run.error is None
    assert [warning.code for warning in run.of(Warned)] == ["clock-unchecked"]


def test_scheduling_needs_to_know_the_time() -> None:
    for wall_clock in (None, datetime(2026, 3, 1)):
        with pytest.raises(ValueError, match="wall_clock"):
            drive(ScriptedMeter(), raw_image(), TransferPolicy(activate=TEN_MINUTES), wall_clock=wall_clock)


@pytest.mark.fault("T-29")
def test_on_demand_activation_overrules_a_schedule_and_clears_it_afterwards() -> None:
    meter = ScriptedMeter()
    run = scheduled(meter)
    transfer, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.blocks_sent) == ("activated", 0)
    assert meter.schedule.entries == []
    assert meter.writes[-2:] == ["image_activate", "execution_time"]


def test_an_older_schedule_is_told_where_nothing_is_to_be_activated() -> None:
    meter = ScriptedMeter()
    checkpoint = scheduled(meter).saved[-1]
    transfer, run = drive(meter, raw_image(), TransferPolicy(activate="never"), checkpoint=checkpoint)
    assert transfer.state is TransferState.VERIFIED
    assert [event.code for event in run.of(Warned)] == ["schedule-left"]
    assert meter.schedule.entries, "it is told, not taken back"


@pytest.mark.parametrize("at", [datetime.min, datetime.max])
def test_a_time_that_the_meters_calendar_does_not_have_is_refused(at: datetime) -> None:
    meter = ScriptedMeter()
    offset = timedelta(hours=14 if at == datetime.min else -14)
    scheduled(meter, at.replace(tzinfo=timezone(offset))).failed(ScheduleRefused, "no date")
    assert meter.schedule.entries == []


def test_a_schedule_that_cannot_be_cleared_does_not_undo_a_success() -> None:
    meter = ScriptedMeter()
    run = scheduled(meter)
    act = meter._set
    meter._set = lambda name, request: 3 if name == "execution_time" else act(name, request)  # type: ignore[method-assign]
    transfer, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.state is TransferState.DONE
    assert [warning.code for warning in run.of(Warned)] == ["schedule-left"]


def test_a_schedule_that_fired_meanwhile_is_recognised() -> None:
    meter = ScriptedMeter()
    run = scheduled(meter)
    meter.restart_seconds = 0.0
    meter._activate()
    transfer, _ = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.result is not None
    assert transfer.result.outcome == "already-current"


def test_a_schedule_that_fired_and_failed_is_reported_and_then_starts_anew() -> None:
    meter = ScriptedMeter()
    run = scheduled(meter)
    meter.restart_seconds, meter.activation = 0.0, "falls-back"
    meter._activate()
    _, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    run.failed(ActivationFailed)
    meter.activation = "good"
    transfer, _ = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.state is TransferState.DONE


@pytest.mark.fault("T-30")
def test_a_schedule_can_be_withdrawn() -> None:
    meter = ScriptedMeter()
    scheduled(meter)
    asked = withdraw_schedule()
    request = next(asked)
    try:
        while True:
            request = asked.send(meter.answer(request, 100.0))
    except StopIteration:
        pass
    assert meter.schedule.entries == []
    assert meter.status == 3
