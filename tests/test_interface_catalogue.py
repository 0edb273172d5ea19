"""The look-up of interface classes: each is where the catalogue says, and unknown ones have a way too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dlms_fw import cosem
from dlms_fw.axdr import unsigned
from dlms_fw.cosem import (
    DisconnectControl,
    InterfaceClass,
    Register,
    attribute,
    find_interface_class,
    interface_class,
    interface_classes,
    known_versions,
    raw_interface_class,
)
from dlms_fw.cosem.catalogue import FAMILIES, HOMES
from dlms_fw.enums.control import ControlState
from dlms_fw.errors import UnknownInterfaceClass


def test_every_class_is_where_the_catalogue_says() -> None:
    said = {
        (pair, name, f"dlms_fw.cosem.{module}")
        for module, classes in FAMILIES.items()
        for name, pair in classes.items()
    }
    assert said == {(pair, c.__name__, c.__module__) for pair, c in interface_classes().items()}


@pytest.mark.parametrize("name", HOMES)
def test_every_class_is_a_name_of_the_package(name: str) -> None:
    assert name in cosem.__all__
    assert getattr(cosem, name).__name__ == name


@pytest.mark.proves("classes-look-up")
def test_families_are_imported_when_they_are_asked_for() -> None:
    code = """
import sys
from dlms_fw.cosem import find_interface_class, known_versions
assert "dlms_fw.cosem.registers" not in sys.modules
assert known_versions(3) == [0]
assert "dlms_fw.cosem.registers" not in sys.modules
assert find_interface_class(3, 0).__name__ == "Register"
assert "dlms_fw.cosem.registers" in sys.modules
assert "dlms_fw.cosem.tariffs" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.proves("classes-look-up")
def test_a_class_is_found_by_id_and_version() -> None:
    assert interface_class(3, 0) is Register
    assert find_interface_class(3, 0) is Register
    assert find_interface_class(3, 255) is None
    assert known_versions(15) == [0, 1, 2, 3]
    assert known_versions(0xFFFF) == []


def test_an_unknown_class_is_an_error_that_says_which() -> None:
    with pytest.raises(UnknownInterfaceClass, match="class_id 3, version 9 is not declared") as raised:
        interface_class(3, 9)
    assert (raised.value.class_id, raised.value.version) == (3, 9)


@pytest.mark.proves("classes-own")
def test_a_class_of_a_program_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InterfaceClass, "registry", dict(InterfaceClass.registry))

    class Own(InterfaceClass, class_id=8191, version=2):
        value = attribute(2, unsigned)

    assert interface_class(8191, 2) is Own
    assert known_versions(8191) == [2]


@pytest.mark.proves("classes-codes")
def test_a_code_that_is_not_listed_stays_a_number() -> None:
    control_state = DisconnectControl("0-0:96.3.10.255").control_state
    assert control_state.decode(b"\x16\x01") is ControlState.CONNECTED
    assert control_state.decode(b"\x16\x09") == 9
    assert not isinstance(control_state.decode(b"\x16\x09"), ControlState)


class TestRaw:
    @pytest.mark.proves("classes-raw")
    def test_each_id_is_a_place_for_any_data(self) -> None:
        raw = raw_interface_class(8191, 0, [1, 2, -1], [1])
        assert list(raw.rows) == ["attribute_minus_1", "logical_name", "attribute_2", "method_1"]
        assert (raw.class_id, raw.version, raw.confirmed) == (8191, 0, False)
        ref = getattr(raw("0-0:96.1.0.255"), "attribute_2")  # noqa: B009 - the type checker knows no rows
        assert ref.get_request().attribute_id == 2
        assert ref.decode(b"\x11\x07").value == 7

    def test_a_method_takes_and_gives_any_data(self) -> None:
        raw = raw_interface_class(8191, 0, [], [1])
        method = getattr(raw("0-0:96.1.0.255"), "method_1")  # noqa: B009 - as above
        call = method.encoded(b"\x12\x00\x01")
        assert (call.request.class_id, call.request.method_id) == (8191, 1)
        assert call.decode(b"\x11\x07").value == 7

    def test_it_is_not_in_the_registry_and_always_the_same(self) -> None:
        raw = raw_interface_class(3, 0, [1, 2])
        assert interface_class(3, 0) is Register
        assert raw_interface_class(3, 0, [2]) is raw
        assert raw("1-0:1.8.0.255") == raw("1-0:1.8.0.255")


def test_classes_that_are_not_confirmed_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InterfaceClass, "registry", dict(InterfaceClass.registry))

    class Doubtful(InterfaceClass, class_id=8191, version=0, confirmed=False):
        value = attribute(2, unsigned)

    assert not Doubtful.confirmed
    assert Register.confirmed
