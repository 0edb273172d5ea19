"""Script tables and single action schedules: what they do to other objects, and when."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw._core import Data, Date, Time
from dlms_fw.axdr import Tag, long_unsigned
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime, SingleActionSchedule
from dlms_fw.enums import ActionResult, DataAccessResult, ScriptService, SingleActionScheduleType
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.plant import MeterPlant
from plant_bench import PlantBench, Witness

TARGET = LogicalName("0-0:96.3.10.255")
TABLE = LogicalName("0-0:10.0.106.255")
SCHEDULE = LogicalName("0-0:15.0.1.255")
ABSENT = LogicalName("0-0:96.3.11.255")


def write(number: int, target: LogicalName = TARGET) -> ActionSpecification:
    return ActionSpecification(ScriptService.WRITE_ATTRIBUTE, 1, target, 2, Data(Tag.UNSIGNED, number))


def run(script: int) -> ActionSpecification:
    return ActionSpecification(ScriptService.EXECUTE_METHOD, 9, TABLE, 1, Data(Tag.LONG_UNSIGNED, script))


SCRIPTS = [
    Script(1, [write(1), write(2)]),
    Script(2, [write(3), write(4, ABSENT), write(5)]),
    Script(3, [run(3)]),
    Script(4, [run(1), write(6)]),
    Script(5, [write(7)._replace(service_id=ScriptService(1), index=9)]),
]


class Scripted(PlantBench):
    def __init__(self, values: dict[str, object] | None = None) -> None:
        self.written: list[object] = []
        self._values = {"executed_script": ExecutedScript(TABLE, 1), **(values or {})}
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield Witness(TARGET, self.written.append)
        yield LIVE[9, 0](TABLE, {"scripts": SCRIPTS}, plant)
        yield LIVE[22, 0](SCHEDULE, self._values, plant)

    def execute(self, script: int) -> ActionResult:
        try:
            self.find(9, TABLE.to_bytes()).invoke(1, long_unsigned.encode(script))
        except CosemFault as fault:
            return ActionResult(fault.result)
        return ActionResult.SUCCESS

    def write_schedule(self, *entries: ExecutionTime, kind: int | None = None) -> DataAccessResult:
        schedule = self.find(22, SCHEDULE.to_bytes())
        try:
            if kind is not None:
                schedule.write(3, SingleActionSchedule.type.data_type.encode(SingleActionScheduleType(kind)))
            schedule.write(4, SingleActionSchedule.execution_time.data_type.encode(list(entries)))
        except CosemFault as fault:
            return DataAccessResult(fault.result)
        return DataAccessResult.SUCCESS


@pytest.mark.parametrize(
    ("script", "result", "written"),
    [
        (0, ActionResult.SUCCESS, []),
        (1, ActionResult.SUCCESS, [1, 2]),
        (2, ActionResult.OBJECT_UNDEFINED, [3]),
        (3, ActionResult.OTHER_REASON, []),
        (4, ActionResult.SUCCESS, [1, 2, 6]),
        (5, ActionResult.OBJECT_UNDEFINED, []),
        (6, ActionResult.OBJECT_UNDEFINED, []),
    ],
)
def test_a_script_does_its_actions_up_to_the_first_that_fails(
    script: int, result: ActionResult, written: list[object]
) -> None:
    bench = Scripted()
    assert bench.execute(script) == result
    assert bench.written == written


def at(hour: int | None, minute: int = 0, *, date: Date | None = None) -> ExecutionTime:
    return ExecutionTime(Time(hour, minute, 0, 0), date or Date())


FIRST, SECOND = Date(2025, 12, 1, 1), Date(2025, 12, 2)


@pytest.mark.parametrize(
    ("kind", "entries", "allowed"),
    [
        (1, [], True),
        (1, [at(1)], True),
        (1, [at(1), at(2)], False),
        (2, [at(1, date=FIRST), at(1, date=SECOND)], True),
        (2, [at(1, date=FIRST), at(2, date=SECOND)], False),
        (2, [at(1)], False),
        (3, [at(1, date=FIRST), at(1, date=Date(day_of_month=5))], True),
        (3, [at(1, date=FIRST), at(2)], False),
        (4, [at(1, date=FIRST), at(2, date=SECOND)], True),
        (4, [at(1, date=Date(2025, 12, 0xFE))], False),
        (5, [at(1), at(2, date=SECOND), at(3, date=Date(day_of_week=7))], True),
        (6, [], False),
    ],
)
def test_the_type_says_which_entries_are_allowed(
    kind: int, entries: list[ExecutionTime], allowed: bool
) -> None:
    expected = DataAccessResult.SUCCESS if allowed else DataAccessResult.OTHER_REASON
    kinds = {int(known) for known in SingleActionScheduleType}
    schedule = Scripted()
    if kind in kinds:
        assert schedule.write_schedule(*entries, kind=kind) == expected
    else:
        with pytest.raises(CosemFault):
            schedule.find(22, SCHEDULE.to_bytes()).write(3, bytes((Tag.ENUM, kind)))


def test_a_script_runs_at_each_of_its_times() -> None:
    bench = Scripted()
    assert bench.write_schedule(at(6), at(18, 30, date=SECOND), kind=5) == DataAccessResult.SUCCESS
    bench.pass_time(5.9 * 3600)
    assert bench.written == []
    bench.pass_time(3600)
    assert bench.written == [1, 2]
    bench.pass_time(86_400)
    assert len(bench.written) == 4
    bench.pass_time(43_200)
    assert len(bench.written) == 6


@pytest.mark.parametrize(("off_seconds", "runs"), [(1800.0, 1), (2 * 3600 + 1.0, 0)])
def test_a_time_without_power_is_made_up_for_within_the_grace(off_seconds: float, runs: int) -> None:
    bench = Scripted()
    bench.write_schedule(at(1, date=FIRST))
    bench.pass_time(3000)
    bench.power_cycle(off_seconds)
    assert len(bench.written) == 2 * runs
    bench.power_cycle()
    bench.pass_time(86_400)
    assert len(bench.written) == 2 * runs


def test_a_clock_set_forward_runs_an_entry_once_and_set_back_none_again() -> None:
    bench = Scripted()
    bench.write_schedule(at(6))
    bench.set_clock("2025-12-01 06:30:00")
    assert len(bench.written) == 2
    bench.set_clock("2025-12-01 05:00:00")
    bench.pass_time(2 * 3600)
    assert len(bench.written) == 2
    bench.set_clock("2000-01-01 00:00:00")
    bench.pass_time(86_400)
    assert len(bench.written) == 2
