"""Every row of every interface class goes through a client's object and a server, to the octet."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
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
from data_type_values import encoding
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
    interface_classes,
)
from dlms_fw.cosem.g3 import MacKey
from dlms_fw.cosem.internet import AuthenticationKey, PppAuthentication
from dlms_fw.cosem.profile_generic import entry_descriptor, range_descriptor
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.errors import DecodeError

BY_HAND = {
    f"dlms_fw.cosem.{module}"
    for module in (
        "association",
        "association_sn",
        "clock",
        "data",
        "image_transfer",
        "profile_generic",
        "sap_assignment",
        "script_table",
        "security_setup",
        "single_action_schedule",
    )
}
"""The modules whose rows have values in ``cosem_samples``, written by hand; the others' are generated."""
NO_ARGUMENT = b"\x0f\x00"
TABLES = (Path(__file__).parent / "interface_classes.txt").read_text().splitlines()


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


def test_every_row_of_the_classes_of_an_upgrade_has_a_value_here() -> None:
    classes = [c for c in interface_classes().values() if c.__module__ in BY_HAND]
    assert {c.__module__ for c in classes} == BY_HAND
    rows = {row for interface in classes for row in interface.rows.values()}
    assert rows == {sample[0] for sample in ATTRIBUTES} | {sample[0] for sample in METHODS}


EVERY_CLASS = [pytest.param(c, id=c.__name__) for c in interface_classes().values()]


@pytest.mark.proves("classes-tables")
@pytest.mark.parametrize("alternative", range(3))
@pytest.mark.parametrize("interface", EVERY_CLASS)
def test_every_attribute_goes_through_client_and_server(
    interface: type[InterfaceClass], alternative: int
) -> None:
    server, _ = _server(interface)
    client = interface("0-0:44.0.0.255")
    for row in interface.attributes.values():
        encoded = encoding(row.data_type, alternative)
        value = client_value(client, row, encoded)
        if row is not InterfaceClass.logical_name:
            server.write(row.attribute_id, encoded)
            assert getattr(server, row.name) == value
            assert client_value(client, row, server.read(row.attribute_id)) == value
        again = getattr(client, row.name).set_request(value).data
        assert client_value(client, row, again) == value
        if alternative == 0:
            assert again == encoded


@pytest.mark.parametrize("interface", EVERY_CLASS)
def test_every_attribute_has_a_natural_zero(interface: type[InterfaceClass]) -> None:
    for row in interface.attributes.values():
        assert row.data_type.encode(row.data_type.default) == row.data_type.zero


def client_value(client: InterfaceClass, row: AttributeRow[Any], encoded: bytes) -> Any:
    return getattr(client, row.name).decode(encoded)


@pytest.mark.proves("classes-tables")
@pytest.mark.parametrize("interface", EVERY_CLASS)
def test_every_method_goes_through_client_and_server(interface: type[InterfaceClass]) -> None:
    client = interface("0-0:44.0.0.255")
    for row in interface.methods.values():
        parameter = NO_ARGUMENT if row.parameter_type is None else encoding(row.parameter_type)
        answer = None if row.returns is None else encoding(row.returns)
        returned = None if row.returns is None or answer is None else row.returns.decode(answer)
        server, calls = _server(interface, returned)
        assert server.invoke(row.method_id, parameter) == answer
        call = getattr(client, row.name)(*calls[0])
        assert call.request.parameter == parameter
        assert call.decode(answer) == returned


def test_the_tables_are_those_of_the_blue_book() -> None:
    """Names and numbers, from lists of the standard; the ids of a class have no gaps."""
    expected = [(int(a), int(b), c, int(d), int(e)) for a, b, c, d, e in map(str.split, TABLES)]
    declared = []
    for pair, interface in interface_classes().items():
        assert list(interface.attributes) == list(range(1, len(interface.attributes) + 1))
        assert list(interface.methods) == list(range(1, len(interface.methods) + 1))
        counts = len(interface.attributes), len(interface.methods)
        declared.append((*pair, interface.__name__, *counts))
    assert declared == expected


@pytest.mark.parametrize("kind", [PppAuthentication, AuthenticationKey, MacKey])
def test_structures_with_keys_and_passwords_do_not_show_them(kind: type[Any]) -> None:
    assert "sesame" not in repr(kind(1, b"sesame"))


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
