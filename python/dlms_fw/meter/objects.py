"""The objects of a logical device, who may do what with them, and the way from a request to its response.

Two look-ups find an object, one its rights; what it then does is its own matter. A result that is not success
is an answer, never an exception of the server. Associations and their security have been checked before a
request comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from dlms_fw._core import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    Data,
    GetRequest,
    GetResponse,
    ImageBlock,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
)
from dlms_fw.axdr import Tag
from dlms_fw.cosem.association import AccessRight, AttributeAccessItem, MethodAccessItem, ObjectListElement
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, AttributeAccessMode, DataAccessResult, MethodAccessMode
from dlms_fw.errors import DecodeError
from dlms_fw.session.negotiated import ALL_ATTRIBUTES
from dlms_fw.session.server import Association

Single: TypeAlias = GetRequest | SetRequest | ActionRequest
Answer: TypeAlias = GetResponse | SetResponse | ActionResponse
Request: TypeAlias = Single | RequestList | AccessRequest
Response: TypeAlias = Answer | ResponseList | AccessResponse

_ACTION_DONE: Final = ActionResult.SUCCESS  # by this name it costs nothing on the way of every block
_NULL_DATA: Final = b"\0"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: an association on one connection."""

    association: Association
    connection: object
    """Tells two associations of the same client apart."""

    @property
    def client_sap(self) -> int:
        """The client's address."""
        return self.association.client_sap


@dataclass(frozen=True, slots=True)
class Rights:
    """What one client may do with one object, by attribute_id and method_id."""

    readable: frozenset[int] = frozenset()
    writable: frozenset[int] = frozenset()
    methods: frozenset[int] = frozenset()


NO_RIGHTS: Final = Rights()


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, or the way to make it for the one who asks, with the rights of each client."""

    object: ServerObject
    rights: Mapping[int, Rights]
    """By client SAP; a client that is not in it does not even see the object."""
    for_caller: Callable[[Caller], ServerObject] | None = None
    """Makes the object as this caller sees it, where that differs between callers."""
    selectors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """The selectors of selective access by attribute_id."""
    gate: Callable[[Caller, int], bool] | None = None
    """Whether a caller may call a method now; the other answer is temporary-failure."""


class ObjectDictionary:
    """All objects of one logical device."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[tuple[int, bytes], Entry] = {}
        self._logical_names: set[bytes] = set()
        for entry in entries:
            name = entry.object.logical_name.to_bytes()
            self._entries[entry.object.interface.class_id, name] = entry
            self._logical_names.add(name)

    def serve(self, caller: Caller, request: Request) -> Response:
        """Carries a request out. Its answer is not to be sent where none was asked for."""
        if isinstance(request, AccessRequest):
            return self._serve_access(caller, request)
        invoke_id = request.invoke_id_and_priority or 0
        if isinstance(request, RequestList):
            # All items of a list are of one service, and so are the answers.
            answers: Any = [self._serve_one(caller, item, invoke_id) for item in request.items]
            return ResponseList(answers, invoke_id_and_priority=invoke_id)
        return self._serve_one(caller, request, invoke_id)

    def object_list(self, client_sap: int) -> list[ObjectListElement]:
        """What one client sees, with its rights."""
        return [
            ObjectListElement(
                entry.object.interface.class_id,
                entry.object.interface.version,
                entry.object.logical_name,
                _access_right(entry, entry.rights[client_sap]),
            )
            for _, entry in sorted(self._entries.items())
            if client_sap in entry.rights
        ]

    def _serve_access(self, caller: Caller, request: AccessRequest) -> AccessResponse:
        answers: list[Answer] = []
        for item in request.items:
            if request.break_on_error and answers and answers[-1].result != 0:
                # What stands behind the first error has its answer too, and is left alone.
                answers += [_NOT_ATTEMPTED[type(left)] for left in request.items[len(answers) :]]
                break
            answers.append(self._serve_one(caller, item, 0))
        return AccessResponse(
            answers,
            request_items=request.items if request.self_descriptive else None,
            long_invoke_id_and_priority=request.long_invoke_id_and_priority or 0,
        )

    def _serve_one(self, caller: Caller, request: Single, invoke_id: int) -> Answer:
        if isinstance(request, GetRequest):
            try:
                data = self._read(caller, request)
            except CosemFault as fault:
                return GetResponse(fault.result, invoke_id_and_priority=invoke_id)
            return GetResponse(DataAccessResult.SUCCESS, data, invoke_id_and_priority=invoke_id)
        if isinstance(request, SetRequest):
            try:
                self._write(caller, request)
            except CosemFault as fault:
                return SetResponse(fault.result, invoke_id_and_priority=invoke_id)
            return SetResponse(DataAccessResult.SUCCESS, invoke_id_and_priority=invoke_id)
        try:
            returned = self._invoke(caller, request)
        except CosemFault as fault:
            return ActionResponse(fault.result, invoke_id_and_priority=invoke_id)
        return ActionResponse(_ACTION_DONE, returned, invoke_id_and_priority=invoke_id)

    def _read(self, caller: Caller, request: GetRequest) -> bytes:
        entry, target = self._find(caller, request.class_id, request.logical_name)
        readable = entry.rights[caller.client_sap].readable
        if request.attribute_id == ALL_ATTRIBUTES:
            return _read_all(target, readable, request.selection)
        _demand(request.attribute_id, target, readable)
        try:
            return target.read(request.attribute_id, request.selection)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None

    def _write(self, caller: Caller, request: SetRequest) -> None:
        entry, target = self._find(caller, request.class_id, request.logical_name)
        writable = entry.rights[caller.client_sap].writable
        if request.selection is not None:
            _demand(request.attribute_id, target, writable)
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        if request.attribute_id == ALL_ATTRIBUTES:
            _write_all(target, writable, request.data)
            return
        _demand(request.attribute_id, target, writable)
        try:
            target.write(request.attribute_id, request.data)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None

    def _invoke(self, caller: Caller, request: ActionRequest) -> bytes | None:
        method_id = request.method_id
        entry, target = self._find(caller, request.class_id, request.logical_name)
        if method_id in target.interface.methods:
            if method_id not in entry.rights[caller.client_sap].methods:
                raise CosemFault(ActionResult.READ_WRITE_DENIED)
            if entry.gate is not None and not entry.gate(caller, method_id):
                raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        parameter = request.parameter
        if isinstance(parameter, ImageBlock):
            parameter = parameter.encode()
        try:
            return target.invoke(method_id, parameter)
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None

    def _find(self, caller: Caller, class_id: int, logical_name: bytes) -> tuple[Entry, ServerObject]:
        entry = self._entries.get((class_id, logical_name))
        if entry is None:
            known = logical_name in self._logical_names
            # The codes are those of both services.
            raise CosemFault(
                DataAccessResult.OBJECT_CLASS_INCONSISTENT if known else DataAccessResult.OBJECT_UNDEFINED
            )
        if caller.client_sap not in entry.rights:
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        return entry, entry.object if entry.for_caller is None else entry.for_caller(caller)


_NOT_ATTEMPTED: Final[Mapping[type, Answer]] = {
    GetRequest: GetResponse(DataAccessResult.OTHER_REASON),
    SetRequest: SetResponse(DataAccessResult.OTHER_REASON),
    ActionRequest: ActionResponse(ActionResult.OTHER_REASON),
}


def _read_all(target: ServerObject, readable: frozenset[int], selection: tuple[int, bytes] | None) -> bytes:
    """A structure of all attributes in the order of their ids, with null-data for what may not be read."""
    if selection is not None:
        raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
    numbers = sorted(number for number in target.interface.attributes if number > 0)
    if not readable & set(numbers):
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
    try:
        values = [target.read(number) if number in readable else _NULL_DATA for number in numbers]
    except OSError:
        raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None
    return bytes((Tag.STRUCTURE, len(values))) + b"".join(values)


def _write_all(target: ServerObject, writable: frozenset[int], data: bytes) -> None:
    """The same structure the other way; null-data leaves an attribute as it is."""
    numbers = sorted(number for number in target.interface.attributes if number > 0)
    try:
        values = Data.decode(data, strict=False)
    except DecodeError:
        raise CosemFault(DataAccessResult.TYPE_UNMATCHED) from None
    members = values.value
    if values.tag != Tag.STRUCTURE or not isinstance(members, tuple) or len(members) != len(numbers):
        raise CosemFault(DataAccessResult.TYPE_UNMATCHED)
    given = {
        number: member for number, member in zip(numbers, members, strict=True) if member.tag != Tag.NULL_DATA
    }
    if not given or not given.keys() <= writable:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
    try:
        for number, member in given.items():
            target.write(number, member.encode())
    except OSError:
        raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None


def _demand(attribute_id: int, target: ServerObject, permitted: frozenset[int]) -> None:
    if attribute_id in target.interface.attributes and attribute_id not in permitted:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)


def full_rights(server_object: ServerObject) -> Rights:
    """To read everything, write what can be written and call every method."""
    interface = server_object.interface
    return Rights(
        frozenset(interface.attributes),
        frozenset(
            number for number, row in interface.attributes.items() if _has_setter(server_object, row.name)
        ),
        frozenset(interface.methods),
    )


def reading_rights(server_object: ServerObject) -> Rights:
    """To read everything, and nothing else."""
    return Rights(frozenset(server_object.interface.attributes))


def _has_setter(server_object: ServerObject, name: str) -> bool:
    implementation = getattr(type(server_object), name, None)
    return isinstance(implementation, property) and implementation.fset is not None


def _access_right(entry: Entry, rights: Rights) -> AccessRight:
    interface = entry.object.interface
    modes = {
        (False, False): AttributeAccessMode.NO_ACCESS,
        (True, False): AttributeAccessMode.READ_ONLY,
        (False, True): AttributeAccessMode.WRITE_ONLY,
        (True, True): AttributeAccessMode.READ_AND_WRITE,
    }
    return AccessRight(
        [
            AttributeAccessItem(
                number,
                modes[number in rights.readable, number in rights.writable],
                list(entry.selectors[number]) if number in entry.selectors else None,
            )
            for number in sorted(interface.attributes)
        ],
        [
            MethodAccessItem(
                number, MethodAccessMode.ACCESS if number in rights.methods else MethodAccessMode.NO_ACCESS
            )
            for number in sorted(interface.methods)
        ],
    )
