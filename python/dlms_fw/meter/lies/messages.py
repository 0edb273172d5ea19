"""What happens to whole requests and answers: not heard, not said, said late, twice, wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlms_fw._core import (
    ActionResponse,
    ExceptionResponse,
    GetResponse,
    ResponseList,
    SetResponse,
)
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.meter.lies.telling import Telling
from dlms_fw.meter.objects import Response

MESSAGES: Final = frozenset(
    {
        "silence",
        "deaf",
        "silent-for-ever",
        "late-answer",
        "answers-twice",
        "wrong-invoke-id",
        "exception",
        "null-data",
        "drops",
    }
)
_DEAF: Final = ("deaf", "silent-for-ever")
_REFUSED: Final = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OTHER_REASON)
_NULL_DATA: Final = b"\0"
_INVOKE_ID: Final = 0x0F
_WITH_INVOKE_ID: Final = (GetResponse, SetResponse, ActionResponse, ResponseList)


class Messages:
    """The lies of a meter that are about its answers as a whole."""

    def __init__(self) -> None:
        self._tellings: dict[str, list[Telling]] = {}
        self._late = b""
        self._ends = False

    def add(self, telling: Telling) -> None:
        """A lie more."""
        self._tellings.setdefault(telling.lie.name, []).append(telling)

    def hear(self) -> bool:
        """Whether the request that has come is looked at."""
        return not any(self._is_due(name) for name in _DEAF)

    def answer(self, response: Response | ExceptionResponse) -> Response | ExceptionResponse:
        """What is said instead of an answer."""
        if self._is_due("exception"):
            return _REFUSED
        if "null-data" in self._tellings and _is_read(response) and self._is_due("null-data"):
            response = _without_values(response)
        if isinstance(response, _WITH_INVOKE_ID) and self._is_due("wrong-invoke-id"):
            response = _of_another_request(response)
        return response

    def say(self, octets: bytes) -> bytes:
        """What goes out where these octets should."""
        if self._is_due("silence"):
            return b""
        if self._is_due("drops"):
            self._ends = True
            return b""
        if self._is_due("late-answer"):
            self._late += octets
            return b""
        late, self._late = self._late, b""
        return late + octets * (2 if self._is_due("answers-twice") else 1)

    def ends_connection(self) -> bool:
        """Whether the connection ends now; once."""
        ends, self._ends = self._ends, False
        return ends

    def end_connection(self) -> None:
        """It ends after the request that is being served."""
        self._ends = True
        self._late = b""

    def _is_due(self, name: str) -> bool:
        return any(telling.is_due() for telling in self._tellings.get(name, ()))


def _is_read(response: Response | ExceptionResponse) -> bool:
    if isinstance(response, ResponseList):
        return isinstance(response.items[0], GetResponse)
    return isinstance(response, GetResponse) and response.data is not None


def _without_values(response: Response | ExceptionResponse) -> Response:
    if isinstance(response, ResponseList):
        items: Sequence[GetResponse] = [GetResponse(0, _NULL_DATA) for _ in response.items]
        return ResponseList(items, invoke_id_and_priority=response.invoke_id_and_priority)
    assert isinstance(response, GetResponse)  # noqa: S101 (see _is_read)
    return GetResponse(0, _NULL_DATA, invoke_id_and_priority=response.invoke_id_and_priority)


def _of_another_request(response: GetResponse | SetResponse | ActionResponse | ResponseList) -> Response:
    other = response.invoke_id_and_priority ^ _INVOKE_ID
    if isinstance(response, ResponseList):
        return ResponseList(response.items, invoke_id_and_priority=other)
    if isinstance(response, GetResponse):
        return GetResponse(response.result, response.data, invoke_id_and_priority=other)
    if isinstance(response, SetResponse):
        return SetResponse(response.result, invoke_id_and_priority=other)
    return ActionResponse(response.result, response.data, invoke_id_and_priority=other)
