"""The current association of a client that names objects by short names (Association SN, version 2).

It tells where objects are, and reads them for who knows only their logical names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dlms_fw._core import BitString, Data, GetRequest, GetResponse
from dlms_fw.axdr import Tag
from dlms_fw.cosem.association import ObjectListElement
from dlms_fw.cosem.association_sn import (
    AccessDescription,
    AssociationSNV2,
    AttributeIdentification,
    ObjectIdentification,
    ShortNameAccess,
    ShortNameObject,
)
from dlms_fw.cosem.catalogue import find_interface_class
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult
from dlms_fw.logical_name import LogicalName, LogicalNameLike

_READABLE: Final = {1, 3, 4, 6}
_WRITABLE: Final = {2, 3, 5, 6}
_NULL: Final = Data(Tag.NULL_DATA)
_MOST_IDENTIFICATIONS: Final = 64


class CurrentShortNameAssociation(ServerObject, interface=AssociationSNV2):
    """The association of the one who asks.

    Args:
        instance_id: Its logical name.
        security_setup: The security setup object that holds for it.
        object_list: What the client sees, with its rights.
        base_names: Where objects are.
        read: Reads an attribute with the client's rights.
        change_secret: Replaces the client's secret.
    """

    def __init__(
        self,
        instance_id: LogicalNameLike,
        *,
        security_setup: LogicalName,
        object_list: Callable[[], list[ObjectListElement]],
        base_names: Callable[[], Mapping[tuple[int, bytes], int]],
        read: Callable[[GetRequest], GetResponse],
        change_secret: Callable[[bytes], None],
    ) -> None:
        super().__init__(instance_id)
        self._security_setup = security_setup
        self._object_list = object_list
        self._base_names = base_names
        self._read = read
        self._change_secret = change_secret

    @property
    def object_list(self) -> list[ShortNameObject]:
        """The objects that this client sees, in the order of their base names."""
        return sorted(
            ShortNameObject(base_name, element.class_id, element.version, element.logical_name)
            for base_name, element in self._elements()
        )

    @property
    def access_rights_list(self) -> list[ShortNameAccess]:
        """Its rights on them."""
        return [ShortNameAccess(base_name, *element.access_rights) for base_name, element in self._elements()]

    @property
    def security_setup_reference(self) -> LogicalName:
        """The security setup object that holds for it."""
        return self._security_setup

    def getlist_by_classid(self, class_id: int) -> list[ShortNameObject]:
        """The objects of one class."""
        return [element for element in self.object_list if element.class_id == class_id]

    def getobj_by_logicalname(self, class_id: int, logical_name: LogicalName) -> ShortNameObject:
        """One object, where this client sees it."""
        for element in self.object_list:
            if (element.class_id, element.logical_name) == (class_id, logical_name):
                return element
        raise CosemFault(ActionResult.OBJECT_UNDEFINED)

    def read_by_logicalname(self, data: list[AttributeIdentification]) -> Data:
        """The values in one structure, null-data for what may not be read."""
        if len(data) > _MOST_IDENTIFICATIONS:
            raise CosemFault(ActionResult.OTHER_REASON)
        return Data(Tag.STRUCTURE, tuple(self._value(identification) for identification in data))

    def get_attributes_and_methods(self, data: list[ObjectIdentification]) -> list[AccessDescription]:
        """What this client may do with these objects."""
        rights = {(e.class_id, e.logical_name): e.access_rights for _, e in self._elements()}
        try:
            found = [rights[identification] for identification in data]
        except KeyError:
            raise CosemFault(ActionResult.OBJECT_UNDEFINED) from None
        return [
            AccessDescription(
                BitString(int(item.access_mode) in _READABLE for item in right.attribute_access),
                BitString(int(item.access_mode) in _WRITABLE for item in right.attribute_access),
                BitString(bool(item.access_mode) for item in right.method_access),
            )
            for right in found
        ]

    def change_lls_secret(self, data: bytes) -> None:
        """Replaces the client's secret."""
        self._change_secret(data)

    def change_hls_secret(self, data: bytes) -> None:
        """Replaces the client's secret."""
        self._change_secret(data)

    def get_hls_challenge(self) -> bytes:
        """The challenge comes with the AARE; there is no other."""
        raise CosemFault(ActionResult.READ_WRITE_DENIED)

    def reply_to_hls_challenge(self, data: bytes) -> bytes:  # noqa: ARG002
        """Belongs to the session, which takes it while it authenticates; here it comes too late."""
        raise CosemFault(ActionResult.OTHER_REASON)

    def _elements(self) -> list[tuple[int, ObjectListElement]]:
        base_names = self._base_names()
        keyed = [((e.class_id, e.logical_name.to_bytes()), e) for e in self._object_list()]
        return [(base_names[key], element) for key, element in keyed if key in base_names]

    def _value(self, identification: AttributeIdentification) -> Data:
        class_id, logical_name, attribute_index = identification
        if attribute_index != 0:
            response = self._read(GetRequest(class_id, logical_name.to_bytes(), attribute_index))
            return _NULL if response.data is None else Data.decode(response.data)
        version = next(
            (e.version for _, e in self._elements() if (e.class_id, e.logical_name) == identification[:2]), 0
        )
        interface = find_interface_class(class_id, version)
        every = [] if interface is None else [number for number in interface.attributes if number > 0]
        values = [self._value(AttributeIdentification(class_id, logical_name, number)) for number in every]
        return Data(Tag.STRUCTURE, tuple(values))
