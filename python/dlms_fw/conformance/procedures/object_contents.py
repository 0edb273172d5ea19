"""Objects: what profiles, scripts, clocks, logs and the objects of a firmware upgrade hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from dlms_fw._core import Data
from dlms_fw.client import Client
from dlms_fw.conformance.firmware import Firmware
from dlms_fw.conformance.procedures.object_rights import none_of
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data as DataObject
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric, expanded_rows
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.security_setup import SecuritySetup, SecuritySetupV0
from dlms_fw.cosem.single_action_schedule import SingleActionSchedule
from dlms_fw.errors import ServiceError
from dlms_fw.logical_name import LogicalName
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.reading.profile_reading import Between, ProfileReading
from dlms_fw.transfer import MeterObjects

_WRITE, _EXECUTE = 1, 2
_ACTIVATE: Final = 4
_MOST_ENTRIES: Final = 200
_LITTLE: Final = 3
_MANY_IDENTIFIERS: Final = 10
_TIME_FOR_ENTRIES_S: Final = 7200.0
_TIME_FOR_EVENTS_S: Final = 60.0
_GRAIN: Final = timedelta(seconds=1)
_PLAUSIBLE: Final = range(2000, 2100)
_METHODS_OF_IMAGE_TRANSFER: Final = range(1, 5)
_ATTRIBUTES_OF_IMAGE_TRANSFER: Final = range(1, 8)


# Profiles


@case("OB-07")
def parts_of_profiles(site: Site) -> None:
    """A part of a profile has the entries that it should have."""
    if "advance" in site.bench.verbs:
        site.bench.advance(_TIME_FOR_ENTRIES_S)
    looked_at = 0
    with site.client() as client:
        for shown in client.objects(class_id=ProfileGeneric.class_id):
            profile = ProfileGeneric(shown.logical_name)
            if not shown.may_read(2) or client.get(profile.entries_in_use) < _LITTLE:
                continue
            looked_at += 1
            count = client.get(profile.entries_in_use)
            site.step(f"{shown.logical_name}: {count} entries")
            _by_entry(client, profile, min(count, _MOST_ENTRIES))
            if count <= _MOST_ENTRIES:
                _by_range(client, shown.logical_name)
    if not looked_at:
        raise Inconclusive(f"no profile has as many as {_LITTLE} entries")


def _by_entry(client: Client, profile: ProfileGeneric, count: int) -> None:
    whole = client.get(profile.buffer, EntryDescriptor(1, count).selection)
    expect(len(whole) == count, f"{count} entries from 1 to {count}", len(whole))
    for first, last in ((1, 1), (2, count - 1), (count, count)):
        rows = client.get(profile.buffer, EntryDescriptor(first, last).selection)
        wanted = last - first + 1
        expect(len(rows) == wanted, f"{wanted} entries from {first} to {last}", len(rows))
    columns = len(client.get(profile.capture_objects))
    narrow = client.get(profile.buffer, EntryDescriptor(1, 2, 1, 1).selection)
    shapes = {len(row) for row in expanded_rows(narrow)}
    expect(shapes == {1}, f"one column of {columns} from 1 to 1", sorted(shapes))


def _by_range(client: Client, name: LogicalName) -> None:
    times = [row.time for row in client.rows(ProfileReading(name))]
    known = sorted(time for time in times if time is not None)
    if len(known) != len(times):
        return
    first, last = known[0], known[-1]
    ranges = {
        "all": (first, last),
        "the first moment": (first, first),
        "all but the first moment": (first + _GRAIN, last),
        "what was before": (first - timedelta(days=3650), first - _GRAIN),
    }
    for what, (start, end) in ranges.items():
        wanted = sum(start <= time <= end for time in known)
        got = list(client.rows(ProfileReading(name, Between(start, end)))) if start <= end else []
        expect(len(got) == wanted, f"{wanted} entries of {name} for {what}", len(got))


# Scripts and what refers to them


@case("OB-08")
def scripts(site: Site) -> None:
    """A script does something, to something that there is."""
    wrong: list[str] = []
    with site.client() as client:
        view = client.association_view()
        tables = [shown for shown in view if shown.class_id == ScriptTable.class_id and shown.may_read(2)]
        if not tables:
            raise Inapplicable("the meter has no script table that may be read")
        actions = 0
        for shown in tables:
            for script in client.get(ScriptTable(shown.logical_name).scripts):
                where = f"{shown.logical_name}, script {script.script_identifier}"
                if script.script_identifier == 0:
                    wrong.append(f"{where}: 0 says that there is no script")
                for action in script.actions:
                    actions += 1
                    target = view.find(action.logical_name, action.class_id)
                    wrong += [f"{where}: {fault}" for fault in _faults(action, target)]
    site.step(f"{len(tables)} tables, {actions} actions")
    none_of(wrong, "actions that write or execute what is there")


def _faults(action: Any, target: VisibleObject | None) -> list[str]:
    if int(action.service_id) == 0:
        return []  # a dummy
    what = f"{action.class_id}:{action.logical_name}:{action.index}"
    if int(action.service_id) not in {_WRITE, _EXECUTE}:
        return [f"service {int(action.service_id)}"]
    if target is None:
        return [f"{what} is in no object list"]
    rows = target.interface.attributes if action.service_id == _WRITE else target.interface.methods
    return [] if action.index in rows or action.index < 0 else [f"{what} is not in the class"]


@case("OB-11")
def activation_schedule(site: Site) -> None:
    """The scheduler of the activation starts the script of the activation."""
    names = _objects(site)
    scheduler, table = LogicalName(names.activation_scheduler), LogicalName(names.activation_scripts)
    with site.client() as client:
        shown = client.association_view().find(scheduler, SingleActionSchedule.class_id)
        if shown is None:
            raise Inapplicable(f"the meter shows no single action schedule at {scheduler}")
        executed = client.get(SingleActionSchedule(scheduler).executed_script)
        right = executed.script_logical_name == table
        expect(right, f"a script of {table}", executed.script_logical_name)
        known = [script.script_identifier for script in client.get(ScriptTable(table).scripts)]
        selector = executed.script_selector
        expect(selector in known, f"one of the scripts {known}", selector)
    site.step(f"script {selector}")


@case("OB-12")
def activation_script(site: Site) -> None:
    """The script of the activation activates the image."""
    names = _objects(site)
    table, transfer = LogicalName(names.activation_scripts), LogicalName(names.image_transfer)
    with site.client() as client:
        if client.association_view().find(table, ScriptTable.class_id) is None:
            raise Inapplicable(f"the meter shows no script table at {table}")
        scripts = client.get(ScriptTable(table).scripts)
    activating = [
        script.script_identifier
        for script in scripts
        for action in script.actions
        if (int(action.service_id), action.class_id, action.logical_name, action.index)
        == (_EXECUTE, ImageTransfer.class_id, transfer, _ACTIVATE)
    ]
    expect(bool(activating), f"a script that executes method 4 of {transfer}", "none")
    site.step(f"scripts {activating}")


# Security


@case("OB-09")
def security_setup(site: Site) -> None:
    """The security setup says what is the case."""
    with site.client() as client:
        profile = client.profile
        found = client.objects(class_id=SecuritySetup.class_id, logical_name=site.declaration.security_setup)
        if not found:
            raise Inapplicable(f"the meter shows no security setup at {site.declaration.security_setup}")
        setup: SecuritySetup | SecuritySetupV0 = found[0].instance  # type: ignore[assignment]
        policy, suite = int(client.get(found[0].attribute(2))), client.get(setup.security_suite)
        wanted = profile.security_policy >> 4
        said = _level(policy) if found[0].version else policy
        expect(said & wanted == said, f"a policy of at most {wanted}, as we follow", said)
        expect(suite == profile.security_suite, f"suite {int(profile.security_suite)}", int(suite))
        title = client.get(setup.client_system_title)
        expect(title == profile.system_title, "our system title as the client's", title.hex().upper())
        known = None if client.association is None else client.association.meter_system_title
        servers = client.get(setup.server_system_title)
        if known is not None:
            expect(servers == known, "the title of the AARE as the server's", servers.hex().upper())
    site.step(f"version {found[0].version}, policy {policy}, suite {int(suite)}")


def _level(policy: int) -> int:
    """What is demanded of requests, in the bits of version 0."""
    return policy >> 2 & 0x03


# Firmware


def _firmware(site: Site) -> Firmware:
    firmware = site.declaration.firmware
    if firmware is None:
        raise Inapplicable("the firmware side of the meter was not declared")
    return firmware


@case("OB-10")
def image_transfer(site: Site) -> None:
    """Image transfer is where it should be, whole, and for those who may."""
    name = LogicalName(_objects(site).image_transfer)
    with site.client() as client:
        shown = client.association_view().find(name, ImageTransfer.class_id)
        expect(shown is not None, f"class 18 at {name}", "no such object")
        assert shown is not None  # noqa: S101 - looked at above
        expect(shown.version == 0, "version 0", shown.version)
        told = [number for number in shown.attribute_ids if number > 0]
        wanted = list(_ATTRIBUTES_OF_IMAGE_TRANSFER)
        expect(told == wanted, "attributes 1 to 7", told)
        denied = [number for number in wanted if not shown.may_read(number)]
        expect(not denied, "all of them to be read by management", f"not {denied}")
        denied = [number for number in _METHODS_OF_IMAGE_TRANSFER if not shown.may_call(number)]
        expect(not denied, "methods 1 to 4 for management", f"not {denied}")
    with site.client("low") as client:
        shown = client.association_view().find(name, ImageTransfer.class_id)
        may = [] if shown is None or shown.rights is None else list(shown.rights.methods)
        allowed = [number for number in may if shown is not None and shown.may_call(number)]
        expect(not allowed, "no method for the client with the least rights", allowed)


def _identifiers(value: Data) -> list[bytes]:
    entries = value.value if isinstance(value.value, list | tuple) else [value]
    plain = [entry.value if isinstance(entry, Data) else entry for entry in entries]
    return [entry for entry in plain if isinstance(entry, bytes)]


@case("OB-13")
def active_identifiers(site: Site) -> None:
    """The meter says what runs in each firmware part."""
    firmware = _firmware(site)
    with site.client() as client:
        for part in firmware.parts:
            value = client.get(DataObject(firmware.objects.active_identifier.format(part=part)).value)
            found = _identifiers(value)
            site.step(f"part {part}: {len(found)} identifiers")
            expect(bool(found), f"an identifier of part {part}", "none")
            expect(len(found) <= _MANY_IDENTIFIERS, "at most ten identifiers", len(found))
            lengths = {len(identifier) for identifier in found}
            expected = len(firmware.images.good.image_identifier)
            expect(lengths == {expected}, f"identifiers of {expected} octets", sorted(lengths))
            expect(len(set(found)) == len(found), "no identifier twice", f"{len(found)} with repetitions")


@case("OB-14")
def signatures(site: Site) -> None:
    """The meter vouches for what runs in each firmware part."""
    firmware = _firmware(site)
    seen: set[bytes] = set()
    with site.client() as client:
        for part in firmware.parts:
            name = firmware.objects.active_signature.format(part=part)
            value = client.get(DataObject(name).value).value
            expect(isinstance(value, bytes) and bool(value), f"an octet-string in {name}", "none")
            assert isinstance(value, bytes)  # noqa: S101 - looked at above
            site.step(f"part {part}: {len(value)} octets")
            expect(value not in seen, f"a signature of part {part} alone", "that of another part")
            expect(any(value), f"a signature of part {part}", "zeros")
            seen.add(value)


# Time


@case("OB-15")
def clock(site: Site) -> None:
    """The clock tells the time, whether it is to be believed, and goes."""
    with site.client() as client:
        device = Clock(_objects(site).clock)
        try:
            shown = client.get(device.time)
        except ServiceError as error:
            raise Inapplicable(f"the clock cannot be read: {error}") from None
        moment = shown.to_datetime() if shown.deviation is not None else None
        year = shown.date.year
        expect(year in _PLAUSIBLE, "a year from 2000 to 2099", year)
        status = client.get(device.status)
        if shown.clock_status is not None:
            same = int(shown.clock_status) == int(status)
            expect(same, f"status {int(status)} in the time too", int(shown.clock_status))
        summer = bool(int(status) & 0x80)
        enabled = client.get(device.daylight_savings_enabled)
        expect(enabled or not summer, "no daylight saving where it is not enabled", "the bit is set")
        _deviation(client, device, moment, summer=summer)
        before = client.clock_reading(device.instance_id).time
        site.sleep(3.0)
        after = client.clock_reading(device.instance_id).time
        gone = (after - before).total_seconds()
        expect(2 <= gone <= 5, "3 s gone after 3 s", f"{gone:g} s")


def _deviation(client: Client, device: Clock, moment: datetime | None, *, summer: bool) -> None:
    if moment is None:
        return
    zone = client.get(device.time_zone)
    sign = 1 if client.profile.opposite_deviation else -1
    wanted = timedelta(minutes=sign * zone)
    if summer:
        wanted += timedelta(minutes=client.get(device.daylight_savings_deviation))
    found = moment.utcoffset()
    expect(found in {wanted, -wanted}, f"a deviation of {wanted}", found)


def _objects(site: Site) -> MeterObjects:
    firmware = site.declaration.firmware
    return MeterObjects() if firmware is None else firmware.objects


@case("OB-16")
def event_log(site: Site) -> None:
    """The log of firmware events can be read and is in order."""
    name = LogicalName(_objects(site).event_log)
    # A restart is logged. Only who is protected is told by the meter that his counters lag behind afterwards.
    is_told = site.declaration.profile("management").is_protected
    if is_told and "restart" in site.bench.verbs and site.may_alter("power"):
        site.bench.restart(_TIME_FOR_EVENTS_S)
    with site.client() as client:
        try:
            in_use = client.get(ProfileGeneric(name).entries_in_use)
            rows = list(client.rows(ProfileReading(name)))
        except ServiceError as error:
            raise Inapplicable(f"the event log cannot be read: {error}") from None
        method = int(client.get(ProfileGeneric(name).sort_method))
    site.step(f"{in_use} entries")
    expect(len(rows) == in_use, f"{in_use} entries", len(rows))
    times = [row.time for row in rows if row.time is not None]
    expect(len(times) == len(rows), "a time in each entry", f"{len(rows) - len(times)} without")
    in_order = sorted(times, reverse=method == 2)
    expect(times == in_order, "the entries in the order of their time", "out of order")
