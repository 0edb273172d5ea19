"""The codes of a confirmedServiceError (IEC 61334-4-41, as the Green Book uses it), all of them, in words.

The value of such an error is counted within its kind; each kind has its enumeration here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from dlms_fw.enums import InitiateError

__all__ = [
    "AccessError",
    "ApplicationReference",
    "ConfirmedService",
    "Definition",
    "ErrorKind",
    "HardwareResource",
    "LoadDataSet",
    "Service",
    "Task",
    "VdeState",
    "confirmed_service_error_text",
]


class ConfirmedService(IntEnum):
    """The service that failed; COSEM uses 1, 5 and 6."""

    INITIATE_ERROR = 1
    GET_STATUS = 2
    GET_NAME_LIST = 3
    GET_VARIABLE_ATTRIBUTE = 4
    READ = 5
    WRITE = 6
    GET_DATA_SET_ATTRIBUTE = 7
    GET_TI_ATTRIBUTE = 8
    CHANGE_SCOPE = 9
    START = 10
    STOP = 11
    RESUME = 12
    MAKE_USABLE = 13
    INITIATE_LOAD = 14
    LOAD_SEGMENT = 15
    TERMINATE_LOAD = 16
    INITIATE_UP_LOAD = 17
    UP_LOAD_SEGMENT = 18
    TERMINATE_UP_LOAD = 19


class ErrorKind(IntEnum):
    """The CHOICE of ServiceError: what kind of error the value counts."""

    APPLICATION_REFERENCE = 0
    HARDWARE_RESOURCE = 1
    VDE_STATE_ERROR = 2
    SERVICE = 3
    DEFINITION = 4
    ACCESS = 5
    INITIATE = 6
    LOAD_DATA_SET = 7
    CHANGE_SCOPE = 8
    TASK = 9
    OTHER = 10


class ApplicationReference(IntEnum):
    """Values of the kind ``application-reference``."""

    OTHER = 0
    TIME_ELAPSED = 1
    APPLICATION_UNREACHABLE = 2
    APPLICATION_REFERENCE_INVALID = 3
    APPLICATION_CONTEXT_UNSUPPORTED = 4
    PROVIDER_COMMUNICATION_ERROR = 5
    DECIPHERING_ERROR = 6


class HardwareResource(IntEnum):
    """Values of the kind ``hardware-resource``."""

    OTHER = 0
    MEMORY_UNAVAILABLE = 1
    PROCESSOR_RESOURCE_UNAVAILABLE = 2
    MASS_STORAGE_UNAVAILABLE = 3
    OTHER_RESOURCE_UNAVAILABLE = 4


class VdeState(IntEnum):
    """Values of the kind ``vde-state-error``."""

    OTHER = 0
    NO_DLMS_CONTEXT = 1
    LOADING_DATA_SET = 2
    STATUS_NO_CHANGE = 3
    STATUS_INOPERABLE = 4


class Service(IntEnum):
    """Values of the kind ``service``."""

    OTHER = 0
    PDU_SIZE = 1
    SERVICE_UNSUPPORTED = 2


class Definition(IntEnum):
    """Values of the kind ``definition``."""

    OTHER = 0
    OBJECT_UNDEFINED = 1
    OBJECT_CLASS_INCONSISTENT = 2
    OBJECT_ATTRIBUTE_INCONSISTENT = 3


class AccessError(IntEnum):
    """Values of the kind ``access``."""

    OTHER = 0
    SCOPE_OF_ACCESS_VIOLATED = 1
    OBJECT_ACCESS_VIOLATED = 2
    HARDWARE_FAULT = 3
    OBJECT_UNAVAILABLE = 4


class LoadDataSet(IntEnum):
    """Values of the kind ``load-data-set``."""

    OTHER = 0
    PRIMITIVE_OUT_OF_SEQUENCE = 1
    NOT_LOADABLE = 2
    DATASET_SIZE_TOO_LARGE = 3
    NOT_AWAITED_SEGMENT = 4
    INTERPRETATION_FAILURE = 5
    STORAGE_FAILURE = 6
    DATASET_NOT_READY = 7


class Task(IntEnum):
    """Values of the kind ``task``."""

    OTHER = 0
    NO_REMOTE_CONTROL = 1
    TI_STOPPED = 2
    TI_RUNNING = 3
    TI_UNUSABLE = 4


VALUES: Final[dict[int, type[IntEnum]]] = {
    ErrorKind.APPLICATION_REFERENCE: ApplicationReference,
    ErrorKind.HARDWARE_RESOURCE: HardwareResource,
    ErrorKind.VDE_STATE_ERROR: VdeState,
    ErrorKind.SERVICE: Service,
    ErrorKind.DEFINITION: Definition,
    ErrorKind.ACCESS: AccessError,
    ErrorKind.INITIATE: InitiateError,
    ErrorKind.LOAD_DATA_SET: LoadDataSet,
    ErrorKind.TASK: Task,
}
"""The enumeration of the values of each kind; the kinds 8 and 10 have none."""


def confirmed_service_error_text(service: int, error_choice: int, value: int) -> str:
    """The three codes in words; a code that is not known stays a number."""
    values = VALUES.get(error_choice)
    return ", ".join(
        (
            _name(ConfirmedService, service),
            _name(ErrorKind, error_choice),
            f"code {value}" if values is None else _name(values, value),
        )
    )


def _name(codes: type[IntEnum], code: int) -> str:
    try:
        return codes(code).name.lower().replace("_", " ")
    except ValueError:
        return f"code {code}"
