"""Data protection (class_id 30): attributes and methods of other objects, protected end to end.

The table of the Blue Book; the core applies no protection of this kind, octets pass as they are.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import (
    array,
    flags,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
    structure,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, capture_object
from dlms_fw.cosem.push_setup import ProtectionParameters, protection_parameters
from dlms_fw.enums import SecurityPolicyV1
from dlms_fw.logical_name import LogicalName

__all__ = ["DataProtection", "MethodDefinition", "ProtectedData"]


class MethodDefinition(NamedTuple):
    """A method of an object."""

    class_id: int
    logical_name: LogicalName
    method_id: int


class ProtectedData(NamedTuple):
    """Protected octets, and how they are protected."""

    protection_parameters: list[ProtectionParameters]
    protected_data: bytes


_objects = array(capture_object)
_protected_data = record(ProtectedData, protection_parameters, octet_string)


class DataProtection(InterfaceClass, class_id=30, version=0):
    """Applies and removes cryptographic protection of data of other objects."""

    protection_buffer = attribute(2, octet_string)
    """The protected values of ``protection_object_list``."""
    protection_object_list = attribute(3, _objects, static=True)
    protection_parameters_get = attribute(4, protection_parameters, static=True)
    protection_parameters_set = attribute(5, protection_parameters, static=True)
    required_protection = attribute(6, flags(SecurityPolicyV1), static=True)

    @method(1, structure(_objects, protection_parameters), returns=_protected_data)
    def get_protected_attributes(
        self, object_list: list[CaptureObjectDefinition], parameters: list[ProtectionParameters]
    ) -> ProtectedData:
        """The protected values of attributes."""

    @method(2, structure(_objects, protection_parameters, octet_string))
    def set_protected_attributes(
        self,
        object_list: list[CaptureObjectDefinition],
        parameters: list[ProtectionParameters],
        protected_data: bytes,
    ) -> None:
        """Set attributes to values that are protected."""

    @method(
        3,
        structure(
            record(MethodDefinition, long_unsigned, logical_name_octets, integer),
            protection_parameters,
            octet_string,
        ),
        returns=_protected_data,
    )
    def invoke_protected_method(
        self,
        object_method: MethodDefinition,
        parameters: list[ProtectionParameters],
        protected_data: bytes,
    ) -> ProtectedData:
        """Call a method with protected parameters; what comes back is protected too."""
