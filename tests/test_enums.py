"""The codes that follow from a rule, or that differ where one expects them equal."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from importlib import import_module
from pkgutil import iter_modules

import pytest

from dlms_fw import enums
from dlms_fw.cosem import well_known
from dlms_fw.enums import (
    ActionResult,
    AttributeAccessFlags,
    Conformance,
    DataAccessResult,
    MethodAccessFlags,
    SecurityPolicyV1,
)

# Names of the conformance block in the order of the standard; bit 0 is the most significant of 24.
CONFORMANCE_BITS = [
    "-",
    "general-protection",
    "general-block-transfer",
    "read",
    "write",
    "unconfirmed-write",
    "delta-value-encoding",
    "-",
    "attribute0-supported-with-set",
    "priority-mgmt-supported",
    "attribute0-supported-with-get",
    "block-transfer-with-get-or-read",
    "block-transfer-with-set-or-write",
    "block-transfer-with-action",
    "multiple-references",
    "information-report",
    "data-notification",
    "access",
    "parameterized-access",
    "get",
    "set",
    "selective-access",
    "event-notification",
    "action",
]


def test_conformance_bits_count_from_the_most_significant() -> None:
    expected = {
        name.replace("-", "_").upper(): 1 << (23 - bit)
        for bit, name in enumerate(CONFORMANCE_BITS)
        if name != "-"
    }
    assert {member.name: member.value for member in Conformance} == expected


def test_action_results_differ_from_data_access_results_only_where_long_transfers_end() -> None:
    access = {member.value: member.name for member in DataAccessResult}
    action = {member.value: member.name for member in ActionResult}
    assert {code for code in action if action[code] != access[code]} == {15, 16}
    assert set(access) - set(action) == {17, 18, 19}


def test_protection_bits_are_the_same_in_policies_and_access_rights() -> None:
    policy = {name: int(value) for name, value in SecurityPolicyV1.__members__.items() if value}
    attribute = {name: int(value) for name, value in AttributeAccessFlags.__members__.items() if value > 2}
    method = {name: int(value) for name, value in MethodAccessFlags.__members__.items() if value > 2}
    assert policy == attribute == method


def test_firmware_parts_are_value_group_b() -> None:
    assert str(well_known.active_firmware_identifier(0)) == "1-0:0.2.0.255"
    assert str(well_known.active_firmware_identifier(2)) == "1-2:0.2.0.255"
    assert str(well_known.active_firmware_signature(1)) == "1-1:0.2.8.255"
    with pytest.raises(ValueError, match="0 to 9, not 10"):
        well_known.active_firmware_identifier(10)


def test_numbered_objects_are_value_group_e() -> None:
    assert str(well_known.invocation_counter(2)) == "0-0:43.1.2.255"
    assert str(well_known.association(1)) == "0-0:40.0.1.255"
    assert well_known.security_setup() == well_known.SECURITY_SETUP
    assert str(well_known.event_code(1)) == "0-0:96.11.1.255"


def enumerations() -> list[type[IntEnum | IntFlag]]:
    modules = [import_module(f"dlms_fw.enums.{module.name}") for module in iter_modules(enums.__path__)]
    values = [value for module in modules for value in vars(module).values()]
    return [v for v in values if isinstance(v, type) and issubclass(v, IntEnum | IntFlag) and len(v)]


@pytest.mark.parametrize("enumeration", enumerations())
def test_no_code_has_two_names_and_they_are_in_order(enumeration: type[IntEnum | IntFlag]) -> None:
    codes = [int(member) for member in enumeration.__members__.values()]
    assert len(set(codes)) == len(codes)
    assert codes in (sorted(codes), sorted(codes, reverse=True))
