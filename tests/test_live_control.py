"""Disconnectors, limiters, monitors and alarms: who acts when, by the tables."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.control import ActionSet, EmergencyProfile, LimiterActions
from dlms_fw.cosem.references import ActionItem, ValueDefinition
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, ScriptService
from dlms_fw.enums.control import ControlMode, ControlState
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.event_log import DisconnectEvent
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.alarms import (
    ALARM_DESCRIPTOR,
    ALARM_FILTER,
    ALARM_REGISTER,
    FRAUD_ALARM,
    NV_MEMORY_ALARM,
)
from dlms_fw.meter.live.disconnect import LiveDisconnectControl
from dlms_fw.meter.live.load import ConstantLoad
from dlms_fw.meter.live.monitors import LiveLimiter
from dlms_fw.meter.live.plant import MeterPlant
from plant_bench import PlantBench

SWITCH, TABLE, LIMITER, MONITOR, ALARM_MONITOR, POWER, MARK = (
    LogicalName(text)
    for text in (
        "0-0:96.3.10.255",
        "0-0:10.0.106.255",
        "0-0:17.0.0.255",
        "0-0:16.0.1.255",
        "0-0:16.1.0.255",
        "1-0:1.7.0.255",
        "0-0:96.50.1.255",
    )
)


def do(method: int) -> list[ActionSpecification]:
    return [ActionSpecification(ScriptService.EXECUTE_METHOD, 70, SWITCH, method, Data(Tag.INTEGER, 0))]


def mark(number: int) -> list[ActionSpecification]:
    return [ActionSpecification(ScriptService.WRITE_ATTRIBUTE, 1, MARK, 2, Data(Tag.UNSIGNED, number))]


SCRIPTS = [Script(1, do(1)), Script(2, do(2)), Script(3, mark(3)), Script(4, mark(4))]


class Controlled(PlantBench):
    def __init__(self, mode: int = 4, state: int = 1, **limiter: object) -> None:
        self._switch = {"control_mode": ControlMode(mode), "control_state": ControlState(state)}
        self._limiter = {
            "monitored_value": ValueDefinition(3, POWER, 2),
            "threshold_normal": Data(Tag.DOUBLE_LONG_UNSIGNED, 5000),
            "threshold_emergency": Data(Tag.DOUBLE_LONG_UNSIGNED, 500),
            "min_over_threshold_duration": 60,
            "min_under_threshold_duration": 30,
            "actions": LimiterActions(ActionItem(TABLE, 1), ActionItem(TABLE, 2)),
            **limiter,
        }
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield LIVE[3, 0](POWER, {}, plant)
        yield LIVE[1, 0](MARK, {"value": Data(Tag.UNSIGNED, 0)}, plant)
        yield LIVE[9, 0](TABLE, {"scripts": SCRIPTS}, plant)
        yield LIVE[70, 0](SWITCH, self._switch, plant)
        yield LIVE[71, 0](LIMITER, self._limiter, plant)
        both = ActionSet(ActionItem(TABLE, 3), ActionItem(TABLE, 4))
        monitor = {"thresholds": [Data(Tag.DOUBLE_LONG, 2000)], "actions": [both]}
        yield LIVE[21, 0](MONITOR, {**monitor, "monitored_value": ValueDefinition(3, POWER, 2)}, plant)
        for name in (ALARM_REGISTER, ALARM_FILTER, ALARM_DESCRIPTOR):
            yield LIVE[1, 0](name, {}, plant)

    @property
    def switch(self) -> LiveDisconnectControl:
        found = self.objects[70, SWITCH.to_bytes()]
        assert isinstance(found, LiveDisconnectControl)
        return found

    @property
    def limiter(self) -> LiveLimiter:
        found = self.objects[71, LIMITER.to_bytes()]
        assert isinstance(found, LiveLimiter)
        return found

    def draw(self, watts: float) -> None:
        self.plant.measurement.load = ConstantLoad(watts)

    def value(self, name: LogicalName) -> object:
        return Data.decode(self.objects[1, name.to_bytes()].read(2)).value

    def write(self, name: LogicalName, value: int) -> None:
        self.objects[1, name.to_bytes()].write(2, Data(Tag.DOUBLE_LONG_UNSIGNED, value).encode())

    def codes(self) -> list[int]:
        return [code for log, code, _ in self.events if log == "disconnect"]


ACTS = ("remote_disconnect", "remote_reconnect", "manual_disconnect", "manual_reconnect")
#: By mode: the states that each act leads to from disconnected, connected and ready; a dot refuses. To make
#: ready what is ready, or to connect what is connected, succeeds and does nothing.
DIAGRAM = (
    ("...", "...", "...", "..."),
    ("000", "212", ".2.", "..1"),
    ("000", "11.", ".2.", "..1"),
    ("000", "212", "...", "..1"),
    ("000", "11.", "...", "..1"),
    ("000", "212", ".2.", "..1"),
    ("000", "212", "...", "..1"),
)
CASES = [
    (mode, act, before, after)
    for mode, row in enumerate(DIAGRAM)
    for act, states in zip(ACTS, row, strict=True)
    for before, after in enumerate(states)
    if mode or before == ControlState.CONNECTED
]


@pytest.mark.parametrize(("mode", "act", "before", "after"), CASES)
def test_the_mode_decides_who_may_switch(mode: int, act: str, before: int, after: str) -> None:
    bench = Controlled(mode, before)
    if after == ".":
        with pytest.raises(CosemFault) as refused:
            getattr(bench.switch, act)()
        assert refused.value.result == ActionResult.OTHER_REASON
    else:
        getattr(bench.switch, act)()
    assert bench.switch.control_state == (before if after == "." else int(after))
    assert bench.switch.output_state is (bench.switch.control_state == ControlState.CONNECTED)
    state = bench.switch.control_state
    bench.power_cycle()
    assert bench.switch.control_state == state
    assert bench.plant.measurement.is_connected is bench.switch.output_state


def test_mode_0_connects() -> None:
    bench = Controlled(4, 0)
    bench.switch.write(4, b"\x16\x00")
    assert bench.switch.output_state
    assert bench.plant.measurement.power(1) == 1000.0


@pytest.mark.parametrize(
    ("mode", "again"), [(4, ControlState.READY_FOR_RECONNECTION), (6, ControlState.CONNECTED)]
)
def test_a_limiter_disconnects_locally_after_its_time(mode: int, again: ControlState) -> None:
    bench = Controlled(mode)
    bench.pass_time(10)
    bench.draw(6000)
    bench.pass_time(59)
    assert bench.switch.output_state
    bench.pass_time(3)
    assert bench.switch.control_state == ControlState.READY_FOR_RECONNECTION
    bench.draw(100)
    bench.pass_time(40)
    assert bench.switch.control_state == again
    local = [DisconnectEvent.LOCAL_RECONNECTION] if again == ControlState.CONNECTED else []
    assert bench.codes() == [
        DisconnectEvent.LIMITER_THRESHOLD_EXCEEDED,
        DisconnectEvent.LOCAL_DISCONNECTION,
        DisconnectEvent.LIMITER_THRESHOLD_OK,
        *local,
    ]


def test_a_short_peak_is_no_matter_to_a_limiter() -> None:
    bench = Controlled()
    for _ in range(3):
        bench.draw(6000)
        bench.pass_time(50)
        bench.draw(100)
        bench.pass_time(10)
    assert bench.switch.output_state
    assert bench.codes() == []


def test_an_emergency_lowers_the_threshold_for_its_time() -> None:
    bench = Controlled()
    begin = bench.clock.at(bench.clock.utc + 100)
    for profile, groups, active in ((1, [2], False), (2, [2], True)):
        bench.limiter.emergency_profile_group_id_list = groups
        bench.limiter.emergency_profile = EmergencyProfile(profile, begin, 300)
        assert not bench.limiter.emergency_profile_active
        if active:
            bench.pass_time(101)
        assert bench.limiter.emergency_profile_active is active
    assert Data.decode(bench.limiter.read(3)).value == 500
    bench.pass_time(100)
    assert not bench.switch.output_state
    bench.power_cycle()
    assert bench.limiter.emergency_profile_active
    bench.pass_time(200)
    assert not bench.limiter.emergency_profile_active
    assert Data.decode(bench.limiter.read(3)).value == 5000


def test_an_emergency_without_a_time_never_comes() -> None:
    bench = Controlled(
        emergency_profile=EmergencyProfile(1, DateTime(), 300), emergency_profile_group_id_list=[1]
    )
    bench.pass_time(86_400)
    assert not bench.limiter.emergency_profile_active


def test_a_monitor_runs_a_script_at_each_crossing_and_none_at_first() -> None:
    bench = Controlled()
    bench.draw(3000)
    bench.pass_time(5)
    assert bench.value(MARK) == 3
    bench.pass_time(5)
    bench.draw(2000)
    bench.pass_time(5)
    assert bench.value(MARK) == 4
    first = Controlled()
    first.load = ConstantLoad(3000)
    first.power_cycle()
    assert first.value(MARK) == 3


def test_monitors_that_chase_each_other_take_turns() -> None:
    """A script that undoes its own cause runs about once a second, not in a circle."""
    bench = Controlled()
    monitor = bench.objects[21, MONITOR.to_bytes()]
    definition = monitor.interface.attributes[3].data_type
    monitor.write(3, definition.encode(ValueDefinition(1, MARK, 2)))
    threshold = monitor.interface.attributes[2].data_type
    monitor.write(2, threshold.encode([Data(Tag.UNSIGNED, 3)]))
    bench.pass_time(2)
    written: list[object] = []
    bench.plant.watch(lambda attribute: written.append(attribute) if attribute.class_id == 1 else None)
    bench.objects[1, MARK.to_bytes()].write(2, Data(Tag.UNSIGNED, 9).encode())
    bench.pass_time(20)
    assert len(written) <= 2 * 22


def test_an_alarm_is_told_once_for_each_cause() -> None:
    bench = Controlled()
    bench.plant.alarms.raise_alarm(FRAUD_ALARM)
    assert [bench.value(name) for name in (ALARM_REGISTER, ALARM_DESCRIPTOR)] == [FRAUD_ALARM, FRAUD_ALARM]
    told: list[None] = []
    bench.plant.alarms.listeners.append(lambda: told.append(None))
    bench.write(ALARM_DESCRIPTOR, 0)
    bench.plant.alarms.raise_alarm(FRAUD_ALARM)
    assert bench.value(ALARM_DESCRIPTOR) == 0
    bench.plant.alarms.end_alarm(FRAUD_ALARM)
    bench.plant.alarms.raise_alarm(FRAUD_ALARM)
    assert bench.value(ALARM_DESCRIPTOR) == FRAUD_ALARM
    assert len(told) == 2
    bench.power_cycle()
    assert bench.value(ALARM_DESCRIPTOR) == FRAUD_ALARM


def test_the_filter_decides_what_is_told() -> None:
    bench = Controlled()
    bench.objects[1, ALARM_FILTER.to_bytes()].write(
        2, Data(Tag.DOUBLE_LONG_UNSIGNED, NV_MEMORY_ALARM).encode()
    )
    bench.plant.alarms.raise_alarm(FRAUD_ALARM | NV_MEMORY_ALARM)
    assert bench.value(ALARM_DESCRIPTOR) == NV_MEMORY_ALARM
    assert bench.value(ALARM_REGISTER) == FRAUD_ALARM | NV_MEMORY_ALARM
    bench.write(ALARM_REGISTER, FRAUD_ALARM)
    assert bench.value(ALARM_REGISTER) == FRAUD_ALARM
    assert ("standard", 11, 0) in bench.events


@pytest.mark.fault("M-05")
def test_a_record_lost_in_both_copies_is_an_event_and_an_alarm_and_the_object_begins_anew() -> None:
    bench = Controlled()
    bench.switch.remote_disconnect()
    bench.switch.remote_reconnect()
    for copy in (0, 1):
        bench.medium.rot(f"live.70-{SWITCH.to_bytes().hex()}.{copy}", 40)
    bench.power_cycle()
    assert bench.switch.control_state == ControlState.CONNECTED
    bench.plant.advance()
    assert bench.value(ALARM_REGISTER) == NV_MEMORY_ALARM
    assert ("standard", 14, 0) in bench.events
