"""The rights on an object in one form, whichever version of an association tells them.

Versions 0 to 2 of Association LN have one word for protection, "authenticated", versions from 3 on a bit for
each kind; methods have a boolean in version 0. Here all are the flags of version 3. What the words mean for a
message is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from dlms_fw.cosem.association import AttributeAccessItem, MethodAccessItem
from dlms_fw.enums import AttributeAccessFlags, AttributeAccessMode, MethodAccessFlags, MethodAccessMode

__all__ = [
    "AttributeMode",
    "MethodMode",
    "ObjectRights",
    "attribute_flags_of",
    "method_flags_of",
]

AttributeMode: TypeAlias = AttributeAccessMode | AttributeAccessFlags
MethodMode: TypeAlias = bool | MethodAccessMode | MethodAccessFlags

_READ, _WRITE = AttributeAccessFlags.READ, AttributeAccessFlags.WRITE
_AUTHENTICATED = AttributeAccessFlags.AUTHENTICATED_REQUEST
FLAGS_OF_ATTRIBUTE_MODE: Final[Mapping[AttributeAccessMode, AttributeAccessFlags]] = {
    AttributeAccessMode.NO_ACCESS: AttributeAccessFlags(0),
    AttributeAccessMode.READ_ONLY: _READ,
    AttributeAccessMode.WRITE_ONLY: _WRITE,
    AttributeAccessMode.READ_AND_WRITE: _READ | _WRITE,
    AttributeAccessMode.AUTHENTICATED_READ_ONLY: _READ | _AUTHENTICATED,
    AttributeAccessMode.AUTHENTICATED_WRITE_ONLY: _WRITE | _AUTHENTICATED,
    AttributeAccessMode.AUTHENTICATED_READ_AND_WRITE: _READ | _WRITE | _AUTHENTICATED,
}
"""The modes of versions 0 to 2 as flags."""
_FLAGS_OF_METHOD_MODE: Final[Mapping[MethodAccessMode, MethodAccessFlags]] = {
    MethodAccessMode.NO_ACCESS: MethodAccessFlags(0),
    MethodAccessMode.ACCESS: MethodAccessFlags.ACCESS,
    MethodAccessMode.AUTHENTICATED_ACCESS: MethodAccessFlags.ACCESS | MethodAccessFlags.AUTHENTICATED_REQUEST,
}


def attribute_flags_of(mode: AttributeMode) -> AttributeAccessFlags:
    """An access mode of any version as flags."""
    return mode if isinstance(mode, AttributeAccessFlags) else FLAGS_OF_ATTRIBUTE_MODE[mode]


def method_flags_of(mode: MethodMode) -> MethodAccessFlags:
    """An access mode of any version as flags."""
    if isinstance(mode, MethodAccessFlags):
        return mode
    return _FLAGS_OF_METHOD_MODE[MethodAccessMode(mode)]


@dataclass(frozen=True, slots=True)
class ObjectRights:
    """What the associated client may do with one object. What is not named may not be done.

    Attributes:
        attributes: By attribute_id.
        methods: By method_id.
        selectors: The selectors of selective access, by attribute_id, where the meter names any.
    """

    attributes: Mapping[int, AttributeAccessFlags]
    methods: Mapping[int, MethodAccessFlags]
    selectors: Mapping[int, tuple[int, ...]]

    @classmethod
    def told(
        cls,
        attribute_access: Iterable[AttributeAccessItem],
        method_access: Iterable[MethodAccessItem],
        *,
        as_flags: bool,
    ) -> ObjectRights:
        """From the two lists of an object list, whose modes are plain numbers or booleans.

        Args:
            attribute_access: For each attribute its mode.
            method_access: For each method its mode.
            as_flags: Whether the numbers are flags (Association LN from version 3, SN from version 4 on).
        """
        attribute_access = tuple(attribute_access)
        return cls(
            {item.attribute_id: _attribute(int(item.access_mode), as_flags) for item in attribute_access},
            {item.method_id: _method(int(item.access_mode), as_flags) for item in method_access},
            {
                item.attribute_id: tuple(item.access_selectors)
                for item in attribute_access
                if item.access_selectors
            },
        )

    def may_read(self, attribute_id: int) -> bool:
        """Whether an attribute may be read."""
        return AttributeAccessFlags.READ in self.attributes.get(attribute_id, AttributeAccessFlags(0))

    def may_write(self, attribute_id: int) -> bool:
        """Whether an attribute may be written."""
        return AttributeAccessFlags.WRITE in self.attributes.get(attribute_id, AttributeAccessFlags(0))

    def may_call(self, method_id: int) -> bool:
        """Whether a method may be called."""
        return MethodAccessFlags.ACCESS in self.methods.get(method_id, MethodAccessFlags(0))


def _attribute(mode: int, as_flags: bool) -> AttributeAccessFlags:
    if as_flags:
        return AttributeAccessFlags(mode)
    known = mode in FLAGS_OF_ATTRIBUTE_MODE  # a mode that no version has allows nothing
    return FLAGS_OF_ATTRIBUTE_MODE[AttributeAccessMode(mode)] if known else AttributeAccessFlags(0)


def _method(mode: int, as_flags: bool) -> MethodAccessFlags:
    if as_flags:
        return MethodAccessFlags(mode)
    known = mode in _FLAGS_OF_METHOD_MODE
    return _FLAGS_OF_METHOD_MODE[MethodAccessMode(mode)] if known else MethodAccessFlags(0)
