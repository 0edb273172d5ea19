"""The enumerations of the interface classes that an upgrade meets, with their codes."""

from __future__ import annotations

from enum import IntEnum, IntFlag

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
