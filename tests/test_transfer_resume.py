"""Interrupted transfers: lost links, killed clients, restarted meters, and transfers that are not ours."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import ForeignTransfer, JournalError, TransferError, TransferIncomplete
from dlms_fw.events import GapsFound, LinkLost, LinkRestored, Warned
from dlms_fw.transfer import Checkpoint, Ownership, TransferPolicy, TransferState
from dlms_fw.transfer.checkpoint import ownership
from scripted_meter import METER, NEW, OLD, Cut, Run, ScriptedMeter, drive, raw_image

IMAGE = raw_image()
NEVER = TransferPolicy(activate="never")
RESTART = TransferPolicy(restart=True)


def checkpoint(
    state: TransferState = TransferState.TRANSFER_BLOCKS, bound: int = 12, **changes: object
) -> Checkpoint:
    """A checkpoint of the image, by default with all blocks possibly sent."""
    ours = Checkpoint(METER, IMAGE.sha256, NEW, len(IMAGE.data), 64, state, bound)
    return replace(ours, **changes)  # type: ignore[arg-type]


OTHERS = checkpoint(sha256=bytes(32))
RECORDS: dict[str, Checkpoint | None] = {
    "none": None,
    "other": OTHERS,
    "unsent": checkpoint(TransferState.INITIATE, 0),
    "ours": checkpoint(),
    "ordered": checkpoint(TransferState.ACTIVATE),
}


def found(status: int) -> ScriptedMeter:
    """A meter that is found in this status, with all blocks of the image where it can have them."""
    meter = ScriptedMeter()
    meter.restart_seconds = 0.0
    if status:
        meter.receive_blocks(IMAGE, range(12))
    meter.status = status
    return meter


# --- Every start --------------------------------------------------------------------------------------------

FOREIGN = {
    *((status, record) for status in (1, 2, 3) for record in ("none", "other")),
    *((status, "unsent") for status in (1, 2, 3)),
    (1, "ordered"),
}
GOES_ON = {*((status, "ours") for status in (1, 2, 3)), (2, "ordered"), (3, "ordered")}
LOOKS_AND_REPORTS = {(status, "ordered") for status in (0, 4, 6, 7)}
WAITS = {*((5, record) for record in RECORDS)}


@pytest.mark.fault("T-13")
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("status", ImageTransferStatus)
def test_every_status_at_the_start(status: int, record: str) -> None:
    meter = found(status)
    start = (int(status), record)
    if status in (2, 5):
        # What the meter is at ends after a while; an activation fails.
        after = 3 if status == 2 else 7
        meter.lies["image_transfer_status"] = lambda true: (
            _becomes(meter, after) if meter.now > 100 and meter.status == status else true
        )
    transfer, run = drive(meter, IMAGE, checkpoint=RECORDS[record])
    if start in FOREIGN:
        assert type(run.error) is ForeignTransfer
        assert meter.writes == []
        assert meter.status == status
    elif start in GOES_ON:
        assert run.error is None
        assert meter.active == [NEW]
        assert meter.initiations == 0
        assert "image_block_transfer" not in meter.writes
    elif start in LOOKS_AND_REPORTS or (status == 5 and record in ("ours", "ordered")):
        assert isinstance(run.error, TransferError)
        assert run.error.code == "transfer.activation-failed"
        assert meter.writes == []
    else:
        assert run.error is None
        assert meter.active == [NEW]
        assert meter.initiations == 1
        assert (run.seconds > 100) == (start in WAITS)
    assert transfer.state in (TransferState.DONE, TransferState.FAILED)


def _becomes(meter: ScriptedMeter, status: int) -> int:
    meter.status = status
    return status


@pytest.mark.fault("T-12")
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("status", [0, 1, 3, 4, 6, 7])
def test_a_restart_begins_anew_whatever_is_found(status: int, record: str) -> None:
    meter = found(status)
    meter.blocks = dict.fromkeys(meter.blocks, b"?")
    _, run = drive(meter, IMAGE, RESTART, checkpoint=RECORDS[record])
    assert run.error is None
    assert meter.initiations == 1
    assert meter.active == [NEW]


@pytest.mark.fault("T-12")
@pytest.mark.parametrize("at", range(4, 32))
def test_a_restart_is_done_once_even_if_the_link_is_lost(at: int) -> None:
    meter = found(1)
    meter.blocks = dict.fromkeys(meter.blocks, b"?")
    _, run = drive(meter, IMAGE, replace(RESTART, activate="never"), cuts=[Cut(at, arrives=True)])
    assert run.error is None
    assert meter.holds(IMAGE)
    assert meter.initiations <= 2
    assert run.requests.count("image_block_transfer") <= 13


def test_an_earlier_transfer_that_is_gone_is_mentioned() -> None:
    _, run = drive(found(0), IMAGE, checkpoint=checkpoint())
    assert [warning.code for warning in run.of(Warned)] == ["transfer-gone"]


def test_an_activation_of_others_that_never_ends_is_left_alone() -> None:
    meter = found(5)
    _, run = drive(meter, IMAGE)
    assert type(run.error) is TransferIncomplete
    assert meter.writes == []
    assert 3_600 <= run.seconds < 3_700


# --- Ownership ----------------------------------------------------------------------------------------------


@pytest.mark.fault("T-12")
@pytest.mark.parametrize("bound", [1, 4, 8, 11])
def test_a_block_that_we_never_sent_proves_a_foreign_transfer(bound: int) -> None:
    for has, foreign in ((bound + 1, True), (bound, False)):
        meter = ScriptedMeter()
        meter.receive_blocks(IMAGE, range(has))
        _, run = drive(meter, IMAGE, NEVER, checkpoint=checkpoint(bound=bound))
        assert (type(run.error) is ForeignTransfer) is foreign
        assert (meter.writes == []) is foreign


@pytest.mark.fault("T-12")
def test_the_same_proof_with_the_first_missing_number_alone() -> None:
    for has, foreign in ((5, True), (4, False)):
        meter = ScriptedMeter()
        meter.absent = {"image_transferred_blocks_status"}
        meter.receive_blocks(IMAGE, range(has))
        _, run = drive(meter, IMAGE, NEVER, checkpoint=checkpoint(bound=4))
        assert (type(run.error) is ForeignTransfer) is foreign


@pytest.mark.fault("T-12")
def test_another_client_takes_the_meter_in_the_middle() -> None:
    meter = ScriptedMeter()
    policy = replace(NEVER, checkpoint_blocks=4)

    def other_client() -> None:
        meter.receive_blocks(raw_image(740, OLD), range(12))

    _, run = drive(meter, IMAGE, policy, cuts=[Cut(8, arrives=True, effect=other_client)])
    assert type(run.error) is ForeignTransfer
    assert meter.incoming == (OLD, 740)


def test_an_initiation_that_may_have_arrived_is_repeated_while_no_block_was_sent() -> None:
    meter = ScriptedMeter()
    meter.receive_blocks(IMAGE, [])
    _, run = drive(meter, IMAGE, NEVER, checkpoint=checkpoint(TransferState.INITIATE, 0))
    assert run.error is None
    assert meter.initiations == 1


@pytest.mark.parametrize(
    ("record", "whose"),
    [
        (None, Ownership.NONE),
        (checkpoint(meter="another"), Ownership.NONE),
        (checkpoint(TransferState.DONE), Ownership.NONE),
        (checkpoint(sha256=bytes(32)), Ownership.OTHER),
        (checkpoint(image_identifier=OLD), Ownership.OTHER),
        (checkpoint(image_size=741), Ownership.OTHER),
        (checkpoint(image_block_size=65), Ownership.OTHER),
        (checkpoint(bound=0), Ownership.UNSENT),
        (checkpoint(bound=1), Ownership.OURS),
        (checkpoint(TransferState.FAILED), Ownership.OURS),
        (checkpoint(TransferState.ACTIVATE), Ownership.ORDERED),
        (checkpoint(TransferState.SCHEDULED), Ownership.ORDERED),
    ],
)
@pytest.mark.fault("T-12")
def test_whose_transfer_it_is(record: Checkpoint | None, whose: Ownership) -> None:
    assert whose is ownership(
        record,
        meter=METER,
        sha256=IMAGE.sha256,
        image_identifier=NEW,
        image_size=len(IMAGE.data),
        image_block_size=64,
    )


@pytest.mark.fault("T-16")
def test_a_resume_with_another_file_is_refused() -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, IMAGE, stop_after=12)
    edited = raw_image(741)
    _, again = drive(meter, edited, checkpoint=run.saved[-1])
    assert type(again.error) is ForeignTransfer


# --- Checkpoints --------------------------------------------------------------------------------------------


def test_a_checkpoint_survives_json() -> None:
    before = checkpoint()
    assert Checkpoint.from_dict(json.loads(json.dumps(before.to_dict()))) == before


@pytest.mark.fault("T-32")
@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"sha256": "00"},
        {"sha256": "zz"},
        {"state": "no-state"},
        {"blocks_bound": -1},
        {"blocks_bound": True},
        {"blocks_bound": "1"},
        {"image_size": 2**40},
        {"meter": 5},
        {"image_identifier": None},
    ],
)
def test_a_checkpoint_that_cannot_be_trusted_is_refused(change: dict[str, object]) -> None:
    record = checkpoint().to_dict() | change
    with pytest.raises(JournalError):
        Checkpoint.from_dict(record)
    with pytest.raises(JournalError):
        Checkpoint.from_dict({})


def test_checkpoints_come_before_what_they_allow() -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, IMAGE, replace(NEVER, checkpoint_blocks=5))
    assert [(one.state.value, one.blocks_bound) for one in run.saved] == [
        ("initiate", 0),
        ("transfer-blocks", 5),
        ("transfer-blocks", 10),
        ("transfer-blocks", 12),
    ]


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
