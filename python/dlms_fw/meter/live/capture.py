"""What a profile or compact data captures: attributes of other objects, or elements of them."""

from __future__ import annotations

from collections.abc import Iterable

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, CaptureObjectDefinitionV0
from dlms_fw.cosem.server import CosemFault
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live.plant import Attribute, Plant
from dlms_fw.session.negotiated import ALL_ATTRIBUTES

NOTHING = Data(Tag.NULL_DATA)
_CLOCK_TIME = (8, 2)


def full(column: CaptureObjectDefinition | CaptureObjectDefinitionV0) -> CaptureObjectDefinition:
    """A column in the form of version 1."""
    return CaptureObjectDefinition(*column)


def names(column: CaptureObjectDefinition, class_id: int, logical_name: LogicalName) -> bool:
    """Whether a column is of that object."""
    return (column.class_id, column.logical_name) == (class_id, logical_name)


def captured(
    plant: Plant, columns: Iterable[CaptureObjectDefinition], *, moment: DateTime | None = None
) -> list[Data]:
    """The values of the columns now; null-data for what cannot be read.

    ``moment`` is what a clock is taken to show: the end of a capture period.
    """
    return [_value(plant, column, moment) for column in columns]


def _value(plant: Plant, column: CaptureObjectDefinition, moment: DateTime | None) -> Data:
    if moment is not None and (column.class_id, column.attribute_index) == _CLOCK_TIME:
        return Data(Tag.OCTET_STRING, moment.to_bytes())
    try:
        if column.attribute_index == ALL_ATTRIBUTES:
            value = _all_attributes(plant, column)
        else:
            reference = Attribute(column.class_id, column.logical_name, column.attribute_index)
            value = Data.decode(plant.read(reference), strict=False)
    except (CosemFault, OSError):
        return NOTHING
    return _element(value, column.data_index)


def _all_attributes(plant: Plant, column: CaptureObjectDefinition) -> Data:
    """A structure of all public attributes in the order of their ids."""
    numbers = plant.attribute_ids(column.class_id, column.logical_name)
    values = captured(plant, [column._replace(attribute_index=number) for number in numbers])
    return Data(Tag.STRUCTURE, tuple(values))


def _element(value: Data, data_index: int) -> Data:
    """The n-th element of an array or a structure, counted from 1; 0 is the whole."""
    if data_index == 0:
        return value
    elements = value.value
    if isinstance(elements, tuple) and data_index <= len(elements):
        element: Data = elements[data_index - 1]
        return element
    return NOTHING
