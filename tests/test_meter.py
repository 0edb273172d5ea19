"""The whole meter through octets: its objects and rights, its defences, and upgrades over power cuts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import meters
from dlms_fw import _core
from dlms_fw._core import (
    ActionRequest,
    Channel,
    DateTime,
    GetRequest,
    GetResponse,
    Key,
    RequestList,
    SecurityContext,
    SetRequest,
    WrapperFraming,
)
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import InterfaceClass, MethodCall
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric, RangeDescriptor
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.security_setup import SecuritySetupV0
from dlms_fw.cosem.single_action_schedule import ExecutionTime, SingleActionSchedule
from dlms_fw.enums import ActionResult, AttributeAccessMode, DataAccessResult, MethodAccessMode
from dlms_fw.errors import AssociationRejected, ConfigurationError, DlmsError, ServiceError, TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.activation import FirmwareBehaviour
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.meter import Framing, MeterConnection, SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.storage import Records
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from meters import IDENTIFIER, VENDOR_KEY, block, block_count, container

GUEK, GAK, GBEK = (Key(bytes(range(start, start + 16))) for start in (0, 16, 32))
CLIENT_TITLE = bytes.fromhex("4D4D4D0000BC614E")
PUBLIC = Profile(client_sap=16)
LLS = Profile(client_sap=1, mechanism=1, password=Key(b"12345678"))
GMAC = Profile(
    client_sap=1,
    mechanism=5,
    security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=CLIENT_TITLE,
    keys=Keys(global_unicast_encryption_key=GUEK, authentication_key=GAK),
)
PLAIN = Profile(client_sap=1)

IMAGE_TRANSFER = ImageTransfer(well_known.IMAGE_TRANSFER)
SCHEDULER = SingleActionSchedule(well_known.IMAGE_TRANSFER_ACTIVATION_SCHEDULER)
CLOCK = Clock(well_known.CLOCK)
STANDARD_LOG = ProfileGeneric(well_known.STANDARD_EVENT_LOG)
FRAUD_LOG = ProfileGeneric(well_known.FRAUD_DETECTION_EVENT_LOG)
LOGICAL_DEVICE_NAME = Data(well_known.LOGICAL_DEVICE_NAME)


class Bench:
    """A meter on memory, a clock that moves when somebody sleeps, and clients over a loopback."""

    journal: Journal

    def __init__(self, profile: Profile = PLAIN, framing: Framing = "wrapper", **changes: object) -> None:
        settings = {"trusted": (VENDOR_KEY.public_key(),), "timings": meters.TIMINGS, "image_block_size": 64}
        self.profile = profile
        self.framing: Framing = framing
        self.config: MeterConfig = mcs301.configured(profile, **(settings | changes))
        self.medium = SimulatedMedium()
        self.time = VirtualTime()
        self._challenges = itertools.count(1)
        self.power_up()

    def power_up(self) -> None:
        self.meter = SimulatedMeter(
            self.medium,
            self.config,
            self.time,
            challenge=lambda: next(self._challenges).to_bytes(16, "big"),
        )

    def power_cycle(self) -> None:
        self.medium.cut_now("kept")
        self.medium = self.medium.survivor()
        self.power_up()

    def connect(self) -> MeterConnection:
        return self.meter.connect(self.framing)

    def sleep(self, seconds: float) -> None:
        end = self.time.elapsed + seconds
        while (due := self.meter.deadline) is not None and due <= end:
            self.time.advance(max(0.0, due - self.time.elapsed))
            self.meter.advance()
        self.time.advance(max(0.0, end - self.time.elapsed))
        self.meter.advance()

    def client(self, profile: Profile | None = None) -> Client:
        scheme = "tcp" if self.framing == "wrapper" else "hdlc+tcp"
        return Client(
            f"{scheme}://meter",
            profile or self.profile,
            journal=self.journal,
            open_transport=lambda deadline: LoopbackTransport(
                self.connect(), clock=self.time.monotonic, sleep=self.sleep
            ),
            clock=self.time.monotonic,
            sleep=self.sleep,
        )


@pytest.fixture(autouse=True)
def journal(tmp_path: Path) -> Iterator[None]:
    with Journal(tmp_path / "journal.db") as Bench.journal:
        yield


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def management(bench: Bench) -> Iterator[Client]:
    with bench.client() as client:
        yield client


def refusal_of(client: Client, request: GetRequest | SetRequest | ActionRequest) -> int:
    response = client.exchange(request)
    assert not isinstance(response, (_core.ResponseList, _core.ExceptionResponse))
    return response.result


def transfer(client: Client, image: bytes, identifier: bytes = IDENTIFIER) -> None:
    client.action(IMAGE_TRANSFER.image_transfer_initiate(identifier, len(image)))
    for number in range(block_count(image)):
        client.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))


# --- Objects -----------------------------------------------------------------------------------------------


def test_the_public_client_reads_who_the_meter_is_and_nothing_else(bench: Bench) -> None:
    with bench.client(PUBLIC) as client:
        assert client.get(LOGICAL_DEVICE_NAME.value).value == b"MCS0040612345678"
        assert client.get(Data(well_known.DEVICE_ID_2).value).value == b"MCS301"
        assert client.get(SapAssignment(well_known.SAP_ASSIGNMENT).sap_assignment_list) == [
            (1, b"MCS0040612345678")
        ]
        assert client.get(Data(well_known.invocation_counter(0)).value).value == 0
        for hidden in (IMAGE_TRANSFER.image_transfer_status, STANDARD_LOG.entries_in_use, CLOCK.time):
            with pytest.raises(ServiceError) as caught:
                client.get(hidden)
            assert caught.value.result == DataAccessResult.READ_WRITE_DENIED


def test_every_object_of_the_object_list_answers_as_its_rights_say(management: Client) -> None:
    association = AssociationLN(well_known.CURRENT_ASSOCIATION)
    elements = management.get(association.object_list)
    assert len(elements) == len({(element.class_id, element.logical_name) for element in elements})
    for element in elements:
        interface = InterfaceClass.registry[element.class_id, element.version]
        target = interface(element.logical_name)
        for item in element.access_rights.attribute_access:
            name = interface.attributes[item.attribute_id].name
            response = management.exchange(getattr(target, name).get_request())
            assert isinstance(response, GetResponse)
            if item.access_mode in {AttributeAccessMode.READ_ONLY, AttributeAccessMode.READ_AND_WRITE}:
                assert response.result == 0, (target, name)
                value = getattr(target, name).decode(response.data)
                expected = 0 if item.access_mode == AttributeAccessMode.READ_AND_WRITE else 3
                written = management.exchange(getattr(target, name).set_request(value))
                assert written.result == expected, (target, name)
            else:
                assert response.result == DataAccessResult.READ_WRITE_DENIED
        for method in element.access_rights.method_access:
            if method.access_mode == MethodAccessMode.NO_ACCESS:
                request = ActionRequest(element.class_id, target.instance_id.to_bytes(), method.method_id)
                assert refusal_of(management, request) == ActionResult.READ_WRITE_DENIED


@pytest.mark.parametrize(("part", "identifier"), [(0, b"MCSF00"), (1, b"MCSF01"), (2, b"MCSF02")])
def test_the_objects_of_page_114(management: Client, part: int, identifier: bytes) -> None:
    value = management.get(Data(well_known.active_firmware_identifier(part)).value)
    assert [item.value for item in value.value] == [identifier]  # type: ignore[union-attr]
    signature = management.get(Data(well_known.active_firmware_signature(part)).value).value
    assert isinstance(signature, bytes)
    assert len(signature) == 64
    assert management.get(Data(mcs301.firmware_version_object(part)).value).value == b"1.0.0"
    scripts = management.get(ScriptTable(well_known.IMAGE_ACTIVATION_SCRIPT_TABLE).scripts)
    action = scripts[0].actions[0]
    assert (scripts[0].script_identifier, action[:4]) == (1, (2, 18, well_known.IMAGE_TRANSFER, 4))
    assert management.get(SCHEDULER.executed_script) == (well_known.IMAGE_ACTIVATION_SCRIPT_TABLE, 1)
    assert management.get(SCHEDULER.execution_time) == []
    assert management.get(IMAGE_TRANSFER.image_block_size) == 64


def test_the_association_says_what_was_agreed() -> None:
    bench = Bench(GMAC)
    with bench.client() as client:
        association = AssociationLN(well_known.CURRENT_ASSOCIATION)
        assert client.get(association.associated_partners_id) == (1, 1)
        assert client.get(association.application_context_name)[-1] == 3
        assert client.get(association.authentication_mechanism_name)[-1] == 5
        assert client.get(association.xdlms_context_info).max_receive_pdu_size == 1024
        setup = SecuritySetupV0(client.get(association.security_setup_reference))
        assert client.get(setup.security_policy) == 3
        assert client.get(setup.server_system_title) == bench.config.system_title


def test_unknown_things_have_their_own_answers(management: Client) -> None:
    name = well_known.LOGICAL_DEVICE_NAME.to_bytes()
    assert refusal_of(management, GetRequest(1, bytes(6), 2)) == DataAccessResult.OBJECT_UNDEFINED
    assert refusal_of(management, GetRequest(3, name, 2)) == DataAccessResult.OBJECT_CLASS_INCONSISTENT
    assert refusal_of(management, GetRequest(1, name, 9)) == DataAccessResult.OBJECT_UNDEFINED
    assert refusal_of(management, ActionRequest(1, name, 1, b"\x0f\0")) == ActionResult.OBJECT_UNDEFINED
    assert refusal_of(management, SetRequest(1, name, 2, b"\0")) == DataAccessResult.READ_WRITE_DENIED
    bad = ActionRequest(18, well_known.IMAGE_TRANSFER.to_bytes(), 1, b"\x0f\0")
    assert refusal_of(management, bad) == ActionResult.TYPE_UNMATCHED
    wrong = SetRequest(18, well_known.IMAGE_TRANSFER.to_bytes(), 5, b"\x0f\0")
    assert refusal_of(management, wrong) == DataAccessResult.TYPE_UNMATCHED


def test_requests_with_lists(management: Client) -> None:
    items = [LOGICAL_DEVICE_NAME.value.get_request(), GetRequest(1, bytes(6), 2)]
    response = management.exchange(RequestList(items))
    assert isinstance(response, _core.ResponseList)
    assert [item.result for item in response.items] == [0, DataAccessResult.OBJECT_UNDEFINED]
    image = container()
    management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
    calls = [IMAGE_TRANSFER.image_block_transfer(n, block(image, n)).request for n in range(3)]
    response = management.exchange(RequestList(calls))
    assert isinstance(response, _core.ResponseList)
    assert [item.result for item in response.items] == [0, 0, 0]
    assert management.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == 3


@pytest.mark.fault("M-19")
@pytest.mark.parametrize("client_sap", [2, 16])
def test_clients_without_the_right_change_nothing(bench: Bench, client_sap: int) -> None:
    calls: list[MethodCall[None]] = [
        IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, 100),
        IMAGE_TRANSFER.image_block_transfer(0, bytes(64)),
        IMAGE_TRANSFER.image_verify(),
        IMAGE_TRANSFER.image_activate(),
        ScriptTable(well_known.IMAGE_ACTIVATION_SCRIPT_TABLE).execute(1),
        CLOCK.shift_time(10),
    ]
    with bench.client(replace(PUBLIC, client_sap=client_sap)) as client:
        before = bench.meter.units.firmware.memory.state
        for call in calls:
            assert refusal_of(client, call.request) == ActionResult.READ_WRITE_DENIED
        writes = [
            IMAGE_TRANSFER.image_transfer_enabled.set_request(value=False),
            SCHEDULER.execution_time.set_request([]),
        ]
        for write in writes:
            assert refusal_of(client, write) == DataAccessResult.READ_WRITE_DENIED
        assert bench.meter.units.firmware.memory.state == before


# --- Clock, schedule and log -------------------------------------------------------------------------------


def test_the_clock_can_be_set_and_a_schedule_follows_it(bench: Bench, management: Client) -> None:
    transfer(management, container())
    bench.sleep(3)
    entry = ExecutionTime(_core.Time(2, 30, 0, 0), _core.Date(2030, 12, 24))
    management.set(SCHEDULER.execution_time, [entry])
    assert management.get(SCHEDULER.execution_time) == [entry]
    management.set(CLOCK.time, DateTime.from_bytes(bytes.fromhex("07ee0c18ff021d3a00000000")))
    assert str(management.get(CLOCK.time).to_datetime()).startswith("2030-12-24 02:29:58")
    bench.sleep(60)
    with bench.client() as client:
        assert client.get(SCHEDULER.execution_time) == []
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 6
        value = client.get(Data(well_known.active_firmware_identifier(1)).value)
        assert [item.value for item in value.value] == [IDENTIFIER, b"MCSF01"]  # type: ignore[union-attr]


def test_a_schedule_is_cancelled_by_an_empty_array_and_wrong_ones_are_refused(
    bench: Bench, management: Client
) -> None:
    entry = ExecutionTime(_core.Time(2, 30, 0, 0), _core.Date(2030, 12, 24))
    two = SCHEDULER.execution_time.set_request([entry, entry])
    assert refusal_of(management, two) == DataAccessResult.OTHER_REASON
    management.set(SCHEDULER.execution_time, [entry])
    bench.power_cycle()
    with bench.client() as client:
        assert client.get(SCHEDULER.execution_time) == [entry]
        client.set(SCHEDULER.execution_time, [])
        assert client.get(SCHEDULER.execution_time) == []
        unspecified = CLOCK.time.set_request(DateTime())
        assert refusal_of(client, unspecified) == DataAccessResult.OTHER_REASON


def test_the_script_activates_on_demand(bench: Bench, management: Client) -> None:
    transfer(management, container())
    bench.sleep(3)
    script = ScriptTable(well_known.IMAGE_ACTIVATION_SCRIPT_TABLE)
    assert refusal_of(management, script.execute(2).request) == ActionResult.OTHER_REASON
    assert refusal_of(management, script.execute(0).request) == ActionResult.SUCCESS
    assert refusal_of(management, script.execute(1).request) == ActionResult.TEMPORARY_FAILURE
    bench.sleep(60)
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


def test_the_event_log_by_entry_and_by_range(bench: Bench, management: Client) -> None:
    start = bench.meter.units.clock.date_time
    transfer(management, container())
    bench.sleep(100)
    middle = bench.meter.units.clock.date_time
    bench.sleep(1)
    transfer(management, container(), b"OTHER1")
    bench.sleep(3)

    def codes(rows: list[_core.Data]) -> list[object]:
        return [row.plain()[1] for row in rows]  # type: ignore[index]

    everything = management.get(STANDARD_LOG.buffer)
    assert codes(everything) == [2, 30, 31, 17, 30, 31, 51]
    assert [len(row.value) for row in everything] == [3] * 7  # type: ignore[arg-type]
    assert management.get(STANDARD_LOG.entries_in_use) == 7
    assert management.get(STANDARD_LOG.profile_entries) == 580
    columns = management.get(STANDARD_LOG.capture_objects)
    assert [str(column.logical_name) for column in columns] == [
        "0-0:1.0.0.255",
        "0-0:96.11.0.255",
        "0-0:96.11.10.255",
    ]
    newest = management.get(STANDARD_LOG.buffer, EntryDescriptor(6).selection)
    assert codes(newest) == [31, 51]
    assert len(management.get(STANDARD_LOG.buffer, EntryDescriptor(2, 4).selection)) == 3
    codes_only = management.get(STANDARD_LOG.buffer, EntryDescriptor(7, 7, 2, 2).selection)
    assert [row.plain() for row in codes_only] == [(51,)]
    by_clock = RangeDescriptor.by_clock(well_known.CLOCK, start, middle)
    assert codes(management.get(STANDARD_LOG.buffer, by_clock.selection)) == [2, 30, 31, 17]
    some = by_clock._replace(selected_values=[columns[1]])
    assert [row.plain() for row in management.get(STANDARD_LOG.buffer, some.selection)] == [
        (2,),
        (30,),
        (31,),
        (17,),
    ]
    assert management.get(Data(well_known.event_code(0)).value).value == 51
    for selection in ((9, b"\0"), (2, b"\0"), (1, b"\0")):
        request = GetRequest(7, well_known.STANDARD_EVENT_LOG.to_bytes(), 2, selection)
        assert refusal_of(management, request) in {
            DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
            DataAccessResult.TYPE_UNMATCHED,
        }


# --- Upgrades ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, LLS, GMAC], ids=["none", "lls", "gmac"])
def test_an_upgrade_from_end_to_end(profile: Profile, framing: Framing) -> None:
    bench = Bench(profile, framing)
    image = Image.from_bytes(container(blocks=100))
    with bench.client() as client:
        result = client.upgrade(image)
    assert result.changed
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER
    region = f"part-1.bank-{bench.meter.units.firmware.memory.state.parts[1].running}"
    assert bench.medium.read(region, 0, len(image.data) + 1) == image.data


def test_a_reboot_ends_connections_and_takes_none_for_its_time(bench: Bench, management: Client) -> None:
    transfer(management, container())
    bench.sleep(3)
    assert refusal_of(management, IMAGE_TRANSFER.image_activate().request) == ActionResult.TEMPORARY_FAILURE
    bench.sleep(2)
    assert bench.meter.is_away
    with pytest.raises(TransportError, match="rebooting"):
        bench.connect()
    bench.sleep(9)
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 5
        bench.sleep(10)
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 6
    with pytest.raises(DlmsError):
        management.get(IMAGE_TRANSFER.image_transfer_status)


def test_a_transfer_goes_on_after_a_power_cut(bench: Bench, management: Client) -> None:
    image = container()
    management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
    for number in range(7):
        management.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))
    bench.power_cycle()
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 1
        first = client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number)
        assert first == 7
        for number in range(first, 12):
            client.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))
        bench.sleep(3)
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 3


@pytest.mark.fault("M-01")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_an_upgrade_with_keys_goes_on_over_power_cuts_of_the_meter(framing: Framing) -> None:
    bench = Bench(GMAC, framing)
    sends = itertools.count()

    class Unsteady(LoopbackTransport):
        """Every so often the meter loses its power in the middle of a request."""

        def send(self, data: bytes, deadline: float) -> None:
            if next(sends) % 40 == 39:
                bench.power_cycle()
                raise TransportError("the meter is gone")
            super().send(data, deadline)

    client = bench.client()
    client._open_transport = lambda deadline: Unsteady(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    result = client.upgrade(Image.from_bytes(container(blocks=100)))
    client.close()
    assert result.changed
    assert result.link_losses >= 2
    assert result.blocks_sent <= 100 + result.link_losses
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


@pytest.mark.parametrize("behaviour", [FirmwareBehaviour.NO_BOOT, FirmwareBehaviour.FAILS_SELF_TEST])
@pytest.mark.fault("M-08")
def test_a_bad_firmware_leaves_the_old_one_running(
    bench: Bench, management: Client, behaviour: FirmwareBehaviour
) -> None:
    bench.meter.set_behaviour(behaviour)
    transfer(management, container())
    bench.sleep(3)
    refusal_of(management, IMAGE_TRANSFER.image_activate().request)
    bench.sleep(100)
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 7
        value = client.get(Data(well_known.active_firmware_identifier(1)).value)
        assert [item.value for item in value.value] == [b"MCSF01"]  # type: ignore[union-attr]


@pytest.mark.fault("M-18")
def test_one_association_owns_the_transfer(bench: Bench, management: Client) -> None:
    image = container()
    transfer_one = IMAGE_TRANSFER.image_block_transfer(0, block(image, 0)).request
    management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
    with bench.client() as other:
        assert refusal_of(other, transfer_one) == ActionResult.TEMPORARY_FAILURE
        restart = IMAGE_TRANSFER.image_transfer_initiate(b"OTHER1", 100).request
        assert refusal_of(other, restart) == ActionResult.TEMPORARY_FAILURE
        assert other.get(IMAGE_TRANSFER.image_transfer_status) == 1
        assert refusal_of(management, transfer_one) == ActionResult.SUCCESS
        bench.sleep(bench.config.owner_idle_seconds)
        assert refusal_of(other, transfer_one) == ActionResult.SUCCESS
        assert refusal_of(management, transfer_one) == ActionResult.TEMPORARY_FAILURE
    assert refusal_of(management, transfer_one) == ActionResult.SUCCESS, "the other one is gone"


# --- Security ----------------------------------------------------------------------------------------------


def eavesdrop(bench: Bench) -> tuple[Client, list[bytes]]:
    """A management client whose requests are written down."""
    sent: list[bytes] = []

    class Tapped(LoopbackTransport):
        def send(self, data: bytes, deadline: float) -> None:
            sent.append(data)
            super().send(data, deadline)

    client = bench.client()
    client._open_transport = lambda deadline: Tapped(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    return client, sent


@pytest.mark.fault("M-22")
def test_a_replayed_request_has_no_effect_not_even_after_a_power_cut() -> None:
    bench = Bench(GMAC)
    client, sent = eavesdrop(bench)
    with client:
        client.set(IMAGE_TRANSFER.image_transfer_enabled, value=False)
        recorded = sent[-1]
        client.set(IMAGE_TRANSFER.image_transfer_enabled, value=True)
        transport = client._transport
        assert transport is not None
        transport.send(recorded, bench.time.monotonic() + 1)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [50]
    for _ in range(3):
        bench.power_cycle()
        replayed = bench.connect()
        for data in sent:
            replayed.receive(data)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled


@pytest.mark.fault("M-22")
def test_the_meter_never_uses_an_invocation_counter_twice() -> None:
    medium = SimulatedMedium()
    CounterRecord.create(Records(medium))
    used: set[int] = set()
    for life in range(20):
        counters = CounterRecord(Records(medium), stride=16)
        for _ in range(life % 4 + 1):
            taken = counters.reserve("key", 8)
            assert not used & set(taken)
            used |= set(taken)
        medium.cut_now("lost")
        medium = medium.survivor()


def test_received_counters_are_bounded_over_a_cut_and_exact_over_a_clean_stop() -> None:
    medium = SimulatedMedium()
    CounterRecord.create(Records(medium))
    counters = CounterRecord(Records(medium), stride=16)
    assert counters.last_accepted("key") == -1
    for counter in range(40):
        counters.accepted("key", counter)
        after = CounterRecord(Records(medium.survivor()), stride=16)
        assert counter <= after.last_accepted("key") <= counter + 16
    counters.settle()
    assert CounterRecord(Records(medium.survivor()), stride=16).last_accepted("key") == 39
    assert counters.last_accepted("other") == -1


def test_the_counter_object_never_falls_behind_what_was_accepted() -> None:
    bench = Bench(GMAC)
    seen = []
    for _ in range(3):
        with bench.client() as client:
            client.get(IMAGE_TRANSFER.image_transfer_status)
        with bench.client(PUBLIC) as public:
            value = public.get(Data(well_known.invocation_counter(0)).value).value
            assert isinstance(value, int)
            seen.append(value)
        bench.power_cycle()
    assert seen == sorted(set(seen))


def test_nothing_plain_is_accepted_where_the_policy_demands_protection() -> None:
    bench = Bench(GMAC)
    with bench.client() as client:
        plain = IMAGE_TRANSFER.image_transfer_enabled.set_request(value=False).encode()
        transport = client._transport
        assert transport is not None
        header = b"\0\1" + (1).to_bytes(2, "big") + (1).to_bytes(2, "big") + len(plain).to_bytes(2, "big")
        transport.send(header + plain, bench.time.monotonic() + 1)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled
    with pytest.raises(DlmsError):
        bench.client(PLAIN).connect()


@pytest.mark.fault("S-38")
def test_wrong_passwords_lock_a_client_out_for_a_time() -> None:
    bench = Bench(LLS, authentication_tries=3, lockout_seconds=60.0)
    wrong = replace(LLS, password=Key(b"wrong"))
    for _ in range(2):
        with pytest.raises(AssociationRejected) as caught:
            bench.client(wrong).connect()
        assert caught.value.diagnostic == 13
    bench.client().connect()
    for _ in range(3):
        with pytest.raises(AssociationRejected):
            bench.client(wrong).connect()
    with pytest.raises(AssociationRejected) as caught:
        bench.client().connect()
    assert caught.value.diagnostic == 1
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [46]
    bench.client(PUBLIC).connect()
    bench.sleep(60)
    bench.client().connect()


@pytest.mark.fault("S-38")
def test_wrong_keys_are_logged() -> None:
    bench = Bench(GMAC)
    strange = Keys(global_unicast_encryption_key=Key(b"?" * 16), authentication_key=GAK)
    with pytest.raises(DlmsError):
        bench.client(replace(GMAC, keys=strange)).connect()
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [49]
    with bench.client() as client:
        assert len(client.get(FRAUD_LOG.buffer)) == 1


def test_fraud_events_do_not_wear_out_the_memory() -> None:
    bench = Bench(GMAC)
    strange = Keys(global_unicast_encryption_key=Key(b"?" * 16), authentication_key=GAK)
    for _ in range(5):
        with pytest.raises(DlmsError):
            bench.client(replace(GMAC, keys=strange)).connect()
    assert len(bench.meter.units.fraud_log.entries) == 1
    bench.sleep(61)
    with pytest.raises(DlmsError):
        bench.client(replace(GMAC, keys=strange)).connect()
    assert len(bench.meter.units.fraud_log.entries) == 2


def test_a_pinned_client_title_is_the_only_one() -> None:
    bench = Bench(GMAC, client_system_title=b"MMM\0\0\0\0\1")
    with pytest.raises(DlmsError):
        bench.client().connect()
    bench.client(replace(GMAC, system_title=b"MMM\0\0\0\0\1")).connect()


def test_a_meter_without_the_secrets_it_needs_is_not_made() -> None:
    for changes in (
        {"mechanism": 5},
        {"mechanism": 1},
        {"security_policy": SecurityPolicy.AUTHENTICATED},
        {"global_unicast_encryption_key": Key(bytes(5)), "authentication_key": GAK, "mechanism": 5},
    ):
        with pytest.raises(ConfigurationError):
            Bench(PLAIN, **changes)  # type: ignore[arg-type]


# --- The pre-established client ----------------------------------------------------------------------------


def multicast(
    calls: list[MethodCall[None]], *, counter: int, key: Key = GBEK, confirmed: bool = False
) -> bytes:
    """What the pre-established client sends under the broadcast key."""
    channel = Channel("client", WrapperFraming(102, 1))
    channel.connect()
    channel.negotiate(0x0040_1F1D, 1024)
    channel.security = SecurityContext(
        0,
        0x30,
        system_title=CLIENT_TITLE,
        peer_system_title=MeterConfig().system_title,
        authentication_key=GAK,
        global_broadcast_encryption_key=key,
        invocation_counter=counter,
        counter_limit=counter + 100,
        general=True,
    )
    requests = [call.request if confirmed else call.unconfirmed().request for call in calls]
    return b"".join(channel.send(request) for request in requests)


def test_blocks_by_multicast_under_the_broadcast_key() -> None:
    keys = replace(GMAC.keys, global_broadcast_encryption_key=GBEK)
    bench = Bench(replace(GMAC, keys=keys), client_system_title=CLIENT_TITLE)
    image = container()
    store = bench.meter.units.firmware.image_store
    blocks = [IMAGE_TRANSFER.image_block_transfer(n, block(image, n)) for n in range(11)]
    with bench.client() as owner:
        owner.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        line = bench.connect()
        assert line.receive(multicast(blocks, counter=1)) == b"", "it is never answered"
        assert store.image_first_not_transferred_block_number == 11
        others = [IMAGE_TRANSFER.image_verify(), IMAGE_TRANSFER.image_activate()]
        assert line.receive(multicast(others, counter=50)) == b""
        last = [IMAGE_TRANSFER.image_block_transfer(11, block(image, 11))]
        assert line.receive(multicast(last, counter=60, confirmed=True)) == b""
        assert line.receive(multicast(last, counter=70, key=Key(b"?" * 16))) == b""
        assert store.image_first_not_transferred_block_number == 11
        assert store.image_transfer_status == 1
        line.receive(multicast(last, counter=80))
        assert store.image_transfer_status == 2


# --- Damaged memory ----------------------------------------------------------------------------------------


@pytest.mark.fault("M-05")
@pytest.mark.parametrize("record", ["firmware", "counters", "clock", "identity"])
def test_a_meter_whose_records_are_lost_still_says_who_it_is(record: str) -> None:
    bench = Bench(GMAC)
    for copy in (0, 1):
        bench.medium.rot(f"{record}.{copy}", 20)
    bench.power_cycle()
    assert bench.meter.in_recovery
    with bench.client(PUBLIC) as public:
        assert public.get(LOGICAL_DEVICE_NAME.value).value == b"MCS0040612345678"
        assert public.get(Data(well_known.ALARM_REGISTER_1).value).value == 1 << 10
    with pytest.raises(DlmsError):
        bench.client().connect()
    with pytest.raises(LookupError):
        bench.meter.units  # noqa: B018
    bench.meter.stop()


@pytest.mark.fault("M-05")
def test_a_damaged_firmware_part_is_told_and_can_be_replaced() -> None:
    bench = Bench()
    bench.medium.rot("part-1.bank-0", 5)
    bench.power_cycle()
    assert bench.meter.in_recovery
    with bench.client() as client:
        assert client.get(Data(well_known.ALARM_REGISTER_1).value).value == 1 << 8
        damaged = Data(well_known.active_firmware_identifier(1)).value.get_request()
        assert refusal_of(client, damaged) == DataAccessResult.HARDWARE_FAULT
        transfer(client, container())
        bench.sleep(3)
        refusal_of(client, IMAGE_TRANSFER.image_activate().request)
        bench.sleep(60)
    bench.power_cycle()
    assert not bench.meter.in_recovery
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


def test_power_failures_and_clean_stops_are_logged() -> None:
    bench = Bench()
    bench.power_cycle()
    bench.meter.stop()
    bench.power_cycle()
    assert [entry.code for entry in bench.meter.units.standard_log.entries] == [2, 1, 2, 1, 2]
