"""The models that ship: what a meter lists it gives, in the types of its classes and to whom it may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN, ObjectListElement
from dlms_fw.cosem.catalogue import interface_class
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.cosem.registers import Register
from dlms_fw.enums import ActionResult, AttributeAccessMode, DataAccessResult
from dlms_fw.errors import ServiceError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.identity import (
    DeviceType,
    FunctionType,
    logical_device_name,
    system_title,
    utility_device_id,
)
from dlms_fw.meter.model_files import load_model, model_names
from dlms_fw.meter.model_settings import configured
from dlms_fw.simulation import PLAIN, Simulation, VirtualMeter

READABLE = {AttributeAccessMode.READ_ONLY, AttributeAccessMode.READ_AND_WRITE}
WRITABLE = {AttributeAccessMode.WRITE_ONLY, AttributeAccessMode.READ_AND_WRITE}
CLIENTS = [
    pytest.param(name, client.sap, id=f"{name}-{client.name}")
    for name in model_names()
    for client in load_model(name).clients
    if client.role != "pre-established"
]
SECRETS = {(19, 7), (19, 8), (19, 9), (44, 5), (45, 3), (15, 7)}
"""Passwords of local ports, of PPP and of associations, and the PIN, by class_id and attribute_id."""


def meter_of(name: str) -> VirtualMeter:
    return Simulation().meter(PLAIN, config=configured(load_model(name), PLAIN))


def object_list(client: Client) -> list[ObjectListElement]:
    return client.get(AssociationLN(well_known.CURRENT_ASSOCIATION).object_list)


@pytest.mark.parametrize(("name", "sap"), CLIENTS)
def test_what_a_client_sees_in_its_object_list_it_can_read_and_write_in_the_types_of_its_class(
    name: str, sap: int
) -> None:
    with meter_of(name).client(replace(PLAIN, client_sap=sap)) as client:
        for element in object_list(client):
            declared = interface_class(element.class_id, element.version)
            target = declared(element.logical_name)
            listed = {item.attribute_id: item.access_mode for item in element.access_rights.attribute_access}
            assert listed.keys() == declared.attributes.keys()
            for number, mode in listed.items():
                reference = getattr(target, declared.attributes[number].name)
                if mode in READABLE:
                    value = client.get(reference)
                    if mode in WRITABLE:
                        client.set(reference, value)
                else:
                    with pytest.raises(ServiceError) as refused:
                        client.get(reference)
                    assert refused.value.result == DataAccessResult.READ_WRITE_DENIED
            assert {item.method_id for item in element.access_rights.method_access} == declared.methods.keys()


@pytest.mark.parametrize("name", model_names())
def test_the_public_client_sees_who_the_meter_is_and_no_metering_data(name: str) -> None:
    model = load_model(name)
    meter = meter_of(name)
    (public,) = model.saps("public")
    with meter.client(replace(PLAIN, client_sap=public)) as client:
        elements = object_list(client)
        assert {element.class_id for element in elements} <= {1, 15, 17}
        assert all(
            item.access_mode not in WRITABLE
            for element in elements
            for item in element.access_rights.attribute_access
        )
        for element in elements:
            allowed = {item.method_id for item in element.access_rights.method_access if item.access_mode}
            assert not allowed, element
        assert (
            client.get(Data(well_known.LOGICAL_DEVICE_NAME).value).value == meter.config.logical_device_name
        )
        for hidden in (Register("1-0:1.8.0.255").value, ProfileGeneric("1-0:99.1.0.255").buffer):
            with pytest.raises(ServiceError) as refused:
                client.get(hidden)
            assert refused.value.result == DataAccessResult.READ_WRITE_DENIED


@pytest.mark.parametrize(("name", "sap"), CLIENTS)
def test_secrets_are_never_to_be_read(name: str, sap: int) -> None:
    with meter_of(name).client(replace(PLAIN, client_sap=sap)) as client:
        readable = {
            (element.class_id, item.attribute_id)
            for element in object_list(client)
            for item in element.access_rights.attribute_access
            if item.access_mode in READABLE
        }
    assert not readable & SECRETS


@pytest.mark.parametrize("name", [name for name in model_names() if load_model(name).saps("reading")])
def test_the_reading_client_reads_and_changes_nothing(name: str) -> None:
    (reading,) = load_model(name).saps("reading")
    with meter_of(name).client(replace(PLAIN, client_sap=reading)) as client:
        for element in object_list(client):
            modes = {item.access_mode for item in element.access_rights.attribute_access}
            assert not modes & WRITABLE, element
        with pytest.raises(ServiceError) as refused:
            client.action(ProfileGeneric("1-0:99.1.0.255").reset())
        assert refused.value.result == ActionResult.READ_WRITE_DENIED


def test_the_objects_that_the_manual_of_the_mcs301_names_are_there() -> None:
    with meter_of("mcs301").client() as client:
        there = {(element.class_id, str(element.logical_name)) for element in object_list(client)}
        assert there >= MANUAL
        columns = {
            log: [str(column.logical_name) for column in client.get(ProfileGeneric(log).capture_objects)]
            for log in LOG_COLUMNS
        }
        assert columns == LOG_COLUMNS
        assert client.get(ProfileGeneric("0-0:99.98.0.255").profile_entries) == 580
        assert client.get(ProfileGeneric("0-0:99.98.1.255").profile_entries) == 680
        assert client.get(Data(LogicalName("1-0:0.0.0.255")).value).value == b"MCS0041912345678"


MANUAL = {
    *((1, f"0-0:96.1.{e}.255") for e in range(10)),
    *((1, f"1-{part}:0.2.{e}.255") for part in range(3) for e in (0, 8)),
    *((1, f"0-0:96.11.{e}.255") for e in (0, 1, 2, 4, 5, 6, 10)),
    *((1, f"0-0:97.98.{e}.255") for e in (0, 10, 20)),
    *((7, f"0-0:99.98.{e}.255") for e in (0, 1, 2, 4, 5)),
    *((7, name) for name in ("0-0:99.97.0.255", "1-0:99.1.0.255", "1-0:99.2.0.255")),
    *((9, f"0-0:10.0.{e}.255") for e in (0, 1, 100, 101, 103, 105, 106, 107, 108, 109, 110, 111)),
    *((22, f"0-0:15.0.{e}.255") for e in (0, 1, 2, 3, 5, 6, 7)),
    *((22, f"0-{b}:15.0.4.255") for b in (1, 2, 3)),
    *((40, f"0-{b}:25.9.0.255") for b in (1, 2, 3, 4, 7)),
    *((64, f"0-0:43.0.{e}.255") for e in (0, 1)),
    *((1, f"0-0:43.1.{e}.255") for e in (0, 1, 2)),
    (1, "0-0:42.0.0.255"),
    (1, "0-0:97.97.0.255"),
    (1, "1-0:0.0.0.255"),
    (6, "0-0:14.0.1.255"),
    (8, "0-0:1.0.0.255"),
    (11, "0-0:11.0.0.255"),
    (15, "0-0:40.0.0.255"),
    (17, "0-0:41.0.0.255"),
    (18, "0-0:44.0.0.255"),
    (19, "0-0:20.0.0.255"),
    (20, "0-0:13.0.0.255"),
    (21, "0-0:16.1.0.255"),
    (23, "0-0:22.0.0.255"),
    (27, "0-0:2.0.0.255"),
    (28, "0-0:2.2.0.255"),
    (41, "0-0:25.0.0.255"),
    (42, "0-0:25.1.0.255"),
    (45, "0-0:25.4.0.255"),
    (70, "0-0:96.3.10.255"),
    (71, "0-0:17.0.0.255"),
}
LOG_COLUMNS = {
    "0-0:99.98.0.255": ["0-0:1.0.0.255", "0-0:96.11.0.255", "0-0:96.11.10.255"],
    "0-0:99.98.1.255": ["0-0:1.0.0.255", "0-0:96.11.1.255"],
    "0-0:99.98.2.255": ["0-0:1.0.0.255", "0-0:96.11.2.255", "0-0:17.0.0.255"],
    "0-0:99.98.4.255": ["0-0:1.0.0.255", "0-0:96.11.4.255", "1-0:12.34.0.255", "1-0:12.33.0.255"],
    "0-0:99.98.5.255": ["0-0:1.0.0.255", "0-0:96.11.5.255"],
    "0-0:99.97.0.255": ["0-0:1.0.0.255", "0-0:96.11.6.255", "0-0:96.7.19.255"],
}


def test_the_names_of_a_meter_follow_from_its_serial_number() -> None:
    """The example of the manual, with the manufacturer's letters right: the manual prints 4D 44 for MC."""
    told = (
        "MCS",
        DeviceType.THREE_PHASE_CURRENT_TRANSFORMER,
        FunctionType.LOAD_MANAGEMENT_RELAY | FunctionType.MULTI_UTILITY,
        12345678,
    )
    assert system_title(*told) == bytes.fromhex("4D43530460BC614E")
    assert (
        logical_device_name(*told) == b"MCS0040612345678" == bytes.fromhex("4D435330303430363132333435363738")
    )
    assert utility_device_id(b"MCS0040612345678", 2019) == b"MCS0041912345678"
    model = configured(load_model("mcs301"), PLAIN)
    assert (model.system_title, model.logical_device_name) == (
        system_title(*told),
        logical_device_name(*told),
    )
    for wrong in (
        ("MC", 4, 6, 1),
        ("MCS", 256, 6, 1),
        ("MCS", 4, 16, 1),
        ("MCS", 4, 6, 10**8),
        ("M1S", 4, 6, 1),
    ):
        with pytest.raises(ValueError, match=r".+"):
            system_title(*wrong)
