"""A client's requests by logical names over an association with short names, and the answers back.

A GET becomes a Read, a SET a Write; an ACTION becomes a Write to the short name of the method, or a Read with
parameters where the method returns something. Base names come from the profile or from the object list of the
meter, which is read once per association and only when something in it is needed; a meter that does not show
its list is asked object by object. What short names cannot say is a LocalProtocolError before anything is
sent. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from dlms_fw import axdr
from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    ActionResponse,
    DataNotificationConfirm,
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
from dlms_fw.cosem.association_sn import (
    ASSOCIATION_BASE_NAME,
    AssociationSN,
    ShortNameObject,
    short_name_object,
    short_name_objects,
)
from dlms_fw.cosem.short_names import attribute_offset, method_offset, returns_something
from dlms_fw.cosem.well_known import CURRENT_ASSOCIATION
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import LocalProtocolError, ServiceError
from dlms_fw.logical_name import LogicalName

if TYPE_CHECKING:
    from dlms_fw._core import Variable

METHOD_SELECTOR: Final = 0
"""The selector that goes with the parameter of a method; servers do not look at it."""

_ASSOCIATION: Final = AssociationSN(CURRENT_ASSOCIATION)
_CURRENT: Final = ShortNameObject(
    ASSOCIATION_BASE_NAME, AssociationSN.class_id, AssociationSN.version, CURRENT_ASSOCIATION
)

Item: TypeAlias = GetRequest | SetRequest | ActionRequest
ByLogicalName: TypeAlias = Item | RequestList
ByShortName: TypeAlias = ReadRequest | WriteRequest
Answer: TypeAlias = GetResponse | SetResponse | ActionResponse | ResponseList
AnswerByShortName: TypeAlias = ReadResponse | WriteResponse
Other: TypeAlias = AccessRequest | DataNotificationConfirm
_Key: TypeAlias = tuple[int, bytes]


class NotInObjectList(ServiceError):
    """What is asked for has no short name in this association, which the meter has said before.

    Attributes:
        response: The answer of a meter that was asked by logical name.
    """

    def __init__(self, response: Answer) -> None:
        super().__init__(
            "no such object in the object list of this association",
            result=None if isinstance(response, ResponseList) else response.result,
        )
        self.response = response


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request on its way: what of it is known already, and how many results are to come."""

    request: ByLogicalName
    known: tuple[int | None, ...]
    sent: int


def _items(request: ByLogicalName) -> Sequence[Item]:
    return request.items if isinstance(request, RequestList) else (request,)


def reply_to_hls(proof: bytes) -> ReadRequest:
    """Pass 3: reply_to_HLS_challenge of the current association."""
    offset = method_offset(
        _CURRENT.class_id, _CURRENT.version, AssociationSN.reply_to_hls_challenge.method_id
    )
    return ReadRequest([(ASSOCIATION_BASE_NAME + offset, METHOD_SELECTOR, axdr.octet_string.encode(proof))])


class ShortNames:
    """The short names of one meter, as far as they are known, and the request that is being answered.

    Args:
        known: Objects whose base names are known beforehand.
        conformance: The services both sides have.
    """

    def __init__(self, known: Iterable[ShortNameObject], conformance: Conformance) -> None:
        self._conformance = conformance
        self._objects: dict[_Key, ShortNameObject] = {}
        self._absent: dict[_Key, int] = {}
        self._listed = False
        self._one_by_one = False
        self._asked: _Asked | None = None
        self._held: ByLogicalName | None = None
        self._sought: _Key | None = None
        for element in (_CURRENT, *known):
            self._add(element)

    def request(self, request: ByLogicalName | ByShortName | Other) -> ByShortName:
        """What to send for a request: its own form by short names, or what must be asked first.

        Raises:
            LocalProtocolError: it cannot be said by short names.
            NotInObjectList: the meter has no such object.
        """
        self._asked = self._held = None
        if isinstance(request, ReadRequest | WriteRequest):
            return request
        if isinstance(request, AccessRequest | DataNotificationConfirm):
            raise LocalProtocolError(
                f"there is no {type(request).__name__} in an association with short names"
            )
        return self._next(request)

    def response(
        self, response: ReadResponse | WriteResponse
    ) -> Answer | ByShortName | ReadResponse | WriteResponse:
        """What an answer means: the answer to the request as it was made, or what to send next.

        Raises:
            DecodeError: the object list makes no sense.
            LocalProtocolError: the request turns out to be one that cannot be said by short names.
        """
        held = self._held
        if held is None:
            asked, self._asked = self._asked, None
            return response if asked is None else _answer(asked, response.results)
        self._held = None
        self._learn(response.results[0])
        try:
            return self._next(held)
        except NotInObjectList as known:
            return known.response

    # Base names

    def _next(self, request: ByLogicalName) -> ByShortName:
        unknown = [key for key in map(_key, _items(request)) if not self._is_known(key)]
        if not unknown:
            return self._translated(request)
        if not _is_confirmed(request):
            raise LocalProtocolError(
                "the place of this object is not known yet: ask something first, or name it in the profile"
            )
        self._held, self._sought = request, unknown[0]
        if not self._listed:
            return ReadRequest([self._attribute(_CURRENT, AssociationSN.object_list.attribute_id)])
        class_id, name = unknown[0]
        lookup = _ASSOCIATION.getobj_by_logicalname(class_id, LogicalName(name)).request
        return ReadRequest([(*self._method(_CURRENT, lookup.method_id), _octets(lookup))])

    def _is_known(self, key: _Key) -> bool:
        return key in self._objects or key in self._absent or (self._listed and not self._one_by_one)

    def _learn(self, result: bytes | int) -> None:
        if not self._listed:
            self._listed = True
            if isinstance(result, bytes):
                for element in short_name_objects.decode(result, strict=False):
                    self._add(element)
            else:  # this meter does not show its list, but may tell single objects
                self._one_by_one = Conformance.PARAMETERIZED_ACCESS in self._conformance
            return
        assert self._sought is not None  # noqa: S101 (set with every question)
        if isinstance(result, bytes):
            element = short_name_object.decode(result, strict=False)
            self._objects[self._sought] = element
        else:
            self._absent[self._sought] = result

    def _add(self, element: ShortNameObject) -> None:
        self._objects[element.class_id, element.logical_name.to_bytes()] = element

    # Requests

    def _translated(self, request: ByLogicalName) -> ByShortName:
        items = _items(request)
        found = [self._objects.get(_key(item)) for item in items]
        known = tuple(
            self._absent.get(_key(item), int(DataAccessResult.OBJECT_UNDEFINED)) if place is None else None
            for item, place in zip(items, found, strict=True)
        )
        asked = _Asked(request, known, sum(place is not None for place in found))
        if not asked.sent:
            raise NotInObjectList(_answer(asked, ()))
        variables: list[Variable] = []
        values: list[bytes | ImageBlock] = []
        for item, place in zip(items, found, strict=True):
            if place is not None:
                variable, value = self._variable(place, item)
                variables.append(variable)
                values += () if value is None else (value,)
        if values and len(values) < len(variables):
            raise LocalProtocolError(
                "methods that return something are read by short names, others are written: not in one list"
            )
        confirmed = _is_confirmed(request)
        by_short_name = (
            WriteRequest(variables, values, confirmed=confirmed) if values else ReadRequest(variables)
        )
        self._asked = asked if confirmed else None
        return by_short_name

    def _variable(self, place: ShortNameObject, item: Item) -> tuple[Variable, bytes | ImageBlock | None]:
        """What is named, and what is written to it; nothing where it is read."""
        if isinstance(item, ActionRequest):
            name, selector = self._method(place, item.method_id)
            parameter = b"\0" if item.parameter is None else item.parameter
            if item.confirmed and returns_something(place.class_id, place.version, item.method_id):
                return (name, selector, _octets(item)), None
            return name, parameter
        name = self._attribute(place, item.attribute_id)
        variable: Variable = name if item.selection is None else (name, *item.selection)
        return variable, item.data if isinstance(item, SetRequest) else None

    def _attribute(self, place: ShortNameObject, attribute_id: int) -> int:
        try:
            return _name(place, attribute_offset(place.class_id, place.version, attribute_id))
        except LookupError as error:
            raise _inexpressible(error) from None

    def _method(self, place: ShortNameObject, method_id: int) -> tuple[int, int]:
        try:
            return _name(place, method_offset(place.class_id, place.version, method_id)), METHOD_SELECTOR
        except LookupError as error:
            raise _inexpressible(error) from None


def _key(item: Item) -> _Key:
    return item.class_id, item.logical_name


def _is_confirmed(request: ByLogicalName) -> bool:
    return all(isinstance(item, GetRequest) or item.confirmed for item in _items(request))


def _octets(request: ActionRequest) -> bytes:
    """The parameter of a method that is read; null-data where there is none."""
    parameter = request.parameter
    if isinstance(parameter, ImageBlock):
        return parameter.encode()
    return b"\0" if parameter is None else parameter


def _name(place: ShortNameObject, offset: int) -> int:
    name = place.base_name + offset
    if name > 0xFFFF:
        raise LookupError(f"offset {offset:#x} of base name {place.base_name:04X}")
    return name


def _inexpressible(error: LookupError) -> LocalProtocolError:
    return LocalProtocolError(f"there is no short name for {error}")


def _answer(asked: _Asked, results: Sequence[bytes | int]) -> Answer:
    if len(results) == 1 and asked.sent > 1:  # refused as a whole
        results = [results[0]] * asked.sent
    coming = iter(results)
    outcomes = [next(coming) if known is None else known for known in asked.known]
    if not isinstance(asked.request, RequestList):
        return _ANSWERS[type(asked.request)](outcomes[0])
    made = _ANSWERS[type(asked.request.items[0])]
    return ResponseList([made(outcome) for outcome in outcomes])  # type: ignore[arg-type]  # of one service


def _got(outcome: bytes | int) -> GetResponse:
    return GetResponse(0, outcome) if isinstance(outcome, bytes) else GetResponse(outcome)


def _set(outcome: bytes | int) -> SetResponse:
    return SetResponse(0 if isinstance(outcome, bytes) else outcome)


def _called(outcome: bytes | int) -> ActionResponse:
    return ActionResponse(0, outcome) if isinstance(outcome, bytes) else ActionResponse(outcome)


_ANSWERS: Final[dict[type, Callable[[bytes | int], GetResponse | SetResponse | ActionResponse]]] = {
    GetRequest: _got,
    SetRequest: _set,
    ActionRequest: _called,
}
"""How a result by short name is told to who asked by logical name; the codes are the same."""
