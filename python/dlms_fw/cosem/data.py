"""Data (class_id 1): one value of any type. The table of the Blue Book, and nothing about meanings."""

from __future__ import annotations

from dlms_fw.axdr import any_data
from dlms_fw.cosem.interface import InterfaceClass, attribute

__all__ = ["Data"]


class Data(InterfaceClass, class_id=1, version=0):
    """A value of any type; what it means follows from the logical name."""

    value = attribute(2, any_data)
