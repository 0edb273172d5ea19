"""What is captured or pushed: attributes of other objects, elements of them, some entries of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data_sets import RestrictedCaptureObject
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    CaptureObjectDefinitionV0,
    EntryDescriptor,
    ProfileGeneric,
    RangeDescriptor,
)
from dlms_fw.cosem.push_setup import PushObject, RestrictedPushObject, RestrictionElement
from dlms_fw.cosem.server import CosemFault
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.enums.push_setup import RestrictionType
from dlms_fw.errors import DecodeError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live.plant import Attribute, Plant
from dlms_fw.session.negotiated import ALL_ATTRIBUTES

NOTHING = Data(Tag.NULL_DATA)
Captured: TypeAlias = CaptureObjectDefinition | RestrictedPushObject | PushObject | RestrictedCaptureObject
_CLOCK_TIME = (8, 2)
_CLOCK_COLUMN = CaptureObjectDefinition(8, CLOCK, 2)
_BUFFER = (ProfileGeneric.class_id, ProfileGeneric.buffer.attribute_id)


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


def value_of(plant: Plant, element: Captured) -> Data:
    """The value of an element of a list that may restrict what it takes of the buffer of a profile.

    Null-data for what cannot be read.
    """
    plain = CaptureObjectDefinition(*element[:4])
    if isinstance(element, CaptureObjectDefinition) or (plain.class_id, plain.attribute_index) != _BUFFER:
        return captured(plant, [plain])[0]
    buffer = Attribute(plain.class_id, plain.logical_name, plain.attribute_index)
    columns = [] if isinstance(element, RestrictedPushObject) else element.columns
    try:
        rows = Data.decode(plant.read(buffer, _selection(element.restriction)))
        return _projected(plant, buffer, rows, columns)
    except (CosemFault, DecodeError, OSError, TypeError, ValueError):
        return NOTHING


def _selection(restriction: RestrictionElement) -> tuple[int, bytes] | None:
    """The selective access that a restriction means. Raises TypeError, ValueError where it is malformed."""
    if restriction.restriction_type == RestrictionType.NONE:
        return None
    members: Any = restriction.restriction_value.value
    first, last = members
    if restriction.restriction_type == RestrictionType.BY_DATE:
        return RangeDescriptor(_CLOCK_COLUMN, first, last).selection
    return EntryDescriptor(first.value, last.value).selection


def _projected(plant: Plant, buffer: Attribute, rows: Data, columns: list[CaptureObjectDefinition]) -> Data:
    """The wanted columns of the rows of a profile. Raises ValueError where it has no such column."""
    if not columns:
        return rows
    names = Attribute(buffer.class_id, buffer.logical_name, ProfileGeneric.capture_objects.attribute_id)
    known = ProfileGeneric.capture_objects.data_type.decode(plant.read(names))
    indexes = [known.index(column) for column in columns]
    entries: Any = rows.value
    return Data(
        Tag.ARRAY,
        tuple(Data(Tag.STRUCTURE, tuple(entry.value[index] for index in indexes)) for entry in entries),
    )
