"""``dlms-fw info``: what a meter is, what it runs and what it has received. Reads only.

What a meter does not have, or does not let this client read, is left out; only a broken link is an error.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, TypeVar

import click

from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import AttributeRef, Selection
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric
from dlms_fw.cosem.single_action_schedule import SingleActionSchedule
from dlms_fw.enums import Conformance, ImageTransferStatus
from dlms_fw.errors import DecodeError, ServiceError
from dlms_fw.hls import MECHANISMS
from dlms_fw.transfer import MeterObjects, decisions

_T = TypeVar("_T")

_PARTS = range(10)
_WIDTH = 68
_NEWEST_ENTRIES = 20
"""Entries of the event log that are looked through for firmware events."""


@click.command()
@reported("info")
@aimed
def info(outcome: Outcome, target: Target) -> None:
    """Show what the meter at URL is, runs and has received. Changes nothing."""
    with target.client() as client:
        client.connect()
        reader = _Reader(client)
        facts = outcome.facts
        facts["changed"] = False
        facts["identity"] = reader.identity()
        facts["link"] = _link(client, target)
        facts["clock"] = reader.clock()
        facts["firmware"] = list(reader.firmware())
        facts["image_transfer"] = reader.image_transfer()
        facts["schedule"] = reader.schedule()
        facts["events"] = reader.events()
    outcome.table(list(_rows(facts)))


class _Reader:
    """Reads objects of one meter, and knows that it may have none of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._objects = MeterObjects()

    def identity(self) -> dict[str, Any]:
        """Who it says it is."""
        association = self._client.association
        title = None if association is None else association.meter_system_title
        return {
            "logical_device_name": self._text(str(well_known.LOGICAL_DEVICE_NAME)),
            "serial_number": self._text(str(well_known.DEVICE_ID_1)),
            "meter_type": self._text(self._objects.meter_type),
            "system_title": None if title is None else title.hex().upper(),
        }

    def clock(self) -> str | None:
        """The meter's time, ISO 8601."""
        value = self._read(Clock(self._objects.clock).time)
        try:
            return None if value is None else value.to_datetime().isoformat()
        except ValueError:
            return None

    def firmware(self) -> Iterator[dict[str, Any]]:
        """What each firmware part runs; the parts are numbered without a gap."""
        for part in _PARTS:
            value = self._read(Data(self._objects.active_identifier.format(part=part)).value)
            if value is None:
                return
            identifiers = decisions.identifiers_of(value) or ()
            signature = self._octets(self._objects.active_signature.format(part=part))
            yield {
                "part": part,
                "version": self._text(self._objects.firmware_version.format(part=part)),
                "identifiers": [identifier.hex().upper() for identifier in identifiers],
                "signature": None if signature is None else signature.hex(),
            }

    def image_transfer(self) -> dict[str, Any]:
        """Where the image transfer object stands."""
        store = ImageTransfer(self._objects.image_transfer)
        status = self._read(store.image_transfer_status)
        return {
            "enabled": self._read(store.image_transfer_enabled),
            "status": None if status is None else int(status),
            "status_name": None if status is None else _status_name(status),
            "block_size": self._read(store.image_block_size),
            "first_missing_block": self._read(store.image_first_not_transferred_block_number),
            "to_activate": [
                {
                    "identifier": entry.image_to_activate_identification.hex().upper(),
                    "size": entry.image_to_activate_size,
                    "signature": entry.image_to_activate_signature.hex(),
                }
                for entry in self._read(store.image_to_activate_info) or []
            ],
        }

    def schedule(self) -> list[str] | None:
        """When an image is to be activated, by the meter's local time."""
        entries = self._read(SingleActionSchedule(self._objects.activation_scheduler).execution_time)
        return None if entries is None else [decisions.shown_moment(entry) for entry in entries]

    def events(self) -> list[dict[str, Any]] | None:
        """The newest firmware events of the standard event log, oldest first."""
        log = ProfileGeneric(self._objects.event_log)
        size = self._read(log.entries_in_use)
        if not size:
            return None if size is None else []
        newest = EntryDescriptor(max(1, size - _NEWEST_ENTRIES + 1), size)
        entries = self._read(log.buffer, newest.selection)
        return [
            {"code": code, "name": decisions.FIRMWARE_EVENTS[code], "time": time}
            for code, time in decisions.firmware_events(entries or [])
        ]

    def _read(self, ref: AttributeRef[_T], selection: Selection | None = None) -> _T | None:
        try:
            return self._client.get(ref, selection)
        except (ServiceError, DecodeError):
            # An answer that broke the rules has cost the association; one that only says no has not.
            if self._client.association is None:
                raise
            return None

    def _octets(self, name: str) -> bytes | None:
        value = self._read(Data(name).value)
        return None if value is None else decisions.octets_of(value)

    def _text(self, name: str) -> str | None:
        octets = self._octets(name)
        return None if octets is None else octets.decode("utf-8", "backslashreplace")


def _link(client: Client, target: Target) -> dict[str, Any]:
    association = client.association
    profile = target.profile
    return {
        "client_sap": profile.client_sap
        if target.endpoint.client_sap is None
        else target.endpoint.client_sap,
        "authentication": MECHANISMS[profile.mechanism].name,
        "security_policy": profile.security_policy.name.lower().replace("_", "-"),
        "max_pdu_size": None if association is None else association.server_max_receive_pdu_size,
        "conformance": []
        if association is None
        else [
            service.name.lower().replace("_", "-")
            for service in Conformance
            if service in association.conformance and service.name is not None
        ],
    }


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    identity, link, transfer = facts["identity"], facts["link"], facts["image_transfer"]
    names = {
        "logical_device_name": "meter",
        "serial_number": "serial",
        "meter_type": "type",
        "system_title": "title",
    }
    yield from ((shown, identity[name]) for name, shown in names.items() if identity[name] is not None)
    told = (
        f"client {link['client_sap']}, {link['authentication']}, PDU {link['max_pdu_size'] or 'unlimited'}, "
        f"protection: {link['security_policy']}"
    )
    yield "link", told
    services = textwrap.wrap(", ".join(link["conformance"]), _WIDTH, break_on_hyphens=False)
    for number, line in enumerate(services):
        yield "" if number else "services", line
    if facts["clock"] is not None:
        yield "clock", facts["clock"]
    for part in facts["firmware"]:
        identifiers = part["identifiers"]
        version = "" if part["version"] is None else f"version {part['version']}, "
        yield f"part {part['part']}", f"{version}identifier {', '.join(identifiers) or 'none'}"
        if part["signature"]:
            yield "", f"signature {part['signature'][:16]}..."
    if transfer["status"] is not None:
        enabled = "enabled" if transfer["enabled"] else "not enabled"
        yield "transfer", f"{transfer['status_name']} ({transfer['status']}), {enabled}"
        yield "", f"block size {transfer['block_size']}, first missing {transfer['first_missing_block']}"
    for entry in transfer["to_activate"]:
        yield "received", f"{entry['identifier']}, {entry['size']} octets, to be activated"
    if facts["schedule"] is not None:
        yield "schedule", ", ".join(facts["schedule"]) or "none"
    for event in facts["events"] or []:
        yield "event", f"{event['time'] or 'at an unknown time'}  {event['name']} ({event['code']})"


def _status_name(status: int) -> str:
    try:
        return ImageTransferStatus(status).name.lower().replace("_", " ")
    except ValueError:
        return "unknown"
