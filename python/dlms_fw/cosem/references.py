"""How an object names another, or a script: the small structures that many interface classes share.

Types only; whether what is named exists is not known here.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import integer, logical_name_octets, long_unsigned, record
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ActionItem",
    "ObjectDefinition",
    "ValueDefinition",
    "action_item",
    "object_definition",
    "value_definition",
]


class ObjectDefinition(NamedTuple):
    """An object."""

    class_id: int
    logical_name: LogicalName


class ValueDefinition(NamedTuple):
    """An attribute of an object."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int


class ActionItem(NamedTuple):
    """A script that is to be run; with ``script_selector`` 0, none."""

    script_logical_name: LogicalName
    script_selector: int
    """The ``script_identifier`` in that script table."""


object_definition = record(ObjectDefinition, long_unsigned, logical_name_octets)
value_definition = record(ValueDefinition, long_unsigned, logical_name_octets, integer)
action_item = record(ActionItem, logical_name_octets, long_unsigned)
