"""What meters in the field cannot do, for tests of clients that must get along with them."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from dlms_fw._core import ExceptionResponse, GetRequest, RequestList
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.meter.objects import Request
from dlms_fw.session.server import ServerEvent, is_confirmed

Shortcoming: TypeAlias = Literal["no-lists", "refuses-lists", "ignores-unconfirmed", "one-at-a-time"]
"""``no-lists``: multiple-references is not offered. ``refuses-lists``: it is, and each list gets an
exception-response. ``ignores-unconfirmed``: what wants no answer is not carried out either.
``one-at-a-time``: of several requests that arrive together all but the first are lost."""

_REFUSED: Final = ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceErrorCode.SERVICE_NOT_SUPPORTED)


def refusal(shortcomings: frozenset[Shortcoming], request: Request) -> ExceptionResponse | None:
    """What is answered to a request that the meter does not understand."""
    refuses = "refuses-lists" in shortcomings and isinstance(request, RequestList)
    return _REFUSED if refuses else None


def ignores(shortcomings: frozenset[Shortcoming], request: Request) -> bool:
    """Whether a request is not even looked at."""
    unanswered = not isinstance(request, GetRequest) and not is_confirmed(request)
    return "ignores-unconfirmed" in shortcomings and unanswered


def heard(shortcomings: frozenset[Shortcoming], events: list[ServerEvent]) -> list[ServerEvent]:
    """What is left of things that arrived together."""
    return events[:1] if "one-at-a-time" in shortcomings else events
