"""What a client may say in an association, as types, and which of it wants an answer."""

from __future__ import annotations

from typing import TypeAlias

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

Request: TypeAlias = (
    GetRequest | SetRequest | ActionRequest | RequestList | AccessRequest | ReadRequest | WriteRequest
)
Message: TypeAlias = Request | DataNotificationConfirm


def wants_answer(message: Message) -> bool:
    """Whether a request is for a confirmed service."""
    return isinstance(message, GetRequest | ReadRequest) or (
        not isinstance(message, DataNotificationConfirm) and message.confirmed
    )
