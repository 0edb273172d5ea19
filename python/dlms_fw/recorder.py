"""Reads a meter attribute by attribute into a record, whatever the meter does on the way.

An attribute that the meter refuses is noted with its result. One that costs the association is noted, and the
reading goes on behind it over a new one; a meter that ends one association after the other ends the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from dlms_fw._core import GetRequest, GetResponse
from dlms_fw.client import Client
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.interface import AttributeRef, Selection
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric
from dlms_fw.cosem.well_known import LOGICAL_DEVICE_NAME
from dlms_fw.driver import raise_refusal, wrong_answer
from dlms_fw.enums import Conformance, DataAccessResult, SortMethod
from dlms_fw.errors import DecodeError, DlmsError, RemoteProtocolError, ServiceError, TransportError
from dlms_fw.hls import MECHANISMS
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.reading.association_view import AssociationView, VisibleObject
from dlms_fw.reading.readable import flag_names, readable_attribute
from dlms_fw.record import MeterRecord, RecordedAttribute, RecordedObject, is_secret

__all__ = ["DEFAULT_ENTRIES", "Progress", "Recording", "record_meter"]

DEFAULT_ENTRIES: Final = 100
"""The newest entries of each profile that are kept unless told otherwise."""
_LOGICAL_NAME: Final = 1
_BUFFER: Final = 2
_VALUE: Final = 2
_MOST_FAILURES: Final = 5
"""Associations that end one after the other before the rest is given up."""
_SELECTIVE: Final = Conformance.SELECTIVE_ACCESS | Conformance.PARAMETERIZED_ACCESS

Progress = Callable[[int, int, VisibleObject], None]
"""Is told the number of the object that is read next, of how many, and which it is."""


class Recording(NamedTuple):
    """What was read, and what ended the reading before its end, if something did."""

    record: MeterRecord
    error: DlmsError | None


def record_meter(
    client: Client,
    *,
    now: datetime,
    only: Sequence[LogicalNamePattern] = (),
    entries: int | None = DEFAULT_ENTRIES,
    progress: Progress | None = None,
) -> Recording:
    """Read everything that a connected client may read; secrets are left out.

    Args:
        client: Connected; it is connected again where the meter ends the association.
        now: Goes into the record.
        only: Objects with one of these logical names; none means all.
        entries: The most entries of a profile, the newest ones; ``None`` is all of them.
        progress: Is told about each object before it is read.

    Raises:
        ServiceError: The meter does not show its object list.
        TransportError, RemoteProtocolError: It was lost before it had.
    """
    view = client.association_view()
    wanted = [it for it in view if not only or any(pattern.matches(it.logical_name) for pattern in only)]
    reader = _Reader(client, entries)
    meter, association = _identity(client, reader, now), _association(client, view)
    objects: list[RecordedObject] = []
    try:
        for number, it in enumerate(wanted, 1):
            if progress is not None:
                progress(number, len(wanted), it)
            objects.append(RecordedObject(it, reader.attributes(it)))
    except _Lost as lost:
        objects.append(RecordedObject(it, lost.attributes))
        record = MeterRecord(meter=meter, association=association, objects=tuple(objects), is_complete=False)
        return Recording(record, lost.error)
    return Recording(MeterRecord(meter=meter, association=association, objects=tuple(objects)), None)


class _Lost(Exception):
    """The meter cannot be read any further."""

    def __init__(self, error: DlmsError, attributes: dict[int, RecordedAttribute]) -> None:
        super().__init__(str(error))
        self.error = error
        self.attributes = attributes


class _Reader:
    """Reads attributes over as many associations as it takes."""

    def __init__(self, client: Client, entries: int | None) -> None:
        self._client = client
        self._entries = entries
        self._failures = 0

    def attributes(self, it: VisibleObject) -> dict[int, RecordedAttribute]:
        """All attributes of an object that may be read. Raises _Lost with those that were."""
        found: dict[int, RecordedAttribute] = {}
        for attribute_id in it.attribute_ids:
            if attribute_id == _LOGICAL_NAME:
                continue
            if is_secret(it.class_id, attribute_id):
                found[attribute_id] = RecordedAttribute(is_secret=True)
            elif it.may_read(attribute_id):
                try:
                    found[attribute_id] = self._attribute(it, attribute_id)
                    self._failures = 0
                except (TransportError, RemoteProtocolError) as error:
                    found[attribute_id] = RecordedAttribute(failure=str(error))
                    self._reconnect(error, found)
        return found

    def get(self, request: GetRequest) -> GetResponse | int:
        """The answer to one request, or the result of a refusal of any other kind."""
        response = self._client.exchange(request)
        try:
            raise_refusal(response, "GET")
        except ServiceError:
            return DataAccessResult.OTHER_REASON
        if not isinstance(response, GetResponse):
            raise wrong_answer(response, "GET")
        return response

    def _attribute(self, it: VisibleObject, attribute_id: int) -> RecordedAttribute:
        if it.class_id == ProfileGeneric.class_id and attribute_id == _BUFFER and self._entries is not None:
            return self._buffer(it, self._entries)
        return self._read(it, attribute_id)

    def _read(
        self, it: VisibleObject, attribute_id: int, selection: Selection | None = None
    ) -> RecordedAttribute:
        response = self.get(GetRequest(it.class_id, it.logical_name.to_bytes(), attribute_id, selection))
        if isinstance(response, int):
            return RecordedAttribute(result=response)
        if response.result != 0 or response.data is None:
            return RecordedAttribute(result=response.result)
        return RecordedAttribute(raw=bytes(response.data))

    def _buffer(self, it: VisibleObject, most: int) -> RecordedAttribute:
        """The newest entries of a profile, where it has more."""
        profile = ProfileGeneric(it.logical_name)
        in_use = self._number(it, profile.entries_in_use)
        association = self._client.association
        selective = association is not None and _SELECTIVE & association.conformance
        if in_use is None or in_use <= most or not selective:
            return self._read(it, _BUFFER)
        newest_first = self._number(it, profile.sort_method) == SortMethod.LIFO
        first, last = (1, most) if newest_first else (in_use - most + 1, in_use)
        found = self._read(it, _BUFFER, EntryDescriptor(first, last).selection)
        return replace(found, entries=in_use) if found.raw is not None else self._read(it, _BUFFER)

    def _number(self, it: VisibleObject, ref: AttributeRef[Any]) -> int | None:
        recorded = self._read(it, ref.row.attribute_id)
        try:
            return None if recorded.raw is None else int(ref.decode(recorded.raw))
        except DecodeError:
            return None

    def _reconnect(self, error: DlmsError, found: dict[int, RecordedAttribute]) -> None:
        """A new association where the old one is gone."""
        self._failures += 1
        if self._failures >= _MOST_FAILURES:
            raise _Lost(error, found)
        if self._client.association is not None:
            return
        try:
            self._client.connect()
        except DlmsError as refused:
            raise _Lost(refused, found) from None


def _identity(client: Client, reader: _Reader, now: datetime) -> dict[str, Any]:
    association = client.association
    title = None if association is None else association.meter_system_title
    name = reader.get(Data(LOGICAL_DEVICE_NAME).value.get_request())
    text = None
    if isinstance(name, GetResponse) and name.data is not None:
        text = readable_attribute(Data, _VALUE, bytes(name.data))
    return {
        "logical_device_name": text,
        "system_title": None if title is None else title.hex().upper(),
        "server_sap": client.profile.server_sap
        if client.endpoint.server_sap is None
        else client.endpoint.server_sap,
        "recorded_at": now.isoformat(timespec="seconds"),
    }


def _association(client: Client, view: AssociationView) -> dict[str, Any]:
    profile, association = client.profile, client.association
    sap = profile.client_sap if client.endpoint.client_sap is None else client.endpoint.client_sap
    conformance = Conformance(0) if association is None else association.conformance
    return {
        "client_sap": sap,
        "authentication": MECHANISMS[profile.mechanism].name,
        "security_policy": profile.security_policy.name.lower().replace("_", "-"),
        "security_suite": int(profile.security_suite),
        "referencing": profile.referencing,
        "class_id": view.class_id,
        "version": view.version,
        "conformance": flag_names(conformance),
        "max_pdu_size": None if association is None else association.server_max_receive_pdu_size,
    }
