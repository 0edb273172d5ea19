"""How an object names another, or a script: the small structures that many interface classes share.

Types only; whether what is named exists is not known here.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import DateTime
from dlms_fw.axdr import date_time_octets, integer, logical_name_octets, long_unsigned, record
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ActionItem",
    "ObjectDefinition",
    "ValueDefinition",
    "WindowElement",
    "action_item",
    "object_definition",
    "value_definition",
    "window_element",
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


class WindowElement(NamedTuple):
    """A time in which something is allowed or active; open fields mean each, so that it comes again."""

    start_time: DateTime
    end_time: DateTime


object_definition = record(ObjectDefinition, long_unsigned, logical_name_octets)
value_definition = record(ValueDefinition, long_unsigned, logical_name_octets, integer)
action_item = record(ActionItem, logical_name_octets, long_unsigned)
window_element = record(WindowElement, date_time_octets, date_time_octets)
