"""Objects: what the object list of each client says, and whether the meter keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dlms_fw._core import Data
from dlms_fw.client import Client
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, expect
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data as DataObject
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.errors import DecodeError, ServiceError
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.reading.plans import raw_attribute

_CLOCK_CLASS: Final = 8
_CLOCK_TIME: Final = 2
_NAMED: Final = 5
"""So many of what is wrong are named in a verdict."""
_LONGEST_NAME: Final = 16
_ASSOCIATIONS: Final = frozenset({12, 15})
_LIST: Final = 10


def roles(site: Site) -> Iterator[str]:
    """The clients that can be associated and see different things."""
    seen: set[int] = set()
    for role, profile in site.declaration.clients.items():
        if profile.client_sap not in seen and not profile.is_unanswered:
            seen.add(profile.client_sap)
            yield role


def attributes(client: Client) -> Iterator[tuple[VisibleObject, int]]:
    """Every attribute of every object that a client sees."""
    for shown in client.association_view():
        for attribute_id in shown.attribute_ids:
            yield shown, attribute_id


def name_of(shown: VisibleObject, attribute_id: int) -> str:
    """An attribute, as it is named in a report."""
    return f"{shown.class_id}:{shown.logical_name}:{attribute_id}"


def none_of(wrong: list[str], expected: str) -> None:
    """Raises Failed where there is anything wrong; the first few are named."""
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    expect(not wrong, expected, "; ".join(wrong[:_NAMED]) + more)


def raw(shown: VisibleObject, attribute_id: int) -> AttributeRef[Data]:
    """An attribute, whatever the type of its value."""
    return raw_attribute(shown.instance, attribute_id)


@case("OB-01")
def every_readable_attribute(site: Site) -> None:
    """What may be read can be read, and is what the class says."""
    wrong: list[str] = []
    for role in roles(site):
        count = undeclared = 0
        with site.client(role) as client:
            for shown, attribute_id in attributes(client):
                if not shown.may_read(attribute_id):
                    continue
                count += 1
                undeclared += attribute_id not in shown.interface.attributes
                wrong += [f"as {role}: {fault}" for fault in _faults(client, shown, attribute_id)]
        site.step(f"{role}: {count} attributes, {undeclared} of them in no class that we know")
    none_of(wrong, "each attribute that may be read with a value as its class has it")


def _faults(client: Client, shown: VisibleObject, attribute_id: int) -> Iterator[str]:
    name = name_of(shown, attribute_id)
    try:
        value = client.get(raw(shown, attribute_id))
    except ServiceError as error:
        yield f"{name}: {error}"
        return
    try:
        decoded = shown.attribute(attribute_id).decode(value.encode())
    except (DecodeError, ValueError) as error:
        yield f"{name}: {error}"
        return
    if attribute_id == 1 and decoded != shown.logical_name:
        yield f"{name}: another logical name in attribute 1"


@case("OB-02")
def every_hidden_attribute(site: Site) -> None:
    """What may not be read is not told, nor what a client does not see."""
    with site.client() as client:
        everything = list(client.association_view())
    wrong: list[str] = []
    for role in roles(site):
        with site.client(role) as client:
            view = client.association_view()
            hidden = [(s, n) for s, n in attributes(client) if not s.may_read(n)]
            hidden += [(s, 2) for s in everything if view.find(s.logical_name, s.class_id) is None]
            site.step(f"{role}: {len(hidden)} attributes")
            for shown, attribute_id in hidden:
                try:
                    client.get(raw(shown, attribute_id))
                except ServiceError:
                    continue
                wrong.append(f"{name_of(shown, attribute_id)} is told to {role}")
    none_of(wrong, "each of them denied")


@case("OB-03")
def write_back(site: Site) -> None:
    """What may be written can be written."""
    declared = site.declaration.writable
    everything = site.may_alter("parameters")
    wrong: list[str] = []
    count = 0
    with site.client() as client:
        for shown, attribute_id in attributes(client):
            both = shown.may_read(attribute_id) and shown.may_write(attribute_id)
            is_declared = declared is not None and name_of(shown, attribute_id) == str(declared)
            if not both or not (everything or is_declared):
                continue
            count += 1
            wrong += _write_back(client, shown, attribute_id)
    if not count:
        raise Inapplicable("no attribute was declared that may be written (writable = …)")
    site.step(f"{count} attributes" + ("" if everything else ": only the declared one may be written"))
    none_of(wrong, "each value taken back, and the same afterwards")


def _write_back(client: Client, shown: VisibleObject, attribute_id: int) -> list[str]:
    ref, name = raw(shown, attribute_id), name_of(shown, attribute_id)
    value = client.get(ref)
    try:
        client.set(ref, value)
    except ServiceError as error:
        return [f"{name}: {error}"]
    if (shown.class_id, attribute_id) == (_CLOCK_CLASS, _CLOCK_TIME):
        return []  # it has gone on
    return [] if client.get(ref) == value else [f"{name}: another value"]


@case("OB-04")
def every_read_only_attribute(site: Site) -> None:
    """What may not be written stays as it is."""
    wrong: list[str] = []
    for role in roles(site):
        count = 0
        with site.client(role) as client:
            for shown, attribute_id in attributes(client):
                if not shown.may_read(attribute_id) or shown.may_write(attribute_id):
                    continue
                count += 1
                ref = raw(shown, attribute_id)
                try:
                    client.set(ref, client.get(ref))
                except ServiceError:
                    continue
                wrong.append(f"{name_of(shown, attribute_id)} is written by {role}")
        site.step(f"{role}: {count} attributes")
    none_of(wrong, "each of them denied")


@case("OB-05")
def mandatory_objects(site: Site) -> None:
    """Every logical device says what it is called and who may do what."""
    with site.client() as client:
        view = client.association_view()
        current = view.find(well_known.CURRENT_ASSOCIATION)
        is_there = current is not None and current.class_id in _ASSOCIATIONS
        expect(is_there, f"an association at {well_known.CURRENT_ASSOCIATION}", "none")
        name = client.get(DataObject(well_known.LOGICAL_DEVICE_NAME).value).value
        expect(isinstance(name, bytes), "an octet-string as logical device name", type(name).__name__)
        assert isinstance(name, bytes)  # noqa: S101 - looked at above
        expect(3 < len(name) <= _LONGEST_NAME, "4 to 16 octets", f"{len(name)} octets")
        flag = name[:3]
        expect(flag.isalpha() and flag.isupper(), "three capital letters first", flag.hex())
        devices = client.get(SapAssignment(well_known.SAP_ASSIGNMENT).sap_assignment_list)
        listed = {element.sap: element.logical_device_name for element in devices}
        sap = site.declaration.profile("management").server_sap
        site.step(f"logical devices: {', '.join(map(str, sorted(listed)))}")
        expect(listed.get(sap) == name, f"the same name for SAP {sap} in the SAP assignment", "another one")


@case("OB-06")
def together_and_alone(site: Site) -> None:
    """What is read together is what is read alone."""
    with site.client() as client:
        fixed = [
            raw(shown, attribute_id)
            for shown, attribute_id in attributes(client)
            if shown.may_read(attribute_id)
            and attribute_id in shown.interface.attributes
            and shown.interface.attributes[attribute_id].static
        ]
        for start in range(0, len(fixed), _LIST):
            some = fixed[start : start + _LIST]
            together = client.get_list(some)
            for ref, value in zip(some, together, strict=True):
                alone = client.get(ref)
                expect(value == alone, f"the same value of {ref!r}", "another one in the list")
    site.step(f"{len(fixed)} attributes, {_LIST} at a time")
