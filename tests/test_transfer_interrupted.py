"""Interrupted runs: lost links, killed clients, meters that restart; all go on and send nothing twice."""

from __future__ import annotations

import pytest

from dlms_fw.errors import (
    ActivationFailed,
    TransferIncomplete,
)
from dlms_fw.events import GapsFound, LinkLost, LinkRestored, Progress
from dlms_fw.transfer import TransferPolicy, TransferState
from scripted_meter import NEW, ScriptedMeter, raw_image
from virtual_driver import Cut, Run, drive

IMAGE = raw_image()
NEVER = TransferPolicy(activate="never")

# --- Lost links ---------------------------------------------------------------------------------------------

UNDISTURBED = 31


def test_the_number_of_requests_of_an_undisturbed_transfer() -> None:
    _, run = drive(ScriptedMeter(), IMAGE)
    assert len(run.requests) == UNDISTURBED


@pytest.mark.fault("T-11")
@pytest.mark.fault("T-31")
@pytest.mark.parametrize("arrives", [True, False], ids=["answer-lost", "request-lost"])
@pytest.mark.parametrize("at", range(UNDISTURBED))
def test_a_lost_link_at_every_request(at: int, arrives: bool) -> None:
    meter = ScriptedMeter()
    transfer, run = drive(meter, IMAGE, cuts=[Cut(at, arrives=arrives)])
    assert run.error is None
    assert transfer.state is TransferState.DONE
    assert meter.active == [NEW]
    assert meter.activations == 1
    assert run.requests.count("image_block_transfer") <= 12 + 1
    assert meter.initiations <= 2
    assert len(run.of(LinkRestored)) >= 1


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("at", range(0, UNDISTURBED, 2))
def test_two_lost_links(at: int) -> None:
    for second in range(at + 1, at + 8):
        meter = ScriptedMeter()
        cuts = [Cut(at, arrives=True), Cut(second, arrives=False)]
        transfer, run = drive(meter, IMAGE, cuts=cuts)
        assert transfer.state is TransferState.DONE, (second, run.error)
        assert meter.activations == 1
        assert run.requests.count("image_block_transfer") <= 12 + 2


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("steps", range(37))
def test_a_client_killed_at_every_step_goes_on(steps: int) -> None:
    meter = ScriptedMeter()
    _, first = drive(meter, IMAGE, stop_after_steps=steps)
    record = first.saved[-1] if first.saved else None
    transfer, again = drive(meter, IMAGE, checkpoint=record, start=1_000.0)
    assert again.error is None
    assert transfer.state is TransferState.DONE
    assert meter.activations == 1
    sent = first.requests.count("image_block_transfer") + again.requests.count("image_block_transfer")
    assert sent <= 12 + 1
    assert meter.initiations <= 2


@pytest.mark.fault("T-31")
def test_a_client_killed_after_the_order_to_activate_reports_what_became_of_it() -> None:
    meter = ScriptedMeter()
    meter.activation = "falls-back"
    _, first = drive(meter, IMAGE, stop_after=26)
    assert first.requests[-1] == "image_activate"
    written = len(meter.writes)
    _, run = drive(meter, IMAGE, checkpoint=first.saved[-1], start=1_000.0)
    run.failed(ActivationFailed)
    assert len(meter.writes) == written


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("steps", range(0, 37, 3))
def test_a_client_killed_twice(steps: int) -> None:
    for more in range(0, 20, 3):
        meter = ScriptedMeter()
        _, first = drive(meter, IMAGE, stop_after_steps=steps)
        record = first.saved[-1] if first.saved else None
        _, second = drive(meter, IMAGE, checkpoint=record, stop_after_steps=more, start=1_000.0)
        record = second.saved[-1] if second.saved else record
        transfer, third = drive(meter, IMAGE, checkpoint=record, start=2_000.0)
        assert third.error is None
        assert transfer.state is TransferState.DONE
        assert meter.activations == 1


@pytest.mark.fault("T-11")
@pytest.mark.fault("T-35")
@pytest.mark.parametrize("every", [7, 8, 11])
def test_an_association_dropped_after_every_few_requests_still_gets_there(every: int) -> None:
    meter, image = ScriptedMeter(block_size=8), raw_image(740)
    cuts = [Cut(at, arrives=True) for at in range(every, 4_000, every)]
    transfer, run = drive(meter, image, NEVER, cuts=cuts)
    assert transfer.state is TransferState.VERIFIED
    losses = len(run.of(LinkLost))
    assert run.requests.count("image_block_transfer") <= 93 + losses
    assert len(run.requests) <= 93 + 10 + 7 * losses


@pytest.mark.fault("T-11")
def test_a_link_that_never_carries_a_block_is_given_up_and_can_be_resumed() -> None:
    meter = ScriptedMeter()
    cuts = [Cut(at, arrives=False) for at in range(11, 4_000)]
    _, run = drive(meter, IMAGE, cuts=cuts)
    assert type(run.error) is TransferIncomplete
    assert run.error.retryable
    assert len(run.of(LinkLost)) == 11
    assert run.seconds < 600
    transfer, _ = drive(meter, IMAGE, checkpoint=run.saved[-1])
    assert transfer.state is TransferState.DONE


@pytest.mark.fault("T-11")
def test_losses_count_anew_in_each_phase() -> None:
    cuts = [Cut(at, arrives=False) for at in (*range(8), *range(9, 17))]
    _, run = drive(ScriptedMeter(), IMAGE, cuts=cuts)
    assert run.error is None


@pytest.mark.fault("T-11")
@pytest.mark.parametrize("code", [0x1103, 0x1205, 0x1106])
def test_a_meter_that_knows_no_association_gets_a_new_one(code: int) -> None:
    meter = ScriptedMeter()
    meter.results["image_block_transfer"].extend([0x7FFF, code])
    meter.results["image_block_transfer"].popleft()
    transfer, run = drive(meter, IMAGE)
    assert transfer.state is TransferState.DONE
    assert run.waits[0].reason == "the meter knows no association any more"


def test_losing_the_link_at_every_second_poll_of_a_long_verification() -> None:
    meter = ScriptedMeter()
    meter.verify_seconds = 1_500.0
    cuts = [Cut(at, arrives=True) for at in range(23, 55, 2)]
    _, run = drive(meter, IMAGE, NEVER, cuts=cuts)
    assert run.error is None
    assert len(run.of(LinkLost)) > 10


# --- Meters that restart ------------------------------------------------------------------------------------


@pytest.mark.fault("T-10")
@pytest.mark.parametrize("at", range(6, 18))
def test_a_meter_that_forgets_everything_gets_it_all_again(at: int) -> None:
    meter = ScriptedMeter()
    cut = Cut(at, arrives=True, effect=lambda: meter.power_cycle(keeps=False))
    transfer, run = drive(meter, IMAGE, cuts=[cut])
    assert transfer.state is TransferState.DONE
    assert meter.initiations == 2
    assert run.requests.count("image_block_transfer") == 12 + at - 5
    done = [event.done for event in run.of(Progress)]
    assert done == sorted(done)


@pytest.mark.fault("T-10")
def test_a_meter_that_forgets_half_gets_that_half_again() -> None:
    meter = ScriptedMeter()

    def half() -> None:
        meter.blocks = {number: value for number, value in meter.blocks.items() if number % 2}

    transfer, run = drive(meter, IMAGE, cuts=[Cut(15, arrives=True, effect=half)])
    assert transfer.state is TransferState.DONE
    assert meter.initiations == 1
    assert run.of(GapsFound)[0].count == 5


@pytest.mark.fault("T-10")
def test_a_meter_that_forgets_every_time_is_given_up() -> None:
    meter = ScriptedMeter()
    cuts = [
        Cut(at, arrives=True, effect=lambda: meter.power_cycle(keeps=False)) for at in range(10, 1_000, 12)
    ]
    _, run = drive(meter, IMAGE, cuts=cuts)
    assert type(run.error) is TransferIncomplete
    assert "forgot" in str(run.error)
    assert meter.initiations == 2


def test_a_run_has_a_deadline_of_its_own() -> None:
    meter, run = ScriptedMeter(), Run()
    meter.verify_seconds = 1_000.0
    _, run = drive(meter, IMAGE, TransferPolicy(run_seconds=500.0))
    assert type(run.error) is TransferIncomplete
