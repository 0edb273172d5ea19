"""A meter on paper: what a client has read of it, attribute by attribute, as a JSON document and back.

The octets of each attribute are kept as the meter sent them; beside them stands what they mean, for people
and for comparisons, and is not read again. What the meter refused, what broke the association and what is a
secret is noted where the value would be. A secret is never asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from pathlib import Path
from typing import Any, Final, TypeVar

from dlms_fw.axdr import any_data
from dlms_fw.cosem.access_rights import ObjectRights
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.enums import AttributeAccessFlags, DataAccessResult, MethodAccessFlags
from dlms_fw.errors import ConfigurationError, DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.reading.readable import flag_names, readable_attribute
from dlms_fw.reading.registers import SCALED, quantity_of
from dlms_fw.regular_file import UnreadableError, read_once

__all__ = [
    "FORMAT",
    "MeterRecord",
    "RecordedAttribute",
    "RecordedObject",
    "is_secret",
    "load_record",
    "parse_record",
    "record_text",
]

_T = TypeVar("_T")

FORMAT: Final = "dlms-fw/meter-record/1"
_LARGEST_RECORD: Final = 256 << 20

_SECRETS: Final[dict[int, frozenset[int]]] = {
    15: frozenset({7}),  # Association LN: secret
    19: frozenset({7, 8, 9}),  # IEC local port setup: passwords
    30: frozenset({4, 5}),  # Data protection: parameters with wrapped keys
    40: frozenset({10}),  # Push setup: protection parameters with wrapped keys
    44: frozenset({5}),  # PPP setup: authentication
    45: frozenset({3}),  # GPRS modem setup: PIN
    46: frozenset({4}),  # SMTP setup: login password
    91: frozenset({5}),  # G3-PLC MAC setup: key table
    100: frozenset({6, 7}),  # NTP setup: authentication keys, client key
    101: frozenset({10, 11}),  # ZigBee SAS startup: link key, network key
    115: frozenset({2}),  # Token gateway: token
}
"""Attributes that hold keys, passwords or what is worth money, by class_id."""


def is_secret(class_id: int, attribute_id: int) -> bool:
    """Whether an attribute holds a key, a password or what is worth money."""
    return attribute_id in _SECRETS.get(class_id, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAttribute:
    """What became of one attribute; at most one of the first four is there.

    Attributes:
        raw: Its complete A-XDR encoding.
        result: The data-access-result with which the meter refused it.
        failure: What happened instead of an answer, such as the end of the association.
        is_secret: Whether it was not asked for because it is a secret.
        entries: Of a buffer of which only the newest entries are kept: how many there are.
    """

    raw: bytes | None = None
    result: int | None = None
    failure: str | None = None
    is_secret: bool = False
    entries: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedObject:
    """One object: who it is, what the client may do with it, and its attributes by attribute_id."""

    object: VisibleObject
    attributes: Mapping[int, RecordedAttribute]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRecord:
    """What a client has read of a meter.

    Attributes:
        meter: Who it is: ``logical_device_name``, ``system_title`` (hex), ``server_sap``, ``recorded_at``.
        association: How it was read: ``client_sap``, ``authentication``, ``security_policy``,
            ``security_suite``, ``referencing``, ``class_id`` and ``version`` of the association,
            ``conformance``, ``max_pdu_size``.
        objects: In the order of the meter's object list.
        is_complete: Whether everything that was wanted has been tried.
    """

    meter: Mapping[str, Any]
    association: Mapping[str, Any]
    objects: Sequence[RecordedObject] = field(default_factory=tuple)
    is_complete: bool = True


# Written


def record_text(record: MeterRecord) -> str:
    """The record as JSON, the same for the same record, an attribute or a method to each line."""
    head = {
        "format": FORMAT,
        "complete": record.is_complete,
        "meter": dict(record.meter),
        "association": dict(record.association),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    objects = ",\n".join(_object_text(_object_document(it)) for it in record.objects)
    return "\n".join(["{", *lines, '"objects": [', objects, "]", "}", ""])


def _object_text(document: dict[str, Any]) -> str:
    members = []
    for key, value in document.items():
        if key in {"attributes", "methods"} and value:
            inner = ",\n".join(f"   {json.dumps(number)}: {json.dumps(it)}" for number, it in value.items())
            members.append(f"  {json.dumps(key)}: {{\n{inner}\n  }}")
        else:
            members.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return " {\n" + ",\n".join(members) + "\n }"


def _object_document(recorded: RecordedObject) -> dict[str, Any]:
    it = recorded.object
    document: dict[str, Any] = {
        "class_id": it.class_id,
        "version": it.version,
        "logical_name": str(it.logical_name),
        "name": it.name,
    }
    if it.base_name is not None:
        document["base_name"] = it.base_name
    numbers = sorted({*recorded.attributes, *(it.rights.attributes if it.rights else ())})
    document["attributes"] = {
        str(number): _attribute_document(it, number, recorded.attributes.get(number)) for number in numbers
    }
    for number, quantity in _quantities(recorded):
        document["attributes"][str(number)]["quantity"] = quantity
    if it.rights is not None:
        document["methods"] = {
            str(number): _method_document(it.interface, number, it.rights.methods[number])
            for number in sorted(it.rights.methods)
        }
    return document


def _attribute_document(
    it: VisibleObject, attribute_id: int, recorded: RecordedAttribute | None
) -> dict[str, Any]:
    row = it.interface.attributes.get(attribute_id)
    document: dict[str, Any] = {"name": f"attribute_{attribute_id}" if row is None else row.name}
    if it.rights is not None:
        flags = it.rights.attributes.get(attribute_id, AttributeAccessFlags(0))
        document["access"] = flag_names(flags)
        if attribute_id in it.rights.selectors:
            document["selectors"] = list(it.rights.selectors[attribute_id])
    if recorded is None:
        return document
    if recorded.is_secret:
        document["secret"] = True
    if recorded.result is not None:
        document["refused"] = _result_name(recorded.result)
        document["result"] = recorded.result
    if recorded.failure is not None:
        document["failed"] = recorded.failure
    if recorded.entries is not None:
        document["entries"] = recorded.entries
    if recorded.raw is not None:
        document["value"] = readable_attribute(it.interface, attribute_id, recorded.raw)
        document["raw"] = recorded.raw.hex().upper()
    return document


def _quantities(recorded: RecordedObject) -> Iterator[tuple[int, str]]:
    """What the numbers of a register mean."""
    if recorded.object.class_id not in SCALED:
        return
    _, scaler_unit_id, scaled = SCALED[recorded.object.class_id]
    scaler_unit = recorded.attributes.get(scaler_unit_id)
    for number in sorted(scaled & recorded.attributes.keys()):
        raw = recorded.attributes[number].raw
        if raw is not None and scaler_unit is not None and scaler_unit.raw is not None:
            quantity = quantity_of(raw, scaler_unit.raw)
            if quantity is not None:
                yield number, str(quantity)


def _method_document(
    interface: type[InterfaceClass], method_id: int, flags: MethodAccessFlags
) -> dict[str, Any]:
    row = interface.methods.get(method_id)
    name = f"method_{method_id}" if row is None else row.name
    return {"name": name, "access": flag_names(flags)}


def _result_name(result: int) -> str:
    try:
        return DataAccessResult(result).name.lower().replace("_", "-")
    except ValueError:
        return f"code {result}"


# Read


def load_record(path: str | Path) -> MeterRecord:
    """The record in a file. Raises ConfigurationError, which names the file and the place in it."""
    try:
        octets, _ = read_once(Path(path), _LARGEST_RECORD)
    except UnreadableError as error:
        raise ConfigurationError(f"the record {path} cannot be read: {error}") from None
    try:
        return parse_record(octets.decode("utf-8"), where=str(path))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: it is no UTF-8 text", code=_CODE) from None


def parse_record(text: str, *, where: str = "record") -> MeterRecord:
    """The record in a text. Raises ConfigurationError, which names the place in it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{where}: it is no JSON: {error}", code=_CODE) from None
    reader = _Reader(where, document)
    if reader.take("format", str) != FORMAT:
        raise reader.mistake("format", f"a record says {FORMAT!r} there")
    return MeterRecord(
        meter=reader.take("meter", dict),
        association=reader.take("association", dict),
        objects=tuple(_parsed_object(it) for it in reader.members("objects")),
        is_complete=reader.take("complete", bool),
    )


class _Reader:
    """One JSON object and where it is in the file."""

    def __init__(self, where: str, document: Any) -> None:
        if not isinstance(document, dict):
            raise ConfigurationError(f"{where}: a JSON object is needed here", code=_CODE)
        self._where = where
        self.document = document

    def take(self, key: str, kind: type[_T]) -> _T:
        """A member of this type."""
        found = self.optional(key, kind)
        if found is None:
            raise self.mistake(key, f"{_KINDS[kind]} is needed")
        return found

    def optional(self, key: str, kind: type[_T]) -> _T | None:
        """A member of this type, or ``None`` where it is absent."""
        found = self.document.get(key)
        if found is None:
            return None
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise self.mistake(key, f"{_KINDS[kind]} is needed")
        return found

    def number(self, key: str, most: int) -> int:
        """A member that is a number from 0 to ``most``."""
        found = self.take(key, int)
        if not 0 <= found <= most:
            raise self.mistake(key, f"0 to {most} is needed")
        return found

    def members(self, key: str) -> list[_Reader]:
        """The objects in a list."""
        found = self.take(key, list)
        return [_Reader(f"{self._where}: {key}[{place}]", it) for place, it in enumerate(found)]

    def numbered(self, key: str) -> dict[int, _Reader]:
        """The objects in an object whose keys are ids of attributes or methods."""
        found: dict[int, _Reader] = {}
        for number, it in (self.optional(key, dict) or {}).items():
            if re.fullmatch(r"-?\d{1,3}", number) is None or not -128 <= int(number) <= 127:
                raise self.mistake(key, f"{number!r} is no id from -128 to 127")
            found[int(number)] = _Reader(f"{self._where}: {key}.{number}", it)
        return found

    def mistake(self, key: str, why: str) -> ConfigurationError:
        """The error for one member."""
        return ConfigurationError(f"{self._where}: {key}: {why}", code=_CODE)


_CODE: Final = "configuration.record"
_KINDS: Final = {str: "a text", int: "a number", dict: "an object", list: "a list", bool: "true or false"}


def _parsed_object(reader: _Reader) -> RecordedObject:
    try:
        name = LogicalName(reader.take("logical_name", str))
    except ValueError as error:
        raise reader.mistake("logical_name", str(error)) from None
    attributes, methods = reader.numbered("attributes"), reader.numbered("methods")
    rights = ObjectRights(
        {number: AttributeAccessFlags(_flags(it, AttributeAccessFlags)) for number, it in attributes.items()},
        {number: MethodAccessFlags(_flags(it, MethodAccessFlags)) for number, it in methods.items()},
        {number: found for number, it in attributes.items() if (found := _selectors(it))},
    )
    visible = VisibleObject(
        reader.number("class_id", 0xFFFF),
        reader.number("version", 0xFF),
        name,
        rights if any("access" in it.document for it in attributes.values()) else None,
        reader.number("base_name", 0xFFFF) if "base_name" in reader.document else None,
    )
    recorded = {number: _parsed_attribute(it) for number, it in attributes.items()}
    return RecordedObject(visible, {number: it for number, it in recorded.items() if it != _UNTRIED})


_UNTRIED: Final = RecordedAttribute()


def _parsed_attribute(reader: _Reader) -> RecordedAttribute:
    raw = reader.optional("raw", str)
    try:
        octets = None if raw is None else bytes.fromhex(raw)
    except ValueError:
        raise reader.mistake("raw", "hex digits are needed") from None
    if octets is not None:
        try:
            any_data.decode(octets, strict=False)
        except DecodeError as error:
            raise reader.mistake("raw", f"this is no value: {error}") from None
    return RecordedAttribute(
        raw=octets,
        result=reader.optional("result", int),
        failure=reader.optional("failed", str),
        is_secret=reader.optional("secret", bool) or False,
        entries=reader.optional("entries", int),
    )


def _flags(reader: _Reader, flags: type[IntFlag]) -> int:
    """Access by the names of bits, or their values in hex."""
    value = 0
    for name in reader.optional("access", list) or []:
        try:
            value |= int(name, 16) if name.startswith("0x") else flags[name.upper().replace("-", "_")]
        except (KeyError, ValueError, AttributeError):
            raise reader.mistake("access", f"there is no access {name!r}") from None
    return value


def _selectors(reader: _Reader) -> tuple[int, ...]:
    found = reader.optional("selectors", list) or []
    if not all(isinstance(it, int) and 0 <= it <= 0xFF for it in found):
        raise reader.mistake("selectors", "numbers are needed")
    return tuple(found)
