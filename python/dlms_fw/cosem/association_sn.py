"""Association SN (class_id 12): who is associated with a server by short names, and which objects are where.

The tables of the Blue Book; which rights apply and how a client proves itself is decided elsewhere. Its base
name is always FA00, so that it can be read before anything is known of a server.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import BitString, Data
from dlms_fw.axdr import (
    DataType,
    any_data,
    array,
    bit_string,
    boolean,
    choice,
    converted,
    enumerated,
    flags,
    integer,
    logical_name_octets,
    long,
    long_unsigned,
    octet_string,
    record,
    text_or_octets,
    unsigned,
)
from dlms_fw.cosem.association import AttributeAccessItem, MethodAccessItem, User, access_lists
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import AttributeAccessFlags, AttributeAccessMode, MethodAccessFlags, MethodAccessMode
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ASSOCIATION_BASE_NAME",
    "AccessDescription",
    "AssociationSN",
    "AssociationSNV0",
    "AssociationSNV2",
    "AssociationSNV3",
    "AssociationSNV4",
    "AttributeIdentification",
    "ObjectIdentification",
    "ShortNameAccess",
    "ShortNameObject",
    "short_name_object",
    "short_name_objects",
]

ASSOCIATION_BASE_NAME = 0xFA00
"""The base name of the current association in every server."""


class ShortNameObject(NamedTuple):
    """One object that the associated client can see, and where it is."""

    base_name: int
    """0 to 65535: the short name of its attribute 1."""
    class_id: int
    version: int
    logical_name: LogicalName


class ShortNameAccess(NamedTuple):
    """The rights of the associated client on the object with this base name."""

    base_name: int
    attribute_access: list[AttributeAccessItem]
    method_access: list[MethodAccessItem]


class ObjectIdentification(NamedTuple):
    """An object by its logical name."""

    class_id: int
    logical_name: LogicalName


class AttributeIdentification(NamedTuple):
    """An attribute by the logical name of its object."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    """0 for all public attributes."""


class AccessDescription(NamedTuple):
    """What may be done with one object: bit 0 is the first attribute or method."""

    read_attributes: BitString
    write_attributes: BitString
    methods: BitString


def _unsigned_of(number: int) -> int:
    return number & 0xFFFF


def _signed_of(name: int) -> int:
    if not 0 <= name <= 0xFFFF:
        raise ValueError(f"a base name is 0 to 65535, not {name}")
    return name - 0x1_0000 if name & 0x8000 else name


# A long by the book, though names are spoken of without a sign; some servers send them so as well.
_base_name: DataType[int] = choice(converted("base-name", long, _unsigned_of, _signed_of), long_unsigned)
short_name_object = record(ShortNameObject, _base_name, long_unsigned, unsigned, logical_name_octets)
"""One element of an object list."""
short_name_objects = array(short_name_object)
"""An object list."""
_identification = record(ObjectIdentification, long_unsigned, logical_name_octets)
_attribute_identification = record(AttributeIdentification, long_unsigned, logical_name_octets, integer)
_access_description = record(AccessDescription, bit_string, bit_string, bit_string)
_access = record(
    ShortNameAccess,
    _base_name,
    *access_lists(enumerated(AttributeAccessMode), choice(enumerated(MethodAccessMode), boolean)),
)
_access_v4 = record(
    ShortNameAccess, _base_name, *access_lists(flags(AttributeAccessFlags), flags(MethodAccessFlags))
)
_user = record(User, unsigned, text_or_octets)


class _AssociationRows(InterfaceClass, short_name_methods=0x20):
    """What all versions have in common."""

    object_list = attribute(2, short_name_objects, static=True)

    @method(1, long_unsigned, returns=short_name_objects)
    def getlist_by_classid(self, class_id: int) -> list[ShortNameObject]:
        """The part of the object list with objects of one class."""

    @method(2, _identification, returns=short_name_object)
    def getobj_by_logicalname(self, class_id: int, logical_name: LogicalName) -> ShortNameObject:
        """The element of the object list for one object."""

    @method(3, array(_attribute_identification), returns=any_data)
    def read_by_logicalname(self, data: list[AttributeIdentification]) -> Data:
        """The values of attributes, without knowing their short names."""

    @method(4, array(_identification), returns=array(_access_description))
    def get_attributes_and_methods(self, data: list[ObjectIdentification]) -> list[AccessDescription]:
        """What this client may do with objects."""

    @method(5, octet_string)
    def change_lls_secret(self, data: bytes) -> None:
        """Replace the LLS secret."""

    @method(6, octet_string)
    def change_hls_secret(self, data: bytes) -> None:
        """Replace the HLS secret."""

    @method(7, returns=octet_string)
    def get_hls_challenge(self) -> bytes:
        """The server's challenge, for clients that did not get it with the AARE."""

    @method(8, octet_string, returns=octet_string)
    def reply_to_hls_challenge(self, data: bytes) -> bytes:
        """Pass 3 of HLS, f(StoC); what comes back is pass 4, f(CtoS)."""


class AssociationSNV0(_AssociationRows, class_id=12, version=0):
    """Version 0: the object list alone."""


class AssociationSN(_AssociationRows, class_id=12, version=1):
    """An association between a client and a server by short names, as the server sees it."""

    access_rights_list = attribute(3, array(_access))


class AssociationSNV2(_AssociationRows, class_id=12, version=2):
    """Version 2: with a reference to the security setup."""

    access_rights_list = attribute(3, array(_access))
    security_setup_reference = attribute(4, logical_name_octets, static=True)


class _UserRows(_AssociationRows):
    """What came with version 3; the two attributes have no short names that we know of."""

    security_setup_reference = attribute(4, logical_name_octets, static=True)
    user_list = attribute(5, array(_user), static=True)
    current_user = attribute(6, _user)

    @method(9, _user)
    def add_user(self, user_id: int, user_name: bytes) -> None:
        """Add a user to the user list."""

    @method(10, _user)
    def remove_user(self, user_id: int, user_name: bytes) -> None:
        """Take a user from the user list."""


class AssociationSNV3(_UserRows, class_id=12, version=3):
    """Version 3: with a list of users."""

    access_rights_list = attribute(3, array(_access))


class AssociationSNV4(_UserRows, class_id=12, version=4):
    """Version 4: access rights are flags for each direction."""

    access_rights_list = attribute(3, array(_access_v4))
