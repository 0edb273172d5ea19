"""Stored objects: every interface class can be served from values, and keeps to the types of its rows."""

from __future__ import annotations

import pytest

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag, any_data, array, double_long_unsigned, octets, structure
from dlms_fw.cosem.catalogue import interface_classes, raw_interface_class
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data as DataClass
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.meter.object_table import full_rights
from dlms_fw.meter.stored_object import encoded_values, object_of_octets, stored_object

NAME = "0-0:96.1.0.255"
EVERY_CLASS = [pytest.param(one, id=one.__name__) for one in interface_classes().values()]


@pytest.mark.parametrize("interface", EVERY_CLASS)
def test_an_object_of_any_class_without_values_has_the_natural_zeros(interface: type[InterfaceClass]) -> None:
    made = stored_object(interface, NAME, {})
    for number, row in interface.attributes.items():
        value = row.data_type.decode(made.read(number))
        if number == 1:
            assert str(value) == NAME
        else:
            assert value == row.data_type.default
            made.write(number, row.data_type.encode(value))
            assert row.data_type.decode(made.read(number)) == value


def test_zeros() -> None:
    assert double_long_unsigned.default == 0
    assert octets(8).default == bytes(8)
    assert structure(double_long_unsigned, array(any_data)).default == (0, [])
    assert any_data.default == Data(Tag.NULL_DATA)
    assert Clock.time.data_type.default == DateTime.from_bytes(bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF"))


def test_values_are_read_and_written_by_their_types() -> None:
    clock = stored_object(Clock, "0-0:1.0.0.255", {"time_zone": -60})
    assert clock.read(3) == bytes.fromhex("10FFC4")
    clock.write(3, bytes.fromhex("10FF88"))
    assert clock.read(3) == bytes.fromhex("10FF88")
    with pytest.raises(CosemFault) as fault:
        clock.write(3, bytes.fromhex("0900"))
    assert fault.value.result == DataAccessResult.TYPE_UNMATCHED
    assert clock.read(3) == bytes.fromhex("10FF88")
    with pytest.raises(CosemFault) as fault:
        clock.write(1, bytes.fromhex("09060000010000FF"))
    assert fault.value.result == DataAccessResult.READ_WRITE_DENIED


def test_meters_of_one_model_share_what_none_of_them_wrote() -> None:
    shared = encoded_values(DataClass, {"value": Data(Tag.UNSIGNED, 7)})
    one, other = (object_of_octets(DataClass, NAME, shared) for _ in range(2))
    one.write(2, bytes.fromhex("1108"))
    assert (one.read(2), other.read(2)) == (bytes.fromhex("1108"), bytes.fromhex("1107"))


def test_a_value_that_does_not_fit_is_refused_when_the_object_is_made() -> None:
    with pytest.raises(TypeError):
        stored_object(Clock, NAME, {"time_zone": "east"})
    with pytest.raises(LookupError, match="Clock has no attribute adjust_to_quarter"):
        stored_object(Clock, NAME, {"adjust_to_quarter": 0})
    with pytest.raises(LookupError, match="logical_name"):
        stored_object(Clock, NAME, {"logical_name": NAME})


def test_methods_within_the_object_are_done_and_others_say_so() -> None:
    profile = stored_object(
        ProfileGeneric, "1-0:99.1.0.255", {"buffer": [Data(Tag.UNSIGNED, 1)], "entries_in_use": 1}
    )
    assert profile.invoke(1, b"\x0f\x00") is None
    assert (profile.read(2), profile.read(7)) == (bytes.fromhex("0100"), bytes.fromhex("0600000000"))
    with pytest.raises(CosemFault) as fault:
        profile.invoke(2, b"\x0f\x00")
    assert fault.value.result == ActionResult.OTHER_REASON
    with pytest.raises(CosemFault) as fault:
        profile.invoke(3, b"\x0f\x00")
    assert fault.value.result == ActionResult.OBJECT_UNDEFINED


def test_a_class_of_which_only_numbers_are_known() -> None:
    interface = raw_interface_class(8193, 2, (1, 2, -5), (1,))
    made = object_of_octets(interface, NAME, {2: bytes.fromhex("090101"), -5: bytes.fromhex("1107")})
    assert (8193, 2) not in InterfaceClass.registry
    assert interface is raw_interface_class(8193, 2, (-5, 2), (1,))
    assert (made.interface.class_id, made.interface.version) == (8193, 2)
    assert (made.read(2), made.read(-5)) == (bytes.fromhex("090101"), bytes.fromhex("1107"))
    assert full_rights(type(made)).writable == {2, -5}
    made.write(2, bytes.fromhex("0600000001"))
    assert made.read(2) == bytes.fromhex("0600000001")
    with pytest.raises(CosemFault) as fault:
        made.invoke(1, bytes.fromhex("0F00"))
    assert fault.value.result == ActionResult.OTHER_REASON


def test_octets_of_another_type_than_declared_are_served_as_they_are() -> None:
    clock = object_of_octets(Clock, "0-0:1.0.0.255", {3: bytes.fromhex("0900")})
    assert clock.read(3) == bytes.fromhex("0900")
