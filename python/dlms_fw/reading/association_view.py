"""What the associated client sees of a meter: its objects with their rights, and its logical devices.

The object list of a meter is told in another form by each version of Association LN and SN; here it has one.
Its version is in the list itself, since the association is one of its objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, overload

from dlms_fw.axdr import (
    array,
    boolean,
    choice,
    integer,
    logical_name_octets,
    long,
    long_unsigned,
    null_data,
    plain_enum,
    record,
    unsigned,
)
from dlms_fw.cosem.access_rights import ObjectRights
from dlms_fw.cosem.association import (
    AccessRight,
    AssociationLN,
    AttributeAccessItem,
    MethodAccessItem,
    ObjectListElement,
)
from dlms_fw.cosem.association_sn import AssociationSN, ShortNameAccess, ShortNameObject, short_name_objects
from dlms_fw.cosem.catalogue import find_interface_class, raw_interface_class
from dlms_fw.cosem.interface import AttributeRef, InterfaceClass
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.cosem.well_known import CURRENT_ASSOCIATION, SAP_ASSIGNMENT
from dlms_fw.errors import ServiceError
from dlms_fw.listed import Plan
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.obis_names import obis_name
from dlms_fw.reading.plans import attribute_of, named_row, one

__all__ = ["AssociationView", "LogicalDevice", "VisibleObject", "association_view", "logical_devices"]

_FIRST_VERSION_WITH_FLAGS: Final = {AssociationLN.class_id: 3, AssociationSN.class_id: 4}

# The modes as the numbers or booleans that they are: which words they stand for is known later.
_attribute_access = array(record(AttributeAccessItem, integer, plain_enum, choice(null_data, array(integer))))
_method_access = array(record(MethodAccessItem, integer, choice(plain_enum, boolean)))
_object_list = array(
    record(
        ObjectListElement,
        long_unsigned,
        unsigned,
        logical_name_octets,
        record(AccessRight, _attribute_access, _method_access),
    )
)
_access_list = array(record(ShortNameAccess, choice(long, long_unsigned), _attribute_access, _method_access))
_list_of_logical_names = AttributeRef(
    AssociationLN(CURRENT_ASSOCIATION), named_row("object_list", 2, _object_list)
)
_access_rights_list = AttributeRef(
    AssociationSN(CURRENT_ASSOCIATION), named_row("access_rights_list", 3, _access_list)
)
_list_of_short_names = AttributeRef(
    AssociationSN(CURRENT_ASSOCIATION), named_row("object_list", 2, short_name_objects)
)


_NOT_TOLD: Final = ObjectRights({}, {}, {})


@dataclass(frozen=True, slots=True)
class VisibleObject:
    """One object that the associated client can see.

    Attributes:
        class_id: Of its interface class.
        version: Of its interface class.
        logical_name: Its own.
        rights: What the client may do with it; ``None`` where the meter does not tell.
        base_name: Its short name, in an association with short names.
    """

    class_id: int
    version: int
    logical_name: LogicalName
    rights: ObjectRights | None = field(default=None, hash=False)
    base_name: int | None = None

    @property
    def name(self) -> str:
        """What its logical name stands for, in words."""
        return obis_name(self.logical_name)

    @property
    def interface(self) -> type[InterfaceClass]:
        """Its interface class; where none is declared, one whose attributes are of any type."""
        declared = find_interface_class(self.class_id, self.version)
        if declared is not None:
            return declared
        rights = self.rights or _NOT_TOLD
        return raw_interface_class(self.class_id, self.version, rights.attributes, rights.methods)

    @property
    def instance(self) -> InterfaceClass:
        """The object, whose rows are typed requests."""
        return self.interface(self.logical_name)

    def attribute(self, attribute_id: int) -> AttributeRef[Any]:
        """An attribute by its number: typed, or of any type where the class has no such row."""
        return attribute_of(self.instance, attribute_id)

    @property
    def attribute_ids(self) -> tuple[int, ...]:
        """The attributes that the meter names, or those of the class where it tells no rights."""
        return tuple(sorted(self.interface.attributes if self.rights is None else self.rights.attributes))

    def may_read(self, attribute_id: int) -> bool:
        """Whether an attribute may be read; taken for granted where the meter does not tell."""
        return self.rights is None or self.rights.may_read(attribute_id)

    def may_write(self, attribute_id: int) -> bool:
        """Whether an attribute may be written; taken for granted where the meter does not tell."""
        return self.rights is None or self.rights.may_write(attribute_id)

    def may_call(self, method_id: int) -> bool:
        """Whether a method may be called; taken for granted where the meter does not tell."""
        return self.rights is None or self.rights.may_call(method_id)


@dataclass(frozen=True, slots=True)
class AssociationView(Sequence[VisibleObject]):
    """All objects that the associated client can see, in the order of the meter.

    Attributes:
        objects: They.
        class_id: Of the association: 15 with logical names, 12 with short names.
        version: Of the association object, or ``None`` where it is not in its own list.
    """

    objects: tuple[VisibleObject, ...]
    class_id: int
    version: int | None

    @overload
    def __getitem__(self, index: int) -> VisibleObject: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[VisibleObject]: ...
    def __getitem__(self, index: int | slice) -> VisibleObject | Sequence[VisibleObject]:
        return self.objects[index]

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[VisibleObject]:
        return iter(self.objects)

    def find(self, logical_name: LogicalNameLike, class_id: int | None = None) -> VisibleObject | None:
        """The object with this name, or ``None``. Several classes may share a name; the first one counts."""
        name = LogicalName(logical_name)
        return next(
            (it for it in self.objects if it.logical_name == name and class_id in {None, it.class_id}), None
        )

    def select(
        self,
        *,
        class_id: int | None = None,
        version: int | None = None,
        logical_name: LogicalNameLike | None = None,
        text: str | None = None,
    ) -> list[VisibleObject]:
        """The objects that are all of what is given.

        Args:
            class_id: Of their interface class.
            version: Of their interface class.
            logical_name: A name or a pattern of names, see
                :class:`~dlms_fw.logical_name_pattern.LogicalNamePattern`.
            text: Words that all stand in what the logical name means, in any case and order.

        Raises:
            ValueError: ``logical_name`` is no pattern.
        """
        pattern = None if logical_name is None else LogicalNamePattern(logical_name)
        words = [] if text is None else text.casefold().split()
        return [
            it
            for it in self.objects
            if class_id in {None, it.class_id}
            and version in {None, it.version}
            and (pattern is None or pattern.matches(it.logical_name))
            and all(word in it.name.casefold() for word in words)
        ]


def association_view(*, short_names: bool = False) -> Plan[AssociationView]:
    """Reads the object list of the current association, with the rights where they stand apart.

    Args:
        short_names: Whether the association is one with short names.

    Raises:
        ServiceError: the meter does not show its list.
        DecodeError: the list makes no sense.
    """
    if short_names:
        return (yield from _by_short_names())
    elements = yield from one(_list_of_logical_names)
    version = _version(AssociationLN.class_id, elements)
    as_flags = _has_flags(AssociationLN.class_id, version)
    return AssociationView(
        tuple(
            VisibleObject(
                element.class_id,
                element.version,
                element.logical_name,
                ObjectRights.told(
                    element.access_rights.attribute_access,
                    element.access_rights.method_access,
                    as_flags=as_flags,
                ),
            )
            for element in elements
        ),
        AssociationLN.class_id,
        version,
    )


def _by_short_names() -> Plan[AssociationView]:
    elements = yield from one(_list_of_short_names)
    version = _version(AssociationSN.class_id, elements)
    rights: dict[int, ObjectRights] = {}
    try:
        access = yield from one(_access_rights_list)
    except ServiceError:  # version 0 has none, and some meters keep it to themselves
        access = []
    as_flags = _has_flags(AssociationSN.class_id, version)
    for item in access:
        rights[item.base_name & 0xFFFF] = ObjectRights.told(
            item.attribute_access, item.method_access, as_flags=as_flags
        )
    return AssociationView(
        tuple(
            VisibleObject(
                element.class_id,
                element.version,
                element.logical_name,
                rights.get(element.base_name),
                element.base_name,
            )
            for element in elements
        ),
        AssociationSN.class_id,
        version,
    )


def _version(class_id: int, elements: Sequence[ObjectListElement] | Sequence[ShortNameObject]) -> int | None:
    """The version of the association: of the current one if it is listed, else of any."""
    found = [it for it in elements if it.class_id == class_id]
    found.sort(key=lambda it: it.logical_name != CURRENT_ASSOCIATION)
    return found[0].version if found else None


def _has_flags(class_id: int, version: int | None) -> bool:
    return version is not None and version >= _FIRST_VERSION_WITH_FLAGS[class_id]


class LogicalDevice(NamedTuple):
    """A logical device of the meter: where it is and what it is called."""

    sap: int
    name: str


def logical_devices() -> Plan[list[LogicalDevice]]:
    """Reads the SAP assignment; addresses without a name are not assigned and left out.

    Raises:
        ServiceError: the meter does not show it.
    """
    elements = yield from one(SapAssignment(SAP_ASSIGNMENT).sap_assignment_list)
    return [
        LogicalDevice(element.sap, element.logical_device_name.decode("utf-8", "backslashreplace"))
        for element in elements
        if element.logical_device_name
    ]
