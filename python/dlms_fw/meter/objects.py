"""The objects of a logical device, who may do what with them, and the way from a request to its response.

Two look-ups find an object, one its rights; what it then does is its own matter. A result that is not success
is an answer, never an exception of the server. Associations and their security have been checked before a
request comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NoReturn, TypeAlias

from dlms_fw._core import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    Data,
    GetRequest,
    GetResponse,
    ImageBlock,
    ReadRequest,
    ReadResponse,
    RequestList,
    ResponseList,
    SecurityContext,
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.axdr import Tag
from dlms_fw.cosem.association import ObjectListElement
from dlms_fw.cosem.association_sn import AssociationSN
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, Conformance, DataAccessResult, SecurityPolicyV1
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import (
    NO_PROTECTION,
    NO_RIGHTS,
    REQUEST,
    RESPONSE,
    AccessRule,
    Rights,
    access_right,
)
from dlms_fw.meter.short_names import ShortNameMap
from dlms_fw.session.negotiated import ALL_ATTRIBUTES
from dlms_fw.session.server import Association

Single: TypeAlias = GetRequest | SetRequest | ActionRequest
Answer: TypeAlias = GetResponse | SetResponse | ActionResponse
Request: TypeAlias = Single | RequestList | AccessRequest | ReadRequest | WriteRequest
Response: TypeAlias = Answer | ResponseList | AccessResponse | ReadResponse | WriteResponse

_ACTION_DONE: Final = ActionResult.SUCCESS  # by this name it costs nothing on the way of every block
_BY_SHORT_NAME: Final = (ReadRequest, WriteRequest)
_NULL_DATA: Final = b"\0"


@dataclass(slots=True, eq=False)
class Caller:
    """Who sends a request: an association on one connection."""

    association: Association
    connection: object
    """Tells two associations of the same client apart."""
    answer_protection: SecurityPolicyV1 = NO_PROTECTION
    """What access rights demand of the answer to the request being served."""

    @property
    def client_sap(self) -> int:
        """The client's address."""
        return self.association.client_sap

    @property
    def request_protection(self) -> SecurityPolicyV1:
        """The protection with which its request came."""
        context = self._context
        # In a policy the bits of requests stand two places lower than in the core.
        return NO_PROTECTION if context is None else SecurityPolicyV1(context.received_protection >> 2)

    @property
    def response_protection(self) -> SecurityPolicyV1:
        """The strongest protection that an answer to it can have."""
        if self._context is None:
            return NO_PROTECTION
        strongest = SecurityPolicyV1.AUTHENTICATED_RESPONSE | SecurityPolicyV1.ENCRYPTED_RESPONSE
        client = self.association.client
        signs = client is not None and client.asymmetric_keys.signing_key is not None
        if signs and self.association.conformance & Conformance.GENERAL_PROTECTION:
            strongest |= SecurityPolicyV1.DIGITALLY_SIGNED_RESPONSE
        return strongest

    @property
    def _context(self) -> SecurityContext | None:
        client = self.association.client
        return self.association.context if client is not None and client.is_protected else None

    def demand(self, protection: SecurityPolicyV1) -> None:
        """Hold the request against an access right. Raises CosemFault where it or its answer falls short."""
        if (
            protection & REQUEST & ~self.request_protection
            or protection & RESPONSE & ~self.response_protection
        ):
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        self.answer_protection |= protection & RESPONSE


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, or the way to make it for the one who asks, with the rights of each client."""

    object: ServerObject
    rights: Mapping[int, Rights]
    """By client SAP; a client that is not in it does not even see the object."""
    for_caller: Callable[[Caller], ServerObject] | None = None
    """Makes the object as this caller sees it, where that differs between callers."""
    gate: Callable[[Caller, int], bool] | None = None
    """Whether a caller may call a method now; the other answer is temporary-failure."""


class ObjectDictionary:
    """All objects of one logical device; rules give other rights than the entries do."""

    def __init__(self, entries: Iterable[Entry], rules: Iterable[AccessRule] = ()) -> None:
        self._entries: dict[tuple[int, bytes], Entry] = {}
        self._logical_names: set[bytes] = set()
        self._most: dict[tuple[int, bytes], Rights] = {}
        rules = tuple(rules)
        for given in entries:
            entry = _ruled(given, rules)
            name = entry.object.logical_name.to_bytes()
            key = entry.object.interface.class_id, name
            self._entries[key] = entry
            self._most[key] = _union(entry.rights.values())
            self._logical_names.add(name)

    def serve(self, caller: Caller, request: Request) -> Response:
        """Carries a request out. Its answer is not to be sent where none was asked for."""
        if isinstance(request, _BY_SHORT_NAME):
            return self.short_names.serve(request, lambda item: self._serve_one(caller, item, 0))
        if isinstance(request, AccessRequest):
            return self._serve_access(caller, request)
        invoke_id = request.invoke_id_and_priority or 0
        if isinstance(request, RequestList):
            # All items of a list are of one service, and so are the answers.
            answers: Any = [self._serve_one(caller, item, invoke_id) for item in request.items]
            return ResponseList(answers, invoke_id_and_priority=invoke_id)
        return self._serve_one(caller, request, invoke_id)

    @cached_property
    def short_names(self) -> ShortNameMap:
        """Where the objects are for who names them by short names."""
        return ShortNameMap((entry.object.interface, name) for (_, name), entry in self._entries.items())

    def object_list(
        self, client_sap: int, association_version: int, *, hidden: int = AssociationSN.class_id
    ) -> list[ObjectListElement]:
        """What one client sees, with its rights in the form of that version of Association LN.

        Hidden is the class of the association of those who name objects the other way.
        """
        return [
            ObjectListElement(
                entry.object.interface.class_id,
                entry.object.interface.version,
                entry.object.logical_name,
                access_right(entry.object.interface, entry.rights[client_sap], association_version),
            )
            for _, entry in sorted(self._entries.items())
            if client_sap in entry.rights and entry.object.interface.class_id != hidden
        ]

    def sees(self, client_sap: int, name: tuple[int, LogicalName]) -> bool:
        """Whether the object is in the client's object list."""
        return client_sap in self._entry(name).rights

    def known(self, name: tuple[int, LogicalName]) -> tuple[int, Rights]:
        """The version of an object, and the most that the model lets any client do with it.

        Raises CosemFault where there is none.
        """
        return self._entry(name).object.interface.version, self._most[name[0], name[1].to_bytes()]

    def set_rights(self, client_sap: int, name: tuple[int, LogicalName], rights: Rights | None) -> None:
        """Gives a client other rights on an object, or hides it. Raises CosemFault where there is none."""
        entry = self._entry(name)
        others = {sap: known for sap, known in entry.rights.items() if sap != client_sap}
        changed = others if rights is None else {**others, client_sap: rights}
        self._entries[name[0], name[1].to_bytes()] = replace(entry, rights=changed)

    def _entry(self, name: tuple[int, LogicalName]) -> Entry:
        class_id, octets = name[0], name[1].to_bytes()
        return self._entries.get((class_id, octets)) or self._absent(octets)

    def _absent(self, logical_name: bytes) -> NoReturn:
        known = logical_name in self._logical_names
        # The codes are those of all services.
        raise CosemFault(
            DataAccessResult.OBJECT_CLASS_INCONSISTENT if known else DataAccessResult.OBJECT_UNDEFINED
        )

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
            return self.read(caller, request, invoke_id)
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

    def read(self, caller: Caller, request: GetRequest, invoke_id: int = 0) -> GetResponse:
        """The value of one attribute, or why there is none."""
        try:
            data = self._read(caller, request)
        except CosemFault as fault:
            return GetResponse(fault.result, invoke_id_and_priority=invoke_id)
        return GetResponse(DataAccessResult.SUCCESS, data, invoke_id_and_priority=invoke_id)

    def _read(self, caller: Caller, request: GetRequest) -> bytes:
        entry, target = self._find(caller, request.class_id, request.logical_name)
        rights = entry.rights[caller.client_sap]
        if request.attribute_id == ALL_ATTRIBUTES:
            return _read_all(caller, target, rights, request.selection)
        _demand(caller, request, target, rights, rights.readable)
        try:
            return target.read(request.attribute_id, request.selection)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None

    def _write(self, caller: Caller, request: SetRequest) -> None:
        entry, target = self._find(caller, request.class_id, request.logical_name)
        rights = entry.rights[caller.client_sap]
        if request.attribute_id == ALL_ATTRIBUTES and request.selection is None:
            _write_all(caller, target, rights, request.data)
            return
        _demand(caller, request, target, rights, rights.writable)
        if request.selection is not None:
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        try:
            target.write(request.attribute_id, request.data)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None

    def _invoke(self, caller: Caller, request: ActionRequest) -> bytes | None:
        method_id = request.method_id
        entry, target = self._find(caller, request.class_id, request.logical_name)
        if method_id in target.interface.methods:
            rights = entry.rights[caller.client_sap]
            if method_id not in rights.methods:
                raise CosemFault(ActionResult.READ_WRITE_DENIED)
            if rights.method_protection and (needed := rights.method_protection.get(method_id)):
                caller.demand(needed)
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
        entry = self._entries.get((class_id, logical_name)) or self._absent(logical_name)
        if caller.client_sap not in entry.rights:
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        return entry, entry.object if entry.for_caller is None else entry.for_caller(caller)


_NOT_ATTEMPTED: Final[Mapping[type, Answer]] = {
    GetRequest: GetResponse(DataAccessResult.OTHER_REASON),
    SetRequest: SetResponse(DataAccessResult.OTHER_REASON),
    ActionRequest: ActionResponse(ActionResult.OTHER_REASON),
}


def _read_all(
    caller: Caller, target: ServerObject, rights: Rights, selection: tuple[int, bytes] | None
) -> bytes:
    """A structure of all attributes in the order of their ids, with null-data for what may not be read."""
    if selection is not None:
        raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
    numbers = sorted(number for number in target.interface.attributes if number > 0)
    readable = {number for number in rights.readable if _is_protected_enough(caller, rights, number)}
    if readable.isdisjoint(numbers):
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
    try:
        values = [target.read(number) if number in readable else _NULL_DATA for number in numbers]
    except OSError:
        raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None
    return bytes((Tag.STRUCTURE, len(values))) + b"".join(values)


def _write_all(caller: Caller, target: ServerObject, rights: Rights, data: bytes) -> None:
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
    writable = {number for number in rights.writable if _is_protected_enough(caller, rights, number)}
    if not given or not given.keys() <= writable:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
    try:
        for number, member in given.items():
            target.write(number, member.encode())
    except OSError:
        raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None


def _is_protected_enough(caller: Caller, rights: Rights, attribute_id: int) -> bool:
    needed = rights.attribute_protection.get(attribute_id)
    if needed:
        try:
            caller.demand(needed)
        except CosemFault:
            return False
    return True


def _demand(
    caller: Caller,
    request: GetRequest | SetRequest,
    target: ServerObject,
    rights: Rights,
    permitted: frozenset[int],
) -> None:
    attribute_id = request.attribute_id
    if attribute_id not in target.interface.attributes:
        return  # the object itself says so
    if attribute_id not in permitted:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
    if request.selection is not None and request.selection[0] not in rights.selectors.get(attribute_id, ()):
        raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
    if needed := rights.attribute_protection.get(attribute_id):
        caller.demand(needed)


def _ruled(entry: Entry, rules: tuple[AccessRule, ...]) -> Entry:
    rights = dict(entry.rights)
    for rule in rules:
        if rule.speaks_of(entry.object.interface.class_id, entry.object.logical_name):
            clients = frozenset(rights) if rule.clients is None else rule.clients
            rights |= {sap: rule.applied(rights.get(sap, NO_RIGHTS)) for sap in clients}
    return replace(entry, rights=rights)


def _union(all_rights: Iterable[Rights]) -> Rights:
    """The most that anybody may do, under the protection that all of them need."""
    rights = list(all_rights)
    return Rights(
        frozenset().union(*(each.readable for each in rights)),
        frozenset().union(*(each.writable for each in rights)),
        frozenset().union(*(each.methods for each in rights)),
        _common([each.attribute_protection for each in rights]),
        _common([each.method_protection for each in rights]),
    )


def _common(protections: list[Mapping[int, SecurityPolicyV1]]) -> dict[int, SecurityPolicyV1]:
    first, *others = protections or [{}]
    common = dict(first)
    for other in others:
        common = {n: demanded & other.get(n, NO_PROTECTION) for n, demanded in common.items()}
    return {number: demanded for number, demanded in common.items() if demanded}


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
