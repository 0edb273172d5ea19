"""The enumerations of M-Bus, with their codes."""

from __future__ import annotations

from enum import IntEnum


class AddressState(IntEnum):
    """``addr_state`` of an M-Bus slave port or of a wireless mode Q channel, since the last power up."""

    NOT_ASSIGNED = 0
    ASSIGNED = 1


class EncryptionKeyStatus(IntEnum):
    """``encryption_key_status`` of an M-Bus client."""

    NO_ENCRYPTION_KEY = 0
    ENCRYPTION_KEY_SET = 1
    ENCRYPTION_KEY_TRANSFERRED = 2
    ENCRYPTION_KEY_SET_AND_TRANSFERRED = 3
    ENCRYPTION_KEY_IN_USE = 4


class PortCommunicationState(IntEnum):
    """``port_communication_state`` of a server's M-Bus port."""

    NO_ACCESS = 0
    TEMPORARY_NO_ACCESS = 1
    LIMITED_ACCESS = 2
    UNLIMITED_ACCESS = 3


class DataHeaderType(IntEnum):
    """``data_header_type`` of a server's M-Bus port."""

    NO_HEADER = 0
    SHORT_HEADER = 1
    LONG_HEADER = 2


class LinkStatus(IntEnum):
    """``link_status`` of an M-Bus diagnostic."""

    NONE = 0
    NORMAL = 1
    TEMPORARILY_INTERRUPTED = 2
    PERMANENTLY_INTERRUPTED = 3
