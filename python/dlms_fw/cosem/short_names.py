"""Where the attributes and methods of an object have their short names, counted from its base name.

Attributes follow each other in steps of 8. Methods begin where the Blue Book says for each class: the class
keyword ``short_name_methods`` of its table. An attribute that would have the short name of a method has none.
"""

from __future__ import annotations

from typing import Final

from dlms_fw.cosem.catalogue import find_interface_class

STEP: Final = 8
"""Between two attributes, or two methods."""


def methods_offset(class_id: int, version: int) -> int | None:
    """Where the methods of a class begin, or ``None`` where that is not known or it has none."""
    interface = find_interface_class(class_id, version)
    return None if interface is None else interface.short_name_methods


def attribute_offset(class_id: int, version: int, attribute_id: int) -> int:
    """How far an attribute is from the base name of its object. Raises LookupError where it has no name."""
    offset = (attribute_id - 1) * STEP
    methods = methods_offset(class_id, version)
    if attribute_id < 1 or (methods is not None and offset >= methods):
        raise LookupError(f"attribute {attribute_id} of class {class_id}, version {version}")
    return offset


def method_offset(class_id: int, version: int, method_id: int) -> int:
    """How far a method is from the base name of its object. Raises LookupError where it has no name."""
    methods = methods_offset(class_id, version)
    if method_id < 1 or methods is None:
        raise LookupError(f"method {method_id} of class {class_id}, version {version}")
    return methods + (method_id - 1) * STEP


def returns_something(class_id: int, version: int, method_id: int) -> bool:
    """Whether a method has return parameters, so that it is read and not written; unknown ones have none."""
    interface = find_interface_class(class_id, version)
    row = None if interface is None else interface.methods.get(method_id)
    return row is not None and row.returns is not None
