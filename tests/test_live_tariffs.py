"""Tariffs: masks, calendars, schedules and special days, on a clock that is moved, set and cut off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.references import ObjectDefinition
from dlms_fw.cosem.registers import RegisterMask
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.tariffs import (
    DayProfile,
    DayProfileAction,
    ScheduleTableEntry,
    SeasonProfile,
    SpecialDayEntry,
    WeekProfile,
)
from dlms_fw.enums import ScriptService
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.calendar import LiveActivityCalendar
from dlms_fw.meter.live.days import SPECIAL_DAYS, LiveSchedule, LiveSpecialDays
from dlms_fw.meter.live.load import ConstantLoad
from dlms_fw.meter.live.plant import MeterPlant
from plant_bench import PlantBench, Witness

CALENDAR, SCHEDULE, TABLE, MASKS, RATE_1, RATE_2, TOTAL, MARK, DEMAND = (
    LogicalName(text)
    for text in (
        "0-0:13.0.0.255",
        "0-0:12.0.0.255",
        "0-0:10.0.100.255",
        "0-0:14.0.0.255",
        "1-0:1.8.1.255",
        "1-0:1.8.2.255",
        "1-0:1.8.0.255",
        "0-0:96.50.1.255",
        "1-0:1.4.0.255",
    )
)


def switch(mask: bytes) -> list[ActionSpecification]:
    write = ScriptService.WRITE_ATTRIBUTE
    return [
        ActionSpecification(write, 6, MASKS, 4, Data(Tag.OCTET_STRING, mask)),
        ActionSpecification(write, 1, MARK, 2, Data(Tag.OCTET_STRING, mask)),
    ]


SCRIPTS = [Script(1, switch(b"T1")), Script(2, switch(b"T2")), Script(3, switch(b"T3"))]
GROUP = [ObjectDefinition(3, RATE_1), ObjectDefinition(3, RATE_2)]


def at(hour: int, script: int) -> DayProfileAction:
    return DayProfileAction(Time(hour, 0, 0, 0), TABLE, script)


def yearly(month: int, day: int) -> DateTime:
    return DateTime(Date(None, month, day), Time(0, 0, 0, 0))


WORKDAY, WEEKEND, HOLIDAY, SUMMER_DAY = (
    DayProfile(1, [at(0, 1), at(6, 2), at(22, 1)]),
    DayProfile(2, [at(0, 1)]),
    DayProfile(3, [at(0, 3)]),
    DayProfile(4, [at(12, 2)]),
)
PLAN: dict[str, Any] = {
    "season_profile": [
        SeasonProfile(b"winter", yearly(11, 1), b"usual"),
        SeasonProfile(b"summer", yearly(4, 1), b"sunny"),
    ],
    "week_profile_table": [
        WeekProfile(b"usual", 1, 1, 1, 1, 1, 2, 2),
        WeekProfile(b"sunny", 4, 4, 4, 4, 4, 4, 4),
    ],
    "day_profile_table": [WORKDAY, WEEKEND, HOLIDAY, SUMMER_DAY],
}


class Tariffs(PlantBench):
    def __init__(self, *entries: ScheduleTableEntry, planned: bool = True, holidays: bool = True) -> None:
        self.written: list[tuple[str, object]] = []
        self._entries = list(entries)
        self._plan = {f"{name}_active": value for name, value in PLAN.items()} if planned else {}
        christmas = SpecialDayEntry(1, Date(None, 12, 25), 3)
        self._special = [christmas] if holidays else []
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield Witness(MARK, lambda value: self.written.append((self.now[5:16], value)))
        for name in (RATE_1, RATE_2, TOTAL):
            yield LIVE[3, 0](name, {}, plant)
        masks = [RegisterMask(b"T1", [1]), RegisterMask(b"T2", [2]), RegisterMask(b"T3", [])]
        yield LIVE[6, 0](MASKS, {"register_assignment": GROUP, "mask_list": masks}, plant)
        yield LIVE[9, 0](TABLE, {"scripts": SCRIPTS}, plant)
        yield LIVE[11, 0](SPECIAL_DAYS, {"entries": self._special}, plant)
        yield LIVE[10, 0](SCHEDULE, {"entries": self._entries}, plant)
        yield LIVE[20, 0](CALENDAR, self._plan, plant)

    @property
    def calendar(self) -> LiveActivityCalendar:
        found = self.objects[20, CALENDAR.to_bytes()]
        assert isinstance(found, LiveActivityCalendar)
        return found

    @property
    def schedule(self) -> LiveSchedule:
        found = self.objects[10, SCHEDULE.to_bytes()]
        assert isinstance(found, LiveSchedule)
        return found

    @property
    def special_days(self) -> LiveSpecialDays:
        found = self.objects[11, SPECIAL_DAYS.to_bytes()]
        assert isinstance(found, LiveSpecialDays)
        return found

    def energies(self) -> list[int]:
        read = [self.objects[3, name.to_bytes()].read(2) for name in (RATE_1, RATE_2, TOTAL)]
        return [int(str(Data.decode(data).value)) for data in read]

    def taken(self) -> list[tuple[str, object]]:
        taken, self.written[:] = list(self.written), []
        return taken


def test_a_calendar_splits_the_energy_of_a_week() -> None:
    bench = Tariffs()
    bench.pass_time(7 * 86_400)
    assert bench.energies() == [(24 * 7 - 16 * 5) * 1000, 16 * 5 * 1000, 24 * 7 * 1000]


def test_each_action_runs_when_it_begins_to_hold() -> None:
    bench = Tariffs()
    bench.pass_time(86_399)
    assert bench.taken() == [("12-01 00:00", b"T1"), ("12-01 06:00", b"T2"), ("12-01 22:00", b"T1")]
    bench.pass_time(1)
    assert bench.taken() == [("12-02 00:00", b"T1")]


def test_after_power_up_the_one_action_that_holds_runs() -> None:
    bench = Tariffs()
    bench.power_cycle(3 * 86_400 + 7 * 3600)
    assert bench.taken() == [("12-01 00:00", b"T1"), ("12-04 07:00", b"T2")]
    bench.pass_time(3600)
    assert bench.energies() == [0, 1000, 1000]


def test_a_clock_that_is_set_is_followed_and_runs_one_action_at_most() -> None:
    bench = Tariffs()
    bench.pass_time(7 * 3600)
    bench.taken()
    for moment, mask in (
        ("2025-12-10T23:00:00", b"T1"),
        ("2025-12-10T07:00:00", b"T2"),
        ("2000-01-01T00:00:00", b"T1"),
        ("2026-06-15T13:00:00", b"T2"),
    ):
        bench.set_clock(moment)
        assert [written for _, written in bench.taken()] == [mask]
    bench.set_clock("2026-06-15T13:05:00")
    assert bench.taken() == []


def test_a_special_day_goes_before_the_week() -> None:
    bench = Tariffs()
    bench.set_clock("2025-12-24T23:00:00")
    bench.taken()
    bench.pass_time(26 * 3600)
    assert bench.taken() == [("12-25 00:00", b"T3"), ("12-26 00:00", b"T1")]
    bench.special_days.insert(2, Date(2025, 12, 26), 3)
    bench.plant.advance()
    assert bench.taken() == [("12-26 01:00", b"T3")]
    bench.special_days.delete(2)
    with pytest.raises(CosemFault):
        bench.special_days.delete(2)


def test_a_season_begins_with_its_day() -> None:
    bench = Tariffs()
    bench.set_clock("2026-03-31T23:30:00")
    bench.taken()
    bench.pass_time(14 * 3600)
    assert bench.taken() == [("04-01 12:00", b"T2")]


def test_a_passive_calendar_becomes_active_at_its_time_also_when_that_was_missed() -> None:
    for off_seconds in (0.0, 86_400.0):
        bench = Tariffs(planned=False)
        calendar = bench.calendar
        for name, value in PLAN.items():
            row = f"{name}_passive"
            calendar.write(
                calendar.interface.rows[row].attribute_id, calendar._row(row).data_type.encode(value)
            )  # type: ignore[union-attr]
        assert bench.events.count(("standard", 19, 0)) == 3
        moment = bench.clock.at(bench.clock.utc + 3600)
        calendar.activate_passive_calendar_time = moment
        bench.pass_time(3599)
        assert bench.taken() == []
        bench.power_cycle(off_seconds)
        bench.pass_time(2)
        assert [mask for _, mask in bench.taken()] == [b"T1"]
        assert ("standard", 9, 0) in bench.events
        assert bench.calendar.activate_passive_calendar_time == DateTime()
        bench.power_cycle()
        assert bench.calendar.day_profile_table_active == PLAN["day_profile_table"]


def test_a_time_with_only_some_fields_open_is_refused() -> None:
    bench = Tariffs()
    for value in (yearly(1, 1), DateTime(Date(2026, 1, 1))):
        row = bench.calendar._row("activate_passive_calendar_time")
        with pytest.raises(CosemFault):
            bench.calendar.write(10, row.data_type.encode(value))


def test_masks_are_added_and_deleted() -> None:
    bench = Tariffs()
    masks = bench.objects[6, MASKS.to_bytes()]
    masks.add_register(3, TOTAL)  # type: ignore[attr-defined]
    masks.add_mask(b"T9", [3])  # type: ignore[attr-defined]
    masks.write(4, Data(Tag.OCTET_STRING, b"T9").encode())
    bench.pass_time(3600)
    assert bench.energies() == [0, 0, 1000]
    for refused in (lambda: masks.delete_mask(b"T9"), lambda: masks.add_mask(b"T8", [4])):  # type: ignore[attr-defined]
        with pytest.raises(CosemFault):
            refused()
    with pytest.raises(CosemFault):
        masks.write(4, Data(Tag.OCTET_STRING, b"none").encode())
    masks.delete_mask(b"T1")  # type: ignore[attr-defined]
    bench.power_cycle()
    assert len(bench.objects[6, MASKS.to_bytes()].mask_list) == 3  # type: ignore[attr-defined]


def entry(
    index: int,
    hour: int | None,
    script: int,
    *,
    window: int = 60,
    weekdays: str = "1111111",
    special: str = "0000",
    begin: Date | None = None,
    end: Date | None = None,
) -> ScheduleTableEntry:
    bits, specials = (BitString([bit == "1" for bit in text]) for text in (weekdays, special))
    time = Time(hour, 0, 0, 0)
    return ScheduleTableEntry(
        index, True, TABLE, script, time, window, bits, specials, begin or Date(), end or Date()
    )


def test_a_schedule_runs_on_its_days() -> None:
    saturdays = entry(2, 9, 2, weekdays="0000010")
    autumn = entry(3, 10, 3, begin=Date(None, 10, 1), end=Date(None, 12, 2))
    bench = Tariffs(entry(1, 8, 1, weekdays="1111100"), saturdays, autumn, planned=False)
    bench.pass_time(7 * 86_400)
    days = [f"12-0{day} 08:00" for day in (1, 2, 3, 4, 5)]
    assert bench.taken() == [
        (days[0], b"T1"), ("12-01 10:00", b"T3"), (days[1], b"T1"), ("12-02 10:00", b"T3"),
        *((day, b"T1") for day in days[2:]), ("12-06 09:00", b"T2"),
    ]  # fmt: skip


def test_a_special_day_has_no_weekday_in_a_schedule() -> None:
    bench = Tariffs(entry(1, 8, 1), entry(2, 9, 2, weekdays="0000000", special="0001"), planned=False)
    bench.set_clock("2025-12-24T12:00:00")
    bench.taken()
    bench.pass_time(2 * 86_400)
    assert bench.taken() == [("12-25 09:00", b"T2"), ("12-26 08:00", b"T1")]


@pytest.mark.parametrize(
    ("off_hours", "ran"),
    [(1.5, ["T1"]), (2.5, ["T1", "T2"]), (3.5, ["T1", "T2"]), (40.0, ["T1"])],
)
def test_what_power_off_has_missed_is_made_up_for_within_the_window(off_hours: float, ran: list[str]) -> None:
    entries = [entry(1, 7, 1, window=0xFFFF), entry(2, 8, 2, window=120), entry(3, 6, 3, window=30)]
    bench = Tariffs(*entries, planned=False)
    bench.pass_time(6 * 3600 + 60)
    assert bench.taken() == [("12-01 06:00", b"T3")]
    bench.power_cycle(off_hours * 3600)
    assert [mask for _, mask in bench.taken()] == [name.encode() for name in ran]
    bench.power_cycle()
    assert bench.taken() == []


@pytest.mark.fault("M-23")
def test_a_schedule_on_a_clock_that_jumps_makes_no_burst() -> None:
    bench = Tariffs(entry(1, None, 1, window=0xFFFF), planned=False)
    bench.pass_time(1800)
    bench.set_clock("2000-01-01T00:30:00")
    bench.set_clock("2026-01-01T00:30:00")
    assert len(bench.taken()) == 1
    bench.set_clock("2025-12-31T23:30:00")
    bench.pass_time(3600)
    assert bench.taken() == [("01-01 00:00", b"T1")]


def test_entries_are_inserted_switched_and_deleted() -> None:
    bench = Tariffs(entry(1, 8, 1), planned=False)
    for added in (entry(3, 10, 3), entry(2, 9, 2)):
        bench.schedule.insert(*added)
    bench.schedule.enable_disable(1, 2, 0, 0)
    bench.pass_time(86_400)
    assert bench.taken() == [("12-01 10:00", b"T3")]
    bench.schedule.enable_disable(3, 3, 1, 1)
    bench.schedule.delete(2, 3)
    bench.pass_time(86_400)
    assert bench.taken() == [("12-02 08:00", b"T1")]
    assert [kept.index for kept in bench.schedule.entries] == [1]


def demand(bench: PlantBench) -> list[object]:
    found = bench.objects[5, DEMAND.to_bytes()]
    return [Data.decode(found.read(number)).value for number in (2, 3)]


def test_a_block_demand_is_the_average_of_the_last_period() -> None:
    bench = PlantBench(lambda plant: [LIVE[5, 0](DEMAND, {"period": 600}, plant)])
    bench.pass_time(300)
    assert demand(bench) == [500, 0]
    bench.pass_time(300)
    assert demand(bench) == [0, 1000]
    bench.plant.measurement.load = ConstantLoad(3000)
    bench.pass_time(300)
    assert demand(bench) == [1500, 1000]
    bench.objects[5, DEMAND.to_bytes()].invoke(2, b"\x0f\x00")
    assert demand(bench) == [0, 1500]
    bench.power_cycle(clean=True)
    assert demand(bench) == [0, 1500]
    bench.objects[5, DEMAND.to_bytes()].invoke(1, b"\x0f\x00")
    assert demand(bench) == [0, 0]


def test_a_sliding_demand_is_the_average_over_several_periods() -> None:
    values = {"period": 300, "number_of_periods": 3}
    bench = PlantBench(lambda plant: [LIVE[5, 0](DEMAND, values, plant)])
    bench.pass_time(900)
    assert demand(bench)[1] == 1000
    bench.plant.measurement.load = ConstantLoad(4000)
    bench.pass_time(300)
    assert demand(bench) == [1666, 2000]
    bench.pass_time(150)
    assert demand(bench) == [2333, 2000]
    start = bench.objects[5, DEMAND.to_bytes()].start_time_current  # type: ignore[attr-defined]
    assert bench.clock.utc - bench.clock.seconds(start) == 750
