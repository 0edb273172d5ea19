"""A meter model of a record: objects with the values and the rights that a client has found in a meter.

What was read is served as it was read, octet by octet; what was refused is refused with the same result. The
association is the simulated meter's own, and so are the counters that a client with keys must ask for. All
else keeps its values: a clock stands still, and methods do what stored objects do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag, any_data, array, double_long_unsigned
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.cosem.association_sn import AssociationSN
from dlms_fw.cosem.catalogue import raw_interface_class
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, ProfileGeneric, expanded_rows
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.well_known import CURRENT_ASSOCIATION, invocation_counter
from dlms_fw.enums import DataAccessResult, SortMethod
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights, with_modes
from dlms_fw.meter.model import ClientDescription, MeterModel, ObjectDescription
from dlms_fw.meter.profile_selection import selected
from dlms_fw.meter.stored_object import object_of_octets
from dlms_fw.record import MeterRecord, RecordedAttribute, RecordedObject

__all__ = ["recorded_model"]

_PUBLIC_SAP: Final = 16
_MANAGEMENT_SAP: Final = 1
_BUFFER: Final = 2
_ENTRIES_IN_USE: Final = 7
_SELECTORS: Final = (1, 2)
_ASSOCIATIONS: Final = frozenset({AssociationLN.class_id, AssociationSN.class_id})
_COUNTERS: Final = frozenset(invocation_counter(e) for e in range(256))


def recorded_model(record: MeterRecord, *, name: str = "recorded", with_keys: bool = False) -> MeterModel:
    """The model of meters that answer as the recorded one has answered.

    Args:
        record: What was read.
        name: What the model is called.
        with_keys: Whether the client has keys; then invocation counters are counted, not repeated.

    Raises:
        ConfigurationError: The record contradicts itself.
    """
    sap = _sap(record)
    clients = [
        ClientDescription(name="recorded", sap=sap, role="public" if sap == _PUBLIC_SAP else "management")
    ]
    if sap != _PUBLIC_SAP:
        clients.append(ClientDescription(name="public", sap=_PUBLIC_SAP, role="public"))
    families = ("associations", "invocation-counters") if with_keys else ("associations",)
    described = [
        _description(it, sap)
        for it in record.objects
        if not (with_keys and it.object.class_id == 1 and it.object.logical_name in _COUNTERS)
    ]
    return MeterModel(
        name=name,
        title=f"as recorded {record.meter.get('recorded_at', '')}".rstrip(),
        settings=_settings(record),
        clients=tuple(clients),
        families=families,
        objects=tuple(described),
    )


def _sap(record: MeterRecord) -> int:
    sap = record.association.get("client_sap")
    return sap if isinstance(sap, int) else _MANAGEMENT_SAP


def _settings(record: MeterRecord) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    version = record.association.get("version")
    if record.association.get("class_id") == AssociationLN.class_id and version in range(4):
        settings["association_version"] = version
    title = record.meter.get("system_title")
    if isinstance(title, str):
        settings["system_title"] = title
    size = record.association.get("max_pdu_size")
    if isinstance(size, int) and 64 <= size <= 0xFFFF:
        settings["max_pdu_size"] = size
    return settings


def _description(recorded: RecordedObject, sap: int) -> ObjectDescription:
    it = recorded.object
    interface, rights = _interface(recorded), {sap: _rights(recorded)}
    if it.class_id in _ASSOCIATIONS and it.logical_name == CURRENT_ASSOCIATION:
        return ObjectDescription(interface=interface, logical_name=it.logical_name, rights=rights)
    octets = {number: found.raw for number, found in recorded.attributes.items() if found.raw is not None}
    rows = _Rows.of(octets) if it.class_id == ProfileGeneric.class_id else None
    if rows is not None and recorded.attributes[_BUFFER].entries is not None:
        octets[_ENTRIES_IN_USE] = double_long_unsigned.encode(len(rows.entries))
    refusals = {number: _result(found) for number, found in recorded.attributes.items() if found.raw is None}

    def make(_: Any) -> ServerObject:
        return _Recorded(object_of_octets(interface, it.logical_name, octets), refusals, rows)

    return ObjectDescription(
        interface=interface, logical_name=it.logical_name, rights=rights, make=make, octets=octets
    )


def _interface(recorded: RecordedObject) -> type[InterfaceClass]:
    """The declared class where the object has its attributes and methods, else one of what it has."""
    it = recorded.object
    attribute_ids, method_ids = {*recorded.attributes, *it.attribute_ids}, set(it.interface.methods)
    if it.rights is not None:
        attribute_ids, method_ids = set(it.rights.attributes), set(it.rights.methods)
    declared = it.interface
    if attribute_ids | {1} == set(declared.attributes) and method_ids == set(declared.methods):
        return declared
    return raw_interface_class(it.class_id, it.version, attribute_ids, method_ids)


def _rights(recorded: RecordedObject) -> Rights:
    it, rights = recorded.object, recorded.object.rights
    if rights is None:
        readable = {number for number, found in recorded.attributes.items() if not found.is_secret}
        return Rights(readable=frozenset(readable | {1}), selectors={_BUFFER: _SELECTORS})
    selectors = dict(rights.selectors)
    if it.class_id == ProfileGeneric.class_id:
        selectors.setdefault(_BUFFER, _SELECTORS)  # some meters have them and do not name them
    return with_modes(Rights(), rights.attributes, rights.methods, selectors)


def _result(found: RecordedAttribute) -> DataAccessResult:
    if found.is_secret:
        return DataAccessResult.READ_WRITE_DENIED
    try:
        return DataAccessResult(DataAccessResult.OTHER_REASON if found.result is None else found.result)
    except ValueError:
        return DataAccessResult.OTHER_REASON


class _Recorded(ServerObject, interface=InterfaceClass):
    """A stored object that refuses what was refused, and selects rows of a recorded buffer."""

    def __init__(
        self, stored: ServerObject, refusals: Mapping[int, DataAccessResult], rows: _Rows | None
    ) -> None:
        super().__init__(stored.logical_name)
        cast("Any", self).interface = stored.interface  # every object has its own
        self._stored = stored
        self._refusals = dict(refusals)
        self._rows = rows

    def read(self, attribute_id: int, selection: tuple[int, bytes] | None = None) -> bytes:
        """The octets of an attribute as they were read, or the result that was there instead."""
        if attribute_id in self._refusals:
            raise CosemFault(self._refusals[attribute_id])
        if selection is not None and attribute_id == _BUFFER and self._rows is not None:
            return self._rows.selected(*selection)
        return self._stored.read(attribute_id, selection)

    def write(self, attribute_id: int, data: bytes) -> None:
        """Set an attribute, which is then read as it was set."""
        self._stored.write(attribute_id, data)
        self._refusals.pop(attribute_id, None)

    def invoke(self, method_id: int, parameter: bytes | None) -> bytes | None:
        """Call a method, with what it does to a stored object."""
        return self._stored.invoke(method_id, parameter)


class _Rows:
    """The entries of a recorded buffer, each complete, for selective access."""

    def __init__(
        self, columns: Sequence[CaptureObjectDefinition], entries: Sequence[tuple[Data, ...]]
    ) -> None:
        self._columns = columns
        self.entries = entries

    @classmethod
    def of(cls, octets: Mapping[int, bytes]) -> _Rows | None:
        """The rows in the octets of a profile; ``None`` where they cannot be told apart."""
        try:
            columns = _columns(octets[3])
            buffer = ProfileGeneric.buffer.data_type.decode(octets[_BUFFER], strict=False)
            period = _number(octets.get(4))
            order = SortMethod.LIFO if _number(octets.get(5)) == SortMethod.LIFO else SortMethod.FIFO
            plain = expanded_rows(buffer, columns, capture_period=period, sort_method=order)
        except (KeyError, DecodeError, TypeError, ValueError):
            return None
        if any(len(row) != len(columns) for row in plain):
            return None
        return cls(columns, list(_complete(buffer, plain)))

    def selected(self, selector: int, parameters: bytes) -> bytes:
        """The entries that an access descriptor asks for. Raises CosemFault."""
        try:
            rows = selected(
                selector, parameters, self._columns, self.entries, lambda entry, index: entry[index]
            )
        except DecodeError:
            raise CosemFault(DataAccessResult.TYPE_UNMATCHED) from None
        return array(any_data).encode(rows)


def _columns(octets: bytes) -> list[CaptureObjectDefinition]:
    """Of either version of the class."""
    plain = cast("Any", Data.decode(octets, strict=False).plain())
    return [
        CaptureObjectDefinition(
            members[0], LogicalName(members[1]), members[2], members[3] if len(members) > 3 else 0
        )
        for members in plain
    ]


def _number(octets: bytes | None) -> int:
    value = 0 if octets is None else Data.decode(octets, strict=False).value
    return value if isinstance(value, int) else 0


def _complete(buffer: Sequence[Data], plain: Sequence[tuple[object, ...]]) -> Iterator[tuple[Data, ...]]:
    """Entries with what was left out put back, by the tags that the column had before."""
    before: tuple[Data, ...] = ()
    for entry, values in zip(buffer, plain, strict=True):
        members = cast("tuple[Data, ...]", entry.value)
        before = tuple(
            _put_back(member, value, before[index] if before else member)
            for index, (member, value) in enumerate(zip(members, values, strict=True))
        )
        yield before


def _put_back(member: Data, value: object, before: Data) -> Data:
    if isinstance(value, DateTime) and member.tag == Tag.NULL_DATA:
        return Data(Tag.OCTET_STRING, value.to_bytes())
    if member.tag == Tag.NULL_DATA:
        return before
    if Tag.DELTA_INTEGER <= member.tag <= Tag.DELTA_DOUBLE_LONG_UNSIGNED:
        return Data(before.tag, value)
    return member
