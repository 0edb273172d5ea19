"""Every row of every interface class goes through a client's object and a server, to the octet."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cosem_samples import (
    ATTRIBUTES,
    BEGIN,
    BEGIN_HEX,
    CLOCK_COLUMN,
    CLOCK_COLUMN_HEX,
    END,
    END_HEX,
    METHODS,
    TITLE_HEX,
)
from dlms_fw import _core
from dlms_fw._core import Date, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem import (
    AssociationLN,
    AttributeRow,
    EntryDescriptor,
    InterfaceClass,
    MethodRow,
    RangeDescriptor,
    SapAssignment,
    SecuritySetup,
    Selection,
    ServerObject,
    SingleActionSchedule,
)
from dlms_fw.cosem.profile_generic import entry_descriptor, range_descriptor
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.errors import DecodeError


def _owners(row: AttributeRow[Any] | MethodRow[..., Any]) -> list[type[InterfaceClass]]:
    return [c for c in InterfaceClass.registry.values() if row in c.rows.values()]


def _server(interface: type[InterfaceClass], returned: Any = None) -> tuple[ServerObject, list[Any]]:
    """A server with every row of a table: attributes are kept, the arguments of calls are noted."""
    calls: list[Any] = []
    body: dict[str, Any] = {"__annotations__": {row.name: Any for row in interface.attributes.values()}}
    for row in interface.methods.values():
        body[row.name] = _noting(row, calls, returned)
    made = type(interface.__name__, (ServerObject,), body, interface=interface)
    return made("0-0:44.0.0.255"), calls


def _noting(row: MethodRow[..., Any], calls: list[Any], returned: Any) -> Callable[..., Any]:
    def implementation(self: object, *arguments: Any) -> Any:
        calls.append(arguments)
        return returned

    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += row.signature.parameters.values()
    implementation.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return implementation


def _name_of(value: object) -> str:
    return value.name if isinstance(value, AttributeRow | MethodRow) else ""


@pytest.mark.parametrize(("row", "value", "octets"), ATTRIBUTES, ids=_name_of)
def test_an_attribute_goes_through_client_and_server(row: AttributeRow[Any], value: Any, octets: str) -> None:
    encoded = bytes.fromhex(octets)
    owners = _owners(row)
    assert owners
    for interface in owners:
        reference = getattr(interface("0-0:44.0.0.255"), row.name)
        assert reference.row is row
        assert reference.set_request(value).data == encoded
        assert reference.decode(encoded) == value
        server, _ = _server(interface)
        if row is not InterfaceClass.logical_name:
            server.write(row.attribute_id, encoded)
            assert getattr(server, row.name) == value
        assert server.read(row.attribute_id) == encoded


@pytest.mark.parametrize(
    ("row", "arguments", "octets", "returned", "returned_octets"),
    METHODS,
    ids=_name_of,
)
def test_a_method_goes_through_client_and_server(
    row: MethodRow[..., Any],
    arguments: tuple[Any, ...],
    octets: str,
    returned: Any,
    returned_octets: str | None,
) -> None:
    encoded = bytes.fromhex(octets)
    answer = bytes.fromhex(returned_octets) if returned_octets is not None else None
    owners = _owners(row)
    assert owners
    for interface in owners:
        call = getattr(interface("0-0:44.0.0.255"), row.name)(*arguments)
        assert call.request.parameter == encoded
        assert call.request.method_id == row.method_id
        server, calls = _server(interface, returned)
        assert server.invoke(row.method_id, encoded) == answer
        assert calls == [arguments]
        assert call.decode(answer) == returned


def test_every_row_of_every_class_has_a_value_here() -> None:
    rows = {row for interface in InterfaceClass.registry.values() for row in interface.rows.values()}
    assert rows == {sample[0] for sample in ATTRIBUTES} | {sample[0] for sample in METHODS}


def test_the_tables_are_those_of_the_blue_book() -> None:
    tables = {
        pair: (interface.__name__, sorted(interface.attributes), sorted(interface.methods))
        for pair, interface in InterfaceClass.registry.items()
    }
    assert tables == {
        (1, 0): ("Data", [1, 2], []),
        (7, 0): ("ProfileGenericV0", [1, 2, 3, 4, 5, 6, 7, 8], [1, 2]),
        (7, 1): ("ProfileGeneric", [1, 2, 3, 4, 5, 6, 7, 8], [1, 2]),
        (8, 0): ("Clock", [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6]),
        (9, 0): ("ScriptTable", [1, 2], [1]),
        (12, 0): ("AssociationSNV0", [1, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, 1): ("AssociationSN", [1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, 2): ("AssociationSNV2", [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, 3): ("AssociationSNV3", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (12, 4): ("AssociationSNV4", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (15, 0): ("AssociationLNV0", [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4]),
        (15, 1): ("AssociationLN", [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4]),
        (15, 2): ("AssociationLNV2", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 5, 6]),
        (15, 3): ("AssociationLNV3", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 5, 6]),
        (17, 0): ("SapAssignment", [1, 2], [1]),
        (18, 0): ("ImageTransfer", [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4]),
        (22, 0): ("SingleActionSchedule", [1, 2, 3, 4], []),
        (64, 0): ("SecuritySetupV0", [1, 2, 3, 4, 5], [1, 2]),
        (64, 1): ("SecuritySetup", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8]),
    }


class TestSelectiveAccess:
    def test_an_entry_descriptor_selects_by_number(self) -> None:  # W
        descriptor = EntryDescriptor(1, 10)
        assert descriptor.selection == Selection(
            2, bytes.fromhex("0204 06 00000001 06 0000000A 12 0001 12 0000")
        )
        assert entry_descriptor.decode(descriptor.selection.parameters) == descriptor

    def test_a_range_descriptor_selects_by_clock(self) -> None:
        descriptor = RangeDescriptor.by_clock(CLOCK, BEGIN, END)
        assert descriptor.selection == Selection(
            1, bytes.fromhex(f"0204 {CLOCK_COLUMN_HEX} {BEGIN_HEX} {END_HEX} 0100")
        )
        assert range_descriptor.decode(descriptor.selection.parameters) == descriptor

    def test_a_range_descriptor_selects_columns(self) -> None:
        one = _core.Data(Tag.UNSIGNED, 1)
        descriptor = RangeDescriptor(CLOCK_COLUMN, one, one, [CLOCK_COLUMN])
        assert descriptor.selection.parameters == bytes.fromhex(
            f"0204 {CLOCK_COLUMN_HEX} 1101 1101 0101 {CLOCK_COLUMN_HEX}"
        )


class TestLiberties:
    """What meters send instead of what the standard says, where both are understood."""

    def test_a_logical_device_name_may_be_a_visible_string(self) -> None:
        octets = bytes.fromhex("0101 0202 120001 0A03 4D4353")
        assert SapAssignment("0-0:41.0.0.255").sap_assignment_list.decode(octets) == [(1, b"MCS")]

    def test_an_execution_time_may_have_the_plain_types(self) -> None:
        octets = bytes.fromhex("0101 0202 1B 021E0000 1A 07E90C18FF")
        schedule = SingleActionSchedule("0-0:15.0.2.255")
        assert schedule.execution_time.decode(octets) == [(Time(2, 30, 0, 0), Date(2025, 12, 24))]


class TestRefusals:
    def test_a_conformance_of_another_length(self) -> None:
        octets = bytes.fromhex(f"0206 0410 007E 120400 1204B0 1106 0F00 {TITLE_HEX}")
        with pytest.raises(DecodeError):
            AssociationLN("0-0:40.0.0.255").xdlms_context_info.decode(octets)

    @pytest.mark.parametrize(
        "octets",
        [
            f"0202 1602 0203 1600 1601 {TITLE_HEX}",  # no such type
            "0202 1600 0202 0901 01 0902 4341",  # a serial number where an entity is announced
        ],
    )
    def test_a_certificate_named_in_no_known_way(self, octets: str) -> None:
        with pytest.raises(DecodeError):
            SecuritySetup.export_certificate.decode_parameter(bytes.fromhex(octets))

    def test_an_execution_time_with_the_date_first(self) -> None:
        with pytest.raises(DecodeError):
            SingleActionSchedule("0-0:15.0.2.255").execution_time.decode(
                bytes.fromhex("0101 0202 0905 07E90C18FF 0904 021E0000")
            )
