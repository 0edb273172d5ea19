"""Clients that nobody here wrote, live with our simulated meter: all mechanisms and services they know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import Data
from dlms_fw.meter.model_files import load_model
from interop import FRAMINGS, IDENTIFIER
from interop_live import (
    CLIENT_KEY,
    GENERAL_GLO_CIPHERING,
    GLO_SERVICES,
    MECHANISMS,
    METER_SCALAR,
    SIGNING_SUITE,
    Visitor,
    listed_objects,
    our_meter,
)

NAME, NAME_OBJECT = "0.0.42.0.0.255", "00002a0000ff"
IMAGE, LOG, ASSOCIATION, SCHEDULE = "0.0.44.0.0.255", "0.0.99.98.0.255", "0.0.40.0.0.255", "0.0.15.0.2.255"
PASSES_3_AND_4 = [0xCB, 0xCF]
WHOLE_LIFE = ("07d00101ffffffff00800000", "08340101ffffffff00800000")


@pytest.fixture(scope="module")
def gurux() -> Iterator[Visitor]:
    with Visitor("gurux_visitor.py") as visitor:
        yield visitor


@pytest.fixture(scope="module")
def cosem() -> Iterator[Visitor]:
    with Visitor("cosem_visitor.py") as visitor:
        yield visitor


def structure(identifier: bytes, size: int) -> str:
    return axdr.structure(axdr.octet_string, axdr.double_long_unsigned).encode((identifier, size)).hex()


def long_schedule(times: int) -> str:
    """execution_time of a single action schedule, too long for a small APDU."""
    it = Data(1, (Data(2, (Data(9, b"\x00" * 4), Data(9, b"\x07\xea\x01\x01\xff"))),) * times)
    return it.encode().hex()


EVERYTHING = (
    ["read", 1, NAME, 2],
    ["read-list", [[1, NAME, 2], [18, IMAGE, 2]]],
    ["write", 18, IMAGE, 5, "0301"],
    ["read", 18, IMAGE, 5],
    ["call", 18, IMAGE, 1, structure(IDENTIFIER, 100)],
    ["read", 18, IMAGE, 6],
    ["read", 3, NAME, 2],
    ["by-entry", LOG, 1, 1],
    ["by-range", LOG, *WHOLE_LIFE],
)


def check(results: list[Any], block_size: int) -> None:
    name = b"MCS0040612345678".hex()
    by_entry, by_range = results[7:]
    # Time, code and parameter: the start of the meter, and since then that of the image transfer.
    assert [event for _, *event in by_range] == [[2, 0], [30, 255]]
    assert by_entry == by_range[:1]
    assert results[:7] == [name, [name, block_size], None, True, None, 1, "result 9"]


@pytest.mark.proves("interop-live-clients")
@pytest.mark.parametrize(
    ("framing", "mechanism"),
    [("hdlc", "none"), ("hdlc", "hls-gmac"), ("hdlc", "hls-ecdsa"), *(("wrapper", it) for it in MECHANISMS)],
)
def test_a_gurux_client_knows_our_mechanisms_and_services(
    tmp_path: Path, gurux: Visitor, framing: str, mechanism: str
) -> None:
    with our_meter(tmp_path, framing, mechanism) as meter:
        check(gurux.visit(meter, mechanism, *EVERYTHING, multiple_references=True), 960)


@pytest.mark.proves("interop-live-suites")
@pytest.mark.parametrize(("suite", "general"), [(0, True), (1, False), (2, False), (2, True)])
def test_a_gurux_client_ciphers_in_all_suites(
    tmp_path: Path, gurux: Visitor, suite: int, general: bool
) -> None:
    with our_meter(tmp_path, "wrapper", "hls-gmac", suite) as meter:
        check(
            gurux.visit(
                meter, "hls-gmac", *EVERYTHING, multiple_references=True, suite=suite, general=general
            ),
            960,
        )
    assert gurux.tags[:4] == [0x60, 0x61, *PASSES_3_AND_4]
    assert gurux.tags[-2:] == [0x62, 0x63]
    # Their client uses general-glo-ciphering once it is associated: passes 3 and 4 are still glo-action.
    assert set(gurux.tags[4:-2]) == ({GENERAL_GLO_CIPHERING} if general else GLO_SERVICES)


@pytest.mark.proves("interop-live-signatures")
@pytest.mark.parametrize(
    ("framing", "general"), [("wrapper", False), ("wrapper", True), ("hdlc", False), ("hdlc", True)]
)
def test_a_gurux_client_ciphers_and_signs_its_challenge(
    tmp_path: Path, gurux: Visitor, framing: str, general: bool
) -> None:
    with our_meter(tmp_path, framing, "hls-ecdsa", ciphered=True) as meter:
        results = gurux.visit(
            meter,
            "hls-ecdsa",
            *EVERYTHING,
            multiple_references=True,
            suite=SIGNING_SUITE,
            ciphered=True,
            general=general,
        )
        check(results, 960)
    if framing == "wrapper":
        assert gurux.tags[:4] == [0x60, 0x61, *PASSES_3_AND_4]
        assert set(gurux.tags[4:-2]) == ({GENERAL_GLO_CIPHERING} if general else GLO_SERVICES)


def test_a_gurux_client_with_another_signing_key_is_refused(tmp_path: Path, gurux: Visitor) -> None:
    with our_meter(tmp_path, "wrapper", "hls-ecdsa") as meter:
        with pytest.raises(AssertionError, match="result"):
            gurux.visit(meter, "hls-ecdsa", signing_key=METER_SCALAR.hex())
        # Their words about a signature that does not hold name a variable that they have not set.
        with pytest.raises(AssertionError, match="UnboundLocalError"):
            gurux.visit(meter, "hls-ecdsa", peer_signing_key=bytes(CLIENT_KEY.public).hex())
        assert gurux.visit(meter, "hls-ecdsa", ["read", 18, IMAGE, 6]) == [0]


def test_the_short_challenge_of_a_gurux_client_is_refused(tmp_path: Path, gurux: Visitor) -> None:
    """What it makes itself has 16 octets; mechanism 7 wants 32 at least."""
    with (
        our_meter(tmp_path, "wrapper", "hls-ecdsa") as meter,
        pytest.raises(AssertionError, match="Authentication failure"),
    ):
        gurux.visit(meter, "hls-ecdsa", short_challenge=True)


@pytest.mark.proves("interop-live-blocks")
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("mechanism", ["none", "hls-gmac"])
def test_a_gurux_client_sends_and_receives_in_blocks(
    tmp_path: Path, gurux: Visitor, framing: str, mechanism: str
) -> None:
    steps = (
        ["read", 15, ASSOCIATION, 2],
        ["write", 22, SCHEDULE, 4, long_schedule(20)],
        ["call", 18, IMAGE, 1, structure(bytes(200), 100)],
        ["write", 22, SCHEDULE, 4, axdr.octet_string.encode(bytes(300)).hex()],
    )
    with our_meter(tmp_path, framing, mechanism, max_pdu_size=128) as meter:
        results = gurux.visit(meter, mechanism, *steps, max_pdu_size=100)
        # What came in blocks was put together: it is refused for what it says, not for how it came.
        assert results[1:] == ["result 250", "result 250", "result 12"]
        assert (results[0][0][2], len(results[0])) == (NAME_OBJECT, listed_objects())


@pytest.mark.proves("interop-live-clients")
@pytest.mark.parametrize(
    ("framing", "mechanism"),
    [("wrapper", "none"), ("wrapper", "hls-gmac"), ("hdlc", "lls"), ("hdlc", "hls-gmac")],
)
def test_a_dlms_cosem_client(tmp_path: Path, cosem: Visitor, framing: str, mechanism: str) -> None:
    steps = (
        ["read", 1, NAME, 2],
        ["read-list", [[1, NAME, 2], [18, IMAGE, 2]]],
        ["write", 18, IMAGE, 5, "0301"],
        ["read", 18, IMAGE, 5],
        ["call", 18, IMAGE, 1, structure(IDENTIFIER, 100)],
        ["read", 18, IMAGE, 6],
        ["read", 3, NAME, 2],
        ["read", 15, ASSOCIATION, 2],
        ["by-range", LOG, "2000-01-01T00:00:00+01:00", "2100-01-01T00:00:00+01:00"],
    )
    # Over HDLC it hangs where a frame holds a flag at an unlucky place, as before its end, so there a meter
    # has fewer objects, and where chance makes such a frame a new meter makes another.
    model, max_pdu_size = ("generic", 1_000) if framing == "hdlc" else ("mcs301", 400)
    for attempt in ("first", "second", "third"):
        with our_meter(tmp_path / attempt, framing, mechanism, meter_model=load_model(model)) as meter:
            try:
                results = cosem.visit(meter, mechanism, *steps, max_pdu_size=max_pdu_size)
            except AssertionError as refused:
                if framing == "wrapper" or attempt == "third" or "TimeoutError" not in str(refused):
                    raise
            else:
                break
    name, size = "0910" + b"MCS0040612345678".hex(), "06000003c0"
    assert results[:6] == [name, [name, size], 0, "0301", None, "1601"]
    assert "OBJECT_CLASS_INCONSISTENT" in results[6]
    object_list, events = (Data.decode(bytes.fromhex(it)).plain() for it in results[7:])
    # The list is longer than the APDU, so it came in blocks.
    assert len(results[7]) > 2 * max_pdu_size
    assert object_list[0][2].hex() == NAME_OBJECT
    assert [event for _, *event in events] == [[2, 0], [30, 255]]
