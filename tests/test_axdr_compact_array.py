"""Compact arrays: decoded by their type description, kept as they came, refused where they lie or explode."""

from typing import Any, NamedTuple

import pytest

from dlms_fw import axdr
from dlms_fw._core import BitString, Data
from dlms_fw.axdr import DataType, Tag
from dlms_fw.errors import DecodeError
from wire import fault, octets


class ImageToActivateInfo(NamedTuple):
    image_to_activate_size: int
    image_to_activate_identification: bytes
    image_to_activate_signature: bytes


INFO = axdr.record(ImageToActivateInfo, axdr.double_long_unsigned, axdr.octet_string, axdr.octet_string)

COMPACT: list[tuple[str, DataType[Any], list[Any], str]] = [
    ("numbers", axdr.long_unsigned, [1, 2, 3, 4, 65535, 0x1234], "1312 0C 0001 0002 0003 0004 FFFF 1234"),
    ("structures", axdr.structure(axdr.long_unsigned, axdr.unsigned), [(1, 5), (2, 6), (3, 7)],
     "13 02021211 09 000105 000206 000307"),
    ("octet-strings", axdr.octet_string, [b"\x01\x02", b"\x03"], "13 09 05 020102 0103"),
    ("bit-strings", axdr.bit_string, [BitString([True, False, True]), BitString([True] * 9)],
     "13 04 05 03A0 09FF80"),
    ("a suppressed column", axdr.structure(axdr.null_data, axdr.unsigned), [(None, 1), (None, 2)],
     "13 02020011 02 01 02"),
    ("arrays in structures", axdr.structure(axdr.unsigned, axdr.array(axdr.long_unsigned)),
     [(1, [2, 3]), (4, [5, 6])],
     "13 020211 01000212 0A 01 0002 0003 04 0005 0006"),
    ("records", INFO, [ImageToActivateInfo(1, b"M", b"")], "13 0203060909 07 00000001 014D 00"),
]  # fmt: skip


@pytest.mark.proves("axdr-compact-array")
@pytest.mark.parametrize(
    ("element", "values", "text"), [row[1:] for row in COMPACT], ids=[row[0] for row in COMPACT]
)
def test_a_compact_array_is_an_array(element: DataType[Any], values: list[Any], text: str) -> None:
    assert axdr.array(element).decode(octets(text)) == values
    generic = Data.decode(octets(text))
    assert generic.tag == Tag.COMPACT_ARRAY
    assert generic.encode() == octets(text)
    assert Data(Tag.COMPACT_ARRAY, generic.value) == generic
    ordinary = Data(Tag.ARRAY, generic.value)
    assert axdr.array(element).encode(values) == ordinary.encode()


@pytest.mark.fault("C-01")
@pytest.mark.parametrize("text", [row[3] for row in COMPACT], ids=[row[0] for row in COMPACT])
def test_a_compact_array_cut_anywhere_is_truncated(text: str) -> None:
    encoded = octets(text)
    for cut in range(len(encoded)):
        assert fault(encoded[:cut]) == ("truncated", cut)


def test_a_compact_array_keeps_its_type_when_empty() -> None:
    numbers = Data.decode(octets("13 12 00"))
    assert numbers.value == ()
    assert numbers.encode() == octets("13 12 00")
    assert numbers != Data.decode(octets("13 11 00"))
    assert axdr.array(axdr.long_unsigned).decode(octets("13 12 00")) == []


@pytest.mark.proves("axdr-compact-array")
def test_an_array_as_type_of_a_compact_array_is_decoded_only() -> None:
    text = "13 01000211 04 01020304"
    assert axdr.array(axdr.array(axdr.unsigned)).decode(octets(text)) == [[1, 2], [3, 4]]
    generic = Data.decode(octets(text))
    assert generic.plain() == ((1, 2), (3, 4))
    with pytest.raises(ValueError, match="not encoded"):
        generic.encode()


@pytest.mark.fault("C-07")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("13 00 01 00", ("zero-width-element", 3)),
        ("13 FF 01 00", ("zero-width-element", 3)),
        ("13 0200 01 00", ("zero-width-element", 4)),
        ("13 01000011 01 00", ("zero-width-element", 6)),
        ("13 12 03 000100", ("wrong-length", 5)),
        ("13 02021211 04 00010500", ("wrong-length", 9)),
        ("13 09 04 02010203", ("wrong-length", 7)),
        ("13 03 01 02", ("value-out-of-range", 3)),
        ("13 1311 00", ("unexpected-tag", 1)),
        ("13 0E 00", ("unknown-tag", 1)),
        ("13 12 80", ("length-form", 2)),
    ],
)
def test_a_compact_array_that_does_not_fit_its_description_is_refused(
    text: str, error: tuple[str, int]
) -> None:
    assert fault(text) == error
    with pytest.raises(DecodeError) as caught:
        axdr.array(axdr.any_data).decode(octets(text))
    assert (caught.value.kind, caught.value.offset) == error


@pytest.mark.fault("C-08")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("13 0202 01FFFF01FFFF00 11 01 07", "expansion-limit"),
        ("13 0202 01FFFF01FFFF00 09 05 0000000000", "expansion-limit"),
        ("13 01FFFF01FFFF01FFFF01FFFF01FFFF11 01 00", "wrong-length"),
        ("01 05" + "13 0202 01FFFF00 11 01 07" * 5, "expansion-limit"),
    ],
)
def test_a_compact_array_that_explodes_is_refused_before_it_does(text: str, error: str) -> None:
    assert fault(text)[0] == error


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "have octets"),
        ([Data(Tag.NULL_DATA)], "have octets"),
        ([Data(Tag.UNSIGNED, 1), Data(Tag.INTEGER, 1)], r"\[1\]: .* one type"),
        ([Data(Tag.STRUCTURE, [Data(Tag.ARRAY, [])])], r"\[0\]: .* cannot describe"),
    ],
)
def test_a_compact_array_that_cannot_be_written_cannot_be_made(values: list[Data], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Data(Tag.COMPACT_ARRAY, values)
