"""Words for the codes in decoded octets: enumerations, OBIS codes, classes, attributes and methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum, IntFlag
from typing import Any, Final

from dlms_fw._core import BitString, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.confirmed_service_errors import VALUES, ConfirmedService, ErrorKind
from dlms_fw.cosem.catalogue import interface_class, known_versions
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.decode_node import Node
from dlms_fw.enums import (
    AcseServiceProviderDiagnostic,
    AcseServiceUserDiagnostic,
    ActionResult,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    KeyId,
    ReleaseRequestReason,
    ReleaseResponseReason,
    SecurityControl,
    ServiceErrorCode,
    StateError,
)
from dlms_fw.obis_names import obis_name

__all__ = ["redacted", "words"]


_CODES: Final[dict[str, type[IntEnum]]] = {
    "data-access-result": DataAccessResult,
    "action-result": ActionResult,
    "state-error": StateError,
    "service-error": ServiceErrorCode,
    "application-context": ApplicationContext,
    "mechanism": AuthenticationMechanism,
    "association-result": AssociationResult,
    "release-request-reason": ReleaseRequestReason,
    "release-response-reason": ReleaseResponseReason,
    "key-id": KeyId,
    "confirmed-service": ConfirmedService,
    "error-kind": ErrorKind,
}
_TEXT: Final = re.compile(rb"[\x20-\x7e]{3,}")
_LONGEST: Final = 48
"""Octets of a value that are shown."""


def words(name: str, kind: str, note: str, value: object, children: Sequence[Node]) -> str:
    """What people read beside a node."""
    if kind == "choice":
        return f"{note or 'unknown'} ({value})"
    if kind in _CODES and isinstance(value, int):
        return _code(_CODES[kind], value)
    special = _SPECIAL.get(kind)
    if special is not None and value is not None:
        return special(value)
    if kind == "diagnostic" and isinstance(value, int):
        user = note == "acse-service-user"
        codes = AcseServiceUserDiagnostic if user else AcseServiceProviderDiagnostic
        return f"{note}, {_code(codes, value)}"
    if name == "cosem-attribute-descriptor" or name == "cosem-method-descriptor":
        return _target(children)
    if name == "confirmed-service-error":
        return _service_error(children)
    if kind in {"frame", "apdu", ""} and not isinstance(value, bytes):
        return note if value is None else str(value)
    if value is None:
        if kind in {"array", "structure"}:
            return f"{kind} of {len(children)}"
        return note or (kind if name and kind in _TYPES else "")
    return f"{_plain(value)}  {kind}" if name and kind in _TYPES else _plain(value)


_TYPES: Final = frozenset(tag.name.lower().replace("_", "-") for tag in Tag)


def redacted(node: Node) -> Node:
    """A secret without its value."""
    if isinstance(node.value, bytes):
        return replace(node, value=None, text=f"<{len(node.value)} octets, not shown>")
    return node


def _code(codes: type[IntEnum], code: int) -> str:
    try:
        return f"{codes(code).name.lower().replace('_', ' ')} ({code})"
    except ValueError:
        return f"unknown ({code})"


def _flags(flags: type[IntFlag], value: int) -> str:
    return ", ".join(
        flag.name.lower().replace("_", "-") for flag in flags if flag & value and flag.name is not None
    )


def _conformance(value: Any) -> str:
    return f"{value:06X}  {_flags(Conformance, value)}"


def _security_control(value: Any) -> str:
    return f"{value:02X}  suite {value & 0x0F}, {_flags(SecurityControl, value & 0xF0) or 'no protection'}"


def _invoke(value: Any) -> str:
    service = "confirmed" if value & 0x40 else "unconfirmed"
    priority = "high" if value & 0x80 else "normal"
    return f"{value:02X}  id {value & 0x0F}, {service}, {priority} priority"


def _long_invoke(value: Any) -> str:
    told = ["confirmed" if value & 0x4000_0000 else "unconfirmed"]
    told += ["break on error"] if value & 0x2000_0000 else []
    told += ["self-descriptive"] if value & 0x1000_0000 else []
    told.append(f"{'high' if value & 0x8000_0000 else 'normal'} priority")
    return f"{value:08X}  id {value & 0xFF_FFFF}, {', '.join(told)}"


def _block_control(value: Any) -> str:
    told = ["last block"] if value & 0x80 else []
    told += ["streaming"] if value & 0x40 else []
    return ", ".join([*told, f"window {value & 0x3F}"])


def _frame_format(value: Any) -> str:
    return f"{value & 0x7FF} octets{', segmented' if value & 0x0800 else ''}"


def _address(value: Any) -> str:
    halves = [octet >> 1 for octet in value]
    if len(halves) == 4:
        halves = [halves[0] << 7 | halves[1], halves[2] << 7 | halves[3]]
    return "/".join(map(str, halves))


def _control(value: Any) -> str:
    final = ", P/F" if value & 0x10 else ""
    if value & 1 == 0:
        return f"N(S) {value >> 1 & 7}, N(R) {value >> 5}{final}"
    if value & 0x03 == 1:
        return f"N(R) {value >> 5}{final}"
    return f"{value:02X}{final}"


def _class(value: Any) -> str:
    interface = _interface(value)
    return str(value) if interface is None else f"{value}  {_spaced(interface.__name__)}"


def _interface(class_id: int) -> type[InterfaceClass] | None:
    versions = known_versions(class_id)
    return interface_class(class_id, versions[-1]) if versions else None


def _spaced(name: str) -> str:
    name = re.sub(r"V\d+$", "", name)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _obis_code(value: Any) -> str:
    a, b, c, d, e, f = value
    return f"{a}-{b}:{c}.{d}.{e}.{f}"


def _logical_name(value: Any) -> str:
    return f"{_obis_code(value)}  {obis_name(value)}"


def _target(children: Sequence[Node]) -> str:
    if len(children) != 3 or not all(child.understood for child in children):
        return ""
    class_id, instance, number = children
    interface = _interface(class_id.value) if isinstance(class_id.value, int) else None
    name = str(number.value)
    if interface is not None and isinstance(number.value, int):
        rows: Any = interface.methods if number.name == "method-id" else interface.attributes
        row = rows.get(number.value)
        name = name if row is None else row.name
    shown = f"class {class_id.value}" if interface is None else _spaced(interface.__name__)
    return f"{shown} {_obis_code(instance.value)}, {name}"


def _service_error(children: Sequence[Node]) -> str:
    codes = [child.value for child in children]
    match codes:
        case [int(), int(kind), int(value)] if kind in VALUES:
            return _code(VALUES[kind], value)
    return ""


def _moment(value: Any) -> str:
    octets = value if isinstance(value, bytes) else b""
    if not octets:
        return "none"
    if len(octets) != 12:
        return octets.hex().upper()
    try:
        return _date_time(DateTime.from_bytes(octets))
    except ValueError:
        return octets.hex().upper()


def _date_time(value: DateTime) -> str:
    try:
        return value.to_datetime().isoformat(sep=" ")
    except ValueError:
        return f"{_date(value.date)} {_time(value.time)}, with wildcards"


def _date(value: Date) -> str:
    return "-".join(
        "*" if part is None else f"{part:02}" for part in (value.year, value.month, value.day_of_month)
    )


def _time(value: Time) -> str:
    return ":".join(
        "*" if part is None else f"{part:02}" for part in (value.hour, value.minute, value.second)
    )


def _title(value: Any) -> str:
    manufacturer = value[:3].decode("ascii", "replace")
    named = f"  {manufacturer}" if manufacturer.isascii() and manufacturer.isalpha() else ""
    return f"{value.hex().upper()}{named}"


def _bits(value: Any) -> str:
    return value.hex().upper() if isinstance(value, bytes) else f"{value:02X}"


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _short_name(value: Any) -> str:
    return f"{value:04X}"


_SPECIAL: Final[dict[str, Callable[[Any], str]]] = {
    "conformance": _conformance,
    "security-control": _security_control,
    "invoke-id-and-priority": _invoke,
    "long-invoke-id-and-priority": _long_invoke,
    "block-control": _block_control,
    "frame-format": _frame_format,
    "hdlc-address": _address,
    "hdlc-control": _control,
    "class-id": _class,
    "logical-name": _logical_name,
    "date-time": _moment,
    "system-title": _title,
    "bits": _bits,
    "boolean": _boolean,
    "short-name": _short_name,
    "vaa-name": _short_name,
}


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return _octets(value)
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")
    if isinstance(value, bool):
        return _boolean(value)
    if isinstance(value, DateTime):
        return _date_time(value)
    if isinstance(value, Date):
        return _date(value)
    if isinstance(value, Time):
        return _time(value)
    if isinstance(value, BitString):
        bits = "".join("1" if bit else "0" for bit in list(value)[:_LONGEST])
        return f"{bits}{'…' if len(value) > _LONGEST else ''} ({len(value)} bits)"
    if isinstance(value, tuple):
        shown = ", ".join(_plain(member) for member in value[:8])
        return f"[{shown}{f', … {len(value)} in all' if len(value) > 8 else ''}]"
    return str(value)


def _octets(octets: bytes) -> str:
    shown = octets[:_LONGEST].hex(" ").upper()
    more = f" … {len(octets)} octets" if len(octets) > _LONGEST else ""
    text = octets[:_LONGEST]
    readable = f'  "{text.decode("ascii")}"' if _TEXT.fullmatch(text) else ""
    if len(octets) == 6 and octets[5] == 255:
        readable = f"  {_logical_name(octets)}"
    elif len(octets) == 12:
        readable = f"  {_moment(octets)}"
    return f"{shown}{more}{readable}"
