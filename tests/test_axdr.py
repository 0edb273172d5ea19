"""A-XDR on the wire: every type both ways, known octets, and everything that must be refused."""

import itertools
import math
import struct
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import axdr
from dlms_fw._core import BitString, Data, Date, DateTime, Limits, Schema, Time
from dlms_fw.axdr import DataType, Tag
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from strategies import SIMPLE_TYPES, data
from wire import decodes, fault, octets


class ImageToActivateInfo(NamedTuple):
    image_to_activate_size: int
    image_to_activate_identification: bytes
    image_to_activate_signature: bytes


class SortMethod(IntEnum):
    FIFO = 1
    LIFO = 2


class ClockStatus(IntFlag):
    INVALID = 0x01
    DAYLIGHT_SAVING = 0x80


INFO = axdr.record(ImageToActivateInfo, axdr.double_long_unsigned, axdr.octet_string, axdr.octet_string)

EXAMPLES: list[tuple[str, DataType[Any], Any, str]] = [
    ("image block size", axdr.double_long_unsigned, 0x400, "06 00000400"),
    ("image transfer status", axdr.plain_enum, 1, "16 01"),
    ("image transfer enabled", axdr.boolean, True, "03 01"),
    ("initiate", axdr.structure(axdr.octet_string, axdr.double_long_unsigned), (b"MCS102", 100_000),
     "0202 09064D4353313032 06000186A0"),
    ("block 0", axdr.structure(axdr.double_long_unsigned, axdr.octet_string), (0, bytes(range(16))),
     "0202 0600000000 0910000102030405060708090A0B0C0D0E0F"),
    ("verify and activate", axdr.integer, 0, "0F00"),
    ("ten blocks, seven transferred", axdr.bit_string, BitString([True] * 7 + [False] * 3), "040AFE00"),
    ("image to activate", axdr.array(INFO), [ImageToActivateInfo(100_000, b"MCS102", octets("DEADBEEF"))],
     "0101 0203 06000186A0 09064D4353313032 0904DEADBEEF"),
    ("execution time", axdr.array(axdr.structure(axdr.time_octets, axdr.date_octets)),
     [(Time(2, 30, 0, 0), Date(2025, 12, 24))], "0101 0202 0904021E0000 090507E90C18FF"),
    ("no schedule", axdr.array(axdr.structure(axdr.time_octets, axdr.date_octets)), [], "0100"),
    ("logical name", axdr.logical_name_octets, LogicalName("0-0:99.98.0.255"), "0906 0000636200FF"),
    ("entries 1 to 10 of a log",
     axdr.structure(axdr.double_long_unsigned, axdr.double_long_unsigned,
                    axdr.long_unsigned, axdr.long_unsigned),
     (1, 10, 1, 0), "0204 0600000001 060000000A 120001 120000"),
    ("a text of 200 octets", axdr.visible_string, "x" * 200, "0A81C8" + "78" * 200),
    ("summer time ends", axdr.date_time_octets, DateTime(Date(None, 10, 0xFE, 7), Time(3, 0, 0, 0), None, 0),
     "090C FFFF0AFE07 03000000 8000 00"),
    ("UTC+1 in winter", axdr.date_time, DateTime(Date(2025, 12, 24, 3), Time(2, 30, 0, None), -60, 0),
     "19 07E90C1803 021E00FF FFC4 00"),
]  # fmt: skip


@pytest.mark.proves("axdr-types")
@pytest.mark.parametrize(
    ("data_type", "value", "text"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES]
)
def test_known_octets(data_type: DataType[Any], value: Any, text: str) -> None:
    assert data_type.encode(value) == octets(text)
    assert data_type.decode(octets(text)) == value
    assert Data.decode(octets(text)).encode() == octets(text)


# --- Round trips --------------------------------------------------------------------------------------------


def test_every_tag_has_a_type() -> None:
    made_of_others = {Tag.ARRAY, Tag.STRUCTURE, Tag.COMPACT_ARRAY}
    assert set(SIMPLE_TYPES) == set(Tag) - made_of_others
    for tag, (data_type, _) in SIMPLE_TYPES.items():
        assert data_type.name == tag.name.lower().replace("_", "-")


@pytest.mark.proves("axdr-types")
@pytest.mark.fault("C-13")
@given(st.data())
def test_every_simple_value_survives(draw: st.DataObject) -> None:
    for tag, (data_type, values) in SIMPLE_TYPES.items():
        value = draw.draw(values, label=data_type.name)
        encoded = data_type.encode(value)
        assert encoded[0] == tag
        decoded = data_type.decode(encoded)
        assert type(decoded) is type(value)
        assert decoded == value or (math.isnan(decoded) and math.isnan(value))
        assert data_type.encode(decoded) == encoded
        assert Data(tag, value).encode() == encoded


@given(data())
def test_data_survives(value: Data) -> None:
    encoded = value.encode()
    decoded = Data.decode(encoded)
    assert decoded.encode() == encoded
    assert decoded.tag == value.tag
    assert axdr.any_data.encode(value) == encoded


@pytest.mark.fault("C-01")
@given(data())
def test_data_cut_anywhere_is_truncated(value: Data) -> None:
    encoded = value.encode()
    for cut in range(len(encoded)):
        assert fault(encoded[:cut]) == ("truncated", cut)


@pytest.mark.fault("C-01")
@pytest.mark.parametrize("text", [row[3] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_examples_cut_anywhere_are_truncated(text: str) -> None:
    encoded = octets(text)
    data_type = next(row[1] for row in EXAMPLES if row[3] == text)
    for cut in range(len(encoded)):
        with pytest.raises(DecodeError) as caught:
            data_type.decode(encoded[:cut])
        assert (caught.value.kind, caught.value.offset) == ("truncated", cut)


@pytest.mark.fault("C-02")
@given(data(), st.binary(min_size=1, max_size=4))
def test_octets_left_over_are_refused(value: Data, rest: bytes) -> None:
    encoded = value.encode()
    assert fault(encoded + rest) == ("trailing-data", len(encoded))
    with pytest.raises(DecodeError) as caught:
        axdr.any_data.decode(encoded + rest)
    assert caught.value.kind == "trailing-data"


# --- Everything that could come -----------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [True, False])
def test_up_to_two_octets_are_a_value_or_a_declared_error(strict: bool) -> None:
    values = 0
    for length in range(3):
        for candidate in itertools.product(range(256), repeat=length):
            values += decodes(lambda: Data.decode(bytes(candidate), strict=strict), length)  # noqa: B023
    without_octets = 2
    of_one_octet = 6 * 256 + (2 if strict else 256)
    empty = 7  # array, structure and the strings; a compact-array has a description at least
    assert values == without_octets + of_one_octet + empty


@given(st.binary(max_size=200), st.booleans())
def test_whatever_comes_is_a_value_or_a_declared_error(candidate: bytes, strict: bool) -> None:
    for decode in (
        lambda: Data.decode(candidate, strict=strict),
        lambda: axdr.array(INFO).decode(candidate, strict=strict),
        lambda: axdr.text_or_octets.decode(candidate, strict=strict),
    ):
        decodes(decode, len(candidate))


# --- Lengths, counts, depth ---------------------------------------------------------------------------------


@pytest.mark.fault("C-03")
@pytest.mark.parametrize("tag", [0x04, 0x09, 0x0A, 0x0C])
def test_a_length_that_lies_is_refused(tag: int) -> None:
    assert fault(bytes([tag]) + octets("84FFFFFFFF")) == ("length-too-large", 1)
    assert fault(bytes([tag]) + octets("840FFFFFFF 00")) == ("truncated", 7)


@pytest.mark.proves("axdr-lengths")
@pytest.mark.fault("C-04")
@pytest.mark.parametrize("first", [0x80, *range(0x85, 0x100)])
def test_lengths_that_do_not_exist_are_refused_always(first: int) -> None:
    for strict in (True, False):
        assert fault(bytes([0x09, first, *bytes(20)]), strict=strict) == ("length-form", 1)
        assert fault(bytes([0x01, first, *bytes(20)]), strict=strict) == ("length-form", 1)


@pytest.mark.proves("axdr-lengths", "axdr-strict-tolerant")
@pytest.mark.fault("C-04")
@pytest.mark.parametrize("text", ["09 8105 0102030405", "09 820005 0102030405", "09 8400000005 0102030405"])
def test_a_length_longer_than_needed_is_refused_where_strict(text: str) -> None:
    assert fault(text) == ("length-form", 1)
    assert Data.decode(octets(text), strict=False).value == octets("0102030405")
    with pytest.raises(DecodeError):
        axdr.octet_string.decode(octets(text))
    assert axdr.octet_string.decode(octets(text), strict=False) == octets("0102030405")


@pytest.mark.fault("C-05")
def test_a_count_that_lies_is_refused() -> None:
    assert fault("01 84FFFFFFFF 00") == ("count-too-large", 1)
    assert fault("01 840FFFFFFF 0000") == ("truncated", 8)
    assert fault("02 03 0000") == ("truncated", 4)


@pytest.mark.fault("C-06")
def test_nesting_is_limited() -> None:
    def nested(depth: int) -> bytes:
        return octets("0101") * depth + b"\x00"

    assert Data.decode(nested(16)).encode() == nested(16)
    assert fault(nested(17)) == ("too-deep", 32)
    assert fault(nested(100_000)) == ("too-deep", 32)
    assert fault(nested(4), limits=Limits(max_depth=3)) == ("too-deep", 6)
    assert Data.decode(nested(64), limits=Limits(max_depth=64)).encode() == nested(64)
    with pytest.raises(ValueError, match="at most 64"):
        Limits(max_depth=65)
    with pytest.raises(DecodeError) as caught:
        axdr.any_data.decode(nested(17))
    assert caught.value.kind == "too-deep"


@pytest.mark.fault("C-06")
def test_values_and_types_cannot_be_built_too_deep() -> None:
    value, schema = Data(Tag.NULL_DATA), Schema.any()
    for _ in range(63):
        value, schema = Data(Tag.ARRAY, [value]), Schema.array(schema)
    value = Data(Tag.ARRAY, [value])
    assert Data.decode(value.encode(), limits=Limits(max_depth=64)) == value
    with pytest.raises(ValueError, match="nested too deep"):
        Data(Tag.ARRAY, [value])
    with pytest.raises(ValueError, match="nested too deep"):
        Schema.array(schema)


# --- Values that are due in one form only -------------------------------------------------------------------


@pytest.mark.fault("C-09")
def test_bit_strings_count_bits() -> None:
    bits = BitString.from_bytes(octets("FE00"), 10)
    assert len(bits) == 10
    assert list(bits) == [True] * 7 + [False] * 3
    assert (bits[0], bits[6], bits[7], bits[-1]) == (True, True, False, False)
    with pytest.raises(IndexError):
        bits[10]
    assert bits == BitString([True] * 7 + [False] * 3)
    assert hash(bits) == hash(BitString(list(bits)))
    assert bits != BitString([True] * 7 + [False] * 2)
    assert axdr.bit_string.encode(BitString()) == octets("0400")
    assert "1111111000" in repr(bits)
    for length in (0, 8, 17):
        with pytest.raises(ValueError, match="octets, not 2"):
            BitString.from_bytes(octets("FE00"), length)
    with pytest.raises(TypeError, match="a bit is a bool"):
        BitString("0101")  # type: ignore[arg-type]


@pytest.mark.proves("axdr-strict-tolerant")
@pytest.mark.fault("C-09")
def test_padding_bits_are_zero_where_strict() -> None:
    assert fault("040A FE01") == ("padding", 3)
    tolerant = axdr.bit_string.decode(octets("040A FE01"), strict=False)
    assert tolerant == BitString.from_bytes(octets("FE00"), 10)
    assert tolerant.octets == octets("FE00")
    assert BitString.from_bytes(octets("FFFF"), 10).octets == octets("FFC0")
    assert fault("04 8480000000 00") == ("length-too-large", 1)


@pytest.mark.fault("C-10")
@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        (axdr.logical_name_octets, "0905 0000010000"),
        (axdr.logical_name_octets, "0907 00000100000000"),
        (axdr.date_time_octets, "090B 07E90C1803021E0000FFC4"),
        (axdr.date_time_octets, "0900"),
        (axdr.date_octets, "0904 07E90C18"),
        (axdr.time_octets, "0905 021E000000"),
        (axdr.octets(8), "0907 00000000000000"),
        (axdr.structure(axdr.integer, axdr.integer), "0201 0F00"),
    ],
)
def test_a_value_of_fixed_size_has_that_size(data_type: DataType[Any], text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        data_type.decode(octets(text))
    assert (caught.value.kind, caught.value.offset) == ("wrong-length", 0)
    with pytest.raises(ValueError, match="expected 8 octets, got 7"):
        axdr.octets(8).encode(bytes(7))


@pytest.mark.fault("C-12")
def test_a_boolean_is_zero_or_one_where_strict() -> None:
    assert fault("03FF") == ("value-out-of-range", 1)
    assert axdr.boolean.decode(octets("03FF"), strict=False) is True
    assert axdr.boolean.encode(True) == octets("0301")


@pytest.mark.fault("C-12")
def test_an_unknown_code_stays_a_number() -> None:
    sort_method = axdr.enumerated(SortMethod)
    assert sort_method.decode(octets("1602")) is SortMethod.LIFO
    unknown: int = sort_method.decode(octets("1609"))
    assert unknown == 9
    assert type(unknown) is int
    assert sort_method.encode(SortMethod.FIFO) == octets("1601")


@pytest.mark.fault("C-12")
def test_unknown_bits_stay_set() -> None:
    status = axdr.flags(ClockStatus, axdr.unsigned)
    assert status.decode(octets("1181")) is ClockStatus.INVALID | ClockStatus.DAYLIGHT_SAVING
    assert status.decode(octets("1191")) == 0x91
    assert status.encode(status.decode(octets("1191"))) == octets("1191")
    assert axdr.flags(ClockStatus).encode(ClockStatus.INVALID) == octets("1601")


@pytest.mark.fault("C-12")
@pytest.mark.parametrize("code", sorted(set(range(256)) - set(Tag)))
def test_an_unknown_tag_is_refused(code: int) -> None:
    assert fault(bytes([code]) + bytes(20)) == ("unknown-tag", 0)
    with pytest.raises(ValueError, match=f"tag {code}"):
        Data(code)
    with pytest.raises(ValueError, match=f"tag {code}"):
        Schema.primitive(code)


@pytest.mark.fault("C-13")
@pytest.mark.parametrize(
    "bits",
    ["00000000", "80000000", "7F800000", "FF800000", "7FC00001", "7F800001", "00000001", "7F7FFFFF"],
)
def test_float32_keeps_every_bit(bits: str) -> None:
    encoded = octets("17" + bits)
    assert axdr.float32.encode(axdr.float32.decode(encoded)) == encoded
    assert Data.decode(encoded).encode() == encoded


@pytest.mark.fault("C-13")
def test_numbers_at_their_ends() -> None:
    assert axdr.float64.encode(-math.inf) == octets("18 FFF0000000000000")
    assert math.copysign(1, axdr.float64.decode(octets("18 8000000000000000"))) == -1
    signalling = octets("18 7FF0000000000001")
    assert struct.pack(">d", axdr.float64.decode(signalling)) == signalling[1:]
    assert axdr.float32.encode(1) == octets("173F800000")
    with pytest.raises(OverflowError, match="float32"):
        axdr.float32.encode(1e39)
    assert axdr.long64_unsigned.encode(2**64 - 1) == octets("15FFFFFFFFFFFFFFFF")
    assert axdr.long64.encode(-(2**63)) == octets("148000000000000000")
    for data_type, value in [
        (axdr.long64_unsigned, 2**64),
        (axdr.long64, 2**63),
        (axdr.unsigned, -1),
        (axdr.integer, 128),
        (axdr.bcd, 10**5000),
    ]:
        with pytest.raises(OverflowError, match=f"does not fit {data_type.name} "):
            data_type.encode(value)


@pytest.mark.fault("C-14")
@given(st.binary(max_size=60))
def test_text_that_is_none_survives(octets_of_text: bytes) -> None:
    for data_type in (axdr.visible_string, axdr.utf8_string):
        tag = Tag.VISIBLE_STRING if data_type is axdr.visible_string else Tag.UTF8_STRING
        encoded = bytes([tag, len(octets_of_text)]) + octets_of_text
        text = data_type.decode(encoded)
        assert data_type.encode(text) == encoded
        assert Data.decode(encoded).encode() == encoded
    assert (
        axdr.text_or_octets.decode(encoded[:0] + bytes([10, len(octets_of_text)]) + octets_of_text)
        == octets_of_text
    )


@pytest.mark.fault("C-14")
def test_characters_outside_a_text_type_are_refused() -> None:
    assert axdr.utf8_string.encode("Zähler") == octets("0C07 5AC3A4686C6572")
    with pytest.raises(ValueError, match="outside ascii"):
        axdr.visible_string.encode("Zähler")
    with pytest.raises(ValueError, match="outside utf-8"):
        axdr.utf8_string.encode("\ud800")


@pytest.mark.fault("C-15")
def test_null_where_a_value_is_due_is_never_zero() -> None:
    with pytest.raises(DecodeError) as caught:
        axdr.structure(axdr.unsigned, axdr.unsigned).decode(octets("0202 1101 00"))
    assert (caught.value.kind, caught.value.offset) == ("unexpected-tag", 4)
    column = axdr.choice(axdr.unsigned, axdr.null_data)
    assert axdr.array(column).decode(octets("0103 1101 00 1102")) == [1, None, 2]
    assert axdr.array(column).encode([1, None, 2]) == octets("0103 1101 00 1102")
    assert Data.decode(octets("0103 1101 00 1102")).plain() == (1, None, 2)
