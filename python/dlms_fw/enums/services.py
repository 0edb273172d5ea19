"""The enumerations of the services and associations of the Green Book, with their codes."""

from __future__ import annotations

from enum import IntEnum, IntFlag

# --- Results of services (Green Book, xDLMS) ------------------------------------------------------


class DataAccessResult(IntEnum):
    """The result of GET and SET (``Data-Access-Result``)."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class ActionResult(IntEnum):
    """The result of ACTION (``Action-Result``); 15 and 16 differ from :class:`DataAccessResult`."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_ACTION_ABORTED = 15
    NO_LONG_ACTION_IN_PROGRESS = 16
    OTHER_REASON = 250


class StateError(IntEnum):
    """The first octet of an exception-response: what the server thinks of the moment."""

    SERVICE_NOT_ALLOWED = 1
    SERVICE_UNKNOWN = 2


class ServiceErrorCode(IntEnum):
    """The second octet of an exception-response; the last code is followed by the counter expected."""

    OPERATION_NOT_POSSIBLE = 1
    SERVICE_NOT_SUPPORTED = 2
    OTHER_REASON = 3
    PDU_TOO_LONG = 4
    DECIPHERING_ERROR = 5
    INVOCATION_COUNTER_ERROR = 6


class InitiateError(IntEnum):
    """Why an InitiateRequest was refused: the value of a confirmedServiceError of the choice ``initiate``."""

    OTHER = 0
    DLMS_VERSION_TOO_LOW = 1
    INCOMPATIBLE_CONFORMANCE = 2
    PDU_SIZE_TOO_SHORT = 3
    REFUSED_BY_THE_VDE_HANDLER = 4


# --- Associations (Green Book, ACSE) --------------------------------------------------------------


class ApplicationContext(IntEnum):
    """The last arc of the ``application-context-name``."""

    LOGICAL_NAME_REFERENCING_NO_CIPHERING = 1
    SHORT_NAME_REFERENCING_NO_CIPHERING = 2
    LOGICAL_NAME_REFERENCING_WITH_CIPHERING = 3
    SHORT_NAME_REFERENCING_WITH_CIPHERING = 4


class AuthenticationMechanism(IntEnum):
    """The last arc of the ``mechanism-name``."""

    LOWEST_LEVEL = 0
    LOW_LEVEL = 1
    HIGH_LEVEL = 2
    HIGH_LEVEL_MD5 = 3
    HIGH_LEVEL_SHA1 = 4
    HIGH_LEVEL_GMAC = 5
    HIGH_LEVEL_SHA256 = 6
    HIGH_LEVEL_ECDSA = 7


class AssociationResult(IntEnum):
    """The ``result`` of an AARE."""

    ACCEPTED = 0
    REJECTED_PERMANENT = 1
    REJECTED_TRANSIENT = 2


class AcseServiceUserDiagnostic(IntEnum):
    """The ``result-source-diagnostic`` of an AARE whose source is the acse-service-user.

    ``AUTHENTICATION_REQUIRED`` beside an accepted result is no failure: passes 3 and 4 of HLS are to follow.
    """

    NULL = 0
    NO_REASON_GIVEN = 1
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = 2
    CALLING_AP_TITLE_NOT_RECOGNIZED = 3
    CALLING_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = 4
    CALLING_AE_QUALIFIER_NOT_RECOGNIZED = 5
    CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = 6
    CALLED_AP_TITLE_NOT_RECOGNIZED = 7
    CALLED_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = 8
    CALLED_AE_QUALIFIER_NOT_RECOGNIZED = 9
    CALLED_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = 10
    AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED = 11
    AUTHENTICATION_MECHANISM_NAME_REQUIRED = 12
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


class AcseServiceProviderDiagnostic(IntEnum):
    """The ``result-source-diagnostic`` of an AARE whose source is the acse-service-provider."""

    NULL = 0
    NO_REASON_GIVEN = 1
    NO_COMMON_ACSE_VERSION = 2


class ReleaseRequestReason(IntEnum):
    """The ``reason`` of an RLRQ."""

    NORMAL = 0
    URGENT = 1
    USER_DEFINED = 30


class ReleaseResponseReason(IntEnum):
    """The ``reason`` of an RLRE."""

    NORMAL = 0
    NOT_FINISHED = 1
    USER_DEFINED = 30


class Conformance(IntFlag):
    """The services of the conformance block, as an int of 24 bits; bit 0 of the standard is 0x800000."""

    GENERAL_PROTECTION = 0x40_0000
    GENERAL_BLOCK_TRANSFER = 0x20_0000
    READ = 0x10_0000
    WRITE = 0x08_0000
    UNCONFIRMED_WRITE = 0x04_0000
    DELTA_VALUE_ENCODING = 0x02_0000
    ATTRIBUTE0_SUPPORTED_WITH_SET = 0x00_8000
    PRIORITY_MGMT_SUPPORTED = 0x00_4000
    ATTRIBUTE0_SUPPORTED_WITH_GET = 0x00_2000
    BLOCK_TRANSFER_WITH_GET_OR_READ = 0x00_1000
    BLOCK_TRANSFER_WITH_SET_OR_WRITE = 0x00_0800
    BLOCK_TRANSFER_WITH_ACTION = 0x00_0400
    MULTIPLE_REFERENCES = 0x00_0200
    INFORMATION_REPORT = 0x00_0100
    DATA_NOTIFICATION = 0x00_0080
    ACCESS = 0x00_0040
    PARAMETERIZED_ACCESS = 0x00_0020
    GET = 0x00_0010
    SET = 0x00_0008
    SELECTIVE_ACCESS = 0x00_0004
    EVENT_NOTIFICATION = 0x00_0002
    ACTION = 0x00_0001
