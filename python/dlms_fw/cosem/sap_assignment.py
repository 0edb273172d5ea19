"""SAP assignment (class_id 17): which logical devices a physical device has. The table of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import array, long_unsigned, record, text_or_octets
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = ["SapAssignment", "SapAssignmentElement"]


class SapAssignmentElement(NamedTuple):
    """A logical device and its address; an empty name stands for a SAP that is not assigned."""

    sap: int
    logical_device_name: bytes


_element = record(SapAssignmentElement, long_unsigned, text_or_octets)


class SapAssignment(InterfaceClass, class_id=17, version=0, short_name_methods=0x20):
    """The logical devices of a physical device by their service access points."""

    sap_assignment_list = attribute(2, array(_element), static=True)

    @method(1, _element)
    def connect_logical_device(self, sap: int, logical_device_name: bytes) -> None:
        """Give a logical device an address; an empty name takes the address back."""
