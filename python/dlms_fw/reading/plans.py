"""Readings that others are made of: plans of one or a few requests, as in :mod:`dlms_fw.listed`."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from dlms_fw._core import Data
from dlms_fw.axdr import DataType, any_data
from dlms_fw.cosem.interface import AttributeRef, AttributeRow, InterfaceClass, Selection
from dlms_fw.driver import value_of
from dlms_fw.listed import Plan

__all__ = ["attribute_of", "named_row", "one", "raw_attribute"]

_T = TypeVar("_T")
_RAW_ROWS: Final[dict[int, AttributeRow[Data]]] = {}


def one(ref: AttributeRef[_T], selection: Selection | None = None) -> Plan[_T]:
    """Reads one attribute. Raises ServiceError where the meter refuses."""
    response = yield ref.get_request(selection)
    return value_of(ref, response)


def attribute_of(instance: InterfaceClass, attribute_id: int) -> AttributeRef[Any]:
    """An attribute by its number: of the type of its row, or of any type without such a row."""
    row = type(instance).attributes.get(attribute_id)
    return raw_attribute(instance, attribute_id) if row is None else AttributeRef(instance, row)


def raw_attribute(instance: InterfaceClass, attribute_id: int) -> AttributeRef[Data]:
    """An attribute by its number, as whatever the meter sends."""
    row = _RAW_ROWS.get(attribute_id)
    if row is None:
        row = _RAW_ROWS[attribute_id] = named_row(f"attribute_{attribute_id}", attribute_id, any_data)
    return AttributeRef(instance, row)


def named_row(name: str, attribute_id: int, data_type: DataType[_T]) -> AttributeRow[_T]:
    """A row that belongs to no table."""
    row = AttributeRow(attribute_id, data_type, static=False)
    row.name = name
    return row
