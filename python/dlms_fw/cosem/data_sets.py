"""Many values as one, and parts of large ones (class_id 26, 62, 122, 123).

The tables of the Blue Book.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    boolean,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
    structure,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, capture_object
from dlms_fw.cosem.push_setup import RestrictionElement, restriction_element
from dlms_fw.cosem.references import ObjectDefinition, ValueDefinition, object_definition, value_definition
from dlms_fw.enums.data_sets import CaptureMethod
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ArrayManager",
    "ArrayObject",
    "CompactData",
    "CompactDataV0",
    "FunctionBlock",
    "FunctionControl",
    "FunctionStatus",
    "RestrictedCaptureObject",
    "UtilityTables",
]


class UtilityTables(InterfaceClass, class_id=26, version=0):
    """One table of ANSI C12.19."""

    table_id = attribute(2, long_unsigned, static=True)
    length = attribute(3, double_long_unsigned)
    """In octets."""
    buffer = attribute(4, octet_string)


# --- Compact data (class_id 62) -----------------------------------------------------------------------------


class RestrictedCaptureObject(NamedTuple):
    """What is captured, in version 1."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    data_index: int
    restriction: RestrictionElement
    columns: list[CaptureObjectDefinition]
    """The columns of a profile that are taken; none means all."""


class _CompactDataRows(InterfaceClass):
    """What both versions have in common."""

    compact_buffer = attribute(2, octet_string)
    """The values without their tags, in the order of ``capture_objects``."""
    template_id = attribute(4, unsigned, static=True)
    """Tells the capture objects apart; it is the first octet of the buffer."""
    template_description = attribute(5, octet_string)
    """The type description of a compact-array."""
    capture_method = attribute(6, enumerated(CaptureMethod), static=True)

    @method(1)
    def reset(self) -> None:
        """Clear the buffer."""

    @method(2)
    def capture(self) -> None:
        """Capture the values now."""


class CompactDataV0(_CompactDataRows, class_id=62, version=0):
    """Version 0: whole attributes, or elements of them."""

    capture_objects = attribute(3, array(capture_object), static=True)


class CompactData(_CompactDataRows, class_id=62, version=1, confirmed=False):
    """Values as octets, with their types told elsewhere; what capture objects consist of is not confirmed."""

    capture_objects = attribute(
        3,
        array(
            record(
                RestrictedCaptureObject,
                long_unsigned,
                logical_name_octets,
                integer,
                long_unsigned,
                restriction_element,
                array(capture_object),
            )
        ),
        static=True,
    )


# --- Function control (class_id 122) ------------------------------------------------------------------------


class FunctionStatus(NamedTuple):
    """Whether a function is active."""

    function_name: bytes
    function_status: bool


class FunctionBlock(NamedTuple):
    """A function: the objects that belong to it."""

    function_name: bytes
    function_specifications: list[ObjectDefinition]


_function_statuses = array(record(FunctionStatus, octet_string, boolean))
_function_block = record(FunctionBlock, octet_string, array(object_definition))


class FunctionControl(InterfaceClass, class_id=122, version=0):
    """Functions of a meter that can be switched on and off."""

    activation_status = attribute(2, _function_statuses)
    function_list = attribute(3, array(_function_block), static=True)

    @method(1, _function_statuses)
    def set_function_status(self, statuses: list[FunctionStatus]) -> None:
        """Switch functions on or off."""

    @method(2, _function_block)
    def add_function(self, function_name: bytes, function_specifications: list[ObjectDefinition]) -> None:
        """Add a function."""

    @method(3, octet_string)
    def remove_function(self, function_name: bytes) -> None:
        """Remove a function."""


# --- Array manager (class_id 123) ---------------------------------------------------------------------------


class ArrayObject(NamedTuple):
    """An attribute that is an array, and the number by which it is named here."""

    array_object_id: int
    array_object: ValueDefinition


_entries = structure(unsigned, structure(long_unsigned, long_unsigned))
_entry = structure(unsigned, structure(long_unsigned, any_data))


class ArrayManager(InterfaceClass, class_id=123, version=0):
    """Reads and changes parts of arrays of other objects. Entries count from 1."""

    array_object_list = attribute(2, array(record(ArrayObject, unsigned, value_definition)), static=True)

    @method(1, unsigned, returns=long_unsigned, mandatory=True)
    def retrieve_number_of_entries(self, array_object_id: int) -> int:
        """How many entries an array has."""

    @method(2, _entries, returns=array(any_data), mandatory=True)
    def retrieve_entries(self, array_object_id: int, from_to: tuple[int, int]) -> list[Data]:
        """The entries of a range."""

    @method(3, _entry)
    def insert_entry(self, array_object_id: int, index_and_entry: tuple[int, Data]) -> None:
        """Insert an entry behind the one with that index; 0 for the beginning."""

    @method(4, _entry)
    def update_entry(self, array_object_id: int, index_and_entry: tuple[int, Data]) -> None:
        """Replace the entry with that index."""

    @method(5, _entries)
    def remove_entries(self, array_object_id: int, from_to: tuple[int, int]) -> None:
        """Remove the entries of a range."""
