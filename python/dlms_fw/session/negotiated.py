"""Which service of the conformance block a request needs: without it, it is neither sent nor served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    BlockRun,
    DataNotificationConfirm,
    GetRequest,
    ReadRequest,
    RequestList,
    SetRequest,
    WriteRequest,
)
from dlms_fw.enums import Conformance

ALL_ATTRIBUTES = 0
"""The attribute_id that stands for all attributes of an object."""

# Plain numbers, for each request is looked at on both sides, and flags are slow.
_GET, _SET, _ACTION = Conformance.GET.value, Conformance.SET.value, Conformance.ACTION.value
_SELECTIVE_ACCESS = Conformance.SELECTIVE_ACCESS.value
_ALL_WITH_GET = Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET.value
_ALL_WITH_SET = Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET.value
_MULTIPLE_REFERENCES = Conformance.MULTIPLE_REFERENCES.value
_PARAMETERIZED_ACCESS = Conformance.PARAMETERIZED_ACCESS.value
_ACCESS, _DATA_NOTIFICATION = Conformance.ACCESS.value, Conformance.DATA_NOTIFICATION.value
_READ, _WRITE = Conformance.READ.value, Conformance.WRITE.value
_UNCONFIRMED_WRITE = Conformance.UNCONFIRMED_WRITE.value


def needed(request: object) -> int:
    """What must have been negotiated for a request, as bits of the conformance block."""
    services = _NEEDED.get(type(request), 0)
    return services if isinstance(services, int) else services(request)


def _of_list(request: RequestList) -> int:
    """All items of a list are of one service, and its methods all need the same."""
    items: Sequence[Any] = request.items
    service = _MULTIPLE_REFERENCES
    first = type(items[0])
    if first is ActionRequest:
        return service | _ACTION
    of_item, all_attributes = (_GET, _ALL_WITH_GET) if first is GetRequest else (_SET, _ALL_WITH_SET)
    service |= of_item
    for item in items:
        if item.selection is not None:
            service |= _SELECTIVE_ACCESS
        if item.attribute_id == ALL_ATTRIBUTES:
            service |= all_attributes
    return service


def _of_get(request: GetRequest) -> int:
    service = _GET if request.selection is None else _GET | _SELECTIVE_ACCESS
    return service if request.attribute_id != ALL_ATTRIBUTES else service | _ALL_WITH_GET


def _of_set(request: SetRequest) -> int:
    service = _SET if request.selection is None else _SET | _SELECTIVE_ACCESS
    return service if request.attribute_id != ALL_ATTRIBUTES else service | _ALL_WITH_SET


def _by_short_name(request: ReadRequest | WriteRequest) -> int:
    services = _READ
    if isinstance(request, WriteRequest):
        services = _WRITE if request.confirmed else _UNCONFIRMED_WRITE
    if len(request.variables) > 1:
        services |= _MULTIPLE_REFERENCES
    if not all(isinstance(variable, int) for variable in request.variables):
        services |= _PARAMETERIZED_ACCESS
    return services


_NEEDED: Final[dict[type, int | Callable[[Any], int]]] = {
    ActionRequest: _ACTION,
    BlockRun: _ACTION,
    GetRequest: _of_get,
    SetRequest: _of_set,
    RequestList: _of_list,
    ReadRequest: _by_short_name,
    WriteRequest: _by_short_name,
    AccessRequest: _ACCESS,
    DataNotificationConfirm: _DATA_NOTIFICATION,
}


def missing(request: object, conformance: int) -> list[str]:
    """The names of the services that a request needs and that were not negotiated.

    The conformance is a plain number: the operators of a flag are slow.
    """
    lacking = needed(request) & ~conformance
    return _names(lacking) if lacking else []


def _names(services: int) -> list[str]:
    return [
        service.name.lower().replace("_", "-")
        for service in Conformance
        if service.value & services and service.name is not None
    ]
