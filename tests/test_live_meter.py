"""Live objects in a whole meter: what a client sees of them, and what comes out by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import Data, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.client import Client
from dlms_fw.cosem.control import DisconnectControl
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    EntryDescriptor,
    ProfileGeneric,
    RangeDescriptor,
)
from dlms_fw.cosem.push_setup import PushSetupV0, SendDestinationAndMethod
from dlms_fw.cosem.registers import Register
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import ClockStatus
from dlms_fw.enums.control import ControlMode, ControlState
from dlms_fw.enums.push_setup import MessageType, TransportService
from dlms_fw.journal import Journal
from dlms_fw.meter.access import Rights
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.deliveries import Deliveries
from dlms_fw.meter.event_log import FraudEvent, StandardEvent
from dlms_fw.meter.group import logical_devices
from dlms_fw.meter.live.alarms import FRAUD_ALARM
from dlms_fw.meter.model import ObjectDescription
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.serve import MeterServer
from dlms_fw.notifications import PushedData
from dlms_fw.profiles import Profile
from dlms_fw.push.arrival import Arrival
from dlms_fw.push.listener import PushListener
from meter_bench import CLOCK, PLAIN, Bench

ENERGY = Register("1-0:1.8.0.255")
POWER = Register("1-0:1.7.0.255")
PROFILE = ProfileGeneric("1-0:99.1.0.255")
SWITCH = DisconnectControl("0-0:96.3.10.255")
PUSH = PushSetupV0("0-1:25.9.0.255")
COLUMNS = [
    CaptureObjectDefinition(8, CLOCK.instance_id, 2),
    CaptureObjectDefinition(3, ENERGY.instance_id, 2),
]


def described(target: InterfaceClass, **values: Any) -> ObjectDescription:
    interface = type(target)
    attributes = frozenset(interface.attributes)
    rights = Rights(attributes, attributes, frozenset(interface.methods), selectors={2: (1, 2)})
    return ObjectDescription(
        interface=interface, logical_name=target.instance_id, values=values, rights={1: rights}
    )


def model(destination: bytes = b"") -> Any:
    objects = (
        described(ENERGY),
        described(POWER),
        described(PROFILE, capture_objects=COLUMNS, capture_period=900, profile_entries=100),
        described(SWITCH, control_mode=ControlMode.MODE_4, control_state=ControlState.CONNECTED),
        described(
            PUSH,
            push_object_list=[CaptureObjectDefinition(3, ENERGY.instance_id, 3)],
            send_destination_and_method=SendDestinationAndMethod(
                TransportService.TCP, destination, MessageType.AXDR_ENCODED_APDU
            ),
        ),
    )
    return replace(load_model("mcs301"), objects=objects)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(PLAIN, meter_model=model(), model="MCS301")
    with Journal(tmp_path / "journal") as journal:
        made.journal = journal
        yield made


def test_a_client_reads_what_the_meter_has_measured_and_captured(bench: Bench) -> None:
    with bench.client() as client:
        first = client.get(ENERGY.value).value
        bench.sleep(4 * 3600)
    with bench.client() as client:
        assert client.get(ENERGY.value).value > first  # type: ignore[operator]
        assert client.get(PROFILE.entries_in_use) == 16
        (last,) = client.get(PROFILE.buffer, EntryDescriptor(16, 16, 2).selection)
        assert last.plain() == (client.get(ENERGY.value).value,)
        now = bench.meter.units.clock
        hour = [now.at(now.utc - back) for back in (3600, 0)]
        by_clock = RangeDescriptor.by_clock(CLOCK.instance_id, *hour)
        assert len(client.get(PROFILE.buffer, by_clock.selection)) in {4, 5}


def test_a_switched_off_load_takes_nothing_also_after_power_has_gone(bench: Bench) -> None:
    with bench.client() as client:
        client.action(SWITCH.remote_disconnect())
        assert client.get(POWER.value).value == 0
    bench.power_cycle()
    with bench.client() as client:
        assert client.get(SWITCH.control_state) == ControlState.DISCONNECTED
        assert client.get(POWER.value).value == 0
        client.action(SWITCH.remote_reconnect())
        assert client.get(POWER.value).value > 0  # type: ignore[operator]


def test_the_clock_keeps_daylight_saving(bench: Bench) -> None:
    sunday = DateTime(Date(None, 3, 0xFE, 7), Time(2, 0, 0, 0))
    with bench.client() as client:
        client.set(CLOCK.time_zone, -60)
        client.set(CLOCK.daylight_savings_begin, sunday)
        client.set(CLOCK.daylight_savings_end, DateTime(Date(None, 10, 0xFE, 7), Time(3, 0, 0, 0)))
        client.set(CLOCK.daylight_savings_deviation, 60)
        client.set(CLOCK.daylight_savings_enabled, True)
        client.set(CLOCK.time, DateTime(Date(2026, 3, 29), Time(1, 59, 0, 0)))
        assert (client.get(CLOCK.status), client.get(CLOCK.time).deviation) == (ClockStatus(0), -60)
        bench.sleep(60)
        moment = client.get(CLOCK.time)
        assert (moment.time.hour, moment.deviation) == (3, -120)
        assert moment.clock_status == client.get(CLOCK.status) == ClockStatus.DAYLIGHT_SAVING_ACTIVE
        assert StandardEvent.DAYLIGHT_SAVING_CHANGED in {
            entry.code for entry in bench.meter.units.standard_log.entries
        }
    bench.power_cycle()
    with bench.client() as client:
        assert client.get(CLOCK.status) == ClockStatus.DAYLIGHT_SAVING_ACTIVE
        assert client.get(CLOCK.daylight_savings_begin) == sunday
        client.set(CLOCK.time, DateTime(Date(2026, 10, 25), Time(2, 30, 0, 0), -120))
        bench.sleep(3600)
        moment = client.get(CLOCK.time)
        assert (moment.time.hour, moment.time.minute, moment.deviation) == (2, 30, -60)


def test_an_adjustment_of_the_clock_is_logged_with_the_old_time_and_the_new(bench: Bench) -> None:
    log = bench.meter.units.standard_log
    for adjust in (
        lambda client: client.action(CLOCK.shift_time(-600)),
        lambda client: client.action(CLOCK.adjust_to_minute()),
        lambda client: client.set(CLOCK.time, DateTime(Date(2026, 3, 29), Time(1, 59, 0, 0))),
    ):
        count = len(log.entries)
        with bench.client() as client:
            adjust(client)
        assert [entry.code for entry in log.entries[count:]] == [
            StandardEvent.CLOCK_ADJUSTED_OLD_TIME,
            StandardEvent.CLOCK_ADJUSTED_NEW_TIME,
        ]


def test_an_attempt_of_fraud_is_an_alarm(bench: Bench) -> None:
    bench.meter.units.log_fraud(FraudEvent.REPLAY_ATTACK)
    assert bench.meter.units.plant.alarms.register == FRAUD_ALARM


def test_a_meter_may_tell_its_deviation_with_the_opposite_sign(tmp_path: Path) -> None:
    bench = Bench(PLAIN, opposite_deviation=True, utc_offset_minutes=60)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client() as client:
            told = client.get(CLOCK.time)
            assert (told.deviation, client.get(CLOCK.time_zone)) == (60, 60)
            before = bench.meter.units.clock.utc
            client.set(CLOCK.time, told)
            assert abs(bench.meter.units.clock.utc - before) < 1


def test_a_meter_without_live_objects_has_no_plant() -> None:
    assert Bench(PLAIN, meter_model=replace(load_model("mcs301"), objects=())).meter.units.made_plant is None


def test_objects_need_not_act_before_somebody_asks_for_them(tmp_path: Path) -> None:
    bench = Bench(PLAIN, meter_model=model(), objects_act=False)
    assert bench.meter.units.made_plant is None
    bench.sleep(3600)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client() as client:
            assert client.get(PROFILE.entries_in_use) == 0
            bench.sleep(3600)
        with bench.client() as client:
            assert client.get(PROFILE.entries_in_use) == 4


def heard(config: MeterConfig, client: Profile = PLAIN) -> Arrival:
    """What a listener hears of a served meter whose push setup is told to push by a client."""

    def push(url: str) -> None:
        with Client(url, client) as connected:
            connected.action(PUSH.push())

    async def listened() -> Arrival | None:
        async with PushListener("tcp://127.0.0.1:0", accept_unprotected=True) as listener:
            target = Endpoint.parse(listener.urls[0])
            destination = f"{target.host}:{target.port}".encode()
            changed = replace(
                config,
                meter_model=model(destination),
                neighbours=tuple(
                    replace(neighbour, meter_model=model(destination)) for neighbour in config.neighbours
                ),
            )
            local = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
            server = MeterServer(changed, SimulatedMedium, local, deliveries=Deliveries())
            await server.start()
            try:
                await asyncio.to_thread(push, server.url)
                async with asyncio.timeout(20):
                    return await listener.receive()
            finally:
                await server.stop()

    arrival = asyncio.run(listened())
    assert arrival is not None
    return arrival


@pytest.mark.proves("push-setup")
def test_a_served_meter_sends_what_its_push_setup_pushes() -> None:
    arrival = heard(Bench(PLAIN, meter_model=model()).config)
    assert isinstance(arrival.notification, PushedData)
    assert arrival.notification.value == Data(
        Tag.STRUCTURE, (Data(Tag.STRUCTURE, (Data(Tag.INTEGER, 0), Data(Tag.ENUM, 30))),)
    )
    assert arrival.sender.server_sap == 1


def test_a_meter_that_is_served_with_others_sends_its_own() -> None:
    config = logical_devices(Bench(PLAIN, meter_model=model()).config, 2)
    arrival = heard(config, client=replace(PLAIN, server_sap=2))
    assert arrival.sender.server_sap == 2
