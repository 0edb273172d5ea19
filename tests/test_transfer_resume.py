"""Every start: whose transfer the meter holds, what is done about it, and the record that proves it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import (
    ForeignTransfer,
    JournalError,
    TransferError,
    TransferIncomplete,
    VerificationFailed,
)
from dlms_fw.events import Warned
from dlms_fw.transfer import Checkpoint, Ownership, TransferPolicy, TransferState
from dlms_fw.transfer.checkpoint import ownership
from scripted_meter import METER, NEW, OLD, ScriptedMeter, raw_image
from virtual_driver import Cut, drive

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


@pytest.mark.fault("T-04")
def test_a_busy_restart_does_not_take_the_old_transfer_for_its_own() -> None:
    meter = found(1)
    meter.results["image_transfer_initiate"].append(2)
    _, run = drive(meter, IMAGE, RESTART)
    assert run.error is None
    assert meter.initiations == 1
    assert run.requests.count("image_block_transfer") == 12


def test_a_resumed_transfer_that_fails_its_verification_is_sent_once_more_only() -> None:
    meter = found(1)
    meter.verify_fails = 99
    _, run = drive(meter, IMAGE, checkpoint=checkpoint())
    run.failed(VerificationFailed)
    assert meter.initiations == 1


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


@pytest.mark.fault("G-04")
def test_what_a_group_was_sent_before_we_were_ready_for_it_is_thrown_away() -> None:
    """Initiated, and the link was lost before the bound was on record; the group has begun meanwhile."""
    meter = ScriptedMeter()
    meter.receive_blocks(IMAGE, range(5))
    policy = replace(NEVER, strategy="elsewhere")
    transfer, run = drive(
        meter, IMAGE, policy, checkpoint=checkpoint(TransferState.INITIATE, 0), stop_after=8
    )
    assert run.requests[-2:] == ["image_transfer_initiate", "image_transfer_status"]
    assert (transfer.state, meter.blocks) == (TransferState.TRANSFER_BLOCKS, {})
    _, run = drive(meter, IMAGE, NEVER, checkpoint=checkpoint(TransferState.INITIATE, 0))
    assert run.error is None, "nothing was there any more"


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
