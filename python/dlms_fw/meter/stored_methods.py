"""Methods whose whole effect lies within the object they are called of: what a stored object can do.

One row for each, by class and name of the method. An effect reads and sets the attributes of the object by
the names of their rows and raises CosemFault where the parameter names what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult

Effect = Callable[..., None]

_NUMBERS: Final = frozenset(
    {
        Tag.DOUBLE_LONG,
        Tag.DOUBLE_LONG_UNSIGNED,
        Tag.INTEGER,
        Tag.LONG,
        Tag.UNSIGNED,
        Tag.LONG_UNSIGNED,
        Tag.LONG64,
        Tag.LONG64_UNSIGNED,
    }
)


def _clear_value(register: Any) -> None:
    """Register.reset: the default value, which is the zero of the type it has."""
    value = register.value
    if value.tag in _NUMBERS:
        register.value = Data(value.tag, 0)
    elif value.tag in {Tag.FLOAT32, Tag.FLOAT64}:
        register.value = Data(value.tag, 0.0)
    elif value.tag == Tag.OCTET_STRING:
        register.value = Data(Tag.OCTET_STRING, b"")
    else:
        register.value = Data(Tag.NULL_DATA)


def _clear_buffer(profile: Any) -> None:
    profile.buffer = []
    profile.entries_in_use = 0


def _insert_by_index(attribute_name: str) -> Effect:
    """An element whose first member is its index replaces the one that has the same."""

    def insert(target: Any, *element: Any) -> None:
        kept = [known for known in getattr(target, attribute_name) if known[0] != element[0]]
        setattr(target, attribute_name, [*kept, element])

    return insert


def _delete_by_index(attribute_name: str) -> Effect:
    def delete(target: Any, index: Any) -> None:
        elements = getattr(target, attribute_name)
        kept = [known for known in elements if known[0] != index]
        if len(kept) == len(elements):
            raise CosemFault(ActionResult.OBJECT_UNDEFINED)
        setattr(target, attribute_name, kept)

    return delete


STORED_METHODS: Final[Mapping[tuple[int, str], Effect]] = {
    (3, "reset"): _clear_value,
    (4, "reset"): _clear_value,
    (7, "reset"): _clear_buffer,
    (11, "insert"): _insert_by_index("entries"),
    (11, "delete"): _delete_by_index("entries"),
}
