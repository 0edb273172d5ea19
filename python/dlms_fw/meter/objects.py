"""The objects of a logical device, who may do what with them, and the way from a request to its response.

One look-up finds an object and one its rights; what it then does is its own matter. An object is made when it
is first asked for. A result that is not success is an answer, never an exception of the server. Associations
and their security have been checked before a request comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeAlias

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
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.axdr import Tag
from dlms_fw.cosem.association import ObjectListElement
from dlms_fw.cosem.association_sn import AssociationSN
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import NO_RIGHTS, AccessRule, Rights
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.object_table import Entry, I, Key, ObjectTable, list_element, most_rights
from dlms_fw.meter.short_names import ShortNameMap
from dlms_fw.session.negotiated import ALL_ATTRIBUTES

Single: TypeAlias = GetRequest | SetRequest | ActionRequest
Answer: TypeAlias = GetResponse | SetResponse | ActionResponse
Request: TypeAlias = Single | RequestList | AccessRequest | ReadRequest | WriteRequest
Response: TypeAlias = Answer | ResponseList | AccessResponse | ReadResponse | WriteResponse

# By these names they cost nothing on the way of every block and every value.
_ACTION_DONE: Final = ActionResult.SUCCESS
_READ: Final = DataAccessResult.SUCCESS
_BY_SHORT_NAME: Final = (ReadRequest, WriteRequest)
_BLOCK_TRANSFER: Final = ImageTransfer.image_block_transfer
_NULL_DATA: Final = b"\0"


@dataclass(slots=True, eq=False)
class _Resident(Generic[I]):
    """An object that somebody has asked for."""

    entry: Entry[I]
    rights: Mapping[int, Rights]
    object: ServerObject | None
    """``None`` where it is made for each caller."""


class ObjectDictionary(Generic[I]):
    """All objects of one logical device of one meter.

    Args:
        table: What objects there are; shared by the meters of a kind.
        interior: What they are made of.
        rules: Other rights than those of the table.
    """

    def __init__(self, table: ObjectTable[I], interior: I, rules: Iterable[AccessRule] = ()) -> None:
        self._table = table
        self._interior = interior
        self._residents: dict[Key, _Resident[I]] = {}
        self._disguise: Callable[[ServerObject], ServerObject] | None = None
        self._ruled: dict[Key, Mapping[int, Rights]] = _ruled(table, tuple(rules))
        self._rights: dict[Key, Mapping[int, Rights]] = dict(self._ruled)

    def serve(self, caller: Caller, request: Request) -> Response:
        """Carries a request out. Its answer is not to be sent where none was asked for."""
        if isinstance(request, RequestList):
            invoke_id = request.invoke_id_and_priority or 0
            answers = self._serve_list(caller, request.items, invoke_id)
            return ResponseList(answers, invoke_id_and_priority=invoke_id)
        if isinstance(request, _BY_SHORT_NAME):
            return self.short_names.serve(request, lambda item: self._serve_one(caller, item, 0))
        if isinstance(request, AccessRequest):
            return self._serve_access(caller, request)
        return self._serve_one(caller, request, request.invoke_id_and_priority or 0)

    @property
    def short_names(self) -> ShortNameMap:
        """Where the objects are for who names them by short names."""
        return self._table.short_names

    def object(self, class_id: int, logical_name: LogicalName) -> ServerObject:
        """An object for the rest of the meter, which needs no rights.

        Raises:
            CosemFault: There is none, or it is made for each caller.
        """
        key = class_id, logical_name.to_bytes()
        found = (self._residents.get(key) or self._move_in(key)).object
        if found is None:
            raise CosemFault(DataAccessResult.OBJECT_UNAVAILABLE)
        return found

    def unguarded(self, caller: Caller, request: ActionRequest) -> ServerObject | None:
        """The object that a caller has just called, where its rights demand no protection of such a call."""
        _, target, rights = self._find(caller, request.class_id, request.logical_name)
        return None if rights.method_protection.get(request.method_id) else target

    def wake(self) -> None:
        """Makes the objects that do something unasked, at power up."""
        for key in self._table.acting:
            self._move_in(key)

    def disguise(self, disguise: Callable[[ServerObject], ServerObject]) -> None:
        """From now on objects are what this makes of them, for all who ask."""
        self._disguise = disguise
        for resident in self._residents.values():
            if resident.object is not None:
                resident.object = disguise(resident.object)

    def object_list(
        self, client_sap: int, association_version: int, *, hidden: int = AssociationSN.class_id
    ) -> list[ObjectListElement]:
        """What one client sees, with its rights in the form of that version of Association LN.

        Hidden is the class of the association of those who name objects the other way.
        """
        elements: list[ObjectListElement] = []
        for key, entry in self._table.entries.items():
            changed = self._rights.get(key)
            rights = entry.rights if changed is None else changed
            if client_sap not in rights or key[0] == hidden:
                continue
            if changed is None:
                elements.append(self._table.element(key, client_sap, association_version))
            else:
                elements.append(list_element(entry, changed[client_sap], association_version))
        return elements

    def sees(self, client_sap: int, name: tuple[int, LogicalName]) -> bool:
        """Whether the object is in the client's object list."""
        entry = self._entry(name)
        return client_sap in self._rights.get(entry.key, entry.rights)

    def known(self, name: tuple[int, LogicalName]) -> tuple[int, Rights]:
        """The version of an object, and the most that the model lets any client do with it.

        Raises CosemFault where there is none.
        """
        entry = self._entry(name)
        return entry.interface.version, most_rights(self._ruled.get(entry.key, entry.rights).values())

    def set_rights(self, client_sap: int, name: tuple[int, LogicalName], rights: Rights | None) -> None:
        """Gives a client other rights on an object, or hides it. Raises CosemFault where there is none."""
        entry = self._entry(name)
        old = self._rights.get(entry.key, entry.rights)
        others = {sap: known for sap, known in old.items() if sap != client_sap}
        self._rights[entry.key] = others if rights is None else {**others, client_sap: rights}
        resident = self._residents.get(entry.key)
        if resident is not None:
            resident.rights = self._rights[entry.key]

    def _entry(self, name: tuple[int, LogicalName]) -> Entry[I]:
        class_id, octets = name[0], name[1].to_bytes()
        return self._table.entries.get((class_id, octets)) or self._absent(octets)

    def _absent(self, logical_name: bytes) -> NoReturn:
        known = logical_name in self._table.logical_names
        # The codes are those of all services.
        raise CosemFault(
            DataAccessResult.OBJECT_CLASS_INCONSISTENT if known else DataAccessResult.OBJECT_UNDEFINED
        )

    def _move_in(self, key: Key) -> _Resident[I]:
        entry = self._table.entries.get(key) or self._absent(key[1])
        made = None if entry.make is None else entry.make(self._interior)
        if made is not None and self._disguise is not None:
            made = self._disguise(made)
        resident = _Resident(entry, self._rights.get(key, entry.rights), made)
        self._residents[key] = resident
        return resident

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

    def _serve_list(self, caller: Caller, items: Any, invoke_id: int) -> Any:
        """All items of a list are of one service, and so are the answers."""
        of_items = type(items[0])
        if of_items is GetRequest:
            return [self.read(caller, item, invoke_id) for item in items]
        if of_items is ActionRequest:
            return self._serve_actions(caller, items, invoke_id)
        return [self._serve_one(caller, item, invoke_id) for item in items]

    def _serve_actions(self, caller: Caller, items: Any, invoke_id: int) -> Any:
        """What a caller may call is looked up once for each method in the list: blocks come by the dozen."""
        admitted: dict[tuple[int, bytes, int], _Call] = {}
        done = ActionResponse(_ACTION_DONE, invoke_id_and_priority=invoke_id)
        answers: list[ActionResponse] = []
        while len(answers) < len(items):
            item = items[len(answers)]
            key = item.class_id, item.logical_name, item.method_id
            try:
                called = admitted.get(key)
                if called is None:
                    called = admitted[key] = _call_of(self._admitted(caller, item), item)
                if called.many is not None and (taken := called.many(items, len(answers))):
                    answers += [done] * taken
                    continue
                returned = called.one(item)
            except CosemFault as fault:
                answers.append(ActionResponse(fault.result, invoke_id_and_priority=invoke_id))
            else:
                answers.append(
                    done
                    if returned is None
                    else ActionResponse(_ACTION_DONE, returned, invoke_id_and_priority=invoke_id)
                )
        return answers

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
            returned = _call(self._admitted(caller, request), request)
        except CosemFault as fault:
            return ActionResponse(fault.result, invoke_id_and_priority=invoke_id)
        return ActionResponse(_ACTION_DONE, returned, invoke_id_and_priority=invoke_id)

    def read(self, caller: Caller, request: GetRequest, invoke_id: int = 0) -> GetResponse:
        """The value of one attribute, or why there is none."""
        attribute_id, selection = request.attribute_id, request.selection
        try:
            _, target, rights = self._find(caller, request.class_id, request.logical_name)
            if attribute_id == ALL_ATTRIBUTES:
                data = _read_all(caller, target, rights, selection)
            else:
                if selection is not None or attribute_id not in rights.open:
                    _demand(caller, request, target, rights, rights.readable)
                data = target.read(attribute_id, selection)
        except CosemFault as fault:
            return GetResponse(fault.result, invoke_id_and_priority=invoke_id)
        except OSError:
            return GetResponse(DataAccessResult.HARDWARE_FAULT, invoke_id_and_priority=invoke_id)
        return GetResponse(_READ, data, invoke_id_and_priority=invoke_id)

    def _write(self, caller: Caller, request: SetRequest) -> None:
        _, target, rights = self._find(caller, request.class_id, request.logical_name)
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

    def _admitted(self, caller: Caller, request: ActionRequest) -> ServerObject:
        """The object whose method the caller may call now. Raises CosemFault where it may not."""
        method_id = request.method_id
        entry, target, rights = self._find(caller, request.class_id, request.logical_name)
        if method_id in target.interface.methods:
            if method_id not in rights.methods:
                raise CosemFault(ActionResult.READ_WRITE_DENIED)
            if rights.method_protection and (needed := rights.method_protection.get(method_id)):
                caller.demand(needed)
            if entry.gate is not None and not entry.gate(self._interior, caller, method_id):
                raise CosemFault(ActionResult.TEMPORARY_FAILURE)
        return target

    def _find(
        self, caller: Caller, class_id: int, logical_name: bytes
    ) -> tuple[Entry[I], ServerObject, Rights]:
        key = class_id, logical_name
        resident = self._residents.get(key) or self._move_in(key)
        rights = resident.rights.get(caller.association.client_sap)
        if rights is None:
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        entry, target = resident.entry, resident.object
        if target is None:
            target = entry.for_caller(self._interior, caller) if entry.for_caller else self._absent(key[1])
        return entry, target, rights


_NOT_ATTEMPTED: Final[Mapping[type, Answer]] = {
    GetRequest: GetResponse(DataAccessResult.OTHER_REASON),
    SetRequest: SetResponse(DataAccessResult.OTHER_REASON),
    ActionRequest: ActionResponse(ActionResult.OTHER_REASON),
}


class _Call(NamedTuple):
    """How to call a method of an object many times, and how to have several calls carried out at once."""

    one: Callable[[ActionRequest], bytes | None]
    many: Callable[[tuple[ActionRequest, ...], int], int] | None = None


def _call_of(target: ServerObject, request: ActionRequest) -> _Call:
    row = target.interface.methods.get(request.method_id)
    if row is not _BLOCK_TRANSFER or type(target).invoke is not ServerObject.invoke:
        return _Call(partial(_call, target))
    take: Callable[[int, bytes], None] = target.image_block_transfer  # type: ignore[attr-defined]  # of its class
    decode = _BLOCK_TRANSFER.decode_parameter

    def call(request: ActionRequest) -> bytes | None:
        block = request.parameter
        if not isinstance(block, bytes):
            return _call(target, request)
        try:
            number, value = decode(block)
            take(number, value)
        except DecodeError:
            raise CosemFault(ActionResult.TYPE_UNMATCHED) from None
        except OSError:
            raise CosemFault(ActionResult.HARDWARE_FAULT) from None
        return None

    return _Call(call, target.take_many)


def _call(target: ServerObject, request: ActionRequest) -> bytes | None:
    parameter = request.parameter
    if isinstance(parameter, ImageBlock):
        parameter = parameter.encode()
    try:
        return target.invoke(request.method_id, parameter)
    except OSError:
        raise CosemFault(ActionResult.HARDWARE_FAULT) from None


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
    values = [target.read(number) if number in readable else _NULL_DATA for number in numbers]
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


def _ruled(table: ObjectTable[I], rules: tuple[AccessRule, ...]) -> dict[Key, Mapping[int, Rights]]:
    """The rights on those objects that a rule speaks of."""
    ruled: dict[Key, Mapping[int, Rights]] = {}
    for rule in rules:
        for key, entry in table.entries.items():
            if rule.speaks_of(key[0], entry.logical_name):
                rights = ruled.get(key, entry.rights)
                clients = frozenset(rights) if rule.clients is None else rule.clients
                changed = {sap: rule.applied(rights.get(sap, NO_RIGHTS)) for sap in clients}
                ruled[key] = {**rights, **changed}
    return ruled
