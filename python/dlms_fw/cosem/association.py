"""Association LN (class_id 15): who is associated with a server, how, and what it may do.

The tables of the Blue Book; which rights apply and how a client proves itself is decided elsewhere.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import Any, NamedTuple

from dlms_fw._core import BitString
from dlms_fw.axdr import (
    DataType,
    array,
    bit_string,
    boolean,
    choice,
    converted,
    enumerated,
    flags,
    integer,
    logical_name_octets,
    long_unsigned,
    null_data,
    octet_string,
    record,
    text_or_octets,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import (
    AssociationStatus,
    AttributeAccessFlags,
    AttributeAccessMode,
    Conformance,
    MethodAccessFlags,
    MethodAccessMode,
)
from dlms_fw.logical_name import LogicalName

__all__ = [
    "AccessRight",
    "AssociatedPartnersId",
    "AssociationLN",
    "AssociationLNV0",
    "AssociationLNV2",
    "AssociationLNV3",
    "AttributeAccessItem",
    "ContextName",
    "MechanismName",
    "MethodAccessItem",
    "ObjectListElement",
    "User",
    "XdlmsContextInfo",
]


class AttributeAccessItem(NamedTuple):
    """What the associated client may do with one attribute."""

    attribute_id: int
    access_mode: AttributeAccessMode | AttributeAccessFlags
    """Flags in version 3, a mode in all others."""
    access_selectors: list[int] | None = None
    """The selectors that selective access to it knows."""


class MethodAccessItem(NamedTuple):
    """Whether the associated client may call one method."""

    method_id: int
    access_mode: MethodAccessMode | MethodAccessFlags | bool
    """A boolean in version 0, flags in version 3, a mode in those between."""


class AccessRight(NamedTuple):
    """The rights of the associated client on one object."""

    attribute_access: list[AttributeAccessItem]
    method_access: list[MethodAccessItem]


class ObjectListElement(NamedTuple):
    """One object that the associated client can see."""

    class_id: int
    version: int
    logical_name: LogicalName
    access_rights: AccessRight


class AssociatedPartnersId(NamedTuple):
    """The addresses of the two ends."""

    client_sap: int
    server_sap: int


class ContextName(NamedTuple):
    """The application-context-name, arc by arc."""

    joint_iso_ctt_element: int = 2
    country_element: int = 16
    country_name_element: int = 756
    identified_organization_element: int = 5
    dlms_ua_element: int = 8
    application_context_element: int = 1
    context_id_element: int = 1
    """An :class:`~dlms_fw.enums.ApplicationContext`."""


class MechanismName(NamedTuple):
    """The authentication-mechanism-name, arc by arc."""

    joint_iso_ctt_element: int = 2
    country_element: int = 16
    country_name_element: int = 756
    identified_organization_element: int = 5
    dlms_ua_element: int = 8
    authentication_mechanism_name_element: int = 2
    mechanism_id_element: int = 0
    """An :class:`~dlms_fw.enums.AuthenticationMechanism`."""


class XdlmsContextInfo(NamedTuple):
    """What the initiate exchange agreed."""

    conformance: Conformance
    max_receive_pdu_size: int
    max_send_pdu_size: int
    dlms_version_number: int
    quality_of_service: int
    cyphering_info: bytes


class User(NamedTuple):
    """A user of the client side, as its client-user-id names it."""

    user_id: int
    user_name: bytes


def _conformance_of(bits: BitString) -> Conformance:
    if len(bits) != 24:
        raise ValueError(f"a conformance block has 24 bits, not {len(bits)}")
    return Conformance(int.from_bytes(bits.octets))


def _bits_of(conformance: Conformance) -> BitString:
    return BitString.from_bytes(conformance.to_bytes(3), 24)


_conformance = converted(
    "conformance",
    bit_string,
    _conformance_of,
    _bits_of,
    zero=bit_string.encode(BitString.from_bytes(bytes(3), 24)),
)


def access_lists(
    attribute_mode: DataType[Any], method_mode: DataType[Any]
) -> tuple[DataType[list[AttributeAccessItem]], DataType[list[MethodAccessItem]]]:
    """What an association tells of the attributes and of the methods of one object."""
    selectors = choice(null_data, array(integer))
    attribute_access = array(record(AttributeAccessItem, integer, attribute_mode, selectors))
    return attribute_access, array(record(MethodAccessItem, integer, method_mode))


def _object_list_element(
    attribute_mode: DataType[AttributeAccessMode] | DataType[AttributeAccessFlags],
    method_mode: DataType[bool] | DataType[MethodAccessMode] | DataType[MethodAccessFlags],
) -> DataType[ObjectListElement]:
    access_right = record(AccessRight, *access_lists(attribute_mode, method_mode))
    return record(ObjectListElement, long_unsigned, unsigned, logical_name_octets, access_right)


_element_v0 = _object_list_element(enumerated(AttributeAccessMode), boolean)
_element = _object_list_element(enumerated(AttributeAccessMode), enumerated(MethodAccessMode))
_element_v3 = _object_list_element(flags(AttributeAccessFlags), flags(MethodAccessFlags))
_arcs = (unsigned, unsigned, long_unsigned, unsigned, unsigned, unsigned, unsigned)
_user = record(User, unsigned, text_or_octets)


class _AssociationRows(InterfaceClass):
    """What all versions have in common."""

    associated_partners_id = attribute(3, record(AssociatedPartnersId, integer, long_unsigned))
    application_context_name = attribute(4, choice(record(ContextName, *_arcs), octet_string))
    """Its arcs, or the encoded object identifier."""
    xdlms_context_info = attribute(
        5,
        record(XdlmsContextInfo, _conformance, long_unsigned, long_unsigned, unsigned, integer, octet_string),
    )
    authentication_mechanism_name = attribute(6, choice(record(MechanismName, *_arcs), octet_string))
    """Its arcs, or the encoded object identifier."""
    secret = attribute(7, octet_string)
    """The LLS or HLS secret, where the client may write it."""
    association_status = attribute(8, enumerated(AssociationStatus))

    @method(1, octet_string, returns=octet_string)
    def reply_to_hls_authentication(self, data: bytes) -> bytes:
        """Pass 3 of HLS, f(StoC); what comes back is pass 4, f(CtoS)."""

    @method(2, octet_string)
    def change_hls_secret(self, data: bytes) -> None:
        """Replace the HLS secret."""


class AssociationLNV0(_AssociationRows, class_id=15, version=0):
    """Version 0: access to a method is a boolean."""

    object_list = attribute(2, array(_element_v0), static=True)

    @method(3, _element_v0)
    def add_object(self, data: ObjectListElement) -> None:
        """Add an object to the object list."""

    @method(4, _element_v0)
    def remove_object(self, data: ObjectListElement) -> None:
        """Take an object from the object list."""


class _SecuredRows(_AssociationRows):
    """What came with version 1."""

    security_setup_reference = attribute(9, logical_name_octets, static=True)


class AssociationLN(_SecuredRows, class_id=15, version=1):
    """An association between a client and a server by logical name, as the server sees it."""

    object_list = attribute(2, array(_element), static=True)

    @method(3, _element)
    def add_object(self, data: ObjectListElement) -> None:
        """Add an object to the object list."""

    @method(4, _element)
    def remove_object(self, data: ObjectListElement) -> None:
        """Take an object from the object list."""


class _UserRows(_SecuredRows):
    """What came with version 2."""

    user_list = attribute(10, array(_user), static=True)
    current_user = attribute(11, _user)

    @method(5, _user)
    def add_user(self, user_id: int, user_name: bytes) -> None:
        """Add a user to the user list."""

    @method(6, _user)
    def remove_user(self, user_id: int, user_name: bytes) -> None:
        """Take a user from the user list."""


class AssociationLNV2(_UserRows, class_id=15, version=2):
    """Version 2: with a list of users."""

    object_list = attribute(2, array(_element), static=True)

    @method(3, _element)
    def add_object(self, data: ObjectListElement) -> None:
        """Add an object to the object list."""

    @method(4, _element)
    def remove_object(self, data: ObjectListElement) -> None:
        """Take an object from the object list."""


class AssociationLNV3(_UserRows, class_id=15, version=3):
    """Version 3: access rights are flags for each direction."""

    object_list = attribute(2, array(_element_v3), static=True)

    @method(3, _element_v3)
    def add_object(self, data: ObjectListElement) -> None:
        """Add an object to the object list."""

    @method(4, _element_v3)
    def remove_object(self, data: ObjectListElement) -> None:
        """Take an object from the object list."""
