"""The small objects of a meter: values, and its logical devices.

Each is an interface class over a value that somebody else keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw._core import Data as DataValue
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.sap_assignment import SapAssignment, SapAssignmentElement
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.configuration import MeterConfig

_DENIED: Final = ActionResult.READ_WRITE_DENIED


class DataObject(ServerObject, interface=Data):
    """A value that is asked for each time it is read."""

    def __init__(self, instance_id: LogicalNameLike, value: Callable[[], DataValue]) -> None:
        super().__init__(instance_id)
        self._value = value

    @property
    def value(self) -> DataValue:
        """As it is now."""
        return self._value()


def octets_object(instance_id: LogicalNameLike, value: Callable[[], bytes]) -> DataObject:
    """A Data object with an octet-string."""
    return DataObject(instance_id, lambda: DataValue(Tag.OCTET_STRING, value()))


def number_object(
    instance_id: LogicalNameLike, value: Callable[[], int], tag: Tag = Tag.DOUBLE_LONG_UNSIGNED
) -> DataObject:
    """A Data object with a number."""
    return DataObject(instance_id, lambda: DataValue(tag, value()))


class SapAssignmentObject(ServerObject, interface=SapAssignment):
    """The logical devices of the physical device."""

    def __init__(self, instance_id: LogicalNameLike, config: MeterConfig) -> None:
        super().__init__(instance_id)
        self._config = config

    @property
    def sap_assignment_list(self) -> list[SapAssignmentElement]:
        """The SAP and the name of each, this one first."""
        own = SapAssignmentElement(self._config.server_sap, self._config.logical_device_name)
        others = self._config.other_logical_devices
        return [own, *(SapAssignmentElement(sap, name) for sap, name in sorted(others.items()))]

    def connect_logical_device(self, sap: int, logical_device_name: bytes) -> None:  # noqa: ARG002
        """The assignment is fixed."""
        raise CosemFault(_DENIED)
