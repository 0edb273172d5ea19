"""Whole transfers against a scripted meter, in virtual time: the right way, the gate, the first steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlms_fw.enums import Conformance
from dlms_fw.errors import (
    ImageRejected,
    TransferError,
    TransferIncomplete,
    TransferNotEnabled,
    TransferRefused,
)
from dlms_fw.events import (
    Finished,
    Progress,
    Warned,
)
from dlms_fw.image import Image, Version
from dlms_fw.transfer import (
    LinkFacts,
    TransferPolicy,
    TransferState,
)
from scripted_meter import NEW, OLD, ScriptedMeter, raw_image, signed_image
from virtual_driver import Cut, drive

NEVER = TransferPolicy(activate="never")


# --- The right way ------------------------------------------------------------------------------------------


def test_an_image_goes_in_and_runs() -> None:
    meter, image = ScriptedMeter(), raw_image()
    transfer, run = drive(meter, image)
    assert run.error is None
    assert meter.active == [NEW]
    assert meter.writes == [
        "image_transfer_initiate",
        *["image_block_transfer"] * 12,
        "image_verify",
        "image_activate",
    ]
    result = transfer.result
    assert result is not None
    assert (result.outcome, result.changed, result.blocks_total, result.blocks_sent) == (
        "activated",
        True,
        12,
        12,
    )
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
@pytest.mark.parametrize(
    ("size", "block_size", "blocks"),
    [(1, 64, 1), (64, 64, 1), (65, 64, 2), (640, 64, 10), (5, 1, 5), (9, 64, 1)],
)
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


# --- The gate -----------------------------------------------------------------------------------------------


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
        pytest.param(
            signed_image(meter_type="MCS302"), TransferPolicy(), "meter-type", marks=pytest.mark.fault("T-18")
        ),
        pytest.param(
            signed_image(), TransferPolicy(meter_type="XYZ"), "meter-type", marks=pytest.mark.fault("T-18")
        ),
        pytest.param(
            signed_image(version="0.9.0"), TransferPolicy(), "version", marks=pytest.mark.fault("T-21")
        ),
        pytest.param(
            signed_image(minimum="1.5.0"),
            TransferPolicy(),
            "minimum-version",
            marks=pytest.mark.fault("T-23"),
        ),
        pytest.param(signed_image(part=0), TransferPolicy(), "metrology", marks=pytest.mark.fault("T-19")),
        pytest.param(
            raw_image(), TransferPolicy(identifier_octets=5), "identifier", marks=pytest.mark.fault("T-20")
        ),
    ],
)
def test_the_gate_closes_before_anything_is_written(
    image: Image, policy: TransferPolicy, reason: str
) -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, image, policy)
    run.failed(ImageRejected)
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
    run.failed(ImageRejected)
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


# --- Parameters ---------------------------------------------------------------------------------------------


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
    run.failed(TransferNotEnabled)
    assert meter.initiations == 0


@pytest.mark.fault("T-02")
@pytest.mark.parametrize(
    ("block_size", "pdu", "policy"),
    [
        (0, LinkFacts(), NEVER),
        (1024, LinkFacts(max_pdu_size=1024), NEVER),
        (990, LinkFacts(max_pdu_size=1024, ciphering_overhead=21), NEVER),
        (1, LinkFacts(), TransferPolicy(most_blocks=700)),
    ],
)
def test_a_block_size_that_cannot_be_used_is_refused_before_the_initiation(
    block_size: int, pdu: LinkFacts, policy: TransferPolicy
) -> None:
    meter = ScriptedMeter(block_size=64)
    meter.lies["image_block_size"] = block_size
    _, run = drive(meter, raw_image(), policy, link=pdu)
    run.failed(TransferRefused)
    assert meter.writes == []


@pytest.mark.parametrize(
    ("pdu", "carried"),
    [
        (LinkFacts(max_pdu_size=86), 64),
        (LinkFacts(max_pdu_size=105, ciphering_overhead=19), 64),
        (LinkFacts(max_pdu_size=151), 128),
        (LinkFacts(max_pdu_size=278), 255),
        (LinkFacts(max_pdu_size=280), 256),
        (LinkFacts(max_pdu_size=1048), 1024),
    ],
)
def test_the_size_of_a_block_request(pdu: LinkFacts, carried: int) -> None:
    assert pdu.carries(carried)
    assert not replace(pdu, max_pdu_size=pdu.max_pdu_size - 1).carries(carried)
    assert replace(pdu, conformance=Conformance.BLOCK_TRANSFER_WITH_ACTION).carries(60_000)
    assert LinkFacts().carries(60_000)


@pytest.mark.fault("T-02")
def test_a_block_size_that_changes_in_the_middle_stops_the_transfer() -> None:
    meter = ScriptedMeter()
    cut = Cut(10, arrives=True, effect=lambda: meter.lies.update(image_block_size=128))
    _, run = drive(meter, raw_image(), cuts=[cut])
    run.failed(TransferRefused, "64", "128")


@pytest.mark.fault("T-13")
def test_a_status_that_the_standard_does_not_know_stops_the_transfer() -> None:
    meter = ScriptedMeter()
    meter.status = 9
    _, run = drive(meter, raw_image())
    run.failed(TransferRefused, "9")
    assert meter.writes == []


# --- Initiation ---------------------------------------------------------------------------------------------


@pytest.mark.fault("T-04")
def test_an_initiation_that_does_not_show_is_polled_with_a_deadline() -> None:
    meter = ScriptedMeter()
    meter.results["image_transfer_initiate"].append(0)
    _, run = drive(meter, raw_image())
    run.failed(TransferRefused, "status")
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
    run.failed(TransferIncomplete)
    assert isinstance(run.error, TransferError)
    assert run.error.retryable


@pytest.mark.fault("T-04")
def test_a_refused_initiation_is_final() -> None:
    meter = ScriptedMeter()
    meter.always["image_transfer_initiate"] = 250
    _, run = drive(meter, raw_image())
    run.failed(TransferRefused, "other-reason")


def test_a_pause_after_the_initiation() -> None:
    meter = ScriptedMeter()
    _, run = drive(meter, raw_image(), replace(NEVER, settle_after_initiate_seconds=5.0))
    assert [wait.seconds for wait in run.waits] == [5.0]
