"""Live objects under power cuts at any operation: what was acknowledged holds, and nothing acts twice."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from datetime import date

import pytest

from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.server import ServerObject
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime
from dlms_fw.cosem.tariffs import ScheduleTableEntry
from dlms_fw.enums import ScriptService, SingleActionScheduleType
from dlms_fw.enums.control import ControlMode, ControlState
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.measurement import CHECKPOINT_SECONDS
from dlms_fw.meter.live.plant import MeterPlant
from dlms_fw.meter.power_cut import Cut, PowerCut, Unsynced, When
from dlms_fw.meter.time_objects import ClockObject
from plant_bench import PlantBench, Witness

CLOCK, ENERGY, PROFILE, SWITCH, TABLE, SINGLE, SCHEDULE, VALUE, MARK = (
    LogicalName(text)
    for text in (
        "0-0:1.0.0.255",
        "1-0:1.8.0.255",
        "1-0:99.1.0.255",
        "0-0:96.3.10.255",
        "0-0:10.0.106.255",
        "0-0:15.0.1.255",
        "0-0:12.0.0.255",
        "0-0:96.50.2.255",
        "0-0:96.50.1.255",
    )
)
WATTS = 1000.0
WHEN: tuple[When, ...] = ("before", "inside", "after")
UNSYNCED: tuple[Unsynced, ...] = ("lost", "kept", "mixed")


def mark(number: int) -> Script:
    write = ActionSpecification(ScriptService.WRITE_ATTRIBUTE, 1, MARK, 2, Data(Tag.UNSIGNED, number))
    return Script(number, [write])


class Cutting(PlantBench):
    """A plant whose power goes at operations of its memory, and somebody who uses it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.written: list[tuple[str, object]] = []
        self.acknowledged: dict[str, object] = {"value": 0, "state": ControlState.CONNECTED}
        self.attempted: dict[str, object] = dict(self.acknowledged)
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        columns = [CaptureObjectDefinition(8, CLOCK, 2), CaptureObjectDefinition(3, ENERGY, 2)]
        profile = {"capture_objects": columns, "capture_period": 900, "profile_entries": 50}
        yield Witness(MARK, lambda value: self.written.append((self.now[:13], value)))
        yield ClockObject(CLOCK, plant.clock, lambda code, parameter: None)
        yield LIVE[3, 0](ENERGY, {}, plant)
        yield LIVE[1, 0](VALUE, {"value": Data(Tag.DOUBLE_LONG, 0)}, plant)
        yield LIVE[7, 1](PROFILE, profile, plant)
        yield LIVE[70, 0](SWITCH, {"control_mode": ControlMode.MODE_4}, plant)
        yield LIVE[9, 0](TABLE, {"scripts": [mark(1), mark(2)]}, plant)
        hourly = [ExecutionTime(Time(None, 30, 0, 0), Date())]
        kind = SingleActionScheduleType.ONE_TIME_WILDCARD_ALLOWED
        single = {"executed_script": ExecutedScript(TABLE, 1), "type": kind, "execution_time": hourly}
        yield LIVE[22, 0](SINGLE, single, plant)
        week, none, time = BitString([True] * 7), BitString(), Time(None, 45, 0, 0)
        entry = ScheduleTableEntry(1, True, TABLE, 2, time, 20, week, none, Date(), Date())
        yield LIVE[10, 0](SCHEDULE, {"entries": [entry]}, plant)

    def live(self) -> None:
        """One life: some hours with some use, until the power goes at some operation."""
        cut = Cut(
            self.random.randint(0, 60),
            self.random.choice(WHEN),
            self.random.choice(UNSYNCED),
            seed=self.random.randrange(1 << 30),
        )
        self.medium = self.medium.survivor(cut)
        with contextlib.suppress(PowerCut):
            self.power_up()
            for _ in range(12):
                self.use()
                self.pass_time(self.random.choice((60, 1200, 2400)))
            self.medium.cut_now(self.random.choice(UNSYNCED))
        self.medium = self.medium.survivor()

    def use(self) -> None:
        if self.random.random() < 0.5:
            self.attempted["value"] = value = self.random.randrange(1 << 20)
            self.find(1, VALUE.to_bytes()).write(2, Data(Tag.DOUBLE_LONG, value).encode())
            self.acknowledged["value"] = value
        else:
            connect = self.acknowledged["state"] != ControlState.CONNECTED
            self.attempted["state"] = ControlState.CONNECTED if connect else ControlState.DISCONNECTED
            self.find(70, SWITCH.to_bytes()).invoke(2 if connect else 1, b"\x0f\x00")
            self.acknowledged["state"] = self.attempted["state"]

    def found(self) -> dict[str, object]:
        """What a new life finds; it is what counts from then on."""
        self.power_up()
        value = Data.decode(self.find(1, VALUE.to_bytes()).read(2)).value
        state = ControlState(self.find(70, SWITCH.to_bytes()).read(3)[1])
        return {"value": value, "state": state}


def run(seed: int) -> None:
    bench = Cutting(seed)
    energy = 0.0
    rows: list[tuple[float, int]] = []
    for _ in range(6):
        before = bench.time.elapsed
        bench.live()
        found = bench.found()
        for name, value in found.items():
            assert value in (bench.acknowledged[name], bench.attempted[name]), (seed, name)
        bench.acknowledged = dict(found)
        bench.attempted = dict(found)

        counted = bench.plant.measurement.energy(1) or 0.0
        most = WATTS * (bench.time.elapsed - before) / 3600
        assert energy - WATTS * CHECKPOINT_SECONDS / 3600 <= counted <= energy + most + 1, seed
        energy = counted

        kept = captured(bench)
        assert len({moment for moment, _ in kept}) == len(kept), seed
        assert kept == sorted(kept), seed
        missing = [row for row in rows if row not in kept and row[0] >= min(kept)[0]] if kept else rows
        assert len(missing) <= 1, seed
        rows = kept
    assert len(set(bench.written)) == len(bench.written), seed


def captured(bench: Cutting) -> list[tuple[float, int]]:
    profile = bench.find(7, PROFILE.to_bytes())
    found = []
    for moment, count in (entry.plain() for entry in profile.buffer):  # type: ignore[attr-defined]
        found.append((bench.clock.seconds(DateTime.from_bytes(moment)), count))
    return found


@pytest.mark.fault("M-04")
def test_a_memory_that_fails_changes_nothing_and_is_tried_again() -> None:
    bench = Cutting(0)
    value = bench.find(1, VALUE.to_bytes())
    bench.pass_time(3600)
    failing = {
        f"live.{name}.{copy}" for name in (f"1-{VALUE.to_bytes().hex()}", "measurement") for copy in (0, 1)
    }
    bench.medium.failing = {*failing, f"live.rows-{PROFILE.to_bytes().hex()}.1"}
    with pytest.raises(OSError, match="fails"):
        value.write(2, Data(Tag.DOUBLE_LONG, 7).encode())
    assert Data.decode(value.read(2)).value == 0
    bench.pass_time(2 * 900)
    kept = captured(bench)
    assert len(kept) == 4
    bench.medium.failing = set()
    bench.pass_time(2)  # what could not be written is tried again each second
    value.write(2, Data(Tag.DOUBLE_LONG, 8).encode())
    bench.power_cycle()
    assert Data.decode(bench.find(1, VALUE.to_bytes()).read(2)).value == 8
    assert bench.plant.measurement.energy(1) == pytest.approx(WATTS * 1.5, abs=2)
    bench.pass_time(900)
    assert len(captured(bench)) == len(kept) + 1


@pytest.mark.fault("M-01")
@pytest.mark.fault("M-02")
@pytest.mark.fault("M-03")
def test_power_cuts_cost_nothing_that_was_acknowledged_and_make_nothing_happen_twice() -> None:
    """Other seeds each day; the message of a failure names the one."""
    first = date.today().toordinal() * 1000
    for seed in range(first, first + 25):
        run(seed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_power_cuts() -> None:
    for seed in range(4000):
        run(seed)
