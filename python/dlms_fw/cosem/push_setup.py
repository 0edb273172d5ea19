"""Push setup (class_id 40): what a server sends by itself, where to, when and how often again.

The tables of the Blue Book in four versions. What arrives is heard by ``dlms_fw.push``.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import (
    any_data,
    array,
    date_time_or_octets,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, capture_object
from dlms_fw.cosem.references import window_element
from dlms_fw.enums.push_setup import (
    KeyInfoType,
    MessageType,
    ProtectionType,
    PushOperationMethod,
    RestrictionType,
    TransportService,
)
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ConfirmationParameters",
    "KeyInfo",
    "ProtectionOptions",
    "ProtectionParameters",
    "PushObject",
    "PushSetup",
    "PushSetupV0",
    "PushSetupV2",
    "PushSetupV3",
    "RepetitionDelay",
    "RestrictedPushObject",
    "RestrictionElement",
    "SendDestinationAndMethod",
    "protection_parameters",
    "restriction_element",
]


class SendDestinationAndMethod(NamedTuple):
    """Where the data are sent, over what, and in which encoding."""

    transport_service: TransportService
    destination: bytes
    """An address in the form of the transport service, e.g. ``b"192.0.2.1:4059"``."""
    message: MessageType


class RestrictionElement(NamedTuple):
    """Which entries of a profile are taken."""

    restriction_type: RestrictionType
    restriction_value: Data
    """Null-data, or a structure of two dates or of two entry numbers, from and to."""


class RestrictedPushObject(NamedTuple):
    """What is pushed, in version 1."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    data_index: int
    restriction: RestrictionElement


class PushObject(NamedTuple):
    """What is pushed, from version 2 on."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    data_index: int
    restriction: RestrictionElement
    columns: list[CaptureObjectDefinition]
    """The columns of a profile that are taken; none means all."""


class KeyInfo(NamedTuple):
    """The key of a protection."""

    key_info_type: KeyInfoType
    key_info_options: Data
    """Of an identified key its id; of a wrapped one the wrapping key's id and the wrapped key; of an agreed
    one the parameters of the agreement and its ciphered data."""


class ProtectionOptions(NamedTuple):
    """What goes with a protected message."""

    transaction_id: bytes
    originator_system_title: bytes
    recipient_system_title: bytes
    other_information: bytes
    key_info: KeyInfo


class ProtectionParameters(NamedTuple):
    """One layer of protection."""

    protection_type: ProtectionType
    protection_options: ProtectionOptions


class RepetitionDelay(NamedTuple):
    """How long to wait before sending again: a delay that grows."""

    repetition_delay_min: int
    """Before the first repetition, in seconds."""
    repetition_delay_exponent: int
    """What each delay is multiplied by for the next, in hundredths: 200 doubles it."""
    repetition_delay_max: int
    """The longest delay, in seconds; 0 for no limit."""


class ConfirmationParameters(NamedTuple):
    """Which intervals of a profile must have been confirmed."""

    confirmation_start_date: DateTime
    confirmation_interval: int
    """In seconds; 0 for none."""


restriction_element = record(RestrictionElement, enumerated(RestrictionType), any_data)
_key_info = record(KeyInfo, enumerated(KeyInfoType), any_data)
protection_parameters = array(
    record(
        ProtectionParameters,
        enumerated(ProtectionType),
        record(ProtectionOptions, octet_string, octet_string, octet_string, octet_string, _key_info),
    )
)
_restricted_push_object = record(
    RestrictedPushObject, long_unsigned, logical_name_octets, integer, long_unsigned, restriction_element
)
_push_object = record(
    PushObject,
    long_unsigned,
    logical_name_octets,
    integer,
    long_unsigned,
    restriction_element,
    array(capture_object),
)


class _PushRows(InterfaceClass):
    """What all versions have in common."""

    send_destination_and_method = attribute(
        3,
        record(SendDestinationAndMethod, enumerated(TransportService), octet_string, enumerated(MessageType)),
        static=True,
    )
    communication_window = attribute(4, array(window_element), static=True)
    """When pushing is allowed; none means always."""
    randomisation_start_interval = attribute(5, long_unsigned, static=True)
    """The longest random delay before the first attempt, in seconds."""
    number_of_retries = attribute(6, unsigned, static=True)

    @method(1, mandatory=True)
    def push(self) -> None:
        """Push now."""


class PushSetupV0(_PushRows, class_id=40, version=0, short_name_methods=0x38):
    """Version 0: attributes to one destination, without confirmation."""

    push_object_list = attribute(2, array(capture_object), static=True)
    """What is sent, in this order, as one structure."""
    repetition_delay = attribute(7, long_unsigned, static=True)
    """Between two attempts, in seconds."""


class _ProtectedPushRows(_PushRows):
    """What the versions with protection have in common."""

    port_reference = attribute(8, octet_string, static=True)
    """The logical name of the set-up of the port that is used."""
    push_client_sap = attribute(9, integer, static=True)
    push_protection_parameters = attribute(10, protection_parameters, static=True)


class PushSetup(_ProtectedPushRows, class_id=40, version=1):
    """Version 1: restrictions, and protection of the data."""

    push_object_list = attribute(2, array(_restricted_push_object), static=True)
    repetition_delay = attribute(7, long_unsigned, static=True)
    """Between two attempts, in seconds."""


class _ConfirmedPushRows(_ProtectedPushRows):
    """What the versions with confirmation have in common."""

    push_object_list = attribute(2, array(_push_object), static=True)
    repetition_delay = attribute(
        7, record(RepetitionDelay, long_unsigned, long_unsigned, long_unsigned), static=True
    )
    push_operation_method = attribute(11, enumerated(PushOperationMethod), static=True)
    confirmation_parameters = attribute(
        12, record(ConfirmationParameters, date_time_or_octets, double_long_unsigned), static=True
    )
    last_confirmation_date_time = attribute(13, date_time_or_octets)
    """When a push was confirmed last."""

    @method(2)
    def reset(self) -> None:
        """Forget the confirmations: begin anew at ``confirmation_start_date``."""


class PushSetupV2(_ConfirmedPushRows, class_id=40, version=2):
    """Version 2: columns of profiles, confirmation, and delays that grow."""


class PushSetupV3(_ConfirmedPushRows, class_id=40, version=3, confirmed=False):
    """Version 3: the rows of version 2, which is all that we know of it."""
