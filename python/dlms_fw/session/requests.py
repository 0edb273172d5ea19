"""What a client may say in an association and what answers it, as types, and which of it wants an answer."""

from __future__ import annotations

from typing import TypeAlias

from dlms_fw._core import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    DataNotificationConfirm,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReadRequest,
    ReadResponse,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)

Request: TypeAlias = (
    GetRequest | SetRequest | ActionRequest | RequestList | AccessRequest | ReadRequest | WriteRequest
)
Message: TypeAlias = Request | DataNotificationConfirm
Answer: TypeAlias = (
    GetResponse | SetResponse | ActionResponse | ResponseList | AccessResponse | ReadResponse | WriteResponse
)
Response: TypeAlias = Answer | ExceptionResponse

REQUESTS = (
    GetRequest,
    SetRequest,
    ActionRequest,
    RequestList,
    AccessRequest,
    ReadRequest,
    WriteRequest,
)
"""The classes of all requests."""
_WITH_SHORT_INVOKE_ID = (
    ActionRequest,
    ActionResponse,
    GetRequest,
    GetResponse,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
)
_CONFIRMED = 0x40
_LONG_CONFIRMED = 0x4000_0000


def wants_answer(message: Message) -> bool:
    """Whether a request is for a confirmed service."""
    return isinstance(message, GetRequest | ReadRequest) or (
        not isinstance(message, DataNotificationConfirm) and message.confirmed
    )


def is_confirmed(apdu: Request | Answer) -> bool:
    """Whether the service class of a request, which its response repeats, is confirmed."""
    if isinstance(apdu, _WITH_SHORT_INVOKE_ID):
        return bool((apdu.invoke_id_and_priority or 0) & _CONFIRMED)
    if isinstance(apdu, AccessRequest | AccessResponse):
        return bool((apdu.long_invoke_id_and_priority or 0) & _LONG_CONFIRMED)
    return apdu.confirmed if isinstance(apdu, WriteRequest) else True
