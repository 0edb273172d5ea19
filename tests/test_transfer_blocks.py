"""Blocks and verification: meters that are busy, forgetful, or that lie about what they have."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw._core import BitString
from dlms_fw.cosem.image_transfer import ImageToActivateInfo
from dlms_fw.errors import (
    ForeignTransfer,
    TransferIncomplete,
    TransferRefused,
    VerificationFailed,
)
from dlms_fw.events import (
    BlockRetried,
    GapsFound,
    PhaseOutcome,
)
from dlms_fw.transfer import (
    TransferPolicy,
    TransferState,
    Wait,
)
from scripted_meter import NEW, OLD, ScriptedMeter, raw_image, signed_image
from virtual_driver import Run, drive, finish, transfer_for

NEVER = TransferPolicy(activate="never")


# --- Blocks -------------------------------------------------------------------------------------------------


@pytest.mark.fault("T-05")
@pytest.mark.parametrize("answers", [[2], [2, 2, 2, 2], [1], [250, 250], [2, 1, 250], [0x1101]])
def test_a_block_that_is_not_taken_at_once(answers: list[int]) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.results["image_block_transfer"].extend(answers)
    transfer, run = drive(meter, image, NEVER)
    assert meter.holds(image)
    assert [event.attempt for event in run.of(BlockRetried)] == list(range(1, len(answers) + 1))
    assert transfer.result is not None
    assert transfer.result.retries == len(answers)
    assert all(isinstance(wait, Wait) for wait in run.waits)


@pytest.mark.fault("T-05")
@pytest.mark.parametrize(
    ("answer", "kind"), [(250, TransferRefused), (1, TransferRefused), (2, TransferIncomplete)]
)
def test_a_block_that_is_never_taken(answer: int, kind: type[Exception]) -> None:
    meter = ScriptedMeter()
    meter.always["image_block_transfer"] = answer
    _, run = drive(meter, raw_image())
    run.failed(kind)
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
    run.failed(TransferIncomplete, "block 5")
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
    run.failed(TransferIncomplete, "5 rounds")


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
    run.failed(VerificationFailed, "2 times")
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
    run.failed(TransferIncomplete, "block 4")


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


# --- Verification -------------------------------------------------------------------------------------------


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
    run.failed(TransferIncomplete)
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
    run.failed(VerificationFailed)
    assert meter.activations == 0


@pytest.mark.fault("T-14")
def test_refusal_from_verify_while_the_status_says_verified() -> None:
    meter = ScriptedMeter()
    meter.results["image_verify"].append(250)
    meter.lies["image_transfer_status"] = lambda true: 3 if "image_verify" in meter.writes else true
    _, run = drive(meter, raw_image())
    run.failed(VerificationFailed)
    assert meter.activations == 0


@pytest.mark.fault("T-14")
def test_a_verify_that_is_refused_for_ever_ends() -> None:
    meter = ScriptedMeter()
    meter.always["image_verify"] = 250
    _, run = drive(meter, raw_image())
    run.failed(VerificationFailed, "does not verify")


def test_a_failed_verification_gets_one_full_restart() -> None:
    meter = ScriptedMeter()
    meter.verify_fails = 1
    transfer, _ = drive(meter, raw_image())
    assert meter.initiations == 2
    assert meter.active == [NEW]
    assert transfer.result is not None
    assert [
        (p.phase.value, p.outcome) for p in transfer.result.phases if p.outcome is PhaseOutcome.FAILED
    ] == [("verify", PhaseOutcome.FAILED)]


def test_a_verification_that_always_fails_is_never_activated() -> None:
    meter = ScriptedMeter()
    meter.verify_fails = 99
    _, run = drive(meter, raw_image())
    run.failed(VerificationFailed)
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
    run.failed(VerificationFailed, "image_to_activate_info")
    assert meter.activations == 0


@pytest.mark.fault("T-17")
def test_the_signature_must_match_where_the_image_has_one() -> None:
    meter, image = ScriptedMeter(), signed_image()
    meter.lies["image_to_activate_info"] = [ImageToActivateInfo(len(image.data), NEW, b"\x01\x02")]
    _, run = drive(meter, image)
    run.failed(VerificationFailed, "signature")
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
    run.failed(ForeignTransfer, "somebody else")
    assert meter.activations == 0


def test_a_restart_forgets_how_often_blocks_were_sent_before() -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.forgets.update({3: 2})
    meter.verify_fails = 1
    initiate = meter._initiate

    def again(request: Any) -> int:
        meter.forgets.update({3: 2 * meter.initiations})
        return initiate(request)

    meter._initiate = again  # type: ignore[method-assign]
    _, run = drive(meter, image, NEVER)
    assert run.error is None
    assert meter.holds(image)


def test_tries_are_counted_for_each_block() -> None:
    meter = ScriptedMeter()
    meter.results["image_block_transfer"].extend([250, 250])
    take = meter._take
    refusals = iter([250, 250])
    meter._take = lambda request: (  # type: ignore[method-assign]
        next(refusals, None) or take(request) if request.parameter.image_block_number == 1 else take(request)
    )
    _, run = drive(meter, raw_image(), NEVER)
    assert run.error is None
    assert [(event.image_block_number, event.attempt) for event in run.of(BlockRetried)] == [
        (0, 1), (0, 2), (1, 1), (1, 2),
    ]  # fmt: skip


def test_a_verified_image_that_fails_after_all_is_not_activated() -> None:
    meter = ScriptedMeter()
    seen: list[int] = []

    def status(true: int) -> int:
        seen.append(true)
        return 4 if seen.count(3) > 1 else true

    meter.lies["image_transfer_status"] = status
    _, run = drive(meter, raw_image())
    run.failed(VerificationFailed, "found the image wrong")
    assert meter.activations == 0
