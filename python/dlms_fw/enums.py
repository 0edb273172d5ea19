"""The enumerations of the Green Book and the Blue Book, with their codes.

Values only: this module imports nothing of ours and decides nothing. A code that is not listed here is
never mapped to a neighbour; whoever decodes keeps it as the plain ``int`` that it is. Members stand in the
order of the standard.
"""

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


# --- Security (Green Book, security; Blue Book, Security setup) -----------------------------------


class SecurityControl(IntFlag):
    """The security control octet; its low nibble, beside these flags, is the security suite id."""

    AUTHENTICATED = 0x10
    ENCRYPTED = 0x20
    BROADCAST_KEY = 0x40
    COMPRESSED = 0x80


class SecuritySuite(IntEnum):
    """Algorithms and key sizes: 0 without, 1 and 2 with public keys."""

    AES_GCM_128 = 0
    ECDH_ECDSA_AES_GCM_128_SHA_256 = 1
    ECDH_ECDSA_AES_GCM_256_SHA_384 = 2


class SecurityPolicyV0(IntEnum):
    """``security_policy`` of Security setup version 0: one level for requests and responses."""

    NOTHING = 0
    ALL_MESSAGES_AUTHENTICATED = 1
    ALL_MESSAGES_ENCRYPTED = 2
    ALL_MESSAGES_AUTHENTICATED_AND_ENCRYPTED = 3


class SecurityPolicyV1(IntFlag):
    """``security_policy`` of Security setup version 1: an enum whose bits are set for each direction."""

    NOTHING = 0x00
    AUTHENTICATED_REQUEST = 0x04
    ENCRYPTED_REQUEST = 0x08
    DIGITALLY_SIGNED_REQUEST = 0x10
    AUTHENTICATED_RESPONSE = 0x20
    ENCRYPTED_RESPONSE = 0x40
    DIGITALLY_SIGNED_RESPONSE = 0x80


class KeyId(IntEnum):
    """Which symmetric key a key transfer or key agreement replaces."""

    GLOBAL_UNICAST_ENCRYPTION_KEY = 0
    GLOBAL_BROADCAST_ENCRYPTION_KEY = 1
    AUTHENTICATION_KEY = 2
    MASTER_KEY = 3


class CertificateEntity(IntEnum):
    """Whose certificate it is."""

    SERVER = 0
    CLIENT = 1
    CERTIFICATION_AUTHORITY = 2
    OTHER = 3


class CertificateType(IntEnum):
    """What the key in a certificate is for."""

    DIGITAL_SIGNATURE = 0
    KEY_AGREEMENT = 1
    TLS = 2
    OTHER = 3


class CertificateIdentificationType(IntEnum):
    """How a certificate is named: by its entity, or by serial number and issuer."""

    CERTIFICATE_IDENTIFICATION_ENTITY = 0
    CERTIFICATE_IDENTIFICATION_SERIAL = 1


# --- Image transfer (Blue Book, class_id 18) ------------------------------------------------------


class ImageTransferStatus(IntEnum):
    """``image_transfer_status``: how far the process has come in the server."""

    TRANSFER_NOT_INITIATED = 0
    TRANSFER_INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


# --- Scripts and schedules (Blue Book, class_id 9 and 22) -----------------------------------------


class ScriptService(IntEnum):
    """``service_id`` of one action of a script."""

    WRITE_ATTRIBUTE = 1
    EXECUTE_METHOD = 2


class SingleActionScheduleType(IntEnum):
    """``type`` of a single action schedule: one entry or several, equal times or not, wildcards or not."""

    ONE_TIME_WILDCARD_ALLOWED = 1
    SAME_TIMES_WILDCARD_NOT_ALLOWED = 2
    SAME_TIMES_WILDCARD_ALLOWED = 3
    DIFFERENT_TIMES_WILDCARD_NOT_ALLOWED = 4
    DIFFERENT_TIMES_WILDCARD_ALLOWED = 5


# --- Profiles and clock (Blue Book, class_id 7 and 8) ---------------------------------------------


class SortMethod(IntEnum):
    """``sort_method`` of a profile: the order of its buffer."""

    FIFO = 1
    LIFO = 2
    LARGEST = 3
    SMALLEST = 4
    NEAREST_TO_ZERO = 5
    FARTHEST_FROM_ZERO = 6


class ClockBase(IntEnum):
    """``clock_base``: where the time comes from."""

    NOT_DEFINED = 0
    INTERNAL_CRYSTAL = 1
    MAINS_FREQUENCY_50_HZ = 2
    MAINS_FREQUENCY_60_HZ = 3
    GPS = 4
    RADIO_CONTROLLED = 5


class ClockStatus(IntFlag):
    """The last octet of a date-time. 0xFF as a whole means that the status is not specified."""

    INVALID_VALUE = 0x01
    DOUBTFUL_VALUE = 0x02
    DIFFERENT_CLOCK_BASE = 0x04
    INVALID_CLOCK_STATUS = 0x08
    DAYLIGHT_SAVING_ACTIVE = 0x80


# --- Association objects (Blue Book, class_id 15) -------------------------------------------------


class AssociationStatus(IntEnum):
    """``association_status`` of an Association object."""

    NON_ASSOCIATED = 0
    ASSOCIATION_PENDING = 1
    ASSOCIATED = 2


class AttributeAccessMode(IntEnum):
    """``access_mode`` of an attribute in an object list, versions 0 to 2."""

    NO_ACCESS = 0
    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_AND_WRITE = 3
    AUTHENTICATED_READ_ONLY = 4
    AUTHENTICATED_WRITE_ONLY = 5
    AUTHENTICATED_READ_AND_WRITE = 6


class MethodAccessMode(IntEnum):
    """``access_mode`` of a method in an object list, versions 1 and 2 (version 0 has a boolean)."""

    NO_ACCESS = 0
    ACCESS = 1
    AUTHENTICATED_ACCESS = 2


class AttributeAccessFlags(IntFlag):
    """``access_mode`` of an attribute in an object list, version 3: an enum whose bits are set."""

    READ = 0x01
    WRITE = 0x02
    AUTHENTICATED_REQUEST = 0x04
    ENCRYPTED_REQUEST = 0x08
    DIGITALLY_SIGNED_REQUEST = 0x10
    AUTHENTICATED_RESPONSE = 0x20
    ENCRYPTED_RESPONSE = 0x40
    DIGITALLY_SIGNED_RESPONSE = 0x80


class MethodAccessFlags(IntFlag):
    """``access_mode`` of a method in an object list, version 3: an enum whose bits are set."""

    ACCESS = 0x01
    AUTHENTICATED_REQUEST = 0x04
    ENCRYPTED_REQUEST = 0x08
    DIGITALLY_SIGNED_REQUEST = 0x10
    AUTHENTICATED_RESPONSE = 0x20
    ENCRYPTED_RESPONSE = 0x40
    DIGITALLY_SIGNED_RESPONSE = 0x80
