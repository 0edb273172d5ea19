"""The objects of the whole meter, read and used through octets: rights, clock, schedule and logs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlms_fw import _core
from dlms_fw._core import (
    ActionRequest,
    DateTime,
    GetRequest,
    GetResponse,
    RequestList,
    SetRequest,
)
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.interface import InterfaceClass, MethodCall
from dlms_fw.cosem.profile_generic import EntryDescriptor, RangeDescriptor
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.security_setup import SecuritySetup
from dlms_fw.cosem.single_action_schedule import ExecutionTime
from dlms_fw.enums import ActionResult, AttributeAccessMode, DataAccessResult, MethodAccessMode
from dlms_fw.errors import ServiceError
from dlms_fw.meter.builtin_objects import firmware_version_object
from meter_bench import (
    CLOCK,
    GMAC,
    IMAGE_TRANSFER,
    LOGICAL_DEVICE_NAME,
    PUBLIC,
    SCHEDULER,
    STANDARD_LOG,
    Bench,
    refusal_of,
    transfer,
)
from meters import IDENTIFIER, block, container

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

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
    assert management.get(Data(firmware_version_object(part)).value).value == b"1.0.0"
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
        setup = SecuritySetup(client.get(association.security_setup_reference))
        assert client.get(setup.security_policy) == 0x6C
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
