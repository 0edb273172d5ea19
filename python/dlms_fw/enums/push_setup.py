"""The enumerations of what a server sends by itself, with their codes (Blue Book, class_id 40)."""

from __future__ import annotations

from enum import IntEnum


class TransportService(IntEnum):
    """``transport_service`` of a push setup: what carries the data. 200 to 255 are the manufacturer's."""

    TCP = 0
    UDP = 1
    FTP = 2
    SMTP = 3
    SMS = 4
    HDLC = 5
    M_BUS = 6
    ZIGBEE = 7
    DLMS_GATEWAY = 8
    RELIABLE_COAP = 9
    UNRELIABLE_COAP = 10


class MessageType(IntEnum):
    """``message`` of a push setup: how the data are encoded. From 128 on it is the manufacturer's."""

    AXDR_ENCODED_APDU = 0
    XML_ENCODED_APDU = 1


class PushOperationMethod(IntEnum):
    """``push_operation_method``: whether a confirmation is asked for, and what is a reason to send again."""

    UNCONFIRMED_RETRY_ON_FAILURE = 0
    """The supporting protocol layer failed."""
    UNCONFIRMED_RETRY_ON_MISSING_LAYER_CONFIRMATION = 1
    """The supporting protocol layer did not confirm."""
    CONFIRMED_RETRY_ON_MISSING_CONFIRMATION = 2
    """The client did not confirm."""


class RestrictionType(IntEnum):
    """``restriction_type``: how the entries of a profile that is pushed or captured are restricted."""

    NONE = 0
    BY_DATE = 1
    BY_ENTRY = 2


class ProtectionType(IntEnum):
    """``protection_type``: one layer of the protection of pushed data."""

    AUTHENTICATION = 0
    ENCRYPTION = 1
    AUTHENTICATION_AND_ENCRYPTION = 2
    DIGITAL_SIGNATURE = 3


class KeyInfoType(IntEnum):
    """``key_info_type``: where the key of the protection comes from."""

    IDENTIFIED_KEY = 0
    WRAPPED_KEY = 1
    AGREED_KEY = 2
