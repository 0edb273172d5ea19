"""Many things asked in as few requests as was negotiated and as fit: plans that a driver walks.

A plan is a generator: it gives a request, is sent the response, and returns the results in the order of what
was asked, each a value or the ServiceError that answers it. The blocking and the asyncio client walk the same
plans; an embedder can walk one over a :class:`dlms_fw.session.client.ClientSession`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from dlms_fw._core import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    GetRequest,
    RequestList,
    ResponseList,
    SetRequest,
)
from dlms_fw.cosem.interface import AttributeRef, MethodCall, Reading, Writing
from dlms_fw.driver import Response, check_set, raise_refusal, returned_by, value_of, wrong_answer
from dlms_fw.enums import Conformance
from dlms_fw.errors import ServiceError
from dlms_fw.security import SecurityPolicy
from dlms_fw.session.client import ClientSession

_T = TypeVar("_T")
Single: TypeAlias = GetRequest | SetRequest | ActionRequest
Plan: TypeAlias = Generator[Single | RequestList | AccessRequest, Response, _T]
Accessed: TypeAlias = AttributeRef[Any] | Reading[Any] | Writing[Any] | MethodCall[Any]

_LIST_OVERHEAD = 3 + 2 * 3
"""Octets of a request with a list besides its items: tag, choice, invoke id, and two counts."""
_BLOCK_OVERHEAD = 1 + 4 + 3 + 1
"""Octets of a first datablock with one octet of data."""
_ITEM_OVERHEAD = 3
"""Octets of a single request that its item in a list does not have."""
_GENERAL_CIPHERING_OVERHEAD = 1 + 9 + 3 + 1 + 4 + 12
"""Octets around an APDU in the longest of the symmetric forms, general-glo-ciphering."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one request may be on an association.

    Attributes:
        conformance: What was negotiated.
        octets: Of the longest plain request that needs no block transfer; ``None`` is no limit.
    """

    conformance: Conformance
    octets: int | None = None

    @classmethod
    def of(cls, session: ClientSession) -> Room:
        """The room on the association of a session."""
        association = session.association
        if association is None:
            return cls(Conformance(0))
        size = association.server_max_receive_pdu_size
        ciphered = session.profile.security_policy != SecurityPolicy.NONE
        return cls(
            association.conformance,
            (size - (_GENERAL_CIPHERING_OVERHEAD if ciphered else 0)) if size else None,
        )


def readings(items: Sequence[AttributeRef[_T] | Reading[_T]], room: Room) -> Plan[list[_T | ServiceError]]:
    """Reads attributes."""
    wanted = [item if isinstance(item, Reading) else item.part(None) for item in items]
    sizes = [_plain_size(item.request) for item in wanted]  # a request with a list to GET has no block form
    responses = yield from _asked([item.request for item in wanted], sizes, room)
    return [_outcome(value_of, item.ref, response) for item, response in zip(wanted, responses, strict=True)]


def writings(items: Sequence[Writing[Any]], room: Room) -> Plan[list[ServiceError | None]]:
    """Writes attributes."""
    blocks = Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE in room.conformance
    sizes = [_plain_size(item.request) - (len(item.request.data) if blocks else 0) for item in items]
    responses = yield from _asked([item.request for item in items], sizes, room)
    return [_outcome(check_set, item.ref, response) for item, response in zip(items, responses, strict=True)]


def calls(items: Sequence[MethodCall[_T]], room: Room) -> Plan[list[_T | ServiceError]]:
    """Calls methods."""
    blocks = Conformance.BLOCK_TRANSFER_WITH_ACTION in room.conformance
    sizes = [_METHOD_SIZE if blocks else _plain_size(item.request) for item in items]
    responses = yield from _asked([item.request for item in items], sizes, room)
    return [_outcome(returned_by, item, response) for item, response in zip(items, responses, strict=True)]


def accesses(
    items: Sequence[Accessed], request: Callable[[Sequence[Single]], AccessRequest]
) -> Plan[list[Any]]:
    """Reads, writes and calls in one ACCESS; ``request`` makes it with its options."""
    wanted = [item.part(None) if isinstance(item, AttributeRef) else item for item in items]
    response = yield request([item.request for item in wanted])
    if not isinstance(response, AccessResponse):
        raise_refusal(response, "ACCESS")
        raise wrong_answer(response, "ACCESS")
    outcomes: list[Any] = []
    for item, answer in zip(wanted, response.items, strict=True):
        if isinstance(item, Reading):
            outcomes.append(_outcome(value_of, item.ref, answer))
        elif isinstance(item, Writing):
            outcomes.append(_outcome(check_set, item.ref, answer))
        else:
            outcomes.append(_outcome(returned_by, item, answer))
    return outcomes


_METHOD_SIZE = 9
"""Octets of a method descriptor."""


def _plain_size(request: Single) -> int:
    return len(request.encode()) - _ITEM_OVERHEAD


def _asked(requests: Sequence[Any], sizes: Sequence[int], room: Room) -> Plan[list[Response]]:
    """One response for each request."""
    responses: list[Response] = []
    for batch in _batches(requests, sizes, room):
        response = yield batch[0] if len(batch) == 1 else RequestList(batch)
        if len(batch) > 1 and isinstance(response, ResponseList):
            responses += response.items
            continue
        raise_refusal(response, "request with a list" if len(batch) > 1 else repr(batch[0]))
        # A single result says why a list was refused as a whole; the core lets nothing else through.
        responses += [response] * len(batch)
    return responses


def _batches(requests: Sequence[Any], sizes: Sequence[int], room: Room) -> Iterator[list[Any]]:
    """What goes together: as many as fit, or one by one where lists were not negotiated."""
    lists = Conformance.MULTIPLE_REFERENCES in room.conformance
    most = float("inf") if room.octets is None else room.octets - _LIST_OVERHEAD - _BLOCK_OVERHEAD
    batch: list[Any] = []
    filled = 0
    for request, size in zip(requests, sizes, strict=True):
        if batch and (not lists or filled + size > most):
            yield batch
            batch, filled = [], 0
        batch.append(request)
        filled += size
    if batch:
        yield batch


def _outcome(read: Callable[[Any, Any], _T], asked: object, response: object) -> _T | ServiceError:
    try:
        return read(asked, response)
    except ServiceError as error:
        return error
