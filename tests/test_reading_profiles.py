"""Parts of a profile, slice by slice: the same rows whatever the slices are, and after a lost link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import axdr
from dlms_fw._core import Data, GetRequest
from dlms_fw.axdr import Tag
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError, ServiceError
from dlms_fw.reading.known import Known
from dlms_fw.reading.meter_zone import MeterZone
from dlms_fw.reading.profile_reading import Between, Entries, Newest, ProfileReading, ProfileRow
from dlms_fw.units import Quantity
from profile_meter import ALL, PROFILE, Lost, ProfileMeter
from test_reading_clock import BERLIN

START = datetime(2026, 3, 28, 20, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 21, tzinfo=UTC)
"""Before the night in which an hour comes twice."""
QUARTER = timedelta(minutes=15)
COLUMNS: dict[tuple[str, ...], tuple[int, ...]] = {
    (): (0, 1, 2),
    ("1-0:1.8.0.255",): (0, 1),
    ("status register 1",): (0, 2),
    ("clock",): (0,),
}
"""Which columns come where some are wanted: the time always."""


def quarters(count: int, start: datetime = START) -> list[datetime]:
    """Over the night in which daylight saving begins in Berlin, or from another moment on."""
    return [start + index * QUARTER for index in range(count)]


def told(rows: list[ProfileRow]) -> list[tuple[Any, ...]]:
    """Moments in UTC, energies as they were sent."""
    return [tuple(_told(value) for value in row.values) for row in rows]


def _told(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return int(value.value * 10) if isinstance(value, Quantity) else value


def due(meter: ProfileMeter, numbers: list[int]) -> list[tuple[Any, ...]]:
    return [(meter.moments[n], 1000 + n, n // 5 % 3) for n in numbers]


def test_rows_have_names_units_and_aware_times() -> None:
    meter = ProfileMeter(moments=quarters(3))
    rows = list(meter.rows(reading := ProfileReading(PROFILE)))
    assert [column.title for column in rows[0].columns] == [
        "clock", "active energy import, total", "status register 1",
    ]  # fmt: skip
    assert [column.unit for column in rows[0].columns] == ["", "Wh", ""]
    assert rows[1].values == (START + QUARTER, (Decimal("100.1"), rows[1]["1.8.0" and 1].unit), 0)  # type: ignore[attr-defined]
    assert str(rows[1]["active energy import, total"]) == "100.1 Wh"
    assert rows[1].time is not None
    assert rows[1].time.isoformat() == "2026-03-28T21:15:00+01:00"
    assert rows[1].as_mapping()["status register 1"] == rows[1]["0.0.96.10.1.255"] == 0
    assert [row.entry for row in rows] == [1, 2, 3]
    with pytest.raises(KeyError):
        rows[0]["1-0:2.8.0.255"]
    assert reading.description is not None
    assert reading.description.profile_entries == 100_000


@given(
    count=st.integers(0, 40),
    most=st.integers(1, 12),
    newest_first=st.booleans(),
    compressed=st.booleans(),
    across=st.booleans(),
    part=st.one_of(
        st.none(),
        st.builds(Entries, st.integers(1, 45), st.integers(0, 45)),
        st.builds(Newest, st.integers(0, 45)),
        st.builds(
            lambda begin, a, b: Between(begin + a * timedelta(minutes=5), begin + b * timedelta(minutes=5)),
            st.sampled_from([START, AUTUMN]),
            st.integers(-10, 130),
            st.integers(-10, 130),
        ),
    ),
    lost=st.integers(0, 20),
    selective=st.booleans(),
    columns=st.sampled_from(list(COLUMNS)),
)
@pytest.mark.proves("reading-profile-parts", "reading-profile-left-out")
def test_any_part_in_any_slices(
    count: int,
    most: int,
    newest_first: bool,
    compressed: bool,
    across: bool,
    part: Entries | Newest | Between | None,
    lost: int,
    selective: bool,
    columns: tuple[str, ...],
) -> None:
    meter = ProfileMeter(
        zone=BERLIN,
        moments=quarters(count, AUTUMN if isinstance(part, Between) and part.start.month > 6 else START),
        newest_first=newest_first,
        compressed=compressed,
        # What a slice leaves out can only have been in a slice before.
        across=across and (part is None or part == Entries(1, 0)),
    )
    match part:
        case Newest(number):
            places = range(min(number, count)) if newest_first else range(max(0, count - number), count)
        case Entries(first, last):
            places = range(first - 1, min(last or count, count))
        case Between(start, end):
            places = [i for i, n in enumerate(meter.numbers) if start <= meter.moments[n] <= end]  # type: ignore[assignment]
        case None:
            places = range(count)
    reading = ProfileReading(PROFILE, part, columns=columns, rows_per_slice=most)
    conformance = ALL if selective else Conformance.MULTIPLE_REFERENCES
    known, rows = Known(), []
    meter.lose_after = lost
    try:
        for row in meter.rows(reading, known, conformance):
            rows.append(row)  # noqa: PERF402 (what came before the loss counts)
    except Lost:
        meter.lose_after = None
        rows += meter.rows(reading, known, conformance)
    kept = COLUMNS[columns]
    wanted = due(meter, [meter.numbers[place] for place in places])
    assert told(rows) == [tuple(row[place] for place in kept) for row in wanted]


def test_what_is_kept_is_a_slice() -> None:
    meter = ProfileMeter(moments=quarters(1000))
    reading = ProfileReading(PROFILE, rows_per_slice=50)
    rows = meter.rows(reading)
    next(rows)
    assert len(reading._waiting) == 49
    asked = len(meter.requests)
    for _ in range(49):
        next(rows)
    assert len(meter.requests) == asked
    next(rows)
    assert len(meter.requests) == asked + 1
    assert len(list(rows)) == 1000 - 51
    assert len(meter.requests) == asked + 19


def test_a_reading_that_was_broken_off_within_a_slice_goes_on_with_the_next_row() -> None:
    meter = ProfileMeter(moments=quarters(10))
    reading = ProfileReading(PROFILE, rows_per_slice=4)
    first = []
    for row in meter.rows(reading):
        first.append(row)
        if len(first) == 2:
            break
    assert told(first + list(meter.rows(reading))) == due(meter, list(range(10)))


def test_windows_of_events_grow_where_little_happens() -> None:
    moments = [START + timedelta(days=days) for days in (0, 400, 400.0001, 3000)]
    meter = ProfileMeter(moments=moments, period=0)
    part = Between(START, START + timedelta(days=3650))
    rows = list(meter.rows(ProfileReading(PROFILE, part)))
    assert told(rows) == due(meter, [0, 1, 2, 3])
    assert len(meter.requests) < 20


def test_a_moment_without_a_zone_is_the_meters_own() -> None:
    meter = ProfileMeter(zone=BERLIN, moments=quarters(40))
    part = Between(datetime(2026, 3, 28, 22, 0), datetime(2026, 3, 29, 4, 0))
    rows = list(meter.rows(ProfileReading(PROFILE, part)))
    assert rows[0].time is not None
    assert rows[-1].time is not None
    assert rows[0].time.isoformat() == "2026-03-28T22:00:00+01:00"
    assert rows[-1].time.isoformat() == "2026-03-29T04:00:00+02:00"
    assert len(rows) == 5 * 4 + 1  # the night is an hour short


@pytest.mark.proves("reading-profile-parts")
def test_a_meter_that_wants_moments_as_date_time_gets_them() -> None:
    meter = ProfileMeter(moments=quarters(30))
    by_book = meter.select
    asked = []

    def select(selection: tuple[int, bytes]) -> bytes | int:
        assert by_book is not None
        if selection[0] != 1:
            return by_book(selection)
        members = Data.decode(selection[1]).value
        assert isinstance(members, tuple)
        asked.append(members[1].tag)
        return by_book(selection) if members[1].tag == Tag.DATE_TIME else DataAccessResult.TYPE_UNMATCHED

    meter.select = select
    part = Between(START, START + 29 * QUARTER)
    rows = list(meter.rows(ProfileReading(PROFILE, part, rows_per_slice=10)))
    assert told(rows) == due(meter, list(range(30)))
    assert asked == [Tag.OCTET_STRING, *[Tag.DATE_TIME] * 4]


def test_what_lies_outside_of_a_buffer_is_a_window_each() -> None:
    meter = ProfileMeter(moments=quarters(50))
    part = Between(START - timedelta(days=20_000), START + timedelta(days=20_000))
    reading = ProfileReading(PROFILE, part, rows_per_slice=10)
    rows = list(meter.rows(reading))
    assert told(rows) == due(meter, list(range(50)))
    slices = [it for it in meter.requests if isinstance(it, GetRequest) and it.selection is not None]
    assert len(slices) == 2 + 1 + 6 + 1


@pytest.mark.parametrize("part", [Entries(3, 7), Newest(3), Between(START, START + QUARTER)])
@pytest.mark.proves("reading-profile-parts")
def test_a_meter_without_such_a_selection_gives_everything(part: Entries | Newest | Between) -> None:
    meter = ProfileMeter(moments=quarters(9))
    by_book = list(meter.rows(ProfileReading(PROFILE, part)))
    meter.select = lambda _: DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    assert told(list(meter.rows(ProfileReading(PROFILE, part)))) == told(by_book)


def test_other_refusals_are_the_callers() -> None:
    meter = ProfileMeter(moments=quarters(9))
    meter.select = lambda _: DataAccessResult.TEMPORARY_FAILURE
    with pytest.raises(ServiceError, match="temporary failure"):
        list(meter.rows(ProfileReading(PROFILE, Newest(1))))
    meter.select = lambda _: DataAccessResult.TYPE_UNMATCHED
    with pytest.raises(ServiceError, match="type unmatched"):
        list(meter.rows(ProfileReading(PROFILE, Between(START, START))))
    meter.refused[7, PROFILE, 3] = DataAccessResult.READ_WRITE_DENIED
    with pytest.raises(ServiceError, match="read write denied"):
        list(meter.rows(ProfileReading(PROFILE)))


def test_a_column_that_is_not_there() -> None:
    meter = ProfileMeter(moments=quarters(2))
    with pytest.raises(LocalProtocolError, match=r"no column 1-0:2\.8\.0\.255") as caught:
        list(meter.rows(ProfileReading(PROFILE, columns=["1-0:2.8.0.255"])))
    assert caught.value.hint == "it has clock, active energy import, total, status register 1"


def test_a_meter_that_minds_no_selection_is_told_so_or_filtered() -> None:
    meter = ProfileMeter(moments=quarters(20))
    meter.select = lambda _: meter.values[7, PROFILE, 2]
    with pytest.raises(RemoteProtocolError, match="5 entries of a profile were asked for, and 20 came"):
        list(meter.rows(ProfileReading(PROFILE, Newest(5))))
    part = Between(START + QUARTER, START + 5 * QUARTER)
    rows = list(meter.rows(ProfileReading(PROFILE, part, rows_per_slice=2)))
    assert told(rows) == due(meter, [1, 2, 3, 4, 5])


def test_a_gap_of_years_costs_few_requests() -> None:
    moments = [*quarters(10), *quarters(10, START + timedelta(days=4000))]
    meter = ProfileMeter(moments=moments)
    part = Between(START, START + timedelta(days=5000))
    assert told(list(meter.rows(ProfileReading(PROFILE, part)))) == due(meter, list(range(20)))
    assert len(meter.requests) < 30


def test_what_is_no_profile() -> None:
    meter = ProfileMeter(moments=quarters(2))
    meter.select = lambda _: axdr.array(axdr.any_data).encode([Data(Tag.STRUCTURE, (Data(Tag.UNSIGNED, 1),))])
    with pytest.raises(RemoteProtocolError, match="has 1 members, but there are 3 columns"):
        list(meter.rows(ProfileReading(PROFILE)))
    meter.select = lambda _: axdr.array(axdr.any_data).encode([Data(Tag.UNSIGNED, 1)])
    with pytest.raises(RemoteProtocolError, match="structure"):
        list(meter.rows(ProfileReading(PROFILE)))
    meter.values[7, PROFILE, 3] = axdr.array(axdr.unsigned).encode([1])
    with pytest.raises(RemoteProtocolError, match="no capture object"):
        list(meter.rows(ProfileReading(PROFILE)))


def test_a_profile_without_a_clock_has_no_part_by_time() -> None:
    meter = ProfileMeter(moments=quarters(2))
    from dlms_fw.cosem import ProfileGeneric
    from profile_meter import IMPORT, STATUS

    rows = ProfileGeneric(PROFILE).capture_objects
    meter.values[7, PROFILE, 3] = rows.row.data_type.encode([STATUS, IMPORT, STATUS])
    with pytest.raises(LocalProtocolError, match="captures no time"):
        list(meter.rows(ProfileReading(PROFILE, Between(START, START))))
    (first, _) = meter.rows(ProfileReading(PROFILE))
    assert first.time is None
    assert [column.title for column in first.columns][2] == "status register 1 (2)"


def test_version_0_has_whole_attributes_only_and_registers_may_hide_their_units() -> None:
    meter = ProfileMeter(moments=quarters(1))
    element = axdr.structure(axdr.long_unsigned, axdr.logical_name_octets, axdr.integer)
    from profile_meter import CLOCK_COLUMN, IMPORT, STATUS

    meter.values[7, PROFILE, 3] = axdr.array(element).encode(
        [CLOCK_COLUMN[:3], IMPORT[:3], STATUS[:3]]  # type: ignore[list-item]
    )
    meter.refused[3, "1-0:1.8.0.255", 3] = DataAccessResult.READ_WRITE_DENIED
    (row,) = meter.rows(ProfileReading(PROFILE))
    assert row["1-0:1.8.0.255"] == 1000
    assert row.columns[1].definition.data_index == 0


def test_how_a_profile_is_built_is_read_once() -> None:
    meter, known = ProfileMeter(moments=quarters(2)), Known()
    list(meter.rows(ProfileReading(PROFILE), known))
    asked = len(meter.requests)
    list(meter.rows(ProfileReading(PROFILE), known))
    assert len(meter.requests) == asked + 2
    known.forget()
    list(meter.rows(ProfileReading(PROFILE), known))
    assert len(meter.requests) == 2 * asked + 2


def test_a_slice_has_rows() -> None:
    with pytest.raises(LocalProtocolError):
        ProfileReading(PROFILE, rows_per_slice=0)


def test_a_zone_that_nobody_tells() -> None:
    meter = ProfileMeter(zone=MeterZone(timedelta()), moments=quarters(2))
    for attribute_id in (2, 3):
        meter.refused[8, "0-0:1.0.0.255", attribute_id] = DataAccessResult.READ_WRITE_DENIED
    with pytest.raises(LocalProtocolError, match="does not tell its zone"):
        list(meter.rows(ProfileReading(PROFILE, Between(datetime(2026, 1, 1), datetime(2027, 1, 1)))))
    rows = list(meter.rows(ProfileReading(PROFILE, Between(START, START + QUARTER))))
    assert told(rows) == due(meter, [0, 1])


@pytest.mark.parametrize("conformance", [ALL, Conformance.MULTIPLE_REFERENCES])
def test_times_without_deviation_where_nobody_tells_the_zone(conformance: Conformance) -> None:
    meter = ProfileMeter(zone=MeterZone(timedelta()), moments=quarters(30), deviates=False)
    for attribute_id in (2, 3):
        meter.refused[8, "0-0:1.0.0.255", attribute_id] = DataAccessResult.READ_WRITE_DENIED
    reading = ProfileReading(PROFILE, Between(START + QUARTER, START + 20 * QUARTER), rows_per_slice=4)
    rows = list(meter.rows(reading, conformance=conformance))
    assert [row["1-0:1.8.0.255"].value * 10 for row in rows] == list(range(1001, 1021))  # type: ignore[attr-defined]
    assert rows[0].time == (START + QUARTER).replace(tzinfo=None)
