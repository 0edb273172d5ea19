"""Associations in which no response is allowed: asked for, used and released without a word from the meter.
And the quality of service, which rides in the same APDUs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import (
    AssociationResponse,
    GetRequest,
    InitiateRequest,
    InitiateResponse,
    Key,
    SetRequest,
)
from dlms_fw.enums import AssociationResult
from dlms_fw.errors import AssociationRejected, ConfigurationError, LocalProtocolError
from dlms_fw.journal import Journal
from dlms_fw.session.events import Associated, AssociationEnded, AssociationFailed
from dlms_fw.session.states import State
from harness import CLOCK_TIME, PROFILES, Pair, server_client
from meter_bench import CLOCK, GMAC, IMAGE_TRANSFER, PLAIN, Bench
from meters import IDENTIFIER, block, block_count, container

WRITE = SetRequest(*CLOCK_TIME, b"\x00", confirmed=False)
UNCONFIRMED = {
    name: replace(PROFILES[name], response_allowed=False) for name in ("none", "lls", "lls ciphered")
}


@pytest.mark.proves("acse-unconfirmed")
@pytest.mark.parametrize("way", UNCONFIRMED)
@pytest.mark.parametrize("hdlc", [False, True])
def test_nothing_is_waited_for_and_nothing_is_said(way: str, *, hdlc: bool) -> None:
    pair = Pair(UNCONFIRMED[way], hdlc=hdlc)
    pair.connect()
    before = len(pair.wire)
    pair.drive(pair.session.associate())
    assert pair.session.state is State.ASSOCIATED
    assert pair.meter.session.state is State.ASSOCIATED
    assert pair.session.channel.idle
    pair.drive(pair.session.send(WRITE))
    assert pair.session.channel.idle
    assert [type(request) for _, request in pair.meter.requests] == [SetRequest]
    pair.drive(pair.session.release())
    assert pair.session.state is State.CONNECTED
    assert pair.meter.session.state is State.CONNECTED
    said = [data for mine, data in pair.wire[before:] if not mine]
    # Over HDLC the link acknowledges each of the three messages with an RR frame, and says no more.
    assert [len(data) for data in said] == ([9] * 3 if hdlc else [])
    assert [type(event) for event in pair.meter.events] == [Associated, AssociationEnded]


@pytest.mark.proves("acse-unconfirmed")
def test_what_wants_an_answer_is_not_sent() -> None:
    pair = Pair(UNCONFIRMED["none"])
    pair.associate()
    sent = len(pair.wire)
    for wanting in (GetRequest(*CLOCK_TIME), SetRequest(*CLOCK_TIME, b"\x00")):
        with pytest.raises(LocalProtocolError, match="no answer"):
            pair.session.send(wanting)
    assert len(pair.wire) == sent
    assert pair.session.association is not None
    assert pair.session.association.meter_system_title is None


@pytest.mark.proves("acse-unconfirmed")
@pytest.mark.parametrize("hdlc", [False, True])
def test_a_meter_that_refuses_is_silent_as_well(*, hdlc: bool) -> None:
    profile = UNCONFIRMED["lls"]
    pair = Pair(profile, client=replace(server_client(profile), secret=Key(b"another")), hdlc=hdlc)
    pair.connect()
    before = len(pair.wire)
    pair.drive(pair.session.associate())
    assert pair.meter.events == [AssociationFailed(1, "password")]
    assert pair.meter.session.state is State.CONNECTED
    assert pair.session.channel.idle
    assert [len(data) for mine, data in pair.wire[before:] if not mine] == ([9] if hdlc else [])


def test_a_meter_that_refuses_aloud_is_heard() -> None:
    pair = Pair(UNCONFIRMED["none"])
    pair.connect()
    pair.session.associate()
    refused = AssociationResponse(1, AssociationResult.REJECTED_PERMANENT, 1, None).encode()
    with pytest.raises(AssociationRejected):
        pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(refused))) + refused)
    assert pair.session.state is State.CONNECTED
    assert pair.session.association is None


def test_high_level_security_needs_answers() -> None:
    with pytest.raises(ConfigurationError, match="response_allowed: high level security"):
        replace(PROFILES["gmac"], response_allowed=False).check()


@pytest.mark.proves("acse-unconfirmed")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_blocks_of_an_image_in_an_unconfirmed_association(tmp_path: Path, framing: Any) -> None:
    bench = Bench(PLAIN, framing)
    image = container(blocks=4)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client() as management:
            management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        with bench.client(replace(PLAIN, response_allowed=False)) as client:
            for number in range(block_count(image)):
                call = IMAGE_TRANSFER.image_block_transfer(number, block(image, number)).unconfirmed()
                client.send(call.request)
            with pytest.raises(LocalProtocolError, match="want no answer"):
                client.get(CLOCK.time)
        store = bench.meter.units.firmware.image_store
        assert all(store.image_transferred_blocks_status)
        with bench.client() as management:
            assert management.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == block_count(
                image
            )


@pytest.mark.proves("acse-quality-of-service")
@pytest.mark.parametrize("number", [-128, 0, 127])
@pytest.mark.parametrize("profile", [PLAIN, GMAC])
def test_a_quality_of_service_is_proposed_and_answered(tmp_path: Path, profile: Any, number: int) -> None:
    bench = Bench(profile)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client(replace(profile, quality_of_service=number)) as client:
            assert client.association is not None
            assert client.association.quality_of_service == number
        with bench.client() as client:
            assert client.association is not None
            assert client.association.quality_of_service is None


@pytest.mark.proves("acse-quality-of-service")
def test_where_it_stands_in_the_apdus() -> None:
    request = InitiateRequest(0x1F, 1024, quality_of_service=-2)
    assert request.encode() == bytes.fromhex("01 00 00 01FE 06 5F1F0400 00001F 0400")
    assert InitiateRequest.decode(request.encode()) == request
    assert request != InitiateRequest(0x1F, 1024)
    response = InitiateResponse(0x1F, 1024, quality_of_service=5)
    assert response.encode() == bytes.fromhex("08 0105 06 5F1F0400 00001F 0400 0007")
    assert InitiateResponse.decode(response.encode()).quality_of_service == 5
    with pytest.raises(OverflowError):
        InitiateRequest(0x1F, 1024, quality_of_service=128)
    with pytest.raises(ConfigurationError, match="quality_of_service: a number"):
        replace(PLAIN, quality_of_service=128).check()
