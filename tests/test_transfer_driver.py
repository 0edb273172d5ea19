"""The driver's side of the machine: cancelling, calls out of order, events, time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from dlms_fw._core import ActionResponse
from dlms_fw.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    TransferError,
    TransferIncomplete,
    TransportError,
)
from dlms_fw.events import (
    Finished,
    MeterStatus,
    PhaseFinished,
    PlanMade,
    Progress,
    Waiting,
    event_to_dict,
)
from dlms_fw.transfer import (
    MeterObjects,
    TransferPolicy,
    TransferState,
)
from scripted_meter import ScriptedMeter, raw_image
from virtual_driver import Cut, Run, drive, finish, transfer_for


@pytest.mark.fault("T-30")
@pytest.mark.parametrize("after", range(0, 26, 3))
def test_cancelling_stops_at_a_safe_point_and_the_rest_goes_on_later(after: int) -> None:
    meter, run = ScriptedMeter(), Run()
    transfer = transfer_for(run, raw_image())
    finish(transfer, run, meter, stop_after=after)
    transfer.cancel("the operator said so")
    finish(transfer, run, meter, start=50.0)
    run.failed(TransferIncomplete, "the operator said so")
    last = run.saved[-1] if run.saved else None
    again, run = drive(meter, raw_image(), checkpoint=last, start=100.0)
    assert again.state is TransferState.DONE
    # As long as no block was sent there is nothing to lose, so that initiation may be repeated.
    assert meter.initiations == (2 if after == 6 else 1)


def test_cancelling_after_the_order_to_activate_waits_for_the_truth() -> None:
    meter, run = ScriptedMeter(), Run()
    transfer = transfer_for(run, raw_image())
    finish(transfer, run, meter, stop_after=26)
    assert transfer.state is TransferState.CONFIRM
    transfer.cancel("too late")
    finish(transfer, run, meter, start=60.0)
    assert transfer.state is TransferState.DONE


def test_a_driver_that_cannot_go_on_ends_the_stream_with_its_own_error() -> None:
    meter, run = ScriptedMeter(), Run()
    transfer = transfer_for(run, raw_image())
    finish(transfer, run, meter, stop_after=9)
    transfer.abort(TransportError("no such host"), 5.0)
    transfer.abort(TransportError("and again"), 6.0)
    transfer.handle_lost("too late", 7.0)
    finish(transfer, run, meter, start=8.0)
    run.failed(TransportError, "no such host")
    assert len(run.of(Finished)) == 1
    again, _ = drive(meter, raw_image(), checkpoint=run.saved[-1], start=100.0)
    assert again.state is TransferState.DONE


def test_calls_out_of_order_are_refused() -> None:
    transfer = transfer_for(Run(), raw_image())
    with pytest.raises(LocalProtocolError):
        transfer.handle_response(ActionResponse(0), 0.0)
    assert transfer.next_request(0.0) is not None
    with pytest.raises(LocalProtocolError):
        transfer.next_request(0.0)
    with pytest.raises(RemoteProtocolError):
        transfer.handle_response(ActionResponse(0), 0.0)


@pytest.mark.parametrize("after", [0, 1, 3, 8, 15, 30])
def test_a_subscriber_that_raises_stops_the_transfer_and_nothing_is_lost(after: int) -> None:
    meter = ScriptedMeter()
    run, events = Run(), []

    def subscriber(event: Any) -> None:
        events.append(event)
        if len(events) > after:
            raise KeyboardInterrupt

    transfer = transfer_for(run, raw_image())
    transfer._on_event = subscriber
    with pytest.raises(KeyboardInterrupt):
        finish(transfer, run, meter)
    assert len(events) == after + 1
    with pytest.raises((TransferError, LocalProtocolError)):
        transfer.next_request(1.0)
    again, _ = drive(meter, raw_image(), checkpoint=run.saved[-1] if run.saved else None, start=100.0)
    assert again.state is TransferState.DONE


def test_a_subscriber_that_raises_our_own_error_is_not_called_again() -> None:
    meter, run, events = ScriptedMeter(), Run(), []
    transfer = transfer_for(run, raw_image())

    def subscriber(event: Any) -> None:
        events.append(event)
        if isinstance(event, MeterStatus):
            raise transfer._job.error(TransferIncomplete, "enough")

    transfer._on_event = subscriber
    finish(transfer, run, meter)
    assert str(run.error) == "enough"
    assert isinstance(events[-1], MeterStatus)


def test_the_event_stream_keeps_its_rules() -> None:
    meter = ScriptedMeter(block_size=1)
    meter.forgets.update({5: 1})
    meter.verify_seconds = 20.0
    _, run = drive(meter, raw_image(), cuts=[Cut(300, arrives=False)])
    assert isinstance(run.events[0], PlanMade)
    assert isinstance(run.events[-1], Finished)
    assert len(run.of(Finished)) == 1
    assert [event.at for event in run.events] == sorted(event.at for event in run.events)
    progress = run.of(Progress)
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert all(later.at - event.at >= 0.1 - 1e-9 for event, later in pairwise(progress[:-1]))
    before_end = run.events[
        run.events.index(next(e for e in run.of(PhaseFinished) if e.phase.value == "transfer")) - 1
    ]
    assert isinstance(before_end, Progress)
    assert before_end.done == before_end.total == 740
    assert run.of(Waiting)
    for event in run.events:
        named = event_to_dict(event)
        assert named["event"] == named["event"].lower()
        assert all(isinstance(value, str | int | float | bool | list | None) for value in named.values())


def test_a_policy_is_finite() -> None:
    with pytest.raises(ValueError, match="verify_seconds"):
        TransferPolicy(verify_seconds=float("inf"))
    with pytest.raises(ValueError, match="block_tries"):
        TransferPolicy(block_tries=0)


@pytest.mark.fault("T-36")
def test_the_machine_looks_at_no_clock_of_its_own() -> None:
    meter = ScriptedMeter()
    transfer, run = drive(meter, raw_image(), start=1_000_000.0)
    assert transfer.state is TransferState.DONE
    assert run.seconds < 60


def test_other_objects_can_be_named() -> None:
    policy = TransferPolicy(
        dry_run=True, objects=MeterObjects(active_identifier="", image_transfer="0-0:44.0.0.255")
    )
    _, run = drive(ScriptedMeter(), raw_image(), policy)
    assert run.requests == ["image_block_size", "image_transfer_enabled", "image_transfer_status"]
