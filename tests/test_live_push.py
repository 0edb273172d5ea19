"""Push setups: what they send, when, and how often again, on virtual time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw._core import Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.control import ActionSet
from dlms_fw.cosem.data import Data as DataClass
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition
from dlms_fw.cosem.push_setup import (
    PushObject,
    RepetitionDelay,
    RestrictedPushObject,
    RestrictionElement,
    SendDestinationAndMethod,
)
from dlms_fw.cosem.references import ActionItem, ValueDefinition, WindowElement
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ScriptService
from dlms_fw.enums.push_setup import MessageType, PushOperationMethod, RestrictionType, TransportService
from dlms_fw.errors import ConfigurationError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.deliveries import destination_of
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.alarms import ALARM_DESCRIPTOR, FRAUD_ALARM
from dlms_fw.meter.live.plant import MeterPlant, Outgoing
from dlms_fw.meter.live.push_setup import LivePushSetupV0
from dlms_fw.meter.time_objects import ClockObject
from plant_bench import PlantBench

PUSH, MARK, ENERGY, CLOCK, PROFILE, SCRIPTS, MONITOR = (
    LogicalName(text)
    for text in (
        "0-4:25.9.0.255",
        "0-0:96.1.0.255",
        "1-0:1.8.0.255",
        "0-0:1.0.0.255",
        "1-0:99.1.0.255",
        "0-0:10.0.108.255",
        "0-0:16.1.0.255",
    )
)
ABSENT = CaptureObjectDefinition(1, LogicalName("0-0:96.1.9.255"), 2)
IDENTITY, COUNT = CaptureObjectDefinition(1, MARK, 2), CaptureObjectDefinition(3, ENERGY, 2)
TIME = CaptureObjectDefinition(8, CLOCK, 2)
HEAD_END = SendDestinationAndMethod(TransportService.TCP, b"192.0.2.1:4059", MessageType.AXDR_ENCODED_APDU)


class Pushing(PlantBench):
    def __init__(self, version: int = 0, **values: object) -> None:
        self._version = version
        usual = {"push_object_list": [IDENTITY, COUNT], "send_destination_and_method": HEAD_END}
        self._values = {**usual, **values}
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield ClockObject(CLOCK, plant.clock, lambda code, parameter: None)
        yield LIVE[1, 0](MARK, {"value": Data(Tag.OCTET_STRING, b"meter")}, plant)
        yield LIVE[1, 0](ALARM_DESCRIPTOR, {}, plant)
        yield LIVE[3, 0](ENERGY, {}, plant)
        profile = {"capture_objects": [TIME, COUNT], "capture_period": 900, "profile_entries": 96}
        yield LIVE[7, 1](PROFILE, profile, plant)
        yield LIVE[40, self._version](PUSH, self._values, plant)
        call = ActionSpecification(ScriptService.EXECUTE_METHOD, 40, PUSH, 1, Data(Tag.INTEGER, 0))
        yield LIVE[9, 0](SCRIPTS, {"scripts": [Script(1, [call])]}, plant)
        watched = {
            "thresholds": [Data(Tag.DOUBLE_LONG_UNSIGNED, 0)],
            "monitored_value": ValueDefinition(DataClass.class_id, ALARM_DESCRIPTOR, 2),
            "actions": [ActionSet(ActionItem(SCRIPTS, 1), ActionItem(SCRIPTS, 0))],
        }
        yield LIVE[21, 0](MONITOR, watched, plant)

    @property
    def setup(self) -> LivePushSetupV0:
        found = self.objects[40, PUSH.to_bytes()]
        assert isinstance(found, LivePushSetupV0)
        return found

    def pushed(self) -> list[tuple[object, ...]]:
        """What is taken by a driver that has no trouble."""
        taken = self.plant.take_notifications()
        for outgoing in taken:
            outgoing.sent()
        return [values(outgoing) for outgoing in taken]


def values(outgoing: Outgoing) -> tuple[object, ...]:
    plain = Data.decode(outgoing.notification.body).plain()
    assert isinstance(plain, tuple)
    return plain


def test_a_push_carries_its_objects_and_null_for_what_is_not_there() -> None:
    bench = Pushing(push_object_list=[IDENTITY, ABSENT, COUNT])
    bench.pass_time(7200)
    bench.setup.push()
    bench.plant.advance()
    (outgoing,) = bench.plant.take_notifications()
    assert values(outgoing) == (b"meter", None, 2000)
    sent = outgoing.notification
    assert (sent.transport, sent.destination) == (0, HEAD_END.destination)
    assert (sent.client_sap, sent.confirmed) == (102, False)
    assert bench.clock.seconds(sent.date_time) == bench.clock.utc


def test_nothing_to_push_is_a_fault() -> None:
    with pytest.raises(CosemFault):
        Pushing(push_object_list=[]).setup.push()


def test_an_alarm_is_pushed_by_its_monitor() -> None:
    bench = Pushing()
    bench.pass_time(10)
    assert bench.pushed() == []
    bench.plant.alarms.raise_alarm(FRAUD_ALARM)
    bench.pass_time(2)
    assert len(bench.pushed()) == 1
    bench.plant.alarms.raise_alarm(FRAUD_ALARM)
    bench.pass_time(3700)
    assert bench.pushed() == []


def test_the_first_attempt_waits_for_a_random_time() -> None:
    bench = Pushing(randomisation_start_interval=100)
    delay = int.from_bytes(bytes([7] * 8), "big") % 101
    bench.setup.push()
    bench.pass_time(delay - 1)
    assert bench.pushed() == []
    bench.pass_time(2)
    assert len(bench.pushed()) == 1


def test_a_push_waits_for_its_window() -> None:
    night = WindowElement(DateTime(Date(), Time(1, 0, 0, 0)), DateTime(Date(), Time(2, 0, 0, 0)))
    bench = Pushing(communication_window=[night])
    bench.setup.push()
    bench.pass_time(3599)
    assert bench.pushed() == []
    bench.pass_time(1)
    assert len(bench.pushed()) == 1
    bench.setup.push()
    bench.pass_time(1)
    assert len(bench.pushed()) == 1
    bench.pass_time(3600)
    bench.setup.push()
    bench.pass_time(22 * 3600)
    assert bench.pushed() == []
    bench.pass_time(3600)
    assert len(bench.pushed()) == 1


def test_a_window_that_never_comes_again_lets_nothing_through() -> None:
    past = WindowElement(
        DateTime(Date(2020, 1, 1), Time(1, 0, 0, 0)), DateTime(Date(2020, 1, 1), Time(2, 0, 0, 0))
    )
    bench = Pushing(communication_window=[past])
    bench.setup.push()
    bench.pass_time(86_400)
    assert bench.pushed() == []


@pytest.mark.parametrize(
    ("version", "delay", "waits"),
    [
        (0, 60, [60, 60, 60]),
        (1, 60, [60, 60, 60]),
        (2, RepetitionDelay(10, 200, 25), [10, 20, 25]),
        (3, RepetitionDelay(10, 300, 0), [10, 30, 90]),
    ],
)
def test_what_could_not_be_sent_is_repeated_so_often_and_no_more(
    version: int, delay: object, waits: list[int]
) -> None:
    objects: list[object] = [IDENTITY]
    if version == 1:
        objects = [RestrictedPushObject(*IDENTITY, nothing())]
    if version >= 2:
        objects = [PushObject(*IDENTITY, nothing(), [])]
    bench = Pushing(version, number_of_retries=3, repetition_delay=delay, push_object_list=objects)
    bench.setup.push()
    bench.plant.advance()
    for wait in (*waits, None):
        (outgoing,) = bench.plant.take_notifications()
        outgoing.failed()
        if wait is not None:
            bench.pass_time(wait - 1)
            assert bench.plant.take_notifications() == []
            bench.pass_time(1)
    bench.pass_time(86_400)
    assert bench.plant.take_notifications() == []


def nothing() -> RestrictionElement:
    return RestrictionElement(RestrictionType.NONE, Data(Tag.NULL_DATA))


def test_entries_and_columns_of_a_profile_can_be_chosen() -> None:
    numbers = Data(Tag.STRUCTURE, tuple(Data(Tag.DOUBLE_LONG_UNSIGNED, number) for number in (2, 3)))
    moments = tuple(
        Data(Tag.OCTET_STRING, DateTime(Date(2025, 12, 1), Time(0, minute, 0, 0)).to_bytes())
        for minute in (30, 45)
    )
    buffer = CaptureObjectDefinition(7, PROFILE, 2)
    restrictions = [
        RestrictionElement(RestrictionType.BY_ENTRY, numbers),
        RestrictionElement(RestrictionType.BY_DATE, Data(Tag.STRUCTURE, moments)),
        RestrictionElement(RestrictionType.BY_DATE, Data(Tag.NULL_DATA)),
    ]
    objects = [PushObject(*buffer, restriction, [COUNT]) for restriction in restrictions]
    objects.append(PushObject(*buffer, nothing(), [TIME, IDENTITY]))
    bench = Pushing(2, push_object_list=objects)
    bench.pass_time(3600)
    bench.setup.push()
    bench.plant.advance()
    assert bench.pushed() == [(((500,), (750,)), ((500,), (750,)), None, None)]


def test_a_confirmation_is_remembered() -> None:
    method = PushOperationMethod.CONFIRMED_RETRY_ON_MISSING_CONFIRMATION
    bench = Pushing(2, push_operation_method=method, push_object_list=[PushObject(*IDENTITY, nothing(), [])])
    bench.setup.push()
    bench.plant.advance()
    (outgoing,) = bench.plant.take_notifications()
    assert outgoing.notification.confirmed
    outgoing.sent()
    setup: Any = bench.setup
    assert bench.clock.seconds(setup.last_confirmation_date_time) == bench.clock.utc
    bench.power_cycle()
    setup = bench.setup
    assert bench.clock.seconds(setup.last_confirmation_date_time) == bench.clock.utc
    setup.reset()
    assert setup.last_confirmation_date_time == DateTime()


def test_what_no_driver_takes_is_bounded() -> None:
    bench = Pushing(number_of_retries=2, repetition_delay=1)
    for _ in range(500):
        bench.setup.push()
        bench.pass_time(1)
    assert len(bench.plant.take_notifications()) == 64


def test_only_what_can_be_sent_has_a_destination() -> None:
    bench = Pushing()
    bench.setup.push()
    bench.plant.advance()
    (outgoing,) = bench.plant.take_notifications()
    notification = outgoing.notification
    assert str(destination_of(notification)).startswith("tcp://192.0.2.1:4059")
    assert destination_of(replace(notification, transport=1)).scheme == "udp"
    for changes in ({"transport": 4}, {"transport": 250}, {"message": 1}, {"destination": b"\xff\xfe"}):
        with pytest.raises(ConfigurationError):
            destination_of(replace(notification, **changes))
