"""What an answer means to the caller: a value, or the error that says what was refused."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from dlms_fw import axdr
from dlms_fw._core import (
    AccessResponse,
    ActionResponse,
    ConfirmedServiceError,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReadResponse,
    ResponseList,
    SetResponse,
    WriteResponse,
)
from dlms_fw.confirmed_service_errors import confirmed_service_error_text
from dlms_fw.cosem.interface import AttributeRef, MethodCall
from dlms_fw.enums import ActionResult, DataAccessResult, ServiceErrorCode, StateError
from dlms_fw.errors import RemoteProtocolError, ServiceError
from dlms_fw.profiles import Profile

_T = TypeVar("_T")
LOGICAL_DEVICE_NAME = GetRequest(1, bytes((0, 0, 42, 0, 0, 255)), 2)
Answer: TypeAlias = GetResponse | SetResponse | ActionResponse | ExceptionResponse
TransferResponse: TypeAlias = Answer | ResponseList
Response: TypeAlias = (
    Answer | ResponseList | AccessResponse | ConfirmedServiceError | ReadResponse | WriteResponse
)
RESPONSES = (
    ActionResponse,
    GetResponse,
    SetResponse,
    ResponseList,
    AccessResponse,
    ExceptionResponse,
    ConfirmedServiceError,
    ReadResponse,
    WriteResponse,
)
"""What ends the wait for an answer."""
_OF_TRANSFERS = (ResponseList, GetResponse, ActionResponse)
_LISTS = (ResponseList, AccessResponse, ReadResponse, WriteResponse)


def value_of(ref: AttributeRef[_T], response: Response) -> _T:
    """The value of an attribute in an answer. Raises ServiceError, DecodeError."""
    if not isinstance(response, GetResponse):
        raise_refusal(response, f"GET {ref!r}")
        raise wrong_answer(response, "GET")
    if response.result != 0 or response.data is None:
        raise _data_access_error(response.result, f"GET {ref!r}")
    return ref.decode(response.data)


def check_set(ref: AttributeRef[Any], response: Response) -> None:
    """Raises ServiceError where an attribute was not written."""
    if not isinstance(response, SetResponse):
        raise_refusal(response, f"SET {ref!r}")
        raise wrong_answer(response, "SET")
    if response.result != 0:
        raise _data_access_error(response.result, f"SET {ref!r}")


def returned_by(call: MethodCall[_T], response: Response) -> _T:
    """The return parameters of a method in an answer. Raises ServiceError, DecodeError."""
    if not isinstance(response, ActionResponse):
        raise_refusal(response, f"ACTION {call!r}")
        raise wrong_answer(response, "ACTION")
    if response.result != 0:
        name = _name(ActionResult, response.result)
        raise ServiceError(f"ACTION {call!r}: {name}", result=response.result)
    if response.data_result:
        raise _data_access_error(response.data_result, f"ACTION {call!r}, return parameters")
    return call.decode(response.data)


def single(response: Response) -> Answer:
    """The answer to a request that was no list. Raises ServiceError, RemoteProtocolError."""
    if isinstance(response, ConfirmedServiceError):
        raise _confirmed_service_error(response, "request")
    if isinstance(response, _LISTS):
        raise wrong_answer(response, "request for one thing")
    return response


def transfer_answer(response: Response) -> TransferResponse:
    """The answer to a request of a transfer. Raises ServiceError, RemoteProtocolError."""
    return response if isinstance(response, _OF_TRANSFERS) else single(response)


def counter_request(profile: Profile) -> GetRequest:
    """Reads the Data object 0-0:43.1.e.255: the last counter that the meter has accepted under our key."""
    return GetRequest(1, bytes((0, 0, 43, 1, profile.invocation_counter_object, 255)), 2)


def counter_of(response: Response) -> int:
    """The counter in the answer. Raises ServiceError, DecodeError."""
    raise_refusal(response, "GET invocation counter")
    if not isinstance(response, GetResponse):
        raise wrong_answer(response, "GET")
    if response.result != 0 or response.data is None:
        raise _data_access_error(response.result, "GET invocation counter")
    return axdr.double_long_unsigned.decode(response.data)


def logical_device_name(response: Response) -> str | None:
    """The logical device name in the answer, as hex; ``None`` where the meter does not tell it."""
    if not isinstance(response, GetResponse) or response.data is None:
        return None
    try:
        return axdr.text_or_octets.decode(response.data).hex().upper() or None
    except RemoteProtocolError:
        return None


def raise_refusal(response: Response, asked: str) -> None:
    """Raises ServiceError where a request could not be processed as a whole."""
    if isinstance(response, ConfirmedServiceError):
        raise _confirmed_service_error(response, asked)
    if isinstance(response, ExceptionResponse):
        state = _name(StateError, response.state_error)
        service = _name(ServiceErrorCode, response.service_error)
        raise ServiceError(
            f"{asked}: {state}, {service}",
            state_error=response.state_error,
            service_error=response.service_error,
            invocation_counter=response.invocation_counter,
        )


def wrong_answer(response: object, service: str) -> RemoteProtocolError:
    """The error for an answer of another service."""
    return RemoteProtocolError(f"the meter answered a {service} with a {type(response).__name__}")


def _confirmed_service_error(response: ConfirmedServiceError, asked: str) -> ServiceError:
    codes = f"{response.service}/{response.error_choice}/{response.value}"
    words = confirmed_service_error_text(response.service, response.error_choice, response.value)
    return ServiceError(f"{asked}: confirmed service error {codes} ({words})")


def _data_access_error(result: int, asked: str) -> ServiceError:
    return ServiceError(f"{asked}: {_name(DataAccessResult, result)}", result=result)


def _name(codes: type[DataAccessResult | ActionResult | StateError | ServiceErrorCode], code: int) -> str:
    try:
        return codes(code).name.lower().replace("_", " ")
    except ValueError:
        return f"code {code}"
