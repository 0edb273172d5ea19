"""The judgements of a transfer, one by one, with every input that matters."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw._core import BitString, BlockStatus, Data, DateTime, ExceptionResponse
from dlms_fw.axdr import Tag
from dlms_fw.transfer import decisions
from dlms_fw.transfer.decisions import completeness, holds_unsent_block, identifiers_of, is_active
from dlms_fw.transfer.table import Outcome

NEW, OLD, OLDER = b"NEW002", b"OLD001", b"OLD000"


def octets(value: bytes) -> Data:
    return Data(Tag.OCTET_STRING, value)


@pytest.mark.fault("T-20")
@pytest.mark.parametrize(
    ("value", "identifiers"),
    [
        (octets(NEW), (NEW,)),
        (Data(Tag.VISIBLE_STRING, "NEW002"), (NEW,)),
        (Data(Tag.ARRAY, (octets(NEW), octets(OLD))), (NEW, OLD)),
        (Data(Tag.ARRAY, (octets(NEW), octets(b""), octets(bytes(6)), octets(b"\xff" * 6))), (NEW,)),
        (Data(Tag.ARRAY, ()), ()),
        (Data(Tag.ARRAY, (Data(Tag.UNSIGNED, 1),)), None),
        (Data(Tag.UNSIGNED, 1), None),
        (Data(Tag.NULL_DATA), None),
    ],
)
def test_identifiers(value: Data, identifiers: tuple[bytes, ...] | None) -> None:
    assert identifiers_of(value) == identifiers


@pytest.mark.fault("T-20")
@pytest.mark.parametrize(
    "shown", [b"NEW00", b"NEW0021", b"new002", b"NEW002\x00", b"NEW002 ", b" NEW002", b"4E4557303032"]
)
def test_what_merely_looks_like_the_identifier_is_not_it(shown: bytes) -> None:
    assert not is_active(NEW, (shown,), position="auto", signature_agrees=None)


@pytest.mark.parametrize(
    ("identifiers", "position", "agrees", "before", "active"),
    [
        (None, "auto", True, None, False),
        ((), "first", True, None, False),
        ((NEW,), "auto", None, None, True),
        ((NEW,), "auto", False, None, False),
        ((NEW, OLD), "first", None, None, True),
        ((NEW, OLD), "last", None, None, False),
        ((OLD, NEW), "last", None, None, True),
        ((NEW, OLD), "first", False, None, False),
        ((NEW, OLD), "auto", True, None, True),
        ((NEW, OLD), "auto", None, None, False),
        ((OLD, NEW), "auto", None, None, False),
        ((NEW, OLD), "auto", None, (OLD,), True),
        ((OLD, NEW), "auto", None, (OLD,), True),
        ((OLD, NEW), "auto", None, (OLDER, NEW), False),
        ((NEW, OLD), "auto", None, (NEW, OLD), False),
        ((OLD, NEW, OLDER), "auto", True, None, False),
    ],
)
@pytest.mark.fault("T-20")
def test_the_active_identifier(identifiers, position, agrees, before, active) -> None:  # type: ignore[no-untyped-def]
    assert is_active(NEW, identifiers, position=position, signature_agrees=agrees, before=before) is active


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 7), st.booleans())
@pytest.mark.fault("T-07")
def test_a_bitmap_with_consistent_padding_is_read_bit_by_bit(
    bits: list[bool], padding: int, ones: bool
) -> None:
    what = completeness(BitString([*bits, *[ones] * padding]), None, len(bits))
    assert what.block_status is not None
    assert [what.block_status[n] for n in range(len(bits))] == bits


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 40), st.none() | st.integers(0, 50))
@pytest.mark.fault("T-07")
def test_no_bitmap_is_read_past_its_end(bits: list[bool], blocks: int, first: int | None) -> None:
    what = completeness(BitString(bits), first, blocks)
    if len(bits) < blocks or len(bits) >= blocks + 8:
        assert what.block_status is None
        assert what.warning is not None
    if what.block_status is not None:
        assert [what.block_status[n] for n in range(blocks)] == bits[:blocks]


def test_all_small_bitmaps_and_bounds() -> None:
    """Foreign exactly where a bit is set at or above the bound."""
    for blocks in range(1, 7):
        for bits in product([False, True], repeat=blocks):
            what = decisions.Completeness(BlockStatus.from_bit_string(BitString(bits), blocks), None, None)
            for bound in range(blocks + 1):
                assert holds_unsent_block(what, bound, blocks) is any(bits[bound:])


def test_reversing_octets_must_explain_the_number_to_be_believed() -> None:
    blocks = 16
    true = BitString([True] * 3 + [False] * 13)
    packed = BitString.from_bytes(bytes(int(f"{octet:08b}"[::-1], 2) for octet in true.octets), blocks)
    assert completeness(packed, 3, blocks).block_status is None
    assert completeness(packed, 4, blocks).block_status is not None
    assert completeness(true, 3, blocks).warning is None


@pytest.mark.parametrize(
    ("state_error", "service_error", "outcome"),
    [
        (1, 1, Outcome.BUSY),
        (2, 2, Outcome.REFUSED),
        (1, 3, Outcome.LOST),
        (2, 3, Outcome.REFUSED),
        (1, 4, Outcome.REFUSED),
        (1, 5, Outcome.LOST),
        (2, 6, Outcome.LOST),
        (1, 99, Outcome.LOST),
        (2, 99, Outcome.REFUSED),
    ],
)
def test_exception_responses(state_error: int, service_error: int, outcome: Outcome) -> None:
    assert decisions.outcome_of_exception(ExceptionResponse(state_error, service_error)) is outcome


@pytest.mark.parametrize("result", range(256))
def test_results(result: int) -> None:
    expected = {0: Outcome.OK, 2: Outcome.BUSY}.get(result, Outcome.REFUSED)
    assert decisions.outcome_of_data_access(result) is expected
    assert decisions.outcome_of_action(result) is expected
    long = Outcome.BUSY if result == 1 else expected
    assert decisions.outcome_of_action(result, long_running=True) is long


def test_log_entries_of_any_shape() -> None:
    moment = DateTime.from_bytes(bytes.fromhex("07EA030107 0C000000 FFC4 00".replace(" ", "")))
    entries = [
        Data(Tag.STRUCTURE, (octets(moment.to_bytes()), Data(Tag.UNSIGNED, 17), Data(Tag.UNSIGNED, 0))),
        Data(Tag.STRUCTURE, (Data(Tag.NULL_DATA), Data(Tag.LONG_UNSIGNED, 51))),
        Data(Tag.STRUCTURE, (octets(b"short"), Data(Tag.UNSIGNED, 18))),
        Data(Tag.STRUCTURE, (octets(moment.to_bytes()), Data(Tag.UNSIGNED, 2))),
        Data(Tag.STRUCTURE, (octets(moment.to_bytes()),)),
        Data(Tag.UNSIGNED, 17),
    ]
    assert decisions.firmware_events(entries) == [(17, "2026-03-01T12:00:00+01:00"), (51, None), (18, None)]
