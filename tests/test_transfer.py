"""Whole transfers against a scripted meter in virtual time: the right way, busy meters, lying meters, activation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from scripted_meter import (
    NEW,
    OLD,
    START_OF_TIME,
    Cut,
    Run,
    ScriptedMeter,
    drive,
    finish,
    raw_image,
    signed_image,
    transfer_for,
)

from dlms_fw._core import ActionResponse, BitString, Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.image_transfer import ImageToActivateInfo
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.single_action_schedule import ExecutedScript
from dlms_fw.enums import ScriptService
from dlms_fw.errors import (
    ActivationFailed,
    ForeignTransfer,
    ImageRejected,
    LocalProtocolError,
    RemoteProtocolError,
    ScheduleRefused,
    TransferError,
    TransferIncomplete,
    TransferNotEnabled,
    TransferRefused,
    VerificationFailed,
)
from dlms_fw.events import (
    BlockRetried,
    Finished,
    GapsFound,
    LoggedEvent,
    PhaseFinished,
    PhaseOutcome,
    PlanMade,
    Progress,
    Waiting,
    Warned,
    event_to_dict,
)
from dlms_fw.image import Image, Version
from dlms_fw.logical_name import LogicalName
from dlms_fw.transfer import (
    MeterObjects,
    PduLimits,
    Reconnect,
    TransferPolicy,
    TransferState,
    Wait,
    withdraw_schedule,
)

NEVER = TransferPolicy(activate="never")
TEN_MINUTES = START_OF_TIME + timedelta(minutes=10)


def failed(kind: type[Exception], run: Run, *words: str) -> None:
    """The run ended with this error, said why, and said so in the last event."""
    assert type(run.error) is kind, run.error
    for word in words:
        assert word in str(run.error)
    last = run.events[-1]
    assert isinstance(last, Finished)
    assert last.outcome == "failed"
    assert last.error_code == getattr(run.error, "code", None)


# --- The right way ---------------------------------------------------------------------------------------------------


def test_an_image_goes_in_and_runs() -> None:
    meter, image = ScriptedMeter(), raw_image()
    transfer, run = drive(meter, image)
    assert run.error is None
    assert meter.active == [NEW]
    assert meter.writes == ["image_transfer_initiate", *["image_block_transfer"] * 12, "image_verify", "image_activate"]
    result = transfer.result
    assert result is not None
    assert (result.outcome, result.changed, result.blocks_total, result.blocks_sent) == ("activated", True, 12, 12)
    assert (result.bytes, result.retries, result.rounds, result.block_size) == (740, 0, 0, 64)
    assert [phase.phase.value for phase in result.phases] == [
        "identify", "prepare", "initiate", "transfer", "verify", "activate", "confirm",
    ]  # fmt: skip
    assert sum(phase.seconds for phase in result.phases) == pytest.approx(result.seconds)
    assert result.to_dict()["identifier"] == NEW.hex()
    assert transfer.next_request(999.0) is None


def test_a_meter_that_runs_the_image_already_is_left_alone() -> None:
    meter = ScriptedMeter()
    meter.active = [NEW]
    transfer, _ = drive(meter, raw_image())
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.changed) == ("already-current", False)
    assert meter.writes == []


@pytest.mark.fault("T-20")
def test_a_rebuilt_image_with_the_same_identifier_is_not_current_by_its_identifier_alone() -> None:
    meter = ScriptedMeter()
    meter.active, meter.version = [NEW], b"2.0.0"
    transfer, run = drive(meter, signed_image())
    assert run.error is None
    assert transfer.result is not None
    assert transfer.result.outcome == "activated"


def test_never_activating_rests_in_a_verified_meter() -> None:
    meter = ScriptedMeter()
    transfer, _ = drive(meter, raw_image(), NEVER)
    assert transfer.state is TransferState.VERIFIED
    assert transfer.result is not None
    assert transfer.result.outcome == "verified"
    assert meter.status == 3
    assert meter.holds(raw_image())
    assert "image_activate" not in meter.writes


def test_a_dry_run_changes_nothing() -> None:
    meter = ScriptedMeter()
    meter.enabled = False
    transfer, _ = drive(meter, raw_image(), TransferPolicy(dry_run=True))
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.changed) == ("planned", False)
    assert (transfer.result.block_size, transfer.result.blocks_total) == (64, 12)
    assert meter.writes == []


@pytest.mark.fault("T-03")
@pytest.mark.parametrize(("size", "block_size", "blocks"), [(1, 64, 1), (64, 64, 1), (65, 64, 2), (640, 64, 10), (5, 1, 5), (9, 64, 1)])
def test_block_arithmetic(size: int, block_size: int, blocks: int) -> None:
    meter, image = ScriptedMeter(block_size=block_size), raw_image(size)
    transfer, _ = drive(meter, image, NEVER)
    assert meter.holds(image)
    assert transfer.result is not None
    assert (transfer.result.blocks_sent, transfer.result.bytes) == (blocks, size)


@pytest.mark.fault("T-03")
def test_more_blocks_than_sixteen_bits_can_count() -> None:
    meter, image = ScriptedMeter(block_size=1), raw_image(0x1_0001)
    _, run = drive(meter, image, NEVER, most_steps=200_000)
    assert run.error is None
    assert meter.holds(image)
    assert len(run.of(Progress)) < 70_000


@pytest.mark.fault("T-03")
def test_an_image_that_is_too_large_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ImageRejected, match="octets"):
        drive(ScriptedMeter(), raw_image(), TransferPolicy(largest_image=739))


# --- The gate --------------------------------------------------------------------------------------------------------


def test_a_signed_image_for_this_meter_goes_in() -> None:
    meter, image = ScriptedMeter(), signed_image()
    transfer, run = drive(meter, image)
    assert run.error is None
    assert meter.signature == image.signature
    assert run.requests[:4] == ["identifier", "signature", "meter_type", "version"]
    assert transfer.state is TransferState.DONE


@pytest.mark.parametrize(
    ("image", "policy", "reason"),
    [
        pytest.param(signed_image(meter_type="MCS302"), TransferPolicy(), "meter-type", marks=pytest.mark.fault("T-18")),
        pytest.param(signed_image(), TransferPolicy(meter_type="XYZ"), "meter-type", marks=pytest.mark.fault("T-18")),
        pytest.param(signed_image(version="0.9.0"), TransferPolicy(), "version", marks=pytest.mark.fault("T-21")),
        pytest.param(
            signed_image(minimum="1.5.0"), TransferPolicy(), "minimum-version", marks=pytest.mark.fault("T-23")
        ),
        pytest.param(signed_image(part=0), TransferPolicy(), "metrology", marks=pytest.mark.fault("T-19")),
        pytest.param(raw_image(), TransferPolicy(identifier_octets=5), "identifier", marks=pytest.mark.fault("T-20")),
    ],
)
def test_the_gate_closes_before_anything_is_written(image: Image, policy: TransferPolicy, reason: str) -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, image, policy)
    failed(ImageRejected, run)
    assert isinstance(run.error, ImageRejected)
    assert run.error.reason == reason
    assert meter.writes == []
    assert run.saved == []


@pytest.mark.fault("T-21")
def test_an_older_version_goes_in_where_that_is_allowed() -> None:
    meter = ScriptedMeter()
    drive(meter, signed_image(version="0.9.0"), TransferPolicy(allow_downgrade=True))
    assert meter.active == [NEW]


@pytest.mark.fault("T-19")
def test_the_part_of_the_image_chooses_the_objects() -> None:
    meter, image = ScriptedMeter(), signed_image(part=3)
    meter.part = 3
    meter._objects = meter._names()
    _, run = drive(meter, image)
    assert run.error is None
    assert run.requests[:2] == ["identifier", "signature"]


@pytest.mark.fault("T-21")
def test_a_meter_that_does_not_tell_its_version_is_judged_by_our_records() -> None:
    meter = ScriptedMeter()
    meter.absent = {"version"}
    _, run = drive(meter, signed_image())
    failed(ImageRejected, run)
    _, run = drive(meter, signed_image(), current_version=Version(1, 0, 0))
    assert run.error is None


def test_objects_that_are_not_there_are_unknown_and_no_failure() -> None:
    meter = ScriptedMeter()
    meter.absent = {"identifier", "execution_time", "entries_in_use"}
    meter.lies["identifier"] = None
    _, run = drive(meter, raw_image(), NEVER)
    assert run.error is None
    assert [warning.code for warning in run.of(Warned)] == ["identifier-unknown"]


@pytest.mark.parametrize("position", ["first", "last"])
@pytest.mark.fault("T-20")
def test_the_active_one_of_several_identifiers(position: Any) -> None:
    meter = ScriptedMeter()
    meter.active = [NEW, OLD] if position == "last" else [OLD, NEW]
    _, run = drive(meter, raw_image(), TransferPolicy(active_identifier_position=position, dry_run=True))
    assert run.of(Finished)[0].outcome == "planned"
    meter.active.reverse()
    _, run = drive(meter, raw_image(), TransferPolicy(active_identifier_position=position, dry_run=True))
    assert run.of(Finished)[0].outcome == "already-current"


# --- Parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-01")
def test_transfers_are_enabled_where_they_are_not() -> None:
    meter = ScriptedMeter()
    meter.enabled = False
    drive(meter, raw_image())
    assert meter.writes[0] == "image_transfer_enabled"
    assert meter.active == [NEW]
    assert meter.enabled


@pytest.mark.fault("T-01")
def test_the_enabled_flag_goes_back_where_the_policy_says_so() -> None:
    meter = ScriptedMeter()
    meter.enabled = False
    drive(meter, raw_image(), TransferPolicy(restore_enabled=True))
    assert meter.active == [NEW]
    assert not meter.enabled


@pytest.mark.fault("T-01")
@pytest.mark.parametrize("way", ["refused", "ignored"])
def test_transfers_that_cannot_be_enabled(way: str) -> None:
    meter = ScriptedMeter()
    meter.enabled = False
    if way == "refused":
        meter.always["image_transfer_enabled"] = 3
        meter.lies["image_transfer_enabled"] = False
        meter.results["image_transfer_enabled"].append(0)
    else:
        meter.lies["image_transfer_enabled"] = False
    _, run = drive(meter, raw_image())
    failed(TransferNotEnabled, run)
    assert meter.initiations == 0


@pytest.mark.fault("T-02")
@pytest.mark.parametrize(
    ("block_size", "pdu", "policy"),
    [
        (0, PduLimits(), NEVER),
        (1024, PduLimits(max_pdu_size=1024), NEVER),
        (990, PduLimits(max_pdu_size=1024, ciphering_overhead=21), NEVER),
        (1, PduLimits(), TransferPolicy(most_blocks=700)),
    ],
)
def test_a_block_size_that_cannot_be_used_is_refused_before_the_initiation(
    block_size: int, pdu: PduLimits, policy: TransferPolicy
) -> None:
    meter = ScriptedMeter(block_size=64)
    meter.lies["image_block_size"] = block_size
    _, run = drive(meter, raw_image(), policy, pdu=pdu)
    failed(TransferRefused, run)
    assert meter.writes == []


@pytest.mark.parametrize(
    ("pdu", "carried"),
    [
        (PduLimits(max_pdu_size=86), 64),
        (PduLimits(max_pdu_size=105, ciphering_overhead=19), 64),
        (PduLimits(max_pdu_size=151), 128),
        (PduLimits(max_pdu_size=278), 255),
        (PduLimits(max_pdu_size=280), 256),
        (PduLimits(max_pdu_size=1048), 1024),
    ],
)
def test_the_size_of_a_block_request(pdu: PduLimits, carried: int) -> None:
    assert pdu.carries(carried)
    assert not replace(pdu, max_pdu_size=pdu.max_pdu_size - 1).carries(carried)
    assert replace(pdu, block_transfer=True).carries(60_000)
    assert PduLimits().carries(60_000)


@pytest.mark.fault("T-02")
def test_a_block_size_that_changes_in_the_middle_stops_the_transfer() -> None:
    meter = ScriptedMeter()
    cut = Cut(10, arrives=True, effect=lambda: meter.lies.update(image_block_size=128))
    _, run = drive(meter, raw_image(), cuts=[cut])
    failed(TransferRefused, run, "64", "128")


@pytest.mark.fault("T-13")
def test_a_status_that_the_standard_does_not_know_stops_the_transfer() -> None:
    meter = ScriptedMeter()
    meter.status = 9
    _, run = drive(meter, raw_image())
    failed(TransferRefused, run, "9")
    assert meter.writes == []


# --- Initiation ------------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-04")
def test_an_initiation_that_does_not_show_is_polled_with_a_deadline() -> None:
    meter = ScriptedMeter()
    meter.results["image_transfer_initiate"].append(0)
    _, run = drive(meter, raw_image())
    failed(TransferRefused, run, "status")
    assert 300 <= run.seconds < 301


@pytest.mark.fault("T-04")
def test_an_initiation_that_takes_its_time() -> None:
    meter = ScriptedMeter()
    meter.lies["image_transfer_status"] = lambda true: 0 if meter.now < 40 else true
    drive(meter, raw_image())
    assert meter.initiations == 1
    assert meter.active == [NEW]


@pytest.mark.fault("T-04")
def test_a_busy_initiation_is_not_repeated_once_it_shows() -> None:
    meter = ScriptedMeter()
    act = meter._act

    def busy(name: str, request: Any) -> int | None:
        result = act(name, request)
        return 2 if name == "image_transfer_initiate" else result

    meter._act = busy  # type: ignore[method-assign]
    _, run = drive(meter, raw_image())
    assert run.error is None
    assert meter.initiations == 1


@pytest.mark.fault("T-04")
def test_a_meter_that_is_busy_for_ever_is_given_up_and_can_be_tried_again() -> None:
    meter = ScriptedMeter()
    meter.always["image_transfer_initiate"] = 2
    _, run = drive(meter, raw_image())
    failed(TransferIncomplete, run)
    assert isinstance(run.error, TransferError)
    assert run.error.retryable


@pytest.mark.fault("T-04")
def test_a_refused_initiation_is_final() -> None:
    meter = ScriptedMeter()
    meter.always["image_transfer_initiate"] = 250
    _, run = drive(meter, raw_image())
    failed(TransferRefused, run, "other-reason")


def test_a_pause_after_the_initiation() -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, raw_image(), replace(NEVER, settle_after_initiate_seconds=5.0))
    assert [wait.seconds for wait in run.waits] == [5.0]


# --- Blocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-05")
@pytest.mark.parametrize("answers", [[2], [2, 2, 2, 2], [1], [250, 250], [2, 1, 250], [0x1101]])
def test_a_block_that_is_not_taken_at_once(answers: list[int]) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.results["image_block_transfer"].extend(answers)
    transfer, run = drive(meter, image, NEVER)
    assert meter.holds(image)
    assert len(run.of(BlockRetried)) == len(answers)
    assert transfer.result is not None
    assert transfer.result.retries == len(answers)
    assert all(isinstance(wait, Wait) for wait in run.waits)


@pytest.mark.fault("T-05")
@pytest.mark.parametrize(("answer", "kind"), [(250, TransferRefused), (1, TransferRefused), (2, TransferIncomplete)])
def test_a_block_that_is_never_taken(answer: int, kind: type[Exception]) -> None:
    meter = ScriptedMeter()
    meter.always["image_block_transfer"] = answer
    _, run = drive(meter, raw_image())
    failed(kind, run)
    if answer != 2:
        assert "block 0" in str(run.error)
        assert run.requests.count("image_block_transfer") == 6


@pytest.mark.fault("T-06")
@pytest.mark.parametrize("times", [1, 2])
def test_blocks_acknowledged_and_not_kept_are_sent_again(times: int) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.forgets.update({3: times, 4: times, 11: times})
    transfer, run = drive(meter, image, NEVER)
    assert meter.holds(image)
    assert transfer.result is not None
    assert (transfer.result.retries, transfer.result.rounds) == (3 * times, times)
    assert run.of(GapsFound)[0].runs == ((3, 2), (11, 1))


@pytest.mark.fault("T-06")
def test_a_block_that_is_never_kept_is_sent_three_times() -> None:
    meter = ScriptedMeter()
    meter.forgets.update({5: 99})
    _, run = drive(meter, raw_image())
    failed(TransferIncomplete, run, "block 5")
    assert run.requests.count("image_block_transfer") == 12 + 2


@pytest.mark.fault("T-09")
def test_rounds_are_bounded_even_if_each_finds_another_gap() -> None:
    meter = ScriptedMeter()
    meter.forgets.update({0: 1})
    lost = iter(range(1, 12))

    def another_gap(_: object) -> BitString:
        meter.blocks.pop(next(lost))
        return BitString([n in meter.blocks for n in range(12)])

    meter.lies["image_transferred_blocks_status"] = another_gap
    _, run = drive(meter, raw_image())
    failed(TransferIncomplete, run, "5 rounds")


@pytest.mark.fault("T-07")
@pytest.mark.parametrize(
    "bits",
    [
        lambda true: BitString([*true, False, False, False, False]),
        lambda true: BitString([*true, True, True, True]),
        lambda true: BitString([*true, True, False]),
        lambda true: BitString(list(true)[:-1]),
        lambda true: BitString([*true, *[False] * 8]),
        lambda true: BitString.from_bytes(bytes(int(f"{octet:08b}"[::-1], 2) for octet in true.octets), 16),
        b"\x00",
        b"\x09\x00",
    ],
    ids=["zeros", "ones", "mixed", "shorter", "octet-longer", "reversed", "null", "wrong-type"],
)
def test_bitmaps_of_odd_form_never_lead_astray(bits: Any) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.lies["image_transferred_blocks_status"] = bits
    meter.forgets.update({7: 1})
    _, run = drive(meter, image, NEVER)
    assert run.error is None
    assert meter.holds(image)
    assert run.requests.count("image_block_transfer") == 13


@pytest.mark.fault("T-08")
def test_a_bitmap_that_lies_fails_verification_and_gets_one_full_restart() -> None:
    meter = ScriptedMeter()
    meter.forgets.update({4: 2})
    meter.lies["image_transferred_blocks_status"] = BitString([True] * 12)
    meter.lies["image_first_not_transferred_block_number"] = 12
    meter._begin_verification = lambda: _complete_or_failed(meter)  # type: ignore[method-assign]
    act = meter._act
    meter._act = lambda name, request: (  # type: ignore[method-assign]
        meter._begin_verification() if name == "image_verify" else act(name, request)
    )
    transfer, run = drive(meter, raw_image())
    failed(VerificationFailed, run, "2 times")
    assert (meter.initiations, meter.activations) == (2, 0)
    assert transfer.state is TransferState.FAILED


def _complete_or_failed(meter: ScriptedMeter) -> int:
    meter.status = 3 if len(meter.blocks) == 12 else 4
    return 0 if meter.status == 3 else 250


@pytest.mark.fault("T-09")
@pytest.mark.parametrize("number", [0, 3, 11, 12, 13, 0xFFFF_FFFF])
def test_the_bitmap_wins_over_the_first_missing_number(number: int) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.forgets.update({8: 1})
    meter.lies["image_first_not_transferred_block_number"] = number
    _, run = drive(meter, image, NEVER)
    assert run.error is None
    assert meter.holds(image)
    assert run.requests.count("image_block_transfer") == 13


@pytest.mark.fault("T-09")
def test_a_first_missing_number_alone_repairs_block_by_block() -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.absent = {"image_transferred_blocks_status"}
    meter.forgets.update({2: 1, 9: 1})
    _, run = drive(meter, image, NEVER)
    assert meter.holds(image)
    assert run.requests.count("image_block_transfer") == 14


@pytest.mark.fault("T-09")
def test_a_first_missing_number_that_never_moves_ends() -> None:
    meter = ScriptedMeter()
    meter.absent = {"image_transferred_blocks_status"}
    meter.lies["image_first_not_transferred_block_number"] = 4
    _, run = drive(meter, raw_image())
    failed(TransferIncomplete, run, "block 4")


@pytest.mark.fault("T-34")
def test_a_slow_drip_is_stopped() -> None:
    meter = ScriptedMeter()
    run = Run()
    transfer = transfer_for(run, raw_image())
    finish(transfer, run, meter, stop_after=10)
    request = transfer.next_request(1.0)
    assert request is not None
    transfer.handle_response(meter.answer(request, 3_600.0), 3_600.0)
    with pytest.raises(TransferIncomplete, match="600 s"):
        transfer.next_request(3_600.0)


# --- Verification ----------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-14")
@pytest.mark.parametrize("seconds", [1.0, 70.0, 1_700.0])
def test_a_verification_that_takes_its_time(seconds: float) -> None:
    meter = ScriptedMeter()
    meter.verify_seconds = seconds
    _, run = drive(meter, raw_image())
    assert run.error is None
    pauses = [wait.seconds for wait in run.waits if isinstance(wait, Wait)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= 60.0
    assert run.requests.count("image_verify") == 1


@pytest.mark.fault("T-14")
def test_a_verification_without_an_end_has_a_deadline() -> None:
    meter = ScriptedMeter()
    meter.verify_seconds = 1e9
    _, run = drive(meter, raw_image())
    failed(TransferIncomplete, run)
    assert 1_800 <= run.seconds < 1_810


@pytest.mark.fault("T-14")
def test_hardware_fault_from_verify_means_wait() -> None:
    meter = ScriptedMeter()
    meter.verify_seconds = 30.0
    act = meter._act
    meter._act = lambda name, request: 1 if act(name, request) == 2 else 0  # type: ignore[method-assign]
    drive(meter, raw_image(), NEVER)
    assert meter.status == 3


@pytest.mark.fault("T-14")
def test_success_from_verify_while_the_status_says_failed() -> None:
    meter = ScriptedMeter()
    meter.verify_fails = 99
    meter.verify_seconds = 1.0
    act = meter._act
    meter._act = lambda name, request: act(name, request) and 0  # type: ignore[method-assign]
    _, run = drive(meter, raw_image())
    failed(VerificationFailed, run)
    assert meter.activations == 0


@pytest.mark.fault("T-14")
def test_refusal_from_verify_while_the_status_says_verified() -> None:
    meter = ScriptedMeter()
    meter.results["image_verify"].append(250)
    meter.lies["image_transfer_status"] = lambda true: 3 if "image_verify" in meter.writes else true
    _, run = drive(meter, raw_image())
    failed(VerificationFailed, run)
    assert meter.activations == 0


@pytest.mark.fault("T-14")
def test_a_verify_that_is_refused_for_ever_ends() -> None:
    meter = ScriptedMeter()
    meter.always["image_verify"] = 250
    _, run = drive(meter, raw_image())
    failed(VerificationFailed, run, "does not verify")


def test_a_failed_verification_gets_one_full_restart() -> None:
    meter = ScriptedMeter()
    meter.verify_fails = 1
    transfer, _ = drive(meter, raw_image())
    assert meter.initiations == 2
    assert meter.active == [NEW]
    assert transfer.result is not None
    assert [(p.phase.value, p.outcome) for p in transfer.result.phases if p.outcome is PhaseOutcome.FAILED] == [
        ("verify", PhaseOutcome.FAILED)
    ]


def test_a_verification_that_always_fails_is_never_activated() -> None:
    meter = ScriptedMeter()
    meter.verify_fails = 99
    _, run = drive(meter, raw_image())
    failed(VerificationFailed, run)
    assert (meter.initiations, meter.activations, meter.active) == (2, 0, [OLD])
    _, run = drive(ScriptedMeter(), raw_image(), TransferPolicy(full_restarts=0))
    assert run.error is None


@pytest.mark.fault("T-15")
@pytest.mark.parametrize("seconds", [0.0, 45.0])
def test_a_meter_that_verifies_by_itself_is_not_told_to(seconds: float) -> None:
    meter = ScriptedMeter()
    meter.verifies_itself, meter.verify_seconds = True, seconds
    _, run = drive(meter, raw_image())
    assert run.error is None
    assert meter.active == [NEW]
    assert "image_verify" not in run.requests


def test_a_meter_that_activates_by_itself_is_confirmed() -> None:
    meter = ScriptedMeter()
    meter.verify_seconds = 10.0

    def status(true: int) -> int:
        if true == 3:
            meter._activate()
            return 5
        return true

    meter.lies["image_transfer_status"] = status
    transfer, _ = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert meter.active == [NEW]


@pytest.mark.fault("T-17")
@pytest.mark.parametrize(
    "lie",
    [
        None,
        [],
        [ImageToActivateInfo(739, NEW, b"")],
        [ImageToActivateInfo(740, OLD, b"")],
        [ImageToActivateInfo(740, NEW + b"\x00", b"")],
        [ImageToActivateInfo(740, NEW, b"")] * 2,
        b"\x00",
    ],
    ids=["absent", "empty", "size", "identifier", "longer-identifier", "two", "null"],
)
def test_anything_but_an_exact_match_is_not_activated(lie: Any) -> None:
    meter = ScriptedMeter()
    meter.lies["image_to_activate_info"] = lie
    _, run = drive(meter, raw_image())
    failed(VerificationFailed, run, "image_to_activate_info")
    assert meter.activations == 0


@pytest.mark.fault("T-17")
def test_the_signature_must_match_where_the_image_has_one() -> None:
    meter, image = ScriptedMeter(), signed_image()
    meter.lies["image_to_activate_info"] = [ImageToActivateInfo(len(image.data), NEW, b"\x01\x02")]
    _, run = drive(meter, image)
    failed(VerificationFailed, run, "signature")
    meter.lies["image_to_activate_info"] = [ImageToActivateInfo(len(image.data), NEW, b"\x01\x02")]
    _, run = drive(meter, image, TransferPolicy(compare_signature=False, restart=True))
    assert run.error is None


@pytest.mark.fault("T-24")
def test_an_image_swapped_after_its_verification_is_not_activated() -> None:
    meter = ScriptedMeter()
    seen: list[int] = []

    def status(true: int) -> int:
        seen.append(true)
        return 1 if seen.count(3) > 1 else true

    meter.lies["image_transfer_status"] = status
    _, run = drive(meter, raw_image())
    failed(ForeignTransfer, run, "somebody else")
    assert meter.activations == 0


# --- Activation ------------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-25")
@pytest.mark.parametrize("answer", [0, 2, 1, None])
def test_what_activate_answers_does_not_matter(answer: int | None) -> None:
    meter = ScriptedMeter()
    act = meter._act

    def acted(name: str, request: Any) -> int | None:
        result = act(name, request)
        return answer if name == "image_activate" else result

    meter._act = acted  # type: ignore[method-assign]
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert isinstance(run.waits[0], Reconnect)
    assert [event.code for event in run.of(LoggedEvent)] == [17, 18]


@pytest.mark.fault("T-25")
def test_a_meter_that_never_comes_back_has_a_deadline() -> None:
    meter = ScriptedMeter()
    meter.restart_seconds = 1e9
    _, run = drive(meter, raw_image())
    failed(ActivationFailed, run, "3600 s")
    pauses = [wait.after_seconds for wait in run.waits if isinstance(wait, Reconnect)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 60.0
    assert run.seconds < 3_700


def test_a_refused_activation_says_so_and_can_be_tried_again() -> None:
    meter = ScriptedMeter()
    meter.always["image_activate"] = 3
    _, run = drive(meter, raw_image())
    failed(ActivationFailed, run, "read-write-denied")
    assert isinstance(run.error, TransferError)
    assert run.error.retryable
    assert not any(isinstance(wait, Reconnect) for wait in run.waits)
    meter.always.clear()
    transfer, run = drive(meter, raw_image(), checkpoint=run.saved[-1])
    assert transfer.result is not None
    assert (transfer.result.outcome, transfer.result.blocks_sent) == ("activated", 0)


def test_firmware_that_falls_back_is_no_success() -> None:
    meter = ScriptedMeter()
    meter.activation = "falls-back"
    _, run = drive(meter, raw_image())
    failed(ActivationFailed, run, "activation failed")
    assert meter.activations == 1
    assert run.saved[-1].state is TransferState.FAILED


@pytest.mark.fault("T-26")
def test_activation_successful_with_the_old_identifier_is_no_success() -> None:
    meter = ScriptedMeter()
    meter.activation = "silent-old"
    _, run = drive(meter, raw_image())
    failed(ActivationFailed, run, "yet it runs the old firmware", "firmware ready for activation (17)")
    assert run.requests.count("identifier") == 1 + 3


@pytest.mark.fault("T-27")
def test_activation_failed_with_the_new_identifier_is_an_anomaly() -> None:
    meter = ScriptedMeter()
    meter.lies["image_transfer_status"] = lambda true: 7 if true == 6 else true
    transfer, run = drive(meter, raw_image())
    assert transfer.state is TransferState.DONE
    assert [warning.code for warning in run.of(Warned)] == ["activation-anomaly"]


@pytest.mark.fault("T-28")
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
    failed(ActivationFailed, run, "waits for activation")
    assert meter.activations == 2
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
    failed(ActivationFailed, run, "no active identifier")


# --- Schedule --------------------------------------------------------------------------------------------------------


def scheduled(meter: ScriptedMeter, at: datetime = TEN_MINUTES, **policy: Any) -> Run:
    _, run = drive(meter, raw_image(), TransferPolicy(activate=at, **policy))
    return run


@pytest.mark.fault("T-29")
@pytest.mark.parametrize(
    "at", [TEN_MINUTES, TEN_MINUTES.astimezone(timezone.utc), TEN_MINUTES.replace(tzinfo=None)], ids=["offset", "utc", "naive"]
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
        (lambda meter: setattr(meter.schedule, "script", ExecutedScript(LogicalName("0-0:10.0.107.255"), 2)), "does not run"),
        (lambda meter: setattr(meter.schedule, "script", ExecutedScript(LogicalName("0-0:10.0.106.255"), 1)), "does not run"),
        (lambda meter: meter.lies.update(execution_time=[]), "read back"),
    ],
)
def test_a_schedule_that_would_not_do_what_it_should_is_refused(change: Any, words: str) -> None:
    meter = ScriptedMeter()
    change(meter)
    run = scheduled(meter)
    failed(ScheduleRefused, run, words)
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
    failed(ScheduleRefused, scheduled(meter), "no script")


@pytest.mark.fault("T-29")
@pytest.mark.parametrize("minutes", [-60, 0, 4])
def test_a_time_that_is_past_or_too_near_is_refused(minutes: int) -> None:
    meter = ScriptedMeter()
    failed(ScheduleRefused, scheduled(meter, START_OF_TIME + timedelta(minutes=minutes)), "not at least 300 s")
    assert meter.schedule.entries == []


@pytest.mark.fault("T-29")
def test_a_clock_without_a_deviation_takes_local_times_only() -> None:
    meter = ScriptedMeter()
    meter.lies["time"] = bytes([9, 12, 0x07, 0xEA, 3, 1, 0xFF, 12, 0, 0, 0, 0x80, 0, 0])
    failed(ScheduleRefused, scheduled(meter), "local time")
    meter = ScriptedMeter()
    meter.lies["time"] = bytes([9, 12, 0x07, 0xEA, 3, 1, 0xFF, 12, 0, 0, 0, 0x80, 0, 0])
    run = scheduled(meter, TEN_MINUTES.replace(tzinfo=None))
    assert run.error is None
    assert [warning.code for warning in run.of(Warned)] == ["clock-unchecked"]


def test_scheduling_needs_to_know_the_time() -> None:
    for wall_clock in (None, datetime(2026, 3, 1)):  # noqa: DTZ001
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
    failed(ActivationFailed, run)
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


# --- The driver's side -----------------------------------------------------------------------------------------------


@pytest.mark.fault("T-30")
@pytest.mark.parametrize("after", range(0, 26, 3))
def test_cancelling_stops_at_a_safe_point_and_the_rest_goes_on_later(after: int) -> None:
    meter, run = ScriptedMeter(), Run()
    transfer = transfer_for(run, raw_image())
    finish(transfer, run, meter, stop_after=after)
    transfer.cancel("the operator said so")
    finish(transfer, run, meter, start=50.0)
    failed(TransferIncomplete, run, "the operator said so")
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
    assert all(later.at - event.at >= 0.1 - 1e-9 for event, later in zip(progress, progress[1:-1], strict=False))
    before_end = run.events[run.events.index(next(e for e in run.of(PhaseFinished) if e.phase.value == "transfer")) - 1]
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
    policy = TransferPolicy(dry_run=True, objects=MeterObjects(active_identifier="", image_transfer="0-0:44.0.0.255"))
    _, run = drive(ScriptedMeter(), raw_image(), policy)
    assert run.requests == ["image_block_size", "image_transfer_enabled", "image_transfer_status"]
