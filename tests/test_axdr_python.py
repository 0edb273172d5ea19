"""A-XDR from the side of Python: what is taken, how errors read, dates, objects that change meanwhile."""

import array
import datetime as dt
import math
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given

from dlms_fw import axdr
from dlms_fw._core import BitString, Data, Date, DateTime, Schema, Time
from dlms_fw.axdr import DataType, Tag
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from strategies import clock_times, data, date_times, dates, times
from wire import octets


class CaptureObject(NamedTuple):
    class_id: int
    logical_name: LogicalName
    attribute_index: int
    data_index: int


CAPTURE_OBJECTS = axdr.array(
    axdr.record(CaptureObject, axdr.long_unsigned, axdr.logical_name_octets, axdr.integer, axdr.long_unsigned)
)
CLOCK = CaptureObject(8, LogicalName("0-0:1.0.0.255"), 2, 0)


# --- Types made of others -----------------------------------------------------------------------------------


def test_records_are_named_tuples() -> None:
    encoded = CAPTURE_OBJECTS.encode([CLOCK])
    assert encoded == octets("0101 0204 120008 0906 0000010000FF 0F02 120000")
    decoded = CAPTURE_OBJECTS.decode(encoded)
    assert decoded == [CLOCK]
    assert type(decoded[0]) is CaptureObject
    assert decoded[0].logical_name == LogicalName("0.0.1.0.0.255")


def test_a_record_has_as_many_fields_as_members() -> None:
    with pytest.raises(ValueError, match="4 fields, the structure 1 members"):
        axdr.record(CaptureObject, axdr.long_unsigned)
    with pytest.raises(TypeError, match="not a NamedTuple"):
        axdr.record(tuple, axdr.long_unsigned)


def test_a_choice_goes_by_tag_and_takes_the_first_that_fits() -> None:
    selector = axdr.choice(axdr.null_data, axdr.unsigned, axdr.visible_string, axdr.array(axdr.integer))
    for value, text in [(None, "00"), (200, "11C8"), ("a", "0A0161"), ([-1], "01010FFF")]:
        assert selector.encode(value) == octets(text)
        assert selector.decode(octets(text)) == value
    with pytest.raises(
        TypeError, match="expected null-data or unsigned or visible-string or array of integer, got bytes"
    ):
        selector.encode(b"")  # type: ignore[arg-type]
    with pytest.raises(DecodeError, match="another type"):
        selector.decode(octets("0900"))


def test_an_alternative_that_fails_halfway_leaves_nothing_behind() -> None:
    either = axdr.choice(axdr.array(axdr.unsigned), axdr.array(axdr.long_unsigned))
    assert either.encode([1, 2, 300]) == octets("0103 120001 120002 12012C")


def test_text_is_taken_in_either_form_and_sent_as_octets() -> None:
    assert axdr.text_or_octets.decode(octets("0A06 4D4353333031")) == b"MCS301"
    assert axdr.text_or_octets.decode(octets("0906 4D4353333031")) == b"MCS301"
    assert axdr.text_or_octets.encode(b"MCS301") == octets("0906 4D4353333031")
    with pytest.raises(TypeError, match="got int"):
        axdr.text_or_octets.encode(301)  # type: ignore[arg-type]


def test_moments_are_taken_plain_too_and_sent_as_octets() -> None:
    moment = DateTime(Date(2025, 12, 24), Time(2, 30))
    plain = axdr.date_time.encode(moment)
    assert axdr.date_time_octets.decode(plain) == moment
    assert axdr.date_time_octets.encode(moment) == bytes([Tag.OCTET_STRING, 12]) + moment.to_bytes()
    assert axdr.date_octets.decode(axdr.date.encode(moment.date)) == moment.date
    assert axdr.time_octets.decode(axdr.time.encode(moment.time)) == moment.time


def test_a_conversion_that_refuses_is_a_fault_of_the_octets() -> None:
    def even(number: int) -> int:
        if number % 2:
            raise ValueError("odd")
        return number // 2

    halves = Schema.converted(Schema.primitive(Tag.UNSIGNED), even, lambda number: number * 2)
    assert halves.decode(octets("1104")) == 2
    assert halves.encode(2) == octets("1104")
    with pytest.raises(DecodeError) as caught:
        halves.decode(octets("1105"))
    assert caught.value.kind == "value-out-of-range"


# --- Errors when encoding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([CLOCK, (8, b"123456", 2, 0)], TypeError, r"\[1\]\.logical_name: expected LogicalName, got bytes"),
        ([CLOCK, ("8", *CLOCK[1:])], TypeError, r"\[1\]\.class_id: expected int, got str"),
        (
            [CLOCK._replace(attribute_index=128)],
            OverflowError,
            r"\[0\]\.attribute_index: 128 does not fit integer",
        ),
        ([CLOCK._replace(data_index=True)], TypeError, r"\[0\]\.data_index: expected int, got bool"),
        ([CLOCK[:3]], ValueError, r"\[0\]: expected 4 members, got 3"),
        ("abcd", TypeError, "expected a sequence, got str"),
        (b"abcd", TypeError, "expected a sequence, got bytes"),
        ({1: 2}, TypeError, "expected a sequence, got dict"),
        (None, TypeError, "expected a sequence, got NoneType"),
    ],
)
def test_errors_name_the_path(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        CAPTURE_OBJECTS.encode(value)


def test_members_without_a_name_are_numbered() -> None:
    nested = axdr.array(axdr.structure(axdr.integer, axdr.array(axdr.boolean)))
    with pytest.raises(TypeError, match=r"^\[1\]\[1\]\[2\]: expected bool, got int"):
        nested.encode([(0, []), (1, [True, False, 1])])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        (axdr.null_data, 0, "None"),
        (axdr.boolean, 1, "bool"),
        (axdr.unsigned, 1.0, "int"),
        (axdr.unsigned, "1", "int"),
        (axdr.float64, "1", "float"),
        (axdr.float64, True, "float"),
        (axdr.octet_string, "text", "bytes"),
        (axdr.octet_string, [1, 2], "bytes"),
        (axdr.octet_string, 5, "bytes"),
        (axdr.visible_string, b"octets", "str"),
        (axdr.bit_string, b"octets", "BitString"),
        (axdr.bit_string, [True], "BitString"),
        (axdr.date_time, dt.datetime(2025, 1, 1), "DateTime"),
        (axdr.any_data, 1, "Data"),
    ],
)
def test_no_value_is_taken_for_another(data_type: DataType[Any], value: Any, expected: str) -> None:
    with pytest.raises(TypeError, match=f"expected {expected}, got {type(value).__name__}"):
        data_type.encode(value)


def test_integers_come_from_anything_that_is_one() -> None:
    class Index:
        def __index__(self) -> int:
            return 7

    assert axdr.unsigned.encode(Index()) == octets("1107")  # type: ignore[arg-type]
    assert axdr.unsigned.encode(Tag.ENUM) == octets("1116")


# --- Objects that change meanwhile --------------------------------------------------------------------------


@pytest.mark.fault("C-25")
def test_a_list_that_changes_while_it_is_encoded_was_read_before() -> None:
    class Index:
        def __index__(self) -> int:
            values.clear()
            return 7

    values: list[Any] = [Index(), 1, 2]
    assert axdr.array(axdr.unsigned).encode(values) == octets("0103 1107 1101 1102")
    assert values == []


@pytest.mark.fault("C-25")
def test_an_error_raised_by_a_value_is_passed_on() -> None:
    class Index:
        def __index__(self) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        axdr.choice(axdr.unsigned, axdr.long).encode(Index())  # type: ignore[arg-type]


@pytest.mark.fault("C-25")
def test_buffers_are_copied_or_refused() -> None:
    buffer = bytearray(b"\x01\x02")
    value = Data(Tag.OCTET_STRING, buffer)
    buffer[0] = 0xFF
    buffer.extend(b"more")
    assert value.value == b"\x01\x02"
    assert axdr.octet_string.encode(memoryview(b"abcd")[1:3]) == b"\x09\x02bc"  # type: ignore[arg-type]
    assert axdr.octet_string.encode(array.array("B", [1, 2])) == b"\x09\x02\x01\x02"  # type: ignore[arg-type]
    for decode in (Data.decode, axdr.any_data.decode, Date.from_bytes):
        with pytest.raises(BufferError):
            decode(memoryview(bytes(20))[::2])
    with pytest.raises(BufferError):
        axdr.octet_string.encode(memoryview(b"abcd")[::2])  # type: ignore[arg-type]
    with pytest.raises(BufferError):
        axdr.octet_string.encode(array.array("H", [1]))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_contiguous_buffer_is_decoded(kind: Any) -> None:
    assert axdr.unsigned.decode(kind(octets("1105"))) == 5
    assert Data.decode(kind(octets("1105"))) == Data(Tag.UNSIGNED, 5)
    assert Time.from_bytes(kind(bytes(4))) == Time(0, 0, 0, 0)


# --- Data ---------------------------------------------------------------------------------------------------


def test_data_is_compared_by_tag_and_value() -> None:
    assert Data(Tag.UNSIGNED, 1) == Data(Tag.UNSIGNED, 1)
    assert Data(Tag.UNSIGNED, 1) != Data(Tag.INTEGER, 1)
    assert Data(Tag.NULL_DATA) != Data(Tag.DONT_CARE)
    assert Data(Tag.UNSIGNED, 1) != 1
    assert (
        len({Data(Tag.STRUCTURE, [Data(Tag.UNSIGNED, 1)]), Data(Tag.STRUCTURE, (Data(Tag.UNSIGNED, 1),))})
        == 1
    )


@given(data())
@example(Data(Tag.FLOAT64, math.nan))
@example(Data(Tag.ARRAY, (Data(Tag.FLOAT32, math.nan),)))
def test_equal_data_has_equal_hashes_and_a_short_repr(value: Data) -> None:
    again = Data(value.tag, value.value)
    if again == value:
        assert hash(again) == hash(value)
    else:
        assert value.value != value.value, "only what is not a number differs from itself"
    assert again.encode() == value.encode()
    assert repr(value).startswith("<")


def test_data_holds_only_what_its_tag_can() -> None:
    with pytest.raises(OverflowError, match="256 does not fit unsigned"):
        Data(Tag.UNSIGNED, 256)
    with pytest.raises(TypeError, match="expected bytes, got str"):
        Data(Tag.OCTET_STRING, "text")
    with pytest.raises(TypeError, match=r"\[1\]: expected Data, got int"):
        Data(Tag.ARRAY, [Data(Tag.NULL_DATA), 1])
    with pytest.raises(ValueError, match="4 octets"):
        Data(Tag.FLOATING_POINT, b"123")
    with pytest.raises(TypeError, match="expected int, got NoneType"):
        Data(Tag.UNSIGNED)


def test_data_reads_well() -> None:
    value = Data(Tag.STRUCTURE, [Data(Tag.UNSIGNED, 5), Data(Tag.NULL_DATA), Data(Tag.OCTET_STRING, b"ab")])
    assert repr(value) == "<structure (<unsigned 5>, <null-data>, <octet-string b'ab'>)>"
    assert repr(Data(Tag.ARRAY, [Data(Tag.ENUM, 1)] * 100)).endswith("<enum 1>, … 100 in all)>")
    assert value.plain() == (5, None, b"ab")


# --- Dates --------------------------------------------------------------------------------------------------


@pytest.mark.proves("axdr-date-and-time", "axdr-clock-status")
@pytest.mark.fault("C-11")
@given(dates(), times(), date_times())
def test_every_octet_of_a_date_survives(date: Date, time: Time, date_time: DateTime) -> None:
    assert Date(date.year, date.month, date.day_of_month, date.day_of_week) == date
    assert Time(time.hour, time.minute, time.second, time.hundredths) == time
    again = DateTime(date_time.date, date_time.time, date_time.deviation, date_time.clock_status)
    assert again == date_time
    assert hash(again) == hash(date_time)
    assert again.to_bytes() == date_time.to_bytes()
    scope = {"Date": Date, "Time": Time, "DateTime": DateTime}
    assert eval(repr(date_time), scope) == date_time


@pytest.mark.fault("C-11")
def test_nothing_specified_is_nothing_specified() -> None:
    assert DateTime().to_bytes() == octets("FFFFFFFFFF FFFFFFFF 8000 FF")
    assert DateTime().deviation is None
    assert Date(0xFFFF, 0xFF) == Date()
    assert Time.from_bytes(octets("FFFFFFFF")).hour is None


@pytest.mark.proves("axdr-date-and-time")
@pytest.mark.fault("C-11")
@given(clock_times())
def test_points_in_time_survive(moment: dt.datetime) -> None:
    value = DateTime.from_datetime(moment)
    assert value.to_datetime() == moment
    assert value.to_datetime().utcoffset() == moment.utcoffset()
    assert value.date.day_of_week == moment.isoweekday()


@pytest.mark.proves("axdr-deviation", "axdr-clock-status")
def test_the_deviation_is_utc_minus_local() -> None:
    summer = dt.timezone(dt.timedelta(hours=2))
    value = DateTime.from_datetime(dt.datetime(2025, 7, 1, 12, tzinfo=summer), clock_status=0x80)
    assert value.to_bytes() == octets("07E9070102 0C000000 FF88 80")
    assert value.clock_status == 0x80
    odd = dt.timezone(dt.timedelta(seconds=90))
    with pytest.raises(ValueError, match="whole number of minutes"):
        DateTime.from_datetime(dt.datetime(2025, 7, 1, tzinfo=odd))


@pytest.mark.fault("C-11")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FFFF0A1E07 03000000 8000 00", "year is not specified"),
        ("07E9FF1E07 03000000 8000 00", "month is not specified"),
        ("07E90AFF07 03000000 8000 00", "day of month is not specified"),
        ("07E90A1EFF FF000000 8000 00", "hour is not specified"),
        ("07E90A1EFF 03FF0000 8000 00", "minute is not specified"),
        ("07E90A1EFF 0300FF00 8000 00", "second is not specified"),
        ("07E90AFE07 03000000 8000 00", "day"),
        ("07E9FE0107 03000000 8000 00", "month"),
        ("07E9021EFF 03000000 8000 00", "day"),
        ("07E90A01FF 18000000 8000 00", "hour"),
        ("07E90A01FF 03003C00 8000 00", "second"),
        ("00000A01FF 03000000 8000 00", "year"),
        ("07E90A01FF 03000000 7FFF 00", "offset"),
        ("07E90A01FF 03000064 8000 00", "microsecond"),
    ],
)
def test_what_is_no_point_in_time_is_kept_but_not_converted(text: str, message: str) -> None:
    value = axdr.date_time.decode(octets("19" + text))
    assert value.to_bytes() == octets(text)
    with pytest.raises(ValueError, match=f"is no point in time: .*{message}"):
        value.to_datetime()


def test_unspecified_hundredths_are_the_whole_second() -> None:
    value = DateTime(Date(2025, 12, 24), Time(2, 30, 15))
    assert value.to_datetime() == dt.datetime(2025, 12, 24, 2, 30, 15)


@pytest.mark.fault("C-10")
@pytest.mark.parametrize(("moment", "size"), [(Date, 5), (Time, 4), (DateTime, 12)])
def test_dates_of_another_length_are_refused(moment: type[Date | Time | DateTime], size: int) -> None:
    for length in (0, size - 1, size + 1):
        with pytest.raises(ValueError, match=f"expected {size} octets, got {length}"):
            moment.from_bytes(bytes(length))


def test_types_and_schemas_read_well() -> None:
    assert repr(axdr.array(axdr.structure(axdr.unsigned, axdr.octets(4)))) == (
        "<array of structure(unsigned, octet-string(4))>"
    )
    assert repr(CAPTURE_OBJECTS) == "<array of CaptureObject>"
    assert "class_id" in repr(CAPTURE_OBJECTS.schema)
    assert repr(BitString([True])) == "<BitString of 1: 1>"
