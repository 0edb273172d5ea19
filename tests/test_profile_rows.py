"""Rows of a profile with everything put back that the meter left out: repeated values, times, deltas."""

import datetime as dt

import pytest

from dlms_fw import axdr
from dlms_fw._core import Data, Date, DateTime, Time, expand_rows
from dlms_fw.axdr import Tag
from dlms_fw.cosem import CaptureObjectDefinition
from dlms_fw.cosem.clock import LAST_DAY, SECOND_LAST_DAY, day_in_year, moment_in_year
from dlms_fw.cosem.profile_generic import expanded_rows
from dlms_fw.enums import SortMethod
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from wire import octets

CLOCK = CaptureObjectDefinition(8, LogicalName("0-0:1.0.0.255"), 2)
ENERGY = CaptureObjectDefinition(3, LogicalName("1-0:1.8.0.255"), 2)
START = DateTime.from_bytes(octets("07EA0B1607172D0000FFC400"))


def entries(text: str) -> list[Data]:
    return axdr.array(axdr.any_data).decode(octets(text))


def times(rows: list[tuple[object, ...]]) -> list[str]:
    return [moment.to_datetime().isoformat() for row in rows if isinstance(moment := row[0], DateTime)]


@pytest.mark.proves("axdr-null-data-compression")
@pytest.mark.parametrize(
    "carried", ["090C 07EA0B16 07172D0000FFC400", "19 07EA0B1607172D0000FFC400"], ids=["octets", "date-time"]
)
def test_what_was_left_out_is_put_back(carried: str) -> None:
    buffer = f"01 04  0202 {carried} 06 00000010  0202 00 06 00000012  0202 00 00  0202 {carried} 00"
    rows = expanded_rows(entries(buffer), [CLOCK, ENERGY], capture_period=900)
    assert [row[1] for row in rows] == [16, 18, 18, 18]
    assert times(rows) == [
        "2026-11-22T23:45:00+01:00",
        "2026-11-23T00:00:00+01:00",
        "2026-11-23T00:15:00+01:00",
        "2026-11-22T23:45:00+01:00",
    ]
    backwards = expanded_rows(
        entries(buffer), [CLOCK, ENERGY], capture_period=900, sort_method=SortMethod.LIFO
    )
    assert times(backwards)[1] == "2026-11-22T23:30:00+01:00"
    as_before = expanded_rows(entries(buffer), [CLOCK, ENERGY])
    assert as_before == [(START, 16), (START, 18), (START, 18), (START, 18)]


@pytest.mark.proves("axdr-null-data-compression")
def test_what_was_never_there_is_none() -> None:
    assert expand_rows(entries("01 02 0202 00 1105 0202 00 00")) == [(None, 5), (None, 5)]
    wildcard = "0901 05"
    rows = expand_rows(entries(f"01 02 0201 {wildcard} 0201 00"), clock_columns=[0], capture_period=60)
    assert rows == [(b"\x05",), (b"\x05",)]
    nothing = DateTime()
    row = axdr.structure(axdr.date_time).encode((nothing,))
    assert expand_rows(
        [Data.decode(row), Data.decode(octets("0201 00"))], clock_columns=[0], capture_period=60
    ) == [(nothing,), (None,)]


@pytest.mark.proves("axdr-deltas")
def test_deltas_are_added_up() -> None:
    buffer = (
        "01 07  0202 06 FFFFFFF0 05 00000000  0202 1F FF 1C 80  0202 20 FFFF 1D 8000"
        " 0202 21 FFFFFFFF 1E 80000000  0202 00 00  0202 1F 01 1C 01  0202 06 00000007 05 00000008"
    )
    column = [0xFFFFFFF0, 0xFF, 0xFFFF, 0xFFFFFFFF, 0, 1]
    sums = [sum(column[: index + 1]) for index in range(6)]
    signed = [0, -0x80, -0x8000, -0x80000000, 0, 1]
    signed_sums = [sum(signed[: index + 1]) for index in range(6)]
    assert expand_rows(entries(buffer)) == [*zip(sums, signed_sums, strict=True), (7, 8)]


@pytest.mark.proves("axdr-deltas")
@pytest.mark.parametrize(
    "text", ["01 01 0201 1F01", "01 02 0201 0901FF 0201 1F01", "01 02 0201 00 0201 1C01"]
)
def test_a_delta_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        expand_rows(entries(text))
    assert caught.value.kind == "missing"


def test_the_entries_of_a_compact_array_are_rows_too() -> None:
    compact = Data.decode(octets("13 0203001204 0B 0001 01 80 0002 02 C0 0003 00"))
    assert isinstance(compact.value, tuple)
    rows = expand_rows(compact.value)
    assert rows == [tuple(entry.plain()) for entry in compact.value]  # type: ignore[attr-defined]
    assert [row[1] for row in rows] == [1, 2, 3]


def test_members_of_any_kind_are_columns() -> None:
    rows = expand_rows(entries("01 02 0203 0202 1101 1102 131102 0102 0A0141 0203 00 00 00"))
    assert rows == [((1, 2), (1, 2), "A")] * 2


def test_an_entry_is_a_structure() -> None:
    for wrong in (Data(Tag.UNSIGNED, 1), Data(Tag.ARRAY, [])):
        with pytest.raises(TypeError, match=r"\[1\]: an entry is a structure"):
            expand_rows([Data(Tag.STRUCTURE, [Data(Tag.UNSIGNED, 1)]), wrong])
    with pytest.raises(TypeError, match="an entry is a structure"):
        expand_rows([5])  # type: ignore[list-item]


# --- Moments that come every year ---------------------------------------------------------------------------


@pytest.mark.proves("axdr-special-days")
@pytest.mark.parametrize(
    ("day", "due"),
    [
        (Date(None, 10, LAST_DAY, 7), "2026-10-25"),
        (Date(None, 10, SECOND_LAST_DAY, 7), "2026-10-18"),
        (Date(None, 2, LAST_DAY), "2026-02-28"),
        (Date(None, 2, SECOND_LAST_DAY), "2026-02-27"),
        (Date(2026, 3, 8, 7), "2026-03-08"),
        (Date(None, 3, 9, 7), "2026-03-15"),
        (Date(None, 11, None, 1), "2026-11-02"),
        (Date(None, 12, 24), "2026-12-24"),
    ],
)
def test_a_day_of_the_year(day: Date, due: str) -> None:
    assert day_in_year(day, 2026).isoformat() == due
    again = Date.from_date(day_in_year(day, 2026))
    assert again.to_date().isoformat() == due


@pytest.mark.proves("axdr-special-days")
@pytest.mark.parametrize(
    "day",
    [Date(), Date(2025, 1, 1), Date(None, 1), Date(None, None, 1), Date(None, 2, 30), Date(None, 2, 27, 4),
     Date(None, 0xFE, 1), Date(None, 0xFD, 1)],
)  # fmt: skip
def test_what_is_no_day_of_the_year(day: Date) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is the calendar's own
        day_in_year(day, 2026)


@pytest.mark.proves("axdr-special-days")
def test_the_end_of_daylight_saving() -> None:
    moment = DateTime.from_bytes(octets("FFFF 0A FE 07 03 00 00 00 8000 00"))
    assert moment_in_year(moment, 2026) == dt.datetime(2026, 10, 25, 3)


@pytest.mark.proves("axdr-deviation")
def test_a_meter_that_writes_the_deviation_the_other_way_round() -> None:
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    value = DateTime.from_datetime(moment, opposite_deviation=True)
    assert value.deviation == 120
    assert value.to_datetime(opposite_deviation=True) == moment
    assert value.to_datetime() == moment + dt.timedelta(hours=4)
    assert DateTime.from_datetime(moment).deviation == -120
    naive = DateTime.from_datetime(dt.datetime(2026, 7, 1), opposite_deviation=True)
    assert naive.deviation is None


@pytest.mark.proves("axdr-date-and-time")
def test_times_of_day_both_ways() -> None:
    assert Time.from_time(dt.time(2, 30, 15, 990_000)).to_bytes() == octets("021E0F63")
    assert Time(2, 30, 15).to_time() == dt.time(2, 30, 15)
    with pytest.raises(ValueError, match="the second is not specified"):
        Time(2, 30).to_time()
    with pytest.raises(ValueError, match="the year is not specified"):
        Date(None, 1, 1).to_date()
