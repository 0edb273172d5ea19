"""The COSEM interface classes, typed. Re-exports only.

Of a class with several versions, the name without a suffix is version 1. The classes that an upgrade meets
come with their structures; the others are imported when they are first used, and their structures are in the
module of each family, such as ``dlms_fw.cosem.registers``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dlms_fw.cosem.association import (
    AccessRight,
    AssociatedPartnersId,
    AssociationLN,
    AssociationLNV0,
    AssociationLNV2,
    AssociationLNV3,
    AttributeAccessItem,
    ContextName,
    MechanismName,
    MethodAccessItem,
    ObjectListElement,
    User,
    XdlmsContextInfo,
)
from dlms_fw.cosem.association_sn import (
    AccessDescription,
    AssociationSN,
    AssociationSNV0,
    AssociationSNV2,
    AssociationSNV3,
    AssociationSNV4,
    AttributeIdentification,
    ObjectIdentification,
    ShortNameAccess,
    ShortNameObject,
)
from dlms_fw.cosem.catalogue import (
    HOMES,
    find_interface_class,
    interface_class,
    interface_classes,
    known_versions,
    raw_interface_class,
)
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.interface import (
    AttributeRef,
    AttributeRow,
    InterfaceClass,
    MethodCall,
    MethodRef,
    MethodRow,
    Selection,
    attribute,
    method,
)
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    CaptureObjectDefinitionV0,
    EntryDescriptor,
    ProfileGeneric,
    ProfileGenericV0,
    RangeDescriptor,
)
from dlms_fw.cosem.sap_assignment import SapAssignment, SapAssignmentElement
from dlms_fw.cosem.script_table import ActionSpecification, Script, ScriptTable
from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateIdentificationByEntity,
    CertificateIdentificationBySerial,
    CertificateInfo,
    KeyAgreementData,
    KeyTransferData,
    SecuritySetup,
    SecuritySetupV0,
)
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime, SingleActionSchedule

if TYPE_CHECKING:
    from dlms_fw.cosem.control import Arbitrator, DisconnectControl, Limiter, RegisterMonitor
    from dlms_fw.cosem.push_setup import PushSetup, PushSetupV0, PushSetupV2, PushSetupV3
    from dlms_fw.cosem.registers import (
        DemandRegister,
        ExtendedRegister,
        Register,
        RegisterActivation,
        RegisterTable,
        StatusMapping,
    )
    from dlms_fw.cosem.tariffs import ActivityCalendar, Schedule, SpecialDaysTable

__all__ = [
    "AccessDescription",
    "AccessRight",
    "ActionSpecification",
    "ActivityCalendar",
    "Arbitrator",
    "AssociatedPartnersId",
    "AssociationLN",
    "AssociationLNV0",
    "AssociationLNV2",
    "AssociationLNV3",
    "AssociationSN",
    "AssociationSNV0",
    "AssociationSNV2",
    "AssociationSNV3",
    "AssociationSNV4",
    "AttributeAccessItem",
    "AttributeIdentification",
    "AttributeRef",
    "AttributeRow",
    "CaptureObjectDefinition",
    "CaptureObjectDefinitionV0",
    "CertificateIdentification",
    "CertificateIdentificationByEntity",
    "CertificateIdentificationBySerial",
    "CertificateInfo",
    "Clock",
    "ContextName",
    "CosemFault",
    "Data",
    "DemandRegister",
    "DisconnectControl",
    "EntryDescriptor",
    "ExecutedScript",
    "ExecutionTime",
    "ExtendedRegister",
    "ImageToActivateInfo",
    "ImageTransfer",
    "InterfaceClass",
    "KeyAgreementData",
    "KeyTransferData",
    "Limiter",
    "MechanismName",
    "MethodAccessItem",
    "MethodCall",
    "MethodRef",
    "MethodRow",
    "ObjectIdentification",
    "ObjectListElement",
    "ProfileGeneric",
    "ProfileGenericV0",
    "PushSetup",
    "PushSetupV0",
    "PushSetupV2",
    "PushSetupV3",
    "RangeDescriptor",
    "Register",
    "RegisterActivation",
    "RegisterMonitor",
    "RegisterTable",
    "SapAssignment",
    "SapAssignmentElement",
    "Schedule",
    "Script",
    "ScriptTable",
    "SecuritySetup",
    "SecuritySetupV0",
    "Selection",
    "ServerObject",
    "ShortNameAccess",
    "ShortNameObject",
    "SingleActionSchedule",
    "SpecialDaysTable",
    "StatusMapping",
    "User",
    "XdlmsContextInfo",
    "attribute",
    "find_interface_class",
    "interface_class",
    "interface_classes",
    "known_versions",
    "method",
    "raw_interface_class",
]


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
