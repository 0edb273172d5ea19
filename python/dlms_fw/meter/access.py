"""Access rights: what a client may do with an object, and how its messages must be protected for that.

Rights are kept in one form, the richest: what may be read, written and called, and the protection that each
of it demands of request and response. The object lists of all versions of Association LN show them in their
own forms, and whoever configures a meter may write them in any of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dlms_fw.cosem.access_rights import (
    FLAGS_OF_ATTRIBUTE_MODE,
    AttributeMode,
    MethodMode,
    attribute_flags_of,
    method_flags_of,
)
from dlms_fw.cosem.association import AccessRight, AttributeAccessItem, MethodAccessItem
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.enums import (
    AttributeAccessFlags,
    MethodAccessFlags,
    MethodAccessMode,
    SecurityPolicyV1,
)
from dlms_fw.logical_name import LogicalName

REQUEST: Final = (
    SecurityPolicyV1.AUTHENTICATED_REQUEST
    | SecurityPolicyV1.ENCRYPTED_REQUEST
    | SecurityPolicyV1.DIGITALLY_SIGNED_REQUEST
)
"""What a policy or an access right may demand of a request."""
RESPONSE: Final = (
    SecurityPolicyV1.AUTHENTICATED_RESPONSE
    | SecurityPolicyV1.ENCRYPTED_RESPONSE
    | SecurityPolicyV1.DIGITALLY_SIGNED_RESPONSE
)
"""What a policy or an access right may demand of a response."""
NO_PROTECTION: Final = SecurityPolicyV1.NOTHING


@dataclass(frozen=True, slots=True)
class Rights:
    """What one client may do with one object, by attribute_id and method_id.

    Attributes:
        readable: Attributes it may read.
        writable: Attributes it may write.
        methods: Methods it may call.
        attribute_protection: The protection that access to an attribute demands beyond the security policy.
        method_protection: The same for methods.
        selectors: The selectors of selective access that it may use.
        open: Attributes it may read whatever the protection.
    """

    readable: frozenset[int] = frozenset()
    writable: frozenset[int] = frozenset()
    methods: frozenset[int] = frozenset()
    attribute_protection: Mapping[int, SecurityPolicyV1] = field(default_factory=dict)
    method_protection: Mapping[int, SecurityPolicyV1] = field(default_factory=dict)
    selectors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    open: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open", self.readable - self.attribute_protection.keys())


NO_RIGHTS: Final = Rights()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """Other access rights than the model of the meter gives; what is not named keeps those of the model.

    Attributes:
        class_id: Of the objects.
        logical_name: Of the object, or ``None`` for all objects of the class.
        clients: SAPs of the clients it holds for, or ``None`` for all that see the object.
        attributes: Access modes by attribute_id, in the form of any version of Association LN.
        methods: Access modes by method_id, in the form of any version.
        selectors: Selectors of selective access by attribute_id.
    """

    class_id: int
    logical_name: LogicalName | None = None
    clients: frozenset[int] | None = None
    attributes: Mapping[int, AttributeMode] = field(default_factory=dict)
    methods: Mapping[int, MethodMode] = field(default_factory=dict)
    selectors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def speaks_of(self, class_id: int, logical_name: LogicalName) -> bool:
        """Whether it is about this object."""
        return self.class_id == class_id and self.logical_name in {None, logical_name}

    def applied(self, rights: Rights) -> Rights:
        """The rights as this rule changes them."""
        return with_modes(rights, self.attributes, self.methods, self.selectors)


def with_modes(
    rights: Rights,
    attributes: Mapping[int, AttributeMode],
    methods: Mapping[int, MethodMode],
    selectors: Mapping[int, tuple[int, ...]],
) -> Rights:
    """Rights with other access modes for the members named."""
    attribute_flags = {number: attribute_flags_of(mode) for number, mode in attributes.items()}
    method_flags = {number: method_flags_of(mode) for number, mode in methods.items()}

    def may(old: frozenset[int], flag: AttributeAccessFlags) -> frozenset[int]:
        return old - attribute_flags.keys() | {n for n, flags in attribute_flags.items() if flag & flags}

    called = {number for number, flags in method_flags.items() if MethodAccessFlags.ACCESS & flags}
    return Rights(
        may(rights.readable, AttributeAccessFlags.READ),
        may(rights.writable, AttributeAccessFlags.WRITE),
        rights.methods - method_flags.keys() | called,
        _demanding({**rights.attribute_protection, **_protections(attribute_flags)}),
        _demanding({**rights.method_protection, **_protections(method_flags)}),
        {**rights.selectors, **selectors},
    )


def rights_from(element: AccessRight) -> Rights:
    """The rights that an element of an object list states."""
    return with_modes(
        Rights(),
        {item.attribute_id: item.access_mode for item in element.attribute_access},
        {item.method_id: item.access_mode for item in element.method_access},
        {item.attribute_id: tuple(item.access_selectors or ()) for item in element.attribute_access},
    )


def protected_like(rights: Rights, model: Rights) -> Rights:
    """The same rights under at least the protection that the model demands."""
    return replace(
        rights,
        attribute_protection=_joined(rights.attribute_protection, model.attribute_protection),
        method_protection=_joined(rights.method_protection, model.method_protection),
    )


def access_right(interface: type[InterfaceClass], rights: Rights, association_version: int) -> AccessRight:
    """The rights as an object list shows them.

    Args:
        interface: The class of the object.
        rights: Of the client that asks.
        association_version: Of its Association LN. Versions 0 to 2 have one word for protection,
            authenticated; there it stands for whatever a request must have.
    """
    return AccessRight(
        [
            AttributeAccessItem(
                number,
                _attribute_mode(number, rights, association_version),
                list(rights.selectors[number]) if rights.selectors.get(number) else None,
            )
            for number in sorted(interface.attributes)
        ],
        [
            MethodAccessItem(number, _method_mode(number, rights, association_version))
            for number in sorted(interface.methods)
        ],
    )


_READ, _WRITE = AttributeAccessFlags.READ, AttributeAccessFlags.WRITE
_AUTHENTICATED = AttributeAccessFlags.AUTHENTICATED_REQUEST
_ATTRIBUTE_MODE_OF_FLAGS: Final = {flags: mode for mode, flags in FLAGS_OF_ATTRIBUTE_MODE.items()}


def _attribute_mode(number: int, rights: Rights, version: int) -> AttributeMode:
    access = AttributeAccessFlags(0)
    if number in rights.readable:
        access |= _READ
    if number in rights.writable:
        access |= _WRITE
    protection = rights.attribute_protection.get(number, NO_PROTECTION) if access else NO_PROTECTION
    if version >= 3:
        return AttributeAccessFlags(access | protection)
    return _ATTRIBUTE_MODE_OF_FLAGS[access | _AUTHENTICATED if protection & REQUEST else access]


def _method_mode(number: int, rights: Rights, version: int) -> MethodMode:
    may = number in rights.methods
    protection = rights.method_protection.get(number, NO_PROTECTION) if may else NO_PROTECTION
    if version == 0:
        return may
    if version >= 3:
        return MethodAccessFlags(MethodAccessFlags(may) | protection)
    if protection & REQUEST:
        return MethodAccessMode.AUTHENTICATED_ACCESS
    return MethodAccessMode(may)


def _protections(
    flags: Mapping[int, AttributeAccessFlags] | Mapping[int, MethodAccessFlags],
) -> dict[int, SecurityPolicyV1]:
    # The three bit masks of the Blue Book have the same bits for protection.
    return {number: SecurityPolicyV1(value & (REQUEST | RESPONSE)) for number, value in flags.items()}


def _joined(
    one: Mapping[int, SecurityPolicyV1], other: Mapping[int, SecurityPolicyV1]
) -> dict[int, SecurityPolicyV1]:
    return {
        number: one.get(number, NO_PROTECTION) | other.get(number, NO_PROTECTION)
        for number in one.keys() | other.keys()
    }


def _demanding(protections: Mapping[int, SecurityPolicyV1]) -> dict[int, SecurityPolicyV1]:
    return {number: protection for number, protection in protections.items() if protection}
