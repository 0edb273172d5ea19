"""Compact data (class_id 62): captured values as octets, with their types told once in a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data_sets import CompactData, CompactDataV0
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.enums.data_sets import CaptureMethod
from dlms_fw.meter.live.capture import value_of
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.storage import Json

MOST_OBJECTS: Final = 100
LONGEST_BUFFER: Final = 16_384
DEEPEST: Final = 4
"""Compact data that capture each other when they are read, one inside the other."""
_OWN_ATTRIBUTES: Final = frozenset({1, CompactDataV0.template_id.attribute_id})


class Compact(NamedTuple):
    """Values without their types, and the types."""

    buffer: bytes
    template: bytes


def compacted(values: Sequence[Data]) -> Compact:
    """The values as the contents of a compact-array of one structure, and the description of its type.

    Nothing but nulls is nothing. Raises ValueError for values that no type description tells.
    """
    if all(value.tag == Tag.NULL_DATA for value in values):
        return Compact(b"", b"")
    row = Data(Tag.STRUCTURE, tuple(values))
    one, two = (Data(Tag.COMPACT_ARRAY, (row,) * count).encode() for count in (1, 2))
    # A second element adds its contents, and to the length before them what it takes to say so.
    length = next(
        added
        for grown in range(3)
        if _length_octets(2 * (added := len(two) - len(one) - grown)) - _length_octets(added) == grown
    )
    return Compact(one[len(one) - length :], one[1 : len(one) - length - _length_octets(length)])


def _length_octets(length: int) -> int:
    return 1 if length < 0x80 else 1 + (length.bit_length() + 7) // 8


def _objects_allowed(target: LiveCompactDataV0, value: Sequence[Any]) -> None:
    own = (target.interface.class_id, target.logical_name)
    if len(value) > MOST_OBJECTS:
        raise ValueError("too many objects")
    if any(column[:2] == own and column[2] not in _OWN_ATTRIBUTES for column in value):
        raise ValueError("compact data do not capture themselves")


def _empty(target: LiveCompactDataV0) -> Json:
    return target._octets({"compact_buffer": b"", "template_description": b""})


class LiveCompactDataV0(LiveObject, interface=CompactDataV0):
    """Captures on demand, or each time that it is read; to write ``capture_objects`` empties the buffer."""

    capture_objects = Kept(check=_objects_allowed, beside=_empty, then=lambda target: target._emptied())
    template_id = Kept()
    capture_method = Kept()

    @property
    def compact_buffer(self) -> bytes:
        """The values as they were captured, or as they are now."""
        return self._captured().buffer if self._is_implicit else self._value("compact_buffer")

    @property
    def template_description(self) -> bytes:
        """Their types."""
        return self._captured().template if self._is_implicit else self._value("template_description")

    def reset(self) -> None:
        """Empties the buffer."""
        self._remember(compact_buffer=b"", template_description=b"")

    def capture(self) -> None:
        """Captures now."""
        captured = self._captured()
        self._remember(compact_buffer=captured.buffer, template_description=captured.template)

    @property
    def _is_implicit(self) -> bool:
        return bool(self.capture_method == CaptureMethod.IMPLICIT_CAPTURE)

    def _captured(self) -> Compact:
        with self._plant.nested(DEEPEST):
            values = [value_of(self._plant, element) for element in self.capture_objects]
        try:
            captured = compacted(values)
        except ValueError:
            raise CosemFault(ActionResult.OTHER_REASON) from None
        if len(captured.buffer) > LONGEST_BUFFER:
            raise CosemFault(ActionResult.OTHER_REASON)
        return captured

    def _emptied(self) -> None:
        self._set({"compact_buffer": b"", "template_description": b""})


class LiveCompactData(LiveCompactDataV0, interface=CompactData):
    """Compact data of version 1: entries of profiles can be chosen."""
