"""Profiles that capture: by period and on demand, sorted, selected, over power cuts and clocks that jump."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag, double_long_unsigned
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    CaptureObjectDefinitionV0,
    EntryDescriptor,
    ProfileGeneric,
    ProfileGenericV0,
    RangeDescriptor,
)
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult, SortMethod
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.plant import MeterPlant
from dlms_fw.meter.live.profile import LiveProfile
from dlms_fw.meter.power_cut import Cut, When
from dlms_fw.meter.time_objects import ClockObject
from plant_bench import PlantBench

CLOCK, ENERGY, POWER, PROFILE, VALUE, STATUS, FAILURES = (
    LogicalName(text)
    for text in (
        "0-0:1.0.0.255",
        "1-0:1.8.0.255",
        "1-0:1.7.0.255",
        "1-0:99.1.0.255",
        "0-0:17.0.0.255",
        "0-0:96.10.1.255",
        "0-0:96.7.21.255",
    )
)
TIME = CaptureObjectDefinition(8, CLOCK, 2)
COUNT = CaptureObjectDefinition(3, ENERGY, 2)
STORED = CaptureObjectDefinition(3, VALUE, 2)
WHEN: tuple[When, ...] = ("before", "inside", "after")


class Profiled(PlantBench):
    def __init__(self, version: int = 1, **values: object) -> None:
        self._values = {
            "capture_objects": [TIME, COUNT],
            "capture_period": 900,
            "profile_entries": 8,
            **values,
        }
        self._version = version
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield ClockObject(CLOCK, plant.clock, lambda code, parameter: None)
        for name in (ENERGY, POWER, VALUE):
            yield LIVE[3, 0](name, {"value": Data(Tag.DOUBLE_LONG, 0)}, plant)
        for name in (STATUS, FAILURES):
            yield LIVE[1, 0](name, {}, plant)
        yield LIVE[7, self._version](PROFILE, self._values, plant)

    @property
    def profile(self) -> LiveProfile:
        found = self.objects[7, PROFILE.to_bytes()]
        assert isinstance(found, LiveProfile)
        return found

    def rows(self, *, times: bool = True) -> list[tuple[object, ...]]:
        """The entries, moments as local time of day."""
        return [readable(entry, times=times) for entry in self.profile.buffer]

    def selected(self, selection: EntryDescriptor | RangeDescriptor) -> list[tuple[object, ...]]:
        data = self.profile.read(2, selection.selection)
        return [readable(entry) for entry in self.profile.interface.attributes[2].data_type.decode(data)]

    def capture(self, value: int) -> None:
        self.objects[3, VALUE.to_bytes()].write(2, Data(Tag.DOUBLE_LONG, value).encode())
        self.profile.invoke(2, b"\x0f\x00")


def readable(entry: Data, *, times: bool = True) -> tuple[object, ...]:
    members = entry.plain()
    assert isinstance(members, tuple)
    return tuple(time_of_day(member) if isinstance(member, bytes) else member for member in members)


def time_of_day(octets: bytes) -> str:
    return DateTime.from_bytes(octets).to_datetime().strftime("%d %H:%M")


def test_entries_stand_at_multiples_of_the_period() -> None:
    bench = Profiled()
    bench.pass_time(400)
    bench.pass_time(2 * 900)
    assert bench.rows() == [("01 00:15", 250), ("01 00:30", 500)]
    assert bench.profile.entries_in_use == 2
    bench.pass_time(9 * 900)
    assert len(bench.rows()) == bench.profile.entries_in_use == 8
    assert bench.rows()[0] == ("01 01:00", 1000)


def test_a_daily_profile_stands_at_local_midnight_also_when_daylight_saving_begins() -> None:
    bench = Profiled(capture_period=86_400)
    clock = bench.objects[8, CLOCK.to_bytes()]
    clock.write(3, b"\x10\xff\xc4")  # UTC+1
    clock.write(5, Clock.daylight_savings_begin.data_type.encode(last_sunday(3, 2)))
    clock.write(6, Clock.daylight_savings_end.data_type.encode(last_sunday(10, 3)))
    clock.write(7, b"\x0f\x3c")
    clock.write(8, b"\x03\x01")
    bench.set_clock("2026-03-27T12:00:00")
    bench.pass_time(4 * 86_400)
    times = [DateTime.from_bytes(row) for row, _ in (entry.plain() for entry in bench.profile.buffer)]  # type: ignore[misc]
    assert [(moment.date.day_of_month, moment.time.hour, moment.deviation) for moment in times] == [
        (27, 0, -60), (28, 0, -60), (29, 0, -60), (30, 0, -120), (31, 0, -120),
    ]  # fmt: skip
    assert [moment.clock_status for moment in times] == [0, 0, 0, 0x80, 0x80]


def last_sunday(month: int, hour: int) -> DateTime:
    return DateTime.from_bytes(bytes((0xFF, 0xFF, month, 0xFE, 7, hour, 0, 0, 0, 0x80, 0, 0)))


def test_what_was_captured_survives_power_cuts_and_nothing_is_made_up() -> None:
    bench = Profiled()
    bench.pass_time(1800)
    bench.power_cycle(3600)
    assert bench.rows() == [("01 00:15", 250), ("01 00:30", 500)]
    bench.pass_time(900)
    assert [row[0] for row in bench.rows()] == ["01 00:15", "01 00:30", "01 01:45"]


def test_a_clock_set_forward_gives_one_entry_and_set_back_none() -> None:
    bench = Profiled()
    bench.pass_time(900)
    bench.set_clock("2025-12-01T05:07:00")
    assert [row[0] for row in bench.rows()] == ["01 00:15", "01 05:00"]
    bench.set_clock("2025-12-01T00:10:00")
    bench.pass_time(301)
    assert [row[0] for row in bench.rows()] == ["01 00:15", "01 05:00", "01 00:15"]


@pytest.mark.fault("M-23")
def test_a_clock_reset_by_decades_makes_no_burst() -> None:
    bench = Profiled()
    bench.pass_time(900)
    bench.set_clock("2000-01-01T00:00:00")
    bench.set_clock("2026-01-01T00:00:00")
    assert len(bench.rows()) == 2
    bench.pass_time(900)
    assert len(bench.rows()) == 3


@pytest.mark.parametrize(
    ("method", "order"),
    [
        (SortMethod.FIFO, [4, -5, 1, -2]),
        (SortMethod.LIFO, [-2, 1, -5, 4]),
        (SortMethod.LARGEST, [9, 4, 3, 1]),
        (SortMethod.SMALLEST, [-5, -2, 1, 3]),
        (SortMethod.NEAREST_TO_ZERO, [1, -2, 3, 4]),
        (SortMethod.FARTHEST_FROM_ZERO, [9, -5, 4, 3]),
    ],
)
def test_the_sort_method_decides_which_entries_stay_and_where(method: SortMethod, order: list[int]) -> None:
    columns = [TIME, STORED]
    bench = Profiled(
        capture_objects=columns, capture_period=0, profile_entries=4, sort_method=method, sort_object=STORED
    )
    for value in (3, 9, 4, -5, 1, -2):
        bench.capture(value)
    assert [row[1] for row in bench.rows()] == order
    bench.power_cycle()
    assert [row[1] for row in bench.rows()] == order


def test_selection_by_entry_and_by_range() -> None:
    bench = Profiled()
    bench.pass_time(4 * 900)
    assert bench.selected(EntryDescriptor(2, 3, 2, 2)) == [(500,), (750,)]
    assert bench.selected(EntryDescriptor(4)) == [("01 01:00", 1000)]
    between = RangeDescriptor(COUNT, Data(Tag.DOUBLE_LONG, 300), Data(Tag.DOUBLE_LONG, 800), [TIME])
    assert bench.selected(between) == [("01 00:30",), ("01 00:45",)]
    noon = [DateTime.from_bytes(bench.clock.at(bench.clock.utc - back).to_bytes()) for back in (2000, 900)]
    assert bench.selected(RangeDescriptor.by_clock(CLOCK, *noon)) == [("01 00:30", 500), ("01 00:45", 750)]
    with pytest.raises(CosemFault) as refused:
        bench.selected(RangeDescriptor(STORED, Data(Tag.LONG, 0), Data(Tag.LONG, 1)))
    assert refused.value.result == DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        (3, ProfileGeneric.capture_objects.data_type.encode([COUNT])),
        (4, double_long_unsigned.encode(300)),
        (5, bytes((Tag.ENUM, SortMethod.LIFO))),
        (8, double_long_unsigned.encode(20)),
    ],
)
def test_another_shape_empties_the_buffer_in_one_stroke_with_the_attribute(
    attribute: int, value: bytes
) -> None:
    before = Profiled()
    before.pass_time(1800)
    old = before.profile.read(attribute)
    before.profile.write(attribute, value)
    assert before.profile.entries_in_use == 0
    for operation in range(6):
        bench = Profiled()
        bench.pass_time(1800)
        cut = Cut(operation, "inside", "mixed", seed=operation)
        bench.cut_in(cut, lambda bench=bench: bench.profile.write(attribute, value))  # type: ignore[misc]
        assert (bench.profile.read(attribute), bench.profile.entries_in_use) in {(old, 2), (value, 0)}


def test_a_cut_in_a_capture_costs_no_other_entry() -> None:
    for seed in range(30):
        bench = Profiled(capture_period=0, profile_entries=5)
        for _ in range(7):
            bench.profile.capture()
            bench.time.advance(60)
        kept = bench.rows()
        cut = Cut(seed % 3, WHEN[seed // 3 % 3], seed=seed)
        bench.cut_in(cut, lambda bench=bench: bench.profile.capture())  # type: ignore[misc]
        assert bench.rows()[: len(kept) - 1] in (kept[1:], kept[:-1]), seed


def test_elements_and_whole_objects_can_be_columns() -> None:
    columns = [
        CaptureObjectDefinition(3, ENERGY, 3, 1),
        CaptureObjectDefinition(3, ENERGY, 3, 9),
        CaptureObjectDefinition(3, ENERGY, 0),
        CaptureObjectDefinition(3, LogicalName("1-0:99.99.99.255"), 2),
    ]
    bench = Profiled(capture_objects=columns, capture_period=0)
    bench.profile.capture()
    scaler, absent, everything, undefined = bench.profile.buffer[0].plain()  # type: ignore[misc]
    assert (scaler, absent, undefined) == (0, None, None)
    assert everything[0] == ENERGY.to_bytes()
    assert everything[2] == (0, 30)


def test_longer_rows_find_room() -> None:
    bench = Profiled(capture_objects=[STORED], capture_period=0, profile_entries=3)
    for length in (1, 40, 400, 2):
        bench.objects[3, VALUE.to_bytes()].write(2, Data(Tag.OCTET_STRING, bytes(length)).encode())
        bench.profile.capture()
    bench.power_cycle()
    assert [len(entry.plain()[0]) for entry in bench.profile.buffer] == [40, 400, 2]  # type: ignore[index,arg-type]


def test_a_profile_does_not_capture_itself() -> None:
    own = ProfileGeneric.capture_objects.data_type.encode([CaptureObjectDefinition(7, PROFILE, 2)])
    profile = Profiled().profile
    with pytest.raises(CosemFault):
        profile.write(3, own)


def test_version_0_captures_whole_attributes() -> None:
    columns = [CaptureObjectDefinitionV0(*TIME[:3]), CaptureObjectDefinitionV0(*COUNT[:3])]
    bench = Profiled(0, capture_objects=columns)
    assert ProfileGenericV0.capture_objects.data_type.decode(bench.profile.read(3)) == columns
    bench.pass_time(900)
    assert bench.rows() == [("01 00:15", 250)]
    assert bench.selected(EntryDescriptor(1, 0, 2)) == [(250,)]


def test_the_status_column_tells_what_the_period_had() -> None:
    status = CaptureObjectDefinition(1, STATUS, 2)
    bench = Profiled(capture_objects=[TIME, status])
    bench.pass_time(900)
    bench.power_cycle(60)
    bench.pass_time(900)
    bench.clock.shift(5)
    bench.pass_time(1800)
    assert [row[1] for row in bench.rows()] == [0, 0x80, 0x20, 0]
    failures = bench.objects[1, FAILURES.to_bytes()]
    assert Data.decode(failures.read(2)).value == 1
    with pytest.raises(CosemFault):
        failures.write(2, Data(Tag.UNSIGNED, 0).encode())


def test_reset_empties_and_is_logged() -> None:
    bench = Profiled()
    bench.pass_time(1800)
    bench.profile.invoke(1, b"\x0f\x00")
    assert bench.rows() == []
    assert ("standard", 254, 0) in bench.events
    bench.power_cycle()
    assert bench.rows() == []
