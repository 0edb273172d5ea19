"""The tables of the machines: complete, every row within reach, and their drawing fresh."""

from __future__ import annotations

import pytest

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.transfer import START, TERMINAL, TRANSITIONS, Outcome, Ownership, TransferState
from dlms_fw.transfer.decisions import OLD_FIRMWARE, OLD_FIRMWARE_REASONS, VERIFICATION
from dlms_fw.transfer.machine import STEPS
from dlms_fw.transfer.table import ROWS
from docs_scripts import check_freshness


def test_every_state_has_a_row_or_is_terminal() -> None:
    assert set(TRANSITIONS) | TERMINAL == set(TransferState)
    assert not set(TRANSITIONS) & TERMINAL


def test_every_row_has_a_step_and_every_step_a_row() -> None:
    assert set(STEPS) == set(TRANSITIONS)


def test_every_state_can_be_reached_from_the_first() -> None:
    reached, todo = set(), [TransferState.READ_ACTIVE]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo.extend(TRANSITIONS.get(state, {}).values())
    assert reached == set(TransferState)


def test_every_state_can_reach_an_end() -> None:
    ending = set(TERMINAL)
    while more := {
        state for state, moves in TRANSITIONS.items() if state not in ending and ending & set(moves.values())
    }:
        ending |= more
    assert ending == set(TransferState)


def test_a_lost_link_never_loses_work() -> None:
    for moves in TRANSITIONS.values():
        assert moves[Outcome.LOST] not in TERMINAL | {TransferState.INITIATE, TransferState.ACTIVATE}


@pytest.mark.fault("T-24")
def test_activation_comes_right_after_the_check_of_the_image_only() -> None:
    before = {state for state, moves in TRANSITIONS.items() if TransferState.ACTIVATE in moves.values()}
    assert before == {TransferState.CHECK_IMAGE}


@pytest.mark.fault("T-25")
def test_whatever_activation_answers_is_looked_into() -> None:
    assert set(TRANSITIONS[TransferState.ACTIVATE].values()) == {TransferState.CONFIRM}


def test_only_a_confirmation_or_an_already_current_meter_is_done() -> None:
    before = {state for state, moves in TRANSITIONS.items() if TransferState.DONE in moves.values()}
    assert before == {TransferState.READ_ACTIVE, TransferState.TIDY}
    assert {
        s
        for s, moves in TRANSITIONS.items()
        if TransferState.TIDY in moves.values() and s != TransferState.TIDY
    } == {TransferState.CONFIRM}


@pytest.mark.fault("T-13")
@pytest.mark.parametrize("whose", Ownership)
def test_every_status_at_the_start_has_an_action(whose: Ownership) -> None:
    assert set(START[whose]) == set(ImageTransferStatus)
    assert set(START[whose].values()) <= set(TRANSITIONS[TransferState.READ_STATUS])


@pytest.mark.fault("T-12")
@pytest.mark.parametrize("whose", [Ownership.NONE, Ownership.OTHER])
def test_a_foreign_transfer_in_progress_or_verified_is_refused(whose: Ownership) -> None:
    assert [START[whose][status] for status in (1, 2, 3)] == [Outcome.REFUSED] * 3


def test_no_resume_leads_to_an_initiation() -> None:
    for whose in (Ownership.OURS, Ownership.ORDERED):
        assert START[whose][ImageTransferStatus.TRANSFER_INITIATED] is not Outcome.OK


def test_the_reading_of_a_status_is_complete() -> None:
    for answers in VERIFICATION.values():
        assert set(answers) == set(ImageTransferStatus)
        assert set(answers.values()) <= set(TRANSITIONS[TransferState.POLL_VERIFY])
    assert set(OLD_FIRMWARE) == set(ImageTransferStatus)
    assert set(OLD_FIRMWARE_REASONS) == {*ImageTransferStatus, None}
    assert set(OLD_FIRMWARE.values()) <= set(TRANSITIONS[TransferState.CONFIRM])


def test_every_move_says_what_it_means() -> None:
    for row in ROWS.values():
        assert row.asks
        assert all(move.meaning for move in row.moves.values())


def test_the_drawn_table_is_fresh() -> None:
    check_freshness("make_state_diagrams")
