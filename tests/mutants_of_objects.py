"""Meters whose objects are wrong, each in one way; by the conformance case that is about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlms_fw._core import SetRequest
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import DataAccessResult
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter import profile_selection
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.event_log import EventLog
from dlms_fw.meter.objects import ObjectDictionary
from dlms_fw.meter.plain_objects import SapAssignmentObject
from dlms_fw.meter.security_objects import SecuritySetupObject
from dlms_fw.meter.time_objects import ActivationScheduler, ActivationScripts, ClockObject
from mutants_of_security import of

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch, Declaration], None]
_ASSOCIATION = 15


@of(ClockObject, "status")
def cannot_tell_its_status(_right: Any) -> Any:
    def status(self: ClockObject) -> Any:
        raise CosemFault(DataAccessResult.TEMPORARY_FAILURE)

    return status


def shows_everything_to_everybody(patch: Patch, _: Declaration) -> None:
    right = ObjectDictionary._find

    def find(self: Any, caller: Any, class_id: int, name: bytes) -> Any:
        if class_id == _ASSOCIATION:
            return right(self, caller, class_id, name)
        caller.association.client_sap, mine = 1, caller.association.client_sap
        try:
            return right(self, caller, class_id, name)
        finally:
            caller.association.client_sap = mine

    patch.setattr(ObjectDictionary, "_find", find)


@of(ObjectDictionary, "_write")
def says_that_it_has_written(right: Any) -> Any:
    def write(self: Any, caller: Any, request: SetRequest) -> None:
        try:
            right(self, caller, request)
        except CosemFault:
            return

    return write


@of(ObjectDictionary, "_write")
def writes_nothing_back(_right: Any) -> Any:
    def write(self: Any, caller: Any, request: SetRequest) -> None:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)

    return write


@of(SapAssignmentObject, "sap_assignment_list")
def assigns_another_name(right: Any) -> Any:
    return lambda self: [one._replace(logical_device_name=b"XYZ1") for one in right(self)]


@of(ObjectDictionary, "_serve_list")
def gives_lists_backwards(right: Any) -> Any:
    return lambda self, caller, items, invoke_id: list(right(self, caller, items, invoke_id))[::-1]


def counts_entries_from_0(patch: Patch, _: Declaration) -> None:
    right = profile_selection.rows_of

    def rows(entries: Any, columns: Any, value: Any) -> Any:
        return right(list(entries)[1:] if len(entries) > 1 else entries, columns, value)

    patch.setattr(profile_selection, "rows_of", rows)


def leaves_the_last_of_a_range(patch: Patch, _: Declaration) -> None:
    patch.setattr(profile_selection, "_not_after", lambda one, other: bool(one < other))


@of(ActivationScripts, "scripts")
def activates_something_else(right: Any) -> Any:
    def scripts(self: ActivationScripts) -> Any:
        (script,) = right(self)
        (action,) = script.actions
        return [script._replace(actions=[action._replace(logical_name=LogicalName("0-0:44.0.9.255"))])]

    return scripts


@of(ActivationScripts, "scripts")
def verifies_in_place_of_activating(right: Any) -> Any:
    def scripts(self: ActivationScripts) -> Any:
        (script,) = right(self)
        (action,) = script.actions
        return [script._replace(actions=[action._replace(index=3)])]

    return scripts


@of(SecuritySetupObject.__mro__[1], "server_system_title")
def says_another_title(right: Any) -> Any:
    return lambda self: bytes(8)


@of(ActivationScheduler, "executed_script")
def executes_a_script_that_is_not_there(right: Any) -> Any:
    return lambda self: right(self)._replace(script_selector=7)


lets_the_public_activate_images = {
    "access_rules": (AccessRule(class_id=18, clients=frozenset({16}), methods={4: True}),)
}
hides_an_attribute_of_image_transfer = {"access_rules": (AccessRule(class_id=18, attributes={7: 0}),)}


@of(ClockObject, "time")
def stands_still(right: Any) -> Any:
    first: list[Any] = []

    def time(self: ClockObject) -> Any:
        first.append(right(self))
        return first[0]

    return time


@of(ClockObject, "time_zone")
def knows_no_zone(_right: Any) -> Any:
    return lambda self: 333


@of(EventLog, "entries")
def logs_backwards(right: Any) -> Any:
    return lambda self: right(self)[::-1]


MUTANTS: list[tuple[str, str, Any]] = [
    ("OB-01", "keys", cannot_tell_its_status),
    ("OB-02", "keys", shows_everything_to_everybody),
    ("OB-03", "keys", writes_nothing_back),
    ("OB-04", "keys", says_that_it_has_written),
    ("OB-05", "keys", {"logical_device_name": b"mcs0040612345678"}),
    ("OB-05", "keys", assigns_another_name),
    ("OB-06", "keys", gives_lists_backwards),
    ("OB-07", "keys", counts_entries_from_0),
    ("OB-07", "keys", leaves_the_last_of_a_range),
    ("OB-08", "keys", activates_something_else),
    ("OB-09", "keys", says_another_title),
    ("OB-10", "keys", lets_the_public_activate_images),
    ("OB-10", "keys", hides_an_attribute_of_image_transfer),
    ("OB-11", "keys", executes_a_script_that_is_not_there),
    ("OB-12", "keys", verifies_in_place_of_activating),
    ("OB-15", "keys", stands_still),
    ("OB-15", "keys", knows_no_zone),
    ("OB-16", "keys", logs_backwards),
]
