"""Which service of the conformance block a request needs: without it, it is neither sent nor served."""

from __future__ import annotations

from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
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


def needed(request: object) -> Conformance:
    """What must have been negotiated for a request beyond GET, SET or ACTION itself."""
    if isinstance(request, AccessRequest):
        return Conformance.ACCESS
    if isinstance(request, DataNotificationConfirm):
        return Conformance.DATA_NOTIFICATION
    if isinstance(request, ReadRequest | WriteRequest):
        return _by_short_name(request)
    if isinstance(request, RequestList):
        services = Conformance.MULTIPLE_REFERENCES
        for item in request.items:
            services |= needed(item)
        return services
    if isinstance(request, GetRequest) and request.attribute_id == ALL_ATTRIBUTES:
        return Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET
    if isinstance(request, SetRequest) and request.attribute_id == ALL_ATTRIBUTES:
        return Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET
    return Conformance(0)


def _by_short_name(request: ReadRequest | WriteRequest) -> Conformance:
    services = Conformance.READ
    if isinstance(request, WriteRequest):
        services = Conformance.WRITE if request.confirmed else Conformance.UNCONFIRMED_WRITE
    if len(request.variables) > 1:
        services |= Conformance.MULTIPLE_REFERENCES
    if not all(isinstance(variable, int) for variable in request.variables):
        services |= Conformance.PARAMETERIZED_ACCESS
    return services


def missing(request: object, conformance: int) -> list[str]:
    """The names of the services that a request needs and that were not negotiated."""
    if type(request) is ActionRequest:
        return []
    lacking = needed(request) & ~Conformance(conformance)
    return [
        service.name.lower().replace("_", "-")
        for service in Conformance
        if service in lacking and service.name is not None
    ]
